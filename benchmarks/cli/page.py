"""`strokebench page`: everything that was computed on a cohort and outcome, as one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strokebench.benchmarks.cli import options

if TYPE_CHECKING:
    from strokebench.benchmarks.running.settings import Settings
    from strokebench.reports.cohort.describe import Description

PageProtocolOption = Annotated[
    str, typer.Option("--protocol", help="Only this one: cv5, holdout or loho. Default: all that were computed.")
]
ResultsOption = Annotated[
    Path | None,
    typer.Option(
        "--results",
        help="A folder of results instead, one folder a cohort, outcome and protocol in it. No cohort is loaded.",
    ),
]


def page(
    dataset: options.DatasetOption = "virtual",
    outcome: options.OutcomeOption = "",
    protocol: PageProtocolOption = "",
    encoders: options.EncodersOption = "embedded",
    quick: options.QuickOption = False,
    balance: options.BalanceOption = "smote",
    shuffle_labels: options.ShuffleOption = None,
    keep_scale_text: options.ScaleTextOption = False,
    results: ResultsOption = None,
) -> None:
    """Write one self-contained HTML page of all experiments, and a reporting checklist, finished or not."""
    from rich.console import Console

    from strokebench.benchmarks.experiments.find import all_experiments
    from strokebench.reports.page.page import write_page

    if results is not None:
        path = write_page(_settings_below(results), results, order=list(all_experiments()))
    else:
        chosen = options.settings(
            dataset,
            outcome,
            protocol or "cv5",
            encoders,
            "0",
            1,
            quick,
            balance=balance,
            shuffle_labels=shuffle_labels,
            keep_scale_text=keep_scale_text,
        )
        path = page_of(chosen, protocol)
    Console(highlight=False).print(f"Written to {path}", soft_wrap=True)


def page_of(chosen: Settings, protocol: str) -> Path:
    """Write the page of a cohort and outcome under one protocol, or under all (""); its path."""
    from strokebench.benchmarks.experiments.find import all_experiments
    from strokebench.reports.page.page import write_page

    folder, found, description = _of_cohort(chosen, protocol)
    return write_page(found, folder, description, list(all_experiments()))


def _settings_below(root: Path) -> list[Path]:
    """The folders that hold folders of experiments: the given one's, or itself."""
    from strokebench.errors import StrokebenchError
    from strokebench.reports.results import FACTS_FILE
    from strokebench.reports.tables.section import SECTION_FILE

    if not root.is_dir():
        raise StrokebenchError(f"{root}: no such folder.", "Give the folder that holds the results.")
    patterns = [f"{depth}/{name}" for depth in ("*", "*/*") for name in (SECTION_FILE, FACTS_FILE)]
    return sorted({path.parent.parent for pattern in patterns for path in root.glob(pattern)})


def _of_cohort(chosen: Settings, protocol: str) -> tuple[Path, list[Path], Description]:
    """Where the page goes, the folders of results to read, and the cohort described."""
    from dataclasses import replace

    from strokebench.benchmarks.running.build import choose_endpoint
    from strokebench.benchmarks.running.context import results_name
    from strokebench.datasets.catalogue import load_cohort
    from strokebench.files import home
    from strokebench.reports.cohort.describe import describe_cohort
    from strokebench.reports.page.parts import facts_of

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
    folder = home("results", results_name(cohort.name, endpoint.name, replace(chosen, protocol=protocol)))
    # Those of tuned hyper-parameters too, and whatever else differs in nothing that was asked for.
    found = []
    for path in sorted(home("results").glob("*/*")):
        facts = facts_of(path) if path.is_dir() else {}
        if facts and all(facts.get(name) == value for name, value in wanted.items()):
            found.append(path.parent)
    found = list(dict.fromkeys(found))
    return folder, found, describe_cohort(cohort, endpoint.expression)
