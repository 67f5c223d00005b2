"""What a column is to a clinician: roles, by which fixed scores find their numbers whatever a cohort calls them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

import pandas as pd

from strokebench.errors import StrokebenchError

ENOUGH = 20
"""Patients from which on their median says something of a unit; one may have any value (our choice)."""
LESION_VOLUME = "lesion_volume"
"""The role that lesion masks fill where no column has it."""


@dataclass(frozen=True)
class Role:
    """A number, or yes and no.

    Args:
        units: unit of a column, in small letters -> by what its numbers are multiplied; empty for yes and no, and for
            what has one unit everywhere.
        usual, spread: about what patients have on average and how they differ (our choice): what numbers are scaled by,
            the same in every cohort.
    """

    description: str
    usual: float
    spread: float
    units: Mapping[str, float] = field(default_factory=dict)
    flag: bool = False


def _flag(description: str, usual: float) -> Role:
    return Role(description, usual, 0.4, flag=True)


ROLES: Mapping[str, Role] = {
    "age": Role("age in years", 70, 14),
    "nihss": Role("NIH Stroke Scale on admission, points", 8, 7),
    LESION_VOLUME: Role("volume of the lesion", 30, 45, {"ml": 1, "cm3": 1, "mm3": 0.001}),
    "consciousness": _flag("reduced level of consciousness on admission", 0.15),
    "glucose": Role("glucose on admission", 7, 2.5, {"mmol/l": 1, "mg/dl": 1 / 18.016}),
    "onset_to_admission": Role("time from onset to admission", 8, 10, {"hours": 1, "h": 1, "minutes": 1 / 60}),
    "premorbid_mrs": Role("modified Rankin Scale before the stroke", 0.5, 1),
    "dependence": _flag("dependent on others before the stroke", 0.1),
    "hypertension": _flag("known hypertension", 0.6),
    "diabetes": _flag("known diabetes", 0.25),
    "atrial_fibrillation": _flag("known or new atrial fibrillation", 0.2),
    "heart_failure": _flag("known heart failure", 0.1),
    "cancer": _flag("known cancer", 0.1),
    "visual_field": _flag("visual field defect", 0.2),
    "arm": _flag("marked or total weakness of an arm", 0.4),
    "leg": _flag("marked or total weakness of a leg", 0.4),
    "aphasia_or_neglect": _flag("aphasia or neglect", 0.3),
}
"""Every role that a method asks for, or that stands in for one."""

GROUPING = {"sex": "sex_column", "race": "race_column"}
"""Roles that no method asks for, by which reports group patients -> what `Cohort.about` calls their column. They are
no part of `Cohort.roles`, whose checks the fits of imputed tables reach: these would be computed again."""

MEDIANS = {
    "age": (1, 110),
    "nihss": (0, 42),
    LESION_VOLUME: (0, 1000),
    "glucose": (3, 20),
    "premorbid_mrs": (0, 6),
}
"""Lowest and highest that a cohort can have; beyond, the unit is another than is said (our choice). They are no part of
`ROLES`, which decide results: runs would be computed again."""

_YES = {"1", "1.0", "yes", "true", "y", "ja", "j", "oui", "si", "sí", "sim", "evet"}
_NO = {"0", "0.0", "no", "false", "n", "nein", "non", "nee", "não", "hayır"}


def values_of(role: str, column: str, values: pd.Series, unit: str) -> pd.Series:
    """A column as numbers in the role's own unit, 0 and 1 for yes and no; NaN where unknown.

    Raises:
        StrokebenchError: a unit that is not told or not known, or cannot be that of the values; a value that cannot be
            read (names the patient).
    """
    asked = ROLES[role]
    factor = asked.units.get(unit.strip().lower()) if asked.units else 1.0
    if factor is None:
        raise StrokebenchError(
            f"The column {column!r} has the role {role}, but its unit {unit!r} is none of {', '.join(asked.units)}.",
            f"Give it: `columns: {{{column}: {{unit: {next(iter(asked.units))}}}}}`.",
        )
    if asked.flag:
        words = values.astype("string").str.strip().str.lower()
        numbers = words.map({**dict.fromkeys(_YES, 1.0), **dict.fromkeys(_NO, 0.0)}).astype(float)
    else:
        numbers = pd.to_numeric(values, errors="coerce").astype(float) * factor
    if (unread := values.notna() & numbers.isna()).any():
        patient = values.index[unread][0]
        raise StrokebenchError(
            f"Patient {patient}: {str(values[patient])!r} in column {column!r} cannot be read as {asked.description}.",
            "Write 0 and 1, or no and yes." if asked.flag else "Write a number.",
        )
    low, high = MEDIANS.get(role, (-inf, inf))
    if numbers.count() >= ENOUGH and not low <= (median := numbers.median()) <= high:
        raise StrokebenchError(
            f"The column {column!r} has the role {role} ({asked.description}), and its median would be {median:g}.",
            "Correct the role, or the column's unit or values.",
        )
    return numbers
