"""The search behind the audit: whole numbers first, then which runs belong together."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

Bounds = tuple[Fraction, Fraction]
"""Lowest and highest value that is printed so, in [0, 1]."""

Found = tuple[tuple[int, int], ...]
"""One solution: (TP, TN) of each run, sorted."""

Integers = NDArray[np.int64]

_TOLERANCE = 1e-10
"""Of sums of fractions in floating point; counted metrics are compared exactly."""

_CHUNK = 1_000_000


class TooMany(Exception):
    """The numbers leave more open than can be listed."""


@dataclass(frozen=True)
class Limits:
    """When to give up.

    Args:
        solutions: more than this many are not listed.
        candidates: sets of one count (TP, or TN) over the runs that are held at once.
        pairs: ways to put two such sets together that are compared by their accuracy.
        fits: of these, how many are compared by precision and F1, which costs more.
    """

    solutions: int = 1000
    candidates: int = 500_000
    pairs: int = 100_000_000
    fits: int = 2_000_000


def search(
    cells: Mapping[tuple[str, str], Bounds], positives: int, negatives: int, runs: int, ddof: int, limits: Limits
) -> tuple[Found, ...]:
    """Every multiset of `runs` confusion matrices that is printed as `cells`.

    Args:
        cells: (metric, `mean` or `std`) -> interval. ddof: of the deviations.

    Raises:
        TooMany: the limits are passed.
    """
    found: set[Found] = set()
    pairs = fits = 0

    @cache
    def counts(metric: str, n: int, total: int) -> Integers:
        return multisets(runs, n, total, _squares(cells, metric, n, runs, total, ddof), limits)

    for sum_tp, sum_tn in _sums(cells, positives, negatives, runs):
        a = counts("Recall", positives, sum_tp)
        if not len(a) or not len(b := counts("Specificity", negatives, sum_tn)):
            continue
        patients = positives + negatives
        # Sum of (TP + TN)^2, allowed by the deviation of the accuracy.
        squares = _squares(cells, "ACC", patients, runs, sum_tp + sum_tn, ddof)
        pairs += len(a) * len(b) * math.factorial(runs)
        if pairs > limits.pairs:
            raise TooMany
        for tp, tn in _joined(a, b, squares):
            fits += len(tp)
            found |= _fitting(tp, tn, cells, positives, negatives, ddof)
            if fits > limits.fits or len(found) > limits.solutions:
                raise TooMany
    return tuple(sorted(found))


def multisets(runs: int, largest: int, total: int, squares: tuple[int, int], limits: Limits) -> Integers:
    """Every ascending row of `runs` numbers in 0..`largest` with this sum and a sum of squares within `squares`.

    Returns:
        (k, runs).

    Raises:
        TooMany: more rows are held on the way than the limits allow.
    """
    low, high = squares
    rows = np.zeros((1, 0), dtype=np.int64)
    last, rest, room = np.zeros(1, np.int64), np.array([total]), np.zeros(1, np.int64)
    for left in range(runs, 0, -1):
        # The smallest of the numbers left is at most their mean, and at least what the largest ones leave.
        first = np.maximum(last, rest - (left - 1) * largest)
        counts = np.maximum(np.minimum(rest // left, largest) - first + 1, 0)
        if int(counts.sum()) > limits.candidates * 10:
            raise TooMany
        parent = np.repeat(np.arange(len(rows)), counts)
        within = np.arange(len(parent)) - np.repeat(np.cumsum(counts) - counts, counts)
        value = first[parent] + within
        rest, room = rest[parent] - value, room[parent] + value**2
        # What remains adds least when equal, and most when at the ends of its range.
        after = left - 1
        least = room + (rest**2 + after - 1) // after if after else room
        most = room + (value + largest) * rest - after * value * largest if after else room
        keep = (least <= high) & (most >= low) & (rest >= after * value) & (rest <= after * largest)
        rows = np.column_stack([rows[parent[keep]], value[keep]])
        last, rest, room = value[keep], rest[keep], room[keep]
        if len(rows) > limits.candidates:
            raise TooMany
    return rows


def _sums(cells: Mapping[tuple[str, str], Bounds], positives: int, negatives: int, runs: int) -> list[tuple[int, int]]:
    """Sums of TP and TN over the runs that the printed means of the counted metrics allow."""
    tp, tn = (
        _whole(cells.get((metric, "mean")), runs * n)
        for metric, n in (("Recall", positives), ("Specificity", negatives))
    )
    both = _whole(cells.get(("ACC", "mean")), runs * (positives + negatives))
    pairs = [
        (sum_tp, sum_tn)
        for sum_tp in tp
        for sum_tn in range(max(tn.start, both.start - sum_tp), min(tn.stop, both.stop - sum_tp))
    ]
    # Likely sums first: where there are more solutions than can be listed, that shows early.
    aims = [
        (metric, float(sum(cells[metric, "mean"]) / 2)) for metric in ("Precision", "F1") if (metric, "mean") in cells
    ]

    def off(sums: tuple[int, int]) -> tuple[float, float]:
        called = sums[0] + runs * negatives - sums[1]
        pooled = {"Precision": sums[0] / max(called, 1), "F1": 2 * sums[0] / (called + runs * positives)}
        # There are the most ways to be right in half of the patients.
        halves = (abs(right / (runs * n) - 0.5) for right, n in zip(sums, (positives, negatives), strict=True))
        return sum(abs(pooled[metric] - aim) for metric, aim in aims), sum(halves)

    return sorted(pairs, key=off)


def _whole(share: Bounds | None, total: int) -> range:
    """Whole numbers whose share of `total` lies in the interval; all of 0..total without one."""
    if share is None:
        return range(total + 1)
    return range(max(math.ceil(share[0] * total), 0), min(math.floor(share[1] * total), total) + 1)


def _squares(
    cells: Mapping[tuple[str, str], Bounds], metric: str, n: int, runs: int, total: int, ddof: int
) -> tuple[int, int]:
    """Lowest and highest sum of squares of counts that is printed as this deviation, exactly."""
    interval = cells.get((metric, "std"))
    if interval is None:
        return 0, runs * n * n
    low, high = (max(bound, Fraction(0)) * n for bound in interval)
    # runs * (sum of squares) - total^2 = runs * (runs - ddof) * variance
    scale = runs * (runs - ddof)
    return math.ceil((scale * low**2 + total**2) / runs), math.floor((scale * high**2 + total**2) / runs)


def _joined(a: Integers, b: Integers, squares: tuple[int, int]) -> Iterator[tuple[Integers, Integers]]:
    """Every way to give the TP of a row of `a` the TN of a row of `b`, whose sum of squared sums is allowed."""
    runs = a.shape[1]
    orders = np.array(list(permutations(range(runs))))
    arranged = np.unique(b[:, orders].reshape(-1, runs), axis=0)
    own_a, own_b = (a**2).sum(1), (arranged**2).sum(1)
    step = max(_CHUNK // len(arranged), 1)
    for start in range(0, len(a), step):
        part = a[start : start + step]
        # Floats are exact here, and multiply faster than integers.
        cross = part.astype(float) @ arranged.T.astype(float)
        sums = own_a[start : start + step, None] + own_b[None] + 2 * cross
        i, j = np.nonzero((sums >= squares[0]) & (sums <= squares[1]))
        if len(i):
            yield part[i], arranged[j]


def _fitting(
    tp: Integers, tn: Integers, cells: Mapping[tuple[str, str], Bounds], positives: int, negatives: int, ddof: int
) -> set[Found]:
    """Of these runs, (k, runs) each, the ones whose precision and F1 are printed so."""
    called = tp + negatives - tn
    values = {"Precision": tp / np.maximum(called, 1), "F1": 2 * tp / (called + positives)}
    keep = np.ones(len(tp), dtype=bool)
    for metric, value in values.items():
        for part, interval in ((part, cells.get((metric, part))) for part in ("mean", "std")):
            if interval is not None:
                seen = value.mean(1) if part == "mean" else value.std(1, ddof=ddof)
                keep &= (seen >= float(interval[0]) - _TOLERANCE) & (seen <= float(interval[1]) + _TOLERANCE)
    # One number a run, so that sorting keeps its TP and TN together.
    coded = np.unique(np.sort(tp[keep] * (negatives + 1) + tn[keep], axis=1), axis=0)
    return {tuple(divmod(code, negatives + 1) for code in codes) for codes in coded.tolist()}
