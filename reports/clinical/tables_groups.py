"""Tables of thresholds, subgroups and the worst hospital."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from strokebench.reports.clinical.pooled import label_of, ordered
from strokebench.reports.clinical.subgroups import FEW_EVENTS, FEW_PATIENTS, HOSPITAL, Subgroup, worst
from strokebench.reports.results import RUN, Results
from strokebench.reports.statistics.bootstrap import Bootstrap
from strokebench.reports.statistics.scores import Scores
from strokebench.reports.table1.table import metric_columns
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.results_table import results_table
from strokebench.reports.tables.table import Cell, Column, Kind, Row, Table, text_columns
from strokebench.tasks.metrics.evaluate import THRESHOLD, evaluate, mean_std

SMALL = (
    f"Small groups (fewer than {FEW_PATIENTS} patients, or {FEW_EVENTS} with or without the outcome) say little, "
    "whatever their value; with one class there is no AUC."
)


def thresholds_table(results: Results) -> Table:
    """Metrics with patients called from 0.5 on, and from the threshold that the validation part chose."""
    thresholds = results.runs.set_index(list(RUN))["threshold"].to_dict()
    by_run: list[dict[str, Any]] = []
    for key, part in results.predictions.groupby(list(RUN), sort=True, dropna=False):
        for rule, threshold in (("fixed", THRESHOLD), ("validation", thresholds.get(key))):
            if threshold is not None and not pd.isna(threshold):
                p = results.endpoint.probabilities(part)
                scored = evaluate(results.endpoint, part["y"], p, threshold)
                by_run.append({"setting": tuple(map(str, key[:3])), "rule": rule, "at": threshold, **scored})
    columns = [column for column in metric_columns(results) if results.judged_by[column.key].needs_threshold]
    rows = []
    for setting in ordered(results):
        planned = len(results.runs_of(setting))
        for rule in ("fixed", "validation"):
            runs = [run for run in by_run if run["setting"] == setting.key and run["rule"] == rule]
            label = f"{THRESHOLD:g}"
            if rule == "validation":
                label = "chosen on validation" + (f", mean {mean_std([r['at'] for r in runs])[0]:.2f}" if runs else "")
            cells = {column.key: Cell(*mean_std([run[column.key] for run in runs])) for column in columns if runs}
            rows.append(Row(f"{setting.name}/{rule}", label, setting.label, cells, len(runs), planned))
    caption = (
        "Mean (population standard deviation) in percent over runs. The second line of each method calls patients "
        "from the threshold with the largest recall + specificity on the run's validation part (Youden), never the "
        "test part."
    )
    notes = ["Neither threshold is a clinical one: that follows from what a missed and a needless treatment cost."]
    return _table(results, "thresholds", "Two thresholds by method", caption, columns, rows, notes, head="Threshold")


def subgroups_table(results: Results, found: Sequence[Subgroup], methods: Sequence[str], name: str) -> Table:
    """AUC of these methods in every subgroup, with how many patients stand behind it."""
    columns = [
        Column("n", "Patients", Kind.COUNT),
        Column("events", "Events", Kind.COUNT),
        *[Column(f"auc_{method}", f"{label_of(results, method)}, AUC %", Kind.TEXT) for method in methods],
        Column("warning", "Warning", Kind.TEXT),
    ]
    rows = [
        Row(
            f"{group.grouping}/{group.name}",
            group.name,
            group.grouping.capitalize(),
            {
                "n": Cell(group.n),
                "events": Cell(group.events),
                "warning": Cell(text=group.warning),
                **{f"auc_{method}": Cell(text=group.auc[method].text()) for method in methods if method in group.auc},
            },
        )
        for group in found
    ]
    caption = (
        "AUC of the pooled out-of-fold predictions within each group, mean over seeds; 95 % interval over patients, "
        "drawn within group and label. Events: patients with label 1."
    )
    notes = [SMALL, "Many groups were looked at, so a single low or high one is expected by chance."]
    return _table(results, name, "Subgroups", caption, columns, rows, notes, head="Group", counts_runs=False)


def worst_table(results: Results, scores: Scores, overall: Bootstrap, found: Sequence[Subgroup]) -> Table:
    """For each method the hospital where its AUC is lowest."""
    rows = []
    for setting in ordered(results):
        name = setting.name
        group = worst(found, name)
        if group is None:
            continue
        whole = overall.interval(scores.names.index(name))
        cells = {
            "hospital": Cell(text=group.name),
            "n": Cell(group.n),
            "events": Cell(group.events),
            "auc": Cell(text=group.auc[name].text()),
            "whole": Cell(text=whole.text()),
            "gap": Cell(text=f"{100 * (group.auc[name].value - whole.value):+.1f}"),
        }
        rows.append(Row(name, setting.label, setting.method.family, cells))
    hospitals = [group for group in found if group.grouping == HOSPITAL]
    left_out = sum(bool(group.warning) for group in hospitals)
    columns = [
        Column("hospital", "Worst hospital", Kind.TEXT),
        Column("n", "Patients", Kind.COUNT),
        Column("events", "Events", Kind.COUNT),
        *text_columns(auc="AUC there, %", whole="AUC of all, %", gap="Gap"),
    ]
    caption = (
        f"Of {len(hospitals)} hospitals, {left_out} too small to count. 95 % intervals over patients; the hospital "
        "was chosen because it is the lowest, so that its value is lower than it would be in new patients."
    )
    return _table(
        results, "worst_hospital", "Worst hospital by method", caption, columns, rows, [SMALL], counts_runs=False
    )


def _table(
    results: Results, name: str, title: str, caption: str, columns: Sequence[Column], rows: Sequence[Row],
    notes: Sequence[str], **more: Any,
) -> Table:  # fmt: skip
    caption = f"{words.outcome_in_words(results)} {caption}"
    return results_table(results, name, title, columns, rows, caption, notes, incomplete="", **more)
