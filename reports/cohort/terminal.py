"""A cohort's description in the terminal, by Rich. Counts and summaries only: no patient's own values."""

import math

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from strokebench.reports.cohort.describe import Description, Prevalence
from strokebench.reports.cohort.table_one import IMBALANCED, TableOne

BAR = 20
"""Characters of a full bar."""


def show_description(description: Description, console: Console) -> None:
    """Print it."""
    cohort = description.cohort
    console.print(Text(cohort.title, style="bold"))
    if cohort.synthetic:
        console.print("These patients are invented; nothing here says anything about real ones.", style="bold yellow")
    for name, value in description.parts.items():
        console.print(Text(f"{name}: ", style="dim") + Text(value))
    if description.sample_size:
        console.print(Text("Sample size: ", style="dim") + Text(description.sample_size))
    for name, value in cohort.about.items():
        if name in ("licence", "citation", "declared", "left_out", "accepted"):
            console.print(Text(f"{name.replace('_', ' ').capitalize()}: ", style="dim") + Text(str(value)))
    for rule, groups in description.prevalence.items():
        console.print()
        console.print(_prevalence(rule, groups))
    for table in (description.by_outcome, description.by_site):
        if table:
            console.print()
            console.print(_table_one(table))
    console.print(
        f"SMD: standardised mean difference, the largest of any two groups; from {IMBALANCED} on in bold.", style="dim"
    )


def _prevalence(rule: str, groups: list[Prevalence]) -> Table:
    table = _grid(f"Outcome: {rule}")
    for name in ("", "Patients", "With outcome", "Positive", "Share (95% interval)"):
        table.add_column(name, justify="right" if name else "left")
    table.add_column("")
    for group in groups:
        share = "–" if not group.n else f"{100 * group.share:.1f}% ({100 * group.low:.1f} to {100 * group.high:.1f})"
        bar = "" if not group.n else "█" * round(BAR * group.share)
        cells = (group.group, str(group.patients), str(group.n), str(group.positive), share)
        table.add_row(*(Text(cell) for cell in cells), Text(bar, style="cyan"))
    return table


def _table_one(one: TableOne) -> Table:
    table = _grid(f"Table One. {one.title}")
    table.add_column("", overflow="fold")
    for name, n in zip(("All", *one.groups), (one.n, *one.sizes), strict=True):
        table.add_column(Text(f"{name}\nn = {n}"), justify="right")
    table.add_column("Missing", justify="right")
    table.add_column("SMD", justify="right")
    for line in one.lines:
        label = Text("  " * line.level + line.label)
        missing = "" if not line.missing else str(line.missing)
        difference = Text(show_smd(line.smd), style="bold" if line.imbalanced else "")
        table.add_row(label, line.overall, *line.groups, missing, difference)
    return table


def show_smd(smd: float) -> str:
    """Two decimals; empty where there is none."""
    return "" if math.isnan(smd) else "∞" if math.isinf(smd) else f"{smd:.2f}"


def _grid(title: str) -> Table:
    return Table(
        title=Text(title, style="bold"), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False
    )
