"""`strokebench page`: everything that was computed on a cohort and outcome, as one HTML page."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from strokebench.benchmarks.cli.options import ENCODERS, takes_settings
from strokebench.benchmarks.experiments.find import all_experiments
from strokebench.benchmarks.running.build import choose_endpoint
from strokebench.benchmarks.running.context import results_name
from strokebench.benchmarks.running.settings import Settings
from strokebench.datasets.catalogue import load_cohort
from strokebench.errors import StrokebenchError
from strokebench.files import home
from strokebench.reports.cohort.describe import describe_cohort
from strokebench.reports.page.page import write_page
from strokebench.reports.page.parts import facts_of
from strokebench.reports.results import FACTS_FILE
from strokebench.reports.tables.console import make_console
from strokebench.reports.tables.section import SECTION_FILE

CHOSEN_BY = "dataset", "outcome", *ENCODERS, "quick", "balance", "shuffle_labels", "keep_scale_text"
"""The settings by which results are chosen."""


@takes_settings(*CHOSEN_BY)
def page(
    settings: Settings,
    protocol: Annotated[
        str,
        typer.Option("--protocol", help="Only this one: cv5, holdout, loho or own. Default: all that were computed."),
    ] = "",
    results: Annotated[
        Path | None,
        typer.Option(
            "--results",
            help="A folder of results instead, one folder a cohort, outcome and protocol in it. No cohort is loaded.",
        ),
    ] = None,
) -> None:
    """Write one self-contained HTML page of all experiments, and a reporting checklist, finished or not."""
    if results is not None:
        usual = Settings()
        chosen = [name for name in CHOSEN_BY if getattr(settings, name) != getattr(usual, name)]
        if chosen := ["protocol"] * bool(protocol) + chosen:
            options = ", ".join(f"--{name.replace('_', '-')}" for name in chosen)
            raise StrokebenchError("--results takes all that is there.", f"Leave out {options}.")
        path = write_page(_settings_below(results), results, order=list(all_experiments()))
    else:
        path = page_of(replace(settings, protocol=protocol or settings.protocol), protocol)
    make_console().print(f"Written to {path}", soft_wrap=True)


def page_of(chosen: Settings, protocol: str) -> Path:
    """Write the page of a cohort and outcome under one protocol, or under all (""); its path."""
    cohort = load_cohort(chosen.dataset)
    endpoint = choose_endpoint(cohort, chosen.outcome, chosen.keep_scale_text)
    wanted = {
        "dataset": cohort.name,
        "outcome": endpoint.expression,
        "encoder_pair": chosen.encoders,
        "balance": chosen.balance,
        "quick": chosen.quick,
        "scale_text": chosen.keep_scale_text,
        "labels_shuffled": chosen.shuffle_labels,
        "imported": None,
    } | ({"protocol": protocol} if protocol else {})
    # Those of tuned hyper-parameters too, and whatever else differs in nothing that was asked for.
    found = {}
    for path in sorted(home("results").glob("*/*")):
        facts = facts_of(path) if path.is_dir() else {}
        if facts and all(facts.get(name) == value for name, value in wanted.items()):
            found[path.parent] = True
    folder = home("results", results_name(cohort.name, endpoint.name, chosen, protocol))
    return write_page(list(found), folder, describe_cohort(cohort, endpoint.expression), list(all_experiments()))


def _settings_below(root: Path) -> list[Path]:
    """The folders that hold folders of experiments: the given one's, or itself."""
    if not root.is_dir():
        raise StrokebenchError(f"{root}: no such folder.", "Give the folder that holds the results.")
    patterns = [f"{depth}/{name}" for depth in ("*", "*/*") for name in (SECTION_FILE, FACTS_FILE)]
    return sorted({path.parent.parent for pattern in patterns for path in root.glob(pattern)})
