"""`strokebench cohort ...`: look at a cohort before anything is computed with it."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from strokebench.benchmarks.cli.fetch import fetch
from strokebench.benchmarks.cli.options import JsonOption, echo_json, takes_settings
from strokebench.benchmarks.running.progress import StepProgress
from strokebench.benchmarks.running.settings import Settings
from strokebench.datasets.catalogue import load_cohort
from strokebench.datasets.problems import GUESS, Problem
from strokebench.errors import StrokebenchError, counted, named
from strokebench.reports.cohort.check import CheckReport, check_cohort
from strokebench.reports.cohort.describe import describe_cohort, write_page
from strokebench.reports.cohort.terminal import show_description
from strokebench.reports.tables.console import make_console

app = typer.Typer(no_args_is_help=True, help="Check, describe and fetch cohorts, your own or built-in ones.")
app.command()(fetch)

GROUP_FROM = 4
"""So many patients with the same problem in the same place, or columns with the same problem, are one line."""
NAMED = 6
BRAIN_ML = 800.0, 2000.0
"""Millilitres within the skull of nearly all adults (our choice)."""

DatasetArgument = Annotated[str, typer.Argument(help="A cohort's YAML file, or a built-in cohort.")]


@app.command()
@takes_settings("jobs")
def check(
    dataset: DatasetArgument,
    settings: Settings,
    as_json: JsonOption = False,
) -> None:
    """Read everything, change nothing, and list all problems by patient; exit status 1 if there are any."""
    with StepProgress(make_console(stderr=True)) as bar:
        report = check_cohort(dataset, settings.jobs, partial(bar.step, "Images"))
    if as_json:
        echo_json(report.to_json())
    else:
        show_check(report, dataset, make_console())
    if report.problems:
        raise typer.Exit(1)


@app.command()
@takes_settings("outcome")
def describe(
    dataset: DatasetArgument,
    settings: Settings,
    pictures: Annotated[int, typer.Option("--pictures", min=0, help="Patients whose slices are shown.")] = 8,
) -> None:
    """Table One by outcome and by site, prevalence by site, and pictures; here and as an HTML page."""
    console = make_console()
    description = describe_cohort(load_cohort(dataset), settings.outcome or "")
    show_description(description, console)
    path = write_page(description, pictures)
    console.print(f"Written to {path}", soft_wrap=True, style="dim")


@app.command("brain-masks")
@takes_settings("jobs")
def brain_masks(
    dataset: DatasetArgument,
    settings: Settings,
    to: Annotated[Path, typer.Option("--to", help="Folder of the masks; those that are there are kept.")],
) -> None:
    """Make brain masks with deepbet (extra `brain`), to be looked at and named in the cohort's file."""
    from strokebench.datasets.images.brain import make_brain_masks

    cohort, console, to = load_cohort(dataset), make_console(), to.absolute()
    if cohort.images is None:
        raise StrokebenchError(f"{cohort.title} has no images.")
    with StepProgress(make_console(stderr=True)) as bar:
        step = partial(bar.step, "Brain masks")
        volumes = make_brain_masks(cohort.images, to, settings.jobs, step, cohort.reading)
    low, middle, high = (f"{volume:,.0f}" for volume in (volumes.min(), volumes.median(), volumes.max()))
    console.print(f"{len(volumes)} masks in {to}: {low} to {high} ml, median {middle} ml", soft_wrap=True)
    if len(odd := volumes[~volumes.between(*BRAIN_ML)]):
        which = named([f"{id} ({volume:,.0f} ml)" for (id, *_), volume in zip(odd.index, odd, strict=True)], NAMED)
        console.print(f"No brain of an adult: {which}. Look at these.", soft_wrap=True)
    sequences = cohort.sequences if len(cohort.sequences) > 1 else ()
    each = ", ".join(f'{name}: "{to}/{{id}}_{name}.nii.gz"' for name in sequences)
    line = f"brain_masks: {{{each}}}" if sequences else f'brain_masks: "{to}/{{id}}.nii.gz"'
    console.print(f"deepbet has learnt from T1 of healthy adults. Once looked at, use them: {line}", soft_wrap=True)


def show_check(report: CheckReport, dataset: str, console: Console) -> None:
    """Print a report: problems that many patients or columns share once, the others by patient."""
    shared, single = _grouped(report.problems)
    for group in shared:
        names = ", ".join(problem.patient or problem.where for problem in group[:NAMED])
        more = ", ..." if len(group) > NAMED else "."
        who = f"{len(group)} {'columns or files' if group[0].patient is None else 'patients'}"
        _line(console, who, group[0], f"{names}{more} First: {group[0].what}")
    patient: str | None = ""
    for problem in single:
        if problem.patient != patient:
            patient = problem.patient
            console.print(Text(f"Patient {patient}" if patient else "The whole cohort", style="bold"))
        _line(console, "", problem, problem.what)
    _summary(report, dataset, console)


def _grouped(problems: list[Problem]) -> tuple[list[list[Problem]], list[Problem]]:
    places: dict[tuple[str, str, bool, bool], list[Problem]] = {}
    for problem in problems:
        # The place of an image's problem is its own file; its kind is what it shares with others.
        alone = problem.patient is not None and not problem.code.startswith("image_")
        # One that has a guess at its cause is not hidden behind those that have none.
        guessed = GUESS in problem.what
        place = (problem.code, problem.where if alone else "", problem.patient is None, guessed)
        places.setdefault(place, []).append(problem)
    shared = [group for group in places.values() if len(group) >= GROUP_FROM]
    grouped = {id(problem) for group in shared for problem in group}
    return shared, [problem for problem in problems if id(problem) not in grouped]


def _line(console: Console, who: str, problem: Problem, what: str) -> None:
    if who:
        console.print(Text(who, style="bold"))
    place = f"{problem.where}: " if problem.code.startswith("image_") and problem.where and not who else ""
    console.print(Padding(Text(f"{problem.code}  ", style="red") + Text(place + what, style="default"), (0, 0, 0, 2)))
    console.print(Padding(Text(f"→ {problem.remedy}", style="dim"), (0, 0, 0, 4)))


def _summary(report: CheckReport, dataset: str, console: Console) -> None:
    if report.problems:
        console.print()
    for note in report.notes:
        console.print(Text(f"Note: {note}", style="dim"))
    which = ", ".join(f"{n} {name}" for name, n in report.sequences.items())
    images = f"{report.images} images" + (f" ({which})" if which else "")
    read = f"{report.patients} patients, {images} and {report.texts} texts read; nothing was changed."
    console.print(Text(f"{report.title}: {read}"))
    if report.excluded:
        excluded = len(report.excluded)
        console.print(f"{excluded} patient{'s are' if excluded != 1 else ' is'} excluded by the file.")
    if report.accepted:
        console.print(f"{counted(len(report.accepted), 'problem')} accepted by the file.")
    for sheet in report.sheets:
        console.print(Text(f"Images to look at: {sheet}"), soft_wrap=True)
    if not report.problems:
        console.print("No problems.", style="bold green")
        return
    patients = {problem.patient for problem in report.problems} - {None}
    counts = f"{counted(len(report.problems), 'problem')}, {counted(len(patients), 'patient')}."
    console.print(Text(counts, style="bold red"))
    if dataset.endswith((".yaml", ".yml")):
        advice = "Mend the data, or write `exclude:` (patient: reason) or `accept:` (code: [patients]) into the file."
        console.print(Text(advice, style="dim"))
