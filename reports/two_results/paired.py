"""Each setting's predictions in two results, held against each other on the patients that both have."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from strokebench.errors import StrokebenchError
from strokebench.reports.results import RUN, RUN_COLUMNS, MethodInfo, Provenance, Results, Setting
from strokebench.reports.statistics.decisions import holm
from strokebench.reports.statistics.headline import Key, differences_of
from strokebench.reports.statistics.paired import PairedTest

A, B = "A", "B"
SAME = 1e-6
"""Probabilities that differ by less are those of one run."""


@dataclass(frozen=True)
class SettingDifference:
    """One setting of both results.

    Args:
        label: as tables print it.
        a, b: mean of `Results.compared_by` over the test parts that both have, on the same patients.
        tested: B minus A. p_holm: adjusted over all settings.
        largest: change of one patient's probability; NaN without a test part in common.
        parts: test parts in common; of two splits seeds. same_key: how many of them stand under one key in both, so
            that nothing differs that decides a fit. contradicting: how many have one key and other predictions.
    """

    label: str
    a: float
    b: float
    tested: PairedTest
    largest: float
    parts: int
    same_key: int
    contradicting: int
    p_holm: float = float("nan")


@dataclass(frozen=True)
class TwoResults:
    """Two results on the patients that both have.

    Args:
        metric: what settings are compared by.
        same_split: runs are held against runs; else the folds of each seed are put together.
        common, only_a, only_b: tested patients. relabelled: of those in both, whom the two give another outcome; they
            are left out.
        settings: of both. settings_a, settings_b: labels of those of one alone.
    """

    metric: str
    same_split: bool
    common: int
    only_a: int
    only_b: int
    relabelled: int
    settings: tuple[SettingDifference, ...]
    settings_a: tuple[str, ...]
    settings_b: tuple[str, ...]


def compare_two(a: Results, b: Results) -> TwoResults:
    """Every setting that both have, B minus A.

    With one split, by the test of its protocol (`differences_of`). With two, training parts differ too, which no
    variance here knows: the folds of a seed are put together, and DeLong's test decides, the patient as cluster.

    Raises:
        StrokebenchError: other outcomes, or no patient or setting in common.
    """
    if a.endpoint.expression != b.endpoint.expression:
        raise StrokebenchError(
            f"A predicts {a.endpoint.expression}, B {b.endpoint.expression}: numbers of two outcomes are not compared."
        )
    labels = [results.predictions.drop_duplicates("patient_id").set_index("patient_id")["y"] for results in (a, b)]
    both = labels[0].index.intersection(labels[1].index)
    same = both[(labels[0][both] == labels[1][both]).to_numpy()]
    if same.empty:
        raise StrokebenchError(
            "A and B have no patient in common.",
            "Packages match by pseudonyms of one salt: give the --salt-file that both were exported with.",
        )
    same_split = a.provenance.get("split_sha256") == b.provenance.get("split_sha256") is not None
    settings = [{setting.key: setting for setting in results.settings.values()} for results in (a, b)]
    shared = [key for key in settings[0] if key in settings[1]]
    if not shared:
        raise StrokebenchError("A and B have no method in common.")
    found = []
    for key in shared:
        sides = {side: _tested(one, settings[n][key], same) for n, (side, one) in enumerate({A: a, B: b}.items())}
        found.append(_difference(settings[0][key].label, sides, a, same_split))
    adjusted = holm([one.tested.p for one in found])
    return TwoResults(
        metric=a.compared_by,
        same_split=same_split,
        common=len(same),
        only_a=len(labels[0]) - len(both),
        only_b=len(labels[1]) - len(both),
        relabelled=len(both) - len(same),
        settings=tuple(replace(one, p_holm=float(p)) for one, p in zip(found, adjusted, strict=True)),
        settings_a=_alone(settings[0], settings[1]),
        settings_b=_alone(settings[1], settings[0]),
    )


def _alone(settings: Mapping[Key, Setting], others: Mapping[Key, Setting]) -> tuple[str, ...]:
    return tuple(setting.label for key, setting in settings.items() if key not in others)


def _tested(results: Results, setting: Setting, patients: pd.Index) -> pd.DataFrame:
    """A setting's predictions of these patients, each with the key of its run."""
    frame = results.predictions.merge(results.runs_of(setting)[[*RUN, "key"]], on=list(RUN))
    return frame[frame["patient_id"].isin(patients)]


def _difference(label: str, sides: Mapping[str, pd.DataFrame], a: Results, same_split: bool) -> SettingDifference:
    if not same_split:
        sides = {side: frame.assign(fold=0) for side, frame in sides.items()}
    on = ["seed", "fold", "patient_id"]
    pairs = sides[A].merge(sides[B], on=on, suffixes=("", " of B"))
    columns = list(a.endpoint.prediction_columns)
    moved = (pairs[columns] - pairs[[f"{name} of B" for name in columns]].to_numpy()).abs().max(axis=1)
    same = pairs["key"] == pairs["key of B"]
    by_part = pairs.assign(same=same, other=same & (moved > SAME)).groupby(["seed", "fold"])
    together = _as_methods({side: frame.merge(pairs[on], on=on) for side, frame in sides.items()}, a, same_split)
    means = together.metrics.groupby("method")[a.compared_by].mean()
    return SettingDifference(
        label,
        float(means.get(A, np.nan)),
        float(means.get(B, np.nan)),
        differences_of(together, {(B, "", ""): (A, "", "")})[B, "", ""],
        largest=float(moved.max()),
        parts=by_part.ngroups,
        same_key=int(by_part["same"].all().sum()),
        contradicting=int(by_part["other"].any().sum()),
    )


def _as_methods(sides: Mapping[str, pd.DataFrame], a: Results, same_split: bool) -> Results:
    """The two as methods `A` and `B` of one `Results`, so that every statistic reads them as it reads any two."""
    named = [frame.assign(method=side, variant="", condition="") for side, frame in sides.items()]
    predictions = pd.concat(named, ignore_index=True)
    runs = predictions.drop_duplicates(list(RUN)).reindex(columns=list(RUN_COLUMNS)).assign(status="done")
    # Without a protocol no test takes seeds for independent draws of training parts.
    provenance = a.provenance if same_split else Provenance(outcome=a.endpoint.expression)
    return Results(predictions, runs, [MethodInfo(side, side, "") for side in sides], provenance)
