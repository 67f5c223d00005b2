"""What the audit found, as tables."""

from collections import Counter
from collections.abc import Sequence

from strokebench.reports.audit.forensics import AUDITED, Design, RowFinding, Solvability, Suspect, run_metrics
from strokebench.reports.tables.table import Cell, Column, Kind, Row, Table, text_columns

DEVIATIONS = {0: "population", 1: "sample"}
_SHOWN = 3
"""So many solutions of a row are shown side by side."""


def audit_table(findings: Sequence[RowFinding], design: Design, name: str = "audit", title: str = "Audit") -> Table:
    """One row a printed row: whether it can be true, under which deviation, and what cannot be.

    Args:
        title: what stands before the words on what was audited.
    """
    columns = text_columns(
        verdict="Solvability",
        deviation="Deviation",
        solutions="Solutions",
        runs="TP/TN by run",
        impossible="Impossible",
    )
    rows = [
        Row(
            key=finding.row.name,
            label=finding.row.name,
            group="Printed rows",
            cells={
                "verdict": Cell(text=str(finding.verdict)),
                "deviation": Cell(text=_deviation(finding)),
                "solutions": Cell(text="many" if finding.verdict is Solvability.OPEN else str(len(finding.matrices))),
                "runs": Cell(text=_runs(finding)),
                "impossible": Cell(text="; ".join(impossible(finding, design.decimals))),
            },
        )
        for finding in findings
    ]
    return Table(
        name=name,
        title=f"{title}: which printed rows are possible",
        cohort=_claim(design),
        caption=audit_lead(findings)
        + " A solution is a set of runs, each with its true positives (TP) and true negatives (TN), that gives every "
        "printed mean and deviation after rounding; F1 is the mean of the runs' F1.",
        columns=columns,
        rows=rows,
        notes=[
            "AUC is not audited: its steps are too small for the printed decimals.",
            "No solution: the row cannot come from this number of patients and runs, or something in it is misprinted. "
            "It says nothing on why.",
            "Too little is printed: every mean may be possible by itself, but more solutions fit than can be listed.",
        ],
        head="Printed row",
        counts_runs=False,
    )


def matrices_table(findings: Sequence[RowFinding], design: Design, name: str = "audit_matrices") -> Table:
    """Every run of every row whose runs are known; their order is not."""
    counts = ("TP", "FN", "TN", "FP")
    columns = [*(Column(key, key, Kind.TEXT) for key in (*counts, *AUDITED)), Column("given", "Given that", Kind.TEXT)]
    rows = []
    for finding in findings:
        for number, (tp, tn) in enumerate(finding.single or (), start=1):
            whole = (tp, design.positives - tp, tn, design.negatives - tn)
            cells = {key: Cell(text=str(count)) for key, count in zip(counts, whole, strict=True)}
            shares = run_metrics(tp, tn, design)
            cells |= {metric: Cell(text=f"{100 * shares[metric]:.{design.decimals}f}") for metric in AUDITED}
            cells["given"] = Cell(text=_given(finding, design.decimals))
            rows.append(Row(f"{finding.row.name}/{number}", f"run {number}", finding.row.name, cells))
    return Table(
        name=name,
        title="Audit: the confusion matrices behind the printed rows",
        cohort=_claim(design),
        caption="The only runs that give the printed row, in ascending order: the order in which they were made is "
        "not known. Metrics in percent.",
        columns=columns,
        rows=rows,
        head="Run",
        counts_runs=False,
    )


def _given(finding: RowFinding, decimals: int) -> str:
    if finding.verdict is Solvability.ONE:
        return ""
    (metric, part), value = finding.suspects[0].cell, finding.suspects[0].implied[0]
    return f"{metric} {'mean' if part == 'mean' else 'deviation'} is {value:.{decimals}f}"


def audit_lead(findings: Sequence[RowFinding]) -> str:
    """How many rows are possible, in a sentence or two."""
    counts = Counter(finding.verdict for finding in findings)
    phrases = ", ".join(f"{counts[verdict]} {_HAVE[verdict]}" for verdict in Solvability if counts[verdict])
    only = Counter(finding.ddof for finding in findings if finding.ddof is not None)
    deviations = ", ".join(
        f"{n} {'is' if n == 1 else 'are'} possible only with the {DEVIATIONS[ddof]} deviation"
        for ddof, n in sorted(only.items())
    )
    return f"Of {len(findings)} printed rows {phrases}." + (f" {deviations}." if deviations else "")


_HAVE = {
    Solvability.ONE: "with exactly one solution",
    Solvability.SEVERAL: "with several",
    Solvability.NONE: "with none",
    Solvability.OPEN: "with too little printed to tell",
}


def impossible(finding: RowFinding, decimals: int) -> list[str]:
    """What is wrong with a row, in words; nothing where it is possible.

    Args:
        decimals: of the printed percentages.
    """
    phrases = [
        f"{wrong.metric} {wrong.printed} is no share of whole patients (nearest {wrong.nearest[0]:.{decimals}f} and "
        f"{wrong.nearest[1]:.{decimals}f})"
        for wrong in finding.unrepresentable
    ]
    blamed = [_suspicion(suspect, decimals) for suspect in finding.suspects]
    if len({suspect.cell for suspect in finding.suspects}) == 1:
        phrases += [f"only {' or '.join(blamed)} is wrong, if a single number is"]
    elif blamed:
        phrases += [f"one of these may be wrong: {', '.join(blamed)}"]
    elif finding.verdict is Solvability.NONE and not phrases:
        phrases += ["no single number is to blame"]
    return phrases


def _suspicion(suspect: Suspect, decimals: int) -> str:
    metric, part = suspect.cell
    values = [f"{value:.{decimals}f}" for value in suspect.implied]
    fits = " or ".join(values) if len(values) <= _SHOWN else f"{values[0]} to {values[-1]}"
    what = f"{metric} {'mean' if part == 'mean' else 'deviation'}"
    return f"{what} {suspect.printed} ({fits} would fit, {DEVIATIONS[suspect.ddof]})"


def _deviation(finding: RowFinding) -> str:
    if finding.verdict is Solvability.NONE:
        ddofs = {suspect.ddof for suspect in finding.suspects}
        return DEVIATIONS[ddofs.pop()] if len(ddofs) == 1 else "neither"
    if finding.verdict is Solvability.OPEN:
        return ""
    return "either" if finding.ddof is None else DEVIATIONS[finding.ddof]


def _runs(finding: RowFinding) -> str:
    if finding.verdict in (Solvability.OPEN, Solvability.NONE):
        return ""
    phrases = [" ".join(f"{tp}/{tn}" for tp, tn in found) for found in finding.matrices[:_SHOWN]]
    more = len(finding.matrices) - _SHOWN
    return " or ".join(phrases) + (f" or {more} more" if more > 0 else "")


def _claim(design: Design) -> str:
    return f"{design.positives} positives, {design.negatives} negatives, {design.runs} runs"
