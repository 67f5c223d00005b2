"""Volumes: reading, checking and drawing them."""
