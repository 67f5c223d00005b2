"""Methods fitted on one cohort and validated on another, and the other way round, beside their cross-validation."""

from dataclasses import replace
from pathlib import Path

from rich.console import Console

from strokebench.benchmarks.models.fit import PatientChoice, fit_on
from strokebench.benchmarks.models.validate import validate
from strokebench.benchmarks.run import run_with
from strokebench.benchmarks.running.build import choose_endpoint
from strokebench.benchmarks.running.settings import Settings
from strokebench.datasets.catalogue import load_cohort
from strokebench.errors import StrokebenchError
from strokebench.files import home
from strokebench.reports.results import Results
from strokebench.reports.tables.section import Section
from strokebench.reports.validation.external import Direction, external_section


def external(a: str, b: str, settings: Settings, console: Console) -> tuple[Section, Path]:
    """Judge methods where they were made and elsewhere.

    Args:
        a, b: as `Settings.dataset`; they call their columns alike.
        settings: `methods` that are wanted; default: all that both cohorts allow. The cross-validation takes all seeds,
            a model that is tested elsewhere the first.

    Returns:
        The tables, and their folder below the results: one for each pair of cohorts and settings that change them.

    Raises:
        StrokebenchError: whatever is wrong with the data; other outcomes, or one that is no event; no method that both
            cohorts allow.
    """
    cohorts = {name: load_cohort(name) for name in (a, b)}
    endpoints = {one.expression: one for one in (choose_endpoint(of, settings.outcome) for of in cohorts.values())}
    if len(endpoints) > 1:
        raise StrokebenchError(f"The cohorts name other outcomes: {'; '.join(endpoints)}.", "Give one by --outcome.")
    [(expression, endpoint)] = endpoints.items()
    if not endpoint.binary:
        cut = f", e.g. --outcome '{endpoint.dichotomies[0].expression}'" if endpoint.dichotomies else ""
        raise StrokebenchError(
            f"What is lost elsewhere is told of an AUC, and {expression!r} has none.",
            f"Give an event{cut}; `strokebench validate` takes models of grades.",
        )
    reports = {name: run_with("table1", replace(settings, dataset=name, protocol="cv5"), console) for name in (a, b)}
    reached = {name: report.results for name, report in reports.items()}
    methods = [method for method in _finished(reached[a]) if method in _finished(reached[b])]
    if not methods:
        raise StrokebenchError("No method was finished on both cohorts.", "See `strokebench status`.")
    directions = []
    for made, tested in ((a, b), (b, a)):
        chosen = replace(settings, dataset=made, seeds=settings.seeds[:1])
        models = [
            fit_on(
                method,
                cohorts[made],
                replace(chosen, methods=(method,)),
                PatientChoice(),
                {},
                True,
                console,
                alarms=False,
            )
            for method in methods
        ]
        found = validate(
            models,
            cohorts[tested],
            without_seen=True,
            jobs=settings.jobs,
            weights=settings.weights,
            device=settings.device,
        )
        directions.append(Direction(reached[made], found.results, reached[tested], found.left_out))
    folder = home("results", f"{cohorts[a].name}-{reports[b].folder.parent.name}", "external")
    return external_section(directions), folder


def _finished(results: Results) -> list[str]:
    """Methods of which all runs with their own settings are finished."""
    return [
        setting.method.name
        for setting in results.settings.values()
        if setting.own and (results.runs_of(setting)["status"] == "done").all()
    ]
