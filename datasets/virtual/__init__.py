"""The embedded default cohort: invented patients, made from a seed, whose true probabilities are known."""

from __future__ import annotations

from strokebench.datasets.virtual.generate import load

__all__ = ["load"]
