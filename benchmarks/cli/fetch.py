"""`strokebench cohort fetch`: a public cohort from its public bucket, only what is asked for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from strokebench.datasets.soop.fetch import ENDPOINT, FetchPlan, plan_fetch
from strokebench.datasets.soop.fetch import fetch as fetch_files
from strokebench.datasets.soop.fetched import IMAGES, NOTICE, write_cohort_file, write_notice
from strokebench.errors import unknown_name
from strokebench.files import home
from strokebench.reports.tables.console import make_console

NAMED = 5


def fetch(
    cohort: Annotated[str, typer.Argument(help="soop: the Stroke Outcome Optimization Project.")],
    to: Annotated[Path | None, typer.Option(help="Folder. Default: below work/fetched.")] = None,
    patients: Annotated[
        str, typer.Option(help="A number (the first so many), ids separated by commas, or empty: all.")
    ] = "",
    kinds: Annotated[
        str, typer.Option("--with", help="Of table (always comes along), masks, trace, flair, adc, t1.")
    ] = "table,masks,trace",
    image: Annotated[
        str, typer.Option(help="Which of trace, flair, adc, t1 the cohort's file names. Default: what most have.")
    ] = "",
    endpoint: Annotated[str, typer.Option(help="Address of the bucket; default: OpenNeuro's at Amazon.")] = "",
    at_once: Annotated[int, typer.Option(help="Downloads at a time.", min=1, max=16)] = 4,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before fetching.")] = False,
) -> None:
    """Fetch a public cohort: says its licence and size, resumes, checks every file."""
    if cohort != "soop":
        raise unknown_name("public cohort", cohort, ["soop"])
    if image and image not in IMAGES:
        raise unknown_name("kind of image", image, IMAGES)
    console = make_console()
    console.print(NOTICE, markup=False, soft_wrap=True)
    folder = (to or home("fetched", "soop")).expanduser().absolute()
    wanted = [kind.strip().lower() for kind in kinds.split(",") if kind.strip()]
    with console.status("Asking the bucket what it holds") as status:
        plan = plan_fetch(
            folder,
            wanted,
            _patients(patients),
            endpoint or ENDPOINT,
            lambda what, done, of: status.update(f"{what.capitalize()}: {done:,}{f' of {of:,}' if of else ''} files"),
        )
    _show(console, plan)
    if plan.missing:
        if not (yes or typer.confirm(f"Fetch {decimal(plan.missing_size)}?")):
            console.print("Nothing was fetched.")
            raise typer.Exit(1)
        write_notice(folder)
        with _bar(console, plan.missing_size) as advance:
            fetch_files(plan, at_once, advance)
    write_notice(folder)
    made = write_cohort_file(folder, image)
    left_out = "; ".join(f"{reason}: {n:,}" for reason, n in made.left_out.items() if n)
    console.print(
        f"Cohort      {made.patients:,} patients, {f'images: {made.image}' if made.image else 'no images'}"
        f"{f' (left out: {left_out})' if left_out else ''}"
    )
    console.print(f"Use it by   DATASET={made.path}", soft_wrap=True, markup=False)


def _patients(given: str) -> int | list[str] | None:
    given = given.strip()
    if not given or given == "all":
        return None
    ids = [id.strip() for id in given.split(",") if id.strip()]
    return int(ids[0]) if len(ids) == 1 and ids[0].isdigit() else ids


def _show(console: Console, plan: FetchPlan) -> None:
    console.print(
        f"Wanted      {len(plan.files):,} files of {len(plan.patients):,} patients, {decimal(plan.size)}, from"
        f" {plan.endpoint}",
        soft_wrap=True,
        markup=False,
    )
    if plan.here:
        console.print(f"Here        {len(plan.here):,} of them, whole")
    if plan.incomplete:
        named = [f"{patient} ({', '.join(kinds)})" for patient, kinds in list(plan.incomplete.items())[:NAMED]]
        more = f" and {len(plan.incomplete) - NAMED:,} more" if len(plan.incomplete) > NAMED else ""
        console.print(f"Not there   for {len(plan.incomplete):,} patients: {', '.join(named)}{more}", markup=False)
    console.print(f"To fetch    {decimal(plan.missing_size)} to {plan.folder}", soft_wrap=True, markup=False)


@contextmanager
def _bar(console: Console, size: int) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("Fetching"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=size)
        yield lambda n: progress.update(task, advance=n)
