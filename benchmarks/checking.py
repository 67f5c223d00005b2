"""Holds a method to the contract and says what it broke."""

from __future__ import annotations
