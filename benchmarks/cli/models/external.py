"""`strokebench external`: how much methods lose on another cohort."""

from pathlib import Path
from typing import Annotated

import typer

from strokebench.benchmarks.cli.options import ENCODERS, takes_settings
from strokebench.benchmarks.models.external import external as judge_elsewhere
from strokebench.benchmarks.running.settings import Settings
from strokebench.reports.tables.console import make_console
from strokebench.reports.tables.section import publish_and_show


@takes_settings(
    *("outcome", "methods", "seeds", "sizes", *ENCODERS, "jobs", "quick", "balance", "weights", "device", "tracking")
)
def external(
    a: Annotated[str, typer.Argument(metavar="A", help="virtual, soop, or a cohort's YAML file.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another, whose columns have the same names.")],
    settings: Settings,
    out: Annotated[Path | None, typer.Option(help="Folder to write to; default: below the results.")] = None,
) -> None:
    """Fit methods on one cohort and judge them on another, and the other way round, beside their cross-validation."""
    console = make_console()
    section, folder = judge_elsewhere(a, b, settings, console)
    publish_and_show(section, out or folder, console)
