"""The tables of patients in groups: by age, sex and hospital, and each group against the others."""

from collections.abc import Mapping, Sequence

from strokebench.reports.clinical.fairness import Gap
from strokebench.reports.clinical.pooled import label_of, ordered
from strokebench.reports.clinical.subgroups import FEW_EVENTS, FEW_PATIENTS, HOSPITAL, Subgroup, worst
from strokebench.reports.results import Results
from strokebench.reports.statistics.intervals import Interval
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.results_table import results_table
from strokebench.reports.tables.table import Cell, Column, Kind, Row, Table, text_columns
from strokebench.tasks.metrics.evaluate import THRESHOLD

GAPS = {
    "auc": "AUC",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "observed_less_predicted": "Observed less predicted",
}
SMALL = (
    f"Small groups (fewer than {FEW_PATIENTS} patients, or {FEW_EVENTS} with or without the outcome) say little, "
    "whatever their value; with one class there is no AUC."
)


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
        f"AUC of the {'' if words.is_external(results) else 'pooled out-of-fold '}predictions within each group, mean "
        "over seeds; 95 % interval over patients, drawn within group and label. Events: patients with label 1."
    )
    notes = [SMALL, "Many groups were looked at, so a single low or high one is expected by chance."]
    return _table(results, name, "Subgroups", caption, columns, rows, notes)


def by_group_table(results: Results, found: Mapping[str, Sequence[Gap]]) -> Table:
    """Sensitivity, specificity and calibration on each group's own patients; `found` by method."""
    # The AUC of each stands among the subgroups.
    titles = {key: title for key, title in GAPS.items() if key != "auc"}
    rows = [
        Row(
            f"{method}/{gap.grouping}/{name}",
            f"{gap.grouping}: {name}",
            label_of(results, method),
            {
                "n": Cell(side.n),
                "warning": Cell(text=side.warning),
                **{key: Cell(text=getattr(side, key).text(signed=key == "observed_less_predicted")) for key in titles},
            },
        )
        for method, gaps in found.items()
        for gap in gaps
        for name, side in gap.sides.items()
    ]
    columns = [Column("n", "Patients", Kind.COUNT), *text_columns(**titles, warning="Warning")]
    caption = (
        f"Within each group, in percent (95 % interval over patients). Called from {THRESHOLD:g} on, as in Table 1; "
        "observed less predicted with the balance of training undone: above 0 the group's risk is understated."
    )
    notes = ["Sensitivity and specificity by Wilson's interval.", SMALL]
    title = "Sensitivity, specificity and calibration by group"
    return _table(results, "by_group", title, caption, columns, rows, notes)


def fairness_table(results: Results, found: Mapping[str, Sequence[Gap]]) -> Table:
    """Gaps between groups; `found` by method."""
    rows = [
        Row(
            f"{method}/{gap.grouping}/{gap.group}",
            f"{gap.grouping}: {gap.group} less {gap.against}",
            label_of(results, method),
            {
                "n": Cell(gap.n),
                "warning": Cell(text=gap.warning),
                **{key: Cell(text=getattr(gap, key).text(signed=True)) for key in GAPS},
            },
        )
        for method, gaps in found.items()
        for gap in gaps
    ]
    columns = [Column("n", "Patients", Kind.COUNT), *text_columns(**GAPS, warning="Warning")]
    caption = (
        f"Points by which a group lies above the others (95 % interval over patients). Called from {THRESHOLD:g} on, "
        "as in Table 1; observed less predicted with the balance of training undone."
    )
    notes = [
        "Sensitivity and specificity by Wilson's interval, the AUC by DeLong's, the difference of both sides after Zou "
        "and Donner 2008. Sensitivity differs between groups of unlike severity even where probabilities are right: "
        "observed less predicted tells whether they are.",
        SMALL,
        f"Gaps looked at, a column: {len(rows)}, unadjusted: one interval of twenty misses 0 by chance alone.",
    ]
    return _table(results, "fairness", "Gaps between groups", caption, columns, rows, notes)


def worst_table(results: Results, overall: dict[str, Interval], found: Sequence[Subgroup]) -> Table:
    """For each method the hospital where its AUC is lowest."""
    rows = []
    for setting in ordered(results):
        name = setting.name
        group = worst(found, name)
        if group is None:
            continue
        whole = overall[name]
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
    return _table(results, "worst_hospital", "Worst hospital by method", caption, columns, rows, [SMALL], "Method")


def _table(
    results: Results, name: str, title: str, caption: str, columns: Sequence[Column], rows: Sequence[Row],
    notes: Sequence[str], head: str = "Group",
) -> Table:  # fmt: skip
    caption = f"{words.outcome_in_words(results)} {caption}"
    return results_table(
        results, name, title, columns, rows, caption, notes, incomplete="", head=head, counts_runs=False
    )
