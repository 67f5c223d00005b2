"""Diagnostic text: written from masks, and filtered."""
