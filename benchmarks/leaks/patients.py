"""Is a patient in two parts of a fold, under one id or two?"""

import re
from collections import Counter
from itertools import combinations

import numpy as np
import pandas as pd

from strokebench.benchmarks.leaks.finding import Finding
from strokebench.benchmarks.running.context import Context
from strokebench.errors import named
from strokebench.tasks.fold import PARTS

_VISIT = re.compile(r"[_\-. ](?:ses|session|visit|scan|run|followup|fu)[_\-. ]?\w*$")
_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")


class Separated:
    """The patients of a split, and whether two of them are ever in training or validation and in test."""

    def __init__(self, context: Context) -> None:
        folds = context.split.folds
        self.ids = sorted({id for fold in folds for part in PARTS for id in getattr(fold, part)})
        index = pd.Index(self.ids)
        # Row i, fold j: 2 in test, 1 in training or validation, 0 in neither.
        side = np.zeros((len(self.ids), len(folds)), dtype=np.int8)
        for number, fold in enumerate(folds):
            side[index.get_indexer(pd.Index([*fold.train, *fold.validation])), number] = 1
            side[index.get_indexer(pd.Index(fold.test)), number] = 2
        self._sides = dict(zip(self.ids, side, strict=True))

    def apart(self, one: str, other: str) -> bool:
        """One was learned from and the other tested on, in at least one fold."""
        return bool((self._sides[one] * self._sides[other] == 2).any())


def patient_in_two_parts(context: Context) -> list[Finding]:
    """The same id in two of training, validation and test, or twice in one, in any fold."""
    shared: dict[str, list[str]] = {}
    for fold in context.split.folds:
        where = f"seed {fold.seed} {fold.name}"
        ids = {part: list(getattr(fold, part)) for part in PARTS}
        for one, other in combinations(PARTS, 2):
            for patient in sorted(set(ids[one]) & set(ids[other])):
                shared.setdefault(patient, []).append(f"{one} and {other} of {where}")
        for part, listed in ids.items():
            for patient in sorted(id for id, times in Counter(listed).items() if times > 1):
                shared.setdefault(patient, []).append(f"twice in {part} of {where}")
    if not shared:
        return []
    first, places = next(iter(shared.items()))
    return [
        Finding(
            "patient_in_two_parts",
            "alarm",
            f"{len(shared)} patient(s) stand in more than one part of a fold.",
            "Make the split again; a method must never be tested on a patient that it was trained on.",
            f"They are {named(shared)}. First: {first}, {named(places)}.",
        )
    ]


def one_patient_two_ids(context: Context) -> list[Finding]:
    """Ids on both sides of a split that differ only in case, spaces, leading zeros or the number of a visit."""
    separated = Separated(context)
    groups: dict[str, list[str]] = {}
    for id in separated.ids:
        groups.setdefault(_person(id), []).append(id)
    pairs = [pair for ids in groups.values() if len(ids) > 1 for pair in combinations(ids, 2)]
    pairs = [pair for pair in pairs if separated.apart(*pair)]
    if not pairs:
        return []
    return [
        Finding(
            "one_patient_two_ids",
            "warning",
            f"{len(pairs)} pair(s) of ids look like one person and are in different parts.",
            "If they are one person, keep one row of it: repeated visits must not be spread over the parts.",
            f"They are {named(' / '.join(pair) for pair in pairs)}.",
        )
    ]


def _person(id: str) -> str:
    text = id.strip().casefold()
    return _ZEROS.sub("", _VISIT.sub("", text) or text)
