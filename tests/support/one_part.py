"""Scores of a single test part."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strokebench.reports.statistics.scores import Scores


def single(y: Sequence[int] | NDArray[Any], *p: Sequence[float] | NDArray[Any]) -> Scores:
    """`Scores` of one test part: who has the event (n,) and one array of probabilities (n,) a method."""
    labels = np.asarray(y, dtype=bool)
    names = tuple(f"method {number + 1}" for number in range(len(p)))
    return Scores(names, ((0, 0),), np.arange(len(labels)), labels, np.asarray(p, dtype=float)[:, None, :])
