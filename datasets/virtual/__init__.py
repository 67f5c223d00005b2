"""The embedded default cohort: invented patients, made from a seed, whose true probabilities are known."""

from strokebench.datasets.virtual.generate import load

__all__ = ["load"]
