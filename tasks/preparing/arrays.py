"""Embeddings, standardised."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from strokebench.large import blocks, room

Known = tuple[NDArray[np.float32], NDArray[np.bool_]]
"""Standardised values (n, ...), and which patients have any, (n,), or by sequence of an image, (n, sequences)."""


class ArrayPreprocessor:
    """Standardisation of one array of features, block by block.

    Args:
        axis: axes over which mean and deviation are taken; the others keep their own.
        filled_with: stands for what is missing; 0 is the training mean.
        alternatives: the first axis of a row holds answers to several questions. Who lacks some of them has the others
            in their place, in turn: no training step and no logit of a prediction is one of nothing.
    """

    def __init__(self, axis: int | tuple[int, ...], filled_with: float = 0.0, alternatives: bool = False) -> None:
        self.axis, self.filled_with, self.alternatives = axis, filled_with, alternatives

    def fit(self, x: NDArray[np.float32], rows: NDArray[np.intp]) -> ArrayPreprocessor:
        """Learn mean and deviation from the training part, which is these rows of `x` (n, *row)."""
        self.mean_, self.deviation_ = moments(x, rows, self.axis)
        return self

    def transform(self, x: NDArray[np.float32], rows: NDArray[np.intp], pieces: int = 1) -> Known:
        """These rows of `x` (n, ...), standardised float32, and which of them have any value, (n, pieces).

        Args:
            pieces: equal ones of the last axis, each of which may be missing.
        """
        mean, deviation = self.mean_.astype(np.float32), self.deviation_.astype(np.float32)
        scaled, present = room((len(rows), *x.shape[1:])), np.ones((len(rows), pieces), bool)
        for part in blocks(len(rows), x.shape):
            values = np.subtract(x[rows[part]], mean, out=scaled[part])
            values /= deviation
            known = _without_gaps(values, self.filled_with)
            if known is not None:
                present[part] = known.reshape(len(known), -1, pieces, known.shape[-1] // pieces).any(axis=(1, 3))
                if self.alternatives:
                    _repeat_answers(values, known)
        return scaled, present


def moments(x: NDArray, rows: NDArray[np.intp], axis: int | tuple[int, ...]) -> tuple[NDArray, NDArray]:
    """Mean and deviation of the known values of these rows of `x` (n, *row) along `axis`; of a constant it is 1.

    Where nothing is known they are 0 and 1. Constant is meant up to float32 rounding: dividing by the
    rounding error of a mean would blow it up into noise.
    """
    count, total, squares, complete = 0, 0.0, 0.0, True
    for part in blocks(len(rows), x.shape):
        values = x[rows[part]]
        known = _without_gaps(values)
        complete = complete and known is None
        count = count + (known.sum(axis, keepdims=True) if known is not None else _number(values.shape, axis))
        total = total + values.sum(axis, dtype=np.float64, keepdims=True)
    count = np.maximum(count, 1)
    mean = total / count
    for part in blocks(len(rows), x.shape):
        distance = x[rows[part]] - mean
        if not complete:
            _without_gaps(distance)
        squares = squares + np.square(distance, out=distance).sum(axis, keepdims=True)
    deviation = np.sqrt(squares / count)
    constant = deviation <= 1e-6 * np.maximum(np.abs(mean), 1e-6)
    return mean, np.where(constant, 1.0, deviation)


def _without_gaps(values: NDArray, filled_with: float = 0.0) -> NDArray[np.bool_] | None:
    """Fill what is missing: which values are known, or None if all are, as in most cohorts."""
    known = np.isfinite(values)
    if known.all():
        return None
    values[~known] = filled_with
    return known


def _repeat_answers(values: NDArray, known: NDArray[np.bool_]) -> None:
    """Put the known answers of `values` (b, answers, ...) in turn where others of the same patient are missing."""
    there = np.asarray(known.reshape(*known.shape[:2], -1).any(axis=2))
    for answers, own in zip(values, there, strict=True):
        if own.any() and not own.all():
            answers[~own] = answers[np.resize(np.flatnonzero(own), int((~own).sum()))]


def _number(shape: Sequence[int], axis: int | tuple[int, ...]) -> int:
    """Of values along these axes."""
    return math.prod(shape[each] for each in np.atleast_1d(axis))
