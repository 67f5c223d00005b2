"""Compiled loops for what PyTorch does slowly: products of a few rows with a large weight."""
