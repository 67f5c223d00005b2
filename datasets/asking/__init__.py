"""Asking a language model for diagnostic text."""
