"""Verbs on models that leave the suite."""
