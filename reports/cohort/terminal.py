"""A cohort's description in the terminal, by Rich. Counts and summaries only: no patient's own values."""

import math
from dataclasses import replace

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from strokebench.reports.cohort.describe import NO_PREVALENCE, CohortDescription, Prevalence
from strokebench.reports.cohort.table_one import IMBALANCED, TableOne

BAR = 10
"""Characters of a full bar."""
NAMES = 24
"""Characters that the names of columns get before they are broken within a word."""
GROUP = 11
"""Characters of a site's column, so that more sites than a terminal holds are left to the page."""


def show_description(description: CohortDescription, console: Console) -> None:
    """Print it."""
    cohort = description.cohort
    console.print(Text(cohort.title, style="bold"))
    if cohort.synthetic:
        console.print("These patients are invented; nothing here says anything about real ones.", style="bold yellow")
    for name, value in description.parts.items():
        console.print(Text(f"{name}: ", style="dim") + Text(value))
    if description.sample_size:
        console.print(Text("Sample size: ", style="dim") + Text(description.sample_size))
    by_outcome, by_site = description.by_outcome, description.by_site
    # A table says itself what is missing.
    said = ("licence", "citation", "declared", "left_out", "accepted", *["missing"] * (not (by_outcome or by_site)))
    for name, value in cohort.about.items():
        if name in said:
            console.print(Text(f"{name.replace('_', ' ').capitalize()}: ", style="dim") + Text(str(value)))
    for rule, groups in description.prevalence.items():
        console.print()
        if groups:
            console.print(_prevalence(rule, groups))
        else:
            console.print(Text(f"Outcome: {rule}", style="bold"))
            console.print(Text(description.grades.get(rule, NO_PREVALENCE)))
    if by_outcome:
        console.print()
        fit = NAMES + GROUP * (1 + len(by_outcome.groups)) + 14 <= console.width
        console.print(_table_one(by_outcome if fit else _without_groups(by_outcome), console))
        if not fit:
            console.print(_on_the_page(by_outcome, "grades"))
    if by_site:
        console.print()
        # All patients, and how many lack a value, stand in the table by outcome.
        if NAMES + GROUP * len(by_site.groups) + 6 <= console.width:
            console.print(_table_one(by_site, console, whole=not by_outcome))
        else:
            console.print(_on_the_page(by_site, "sites"))
    if by_outcome or by_site:
        smd = f"SMD: standardised mean difference, the largest of any two groups; from {IMBALANCED} on in bold."
        console.print(smd, style="dim")


def _on_the_page(one: TableOne, groups: str) -> str:
    return f"Table One by {len(one.groups)} {groups} is on the page: it is wider than this terminal."


def _without_groups(one: TableOne) -> TableOne:
    return replace(one, groups=(), sizes=(), lines=tuple(replace(line, groups=()) for line in one.lines))


def _prevalence(rule: str, groups: list[Prevalence]) -> Table:
    table = _grid(f"Outcome: {rule}")
    table.add_column("", overflow="fold")
    for name in ("Patients", "With outcome", "Positive", "Share (95% interval)"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    for group in groups:
        share = "–" if not group.n else f"{100 * group.share:.1f}% ({100 * group.low:.1f} to {100 * group.high:.1f})"
        bar = "" if not group.n else "█" * round(BAR * group.share)
        cells = (group.group, str(group.patients), str(group.n), str(group.positive), share)
        table.add_row(*(Text(cell) for cell in cells), Text(bar, style="cyan"))
    return table


def _table_one(one: TableOne, console: Console, whole: bool = True) -> Table:
    """`whole`: with all patients, and with those that lack a value."""
    table = _grid(f"Table One. {one.title}")
    table.add_column("", overflow="fold")
    names, sizes = (("All", *one.groups), (one.n, *one.sizes)) if whole else (one.groups, one.sizes)
    for name, n in zip(names, sizes, strict=True):
        table.add_column(Text(f"{name}\nn = {n}"), justify="right", overflow="fold")
    if whole:
        table.add_column("Missing", justify="right", no_wrap=True)
    table.add_column("SMD", justify="right", no_wrap=True)
    for line in one.lines:
        label = Text("  " * line.level + line.label)
        values = (line.overall, *line.groups, str(line.missing or "")) if whole else line.groups
        difference = Text(show_smd(line.smd), style="bold" if line.imbalanced else "")
        table.add_row(label, *values, difference)
    if Measurement.get(console, console.options.update(max_width=10_000), table).maximum > console.width:
        # Rich would narrow the widest column first, and break names within words.
        table.columns[0].width = min(NAMES, max((len(line.label) for line in one.lines), default=0))
    return table


def show_smd(smd: float) -> str:
    """Two decimals; empty where there is none."""
    return "" if math.isnan(smd) else "∞" if math.isinf(smd) else f"{smd:.2f}"


def _grid(title: str) -> Table:
    return Table(
        title=Text(title, style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        collapse_padding=True,
    )
