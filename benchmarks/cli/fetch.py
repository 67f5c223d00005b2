"""`strokebench cohort fetch`: a public cohort from its public servers, only what is asked for."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.filesize import decimal

from strokebench.benchmarks.obtain import agreed, bar, fetch_public, show_incomplete
from strokebench.datasets.catalogue import MANIFESTS
from strokebench.datasets.public.manifest import read_manifest
from strokebench.datasets.public.plan import FetchPlan
from strokebench.datasets.public.plan import fetch as fetch_files
from strokebench.datasets.soop.fetch import ENDPOINT, plan_fetch
from strokebench.datasets.soop.fetched import IMAGES, NOTICE, write_cohort_file, write_notice
from strokebench.errors import StrokebenchError, unknown_name
from strokebench.files import home
from strokebench.reports.tables.console import make_console


def fetch(
    cohort: Annotated[str, typer.Argument(help="soop, or the YAML file of another public cohort's manifest.")],
    to: Annotated[Path | None, typer.Option(help="Folder. Default: below work/fetched.")] = None,
    without: Annotated[str, typer.Option(help="Parts to leave out, e.g. flair.")] = "",
    kinds: Annotated[
        str,
        typer.Option("--with", help="SOOP's original images instead: of table, masks, trace, flair, adc, t1."),
    ] = "",
    patients: Annotated[
        str, typer.Option(help="Of the originals: the first so many, ids separated by commas, or empty: all.")
    ] = "",
    image: Annotated[
        str, typer.Option(help="Of the originals: which the cohort's file names. Default: what most have.")
    ] = "",
    at_once: Annotated[int, typer.Option(help="Downloads at a time.", min=1, max=16)] = 4,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before fetching.")] = False,
) -> None:
    """Fetch a public cohort: says its licence and size, resumes, checks every file."""
    console = make_console()
    if kinds:
        if cohort != "soop":
            raise unknown_name("cohort with original images", cohort, ["soop"])
        _originals(console, to or home("fetched", "soop-originals"), kinds, patients, image, at_once, yes)
        return
    if patients or image:
        raise StrokebenchError("--patients and --image choose among SOOP's original images.", "Name those by --with.")
    path = Path(cohort).expanduser() if cohort.endswith((".yaml", ".yml")) else MANIFESTS.get(cohort)
    if path is None:
        raise unknown_name("public cohort", cohort, MANIFESTS)
    manifest = read_manifest(path)
    parts = manifest.chosen(_listed(without))
    folder = (to or manifest.fetched).expanduser().absolute()
    console.print(manifest.title, soft_wrap=True)
    if not fetch_public(manifest, parts, folder, console, yes, at_once):
        _nothing(console)


def _originals(console: Console, folder: Path, kinds: str, patients: str, image: str, at_once: int, yes: bool) -> None:
    if image and image not in IMAGES:
        raise unknown_name("kind of image", image, IMAGES)
    console.print(NOTICE, soft_wrap=True)
    folder = folder.expanduser().absolute()
    with console.status("Asking the bucket what it holds") as status:
        plan = plan_fetch(
            folder,
            _listed(kinds.lower()),
            _patients(patients),
            on_page=lambda n: status.update(f"Listing: {n:,} files"),
        )
        status.update("Checking what is here")
        here = len(plan.files) - len(plan.missing)
    _show(console, plan, here)
    if plan.missing:
        if not agreed(f"Fetch {decimal(plan.missing_size)}?", console, yes):
            _nothing(console)
        write_notice(folder)
        with bar(console, plan.missing_size) as advance:
            fetch_files(plan, at_once, advance)
    write_notice(folder)
    made = write_cohort_file(folder, image)
    left_out = "; ".join(f"{reason}: {n:,}" for reason, n in made.left_out.items() if n)
    console.print(
        f"Cohort      {made.patients:,} patients, {f'images: {made.image}' if made.image else 'no images'}"
        f"{f' (left out: {left_out})' if left_out else ''}"
    )
    console.print(f"Use it by   DATASET={made.path}", soft_wrap=True)


def _nothing(console: Console) -> None:
    console.print("Nothing was fetched.")
    raise typer.Exit(1)


def _listed(given: str) -> list[str]:
    return [part.strip() for part in given.split(",") if part.strip()]


def _patients(given: str) -> int | list[str] | None:
    ids = _listed(given)
    if not ids or ids == ["all"]:
        return None
    return int(ids[0]) if len(ids) == 1 and ids[0].isdigit() else ids


def _show(console: Console, plan: FetchPlan, here: int) -> None:
    told = f"{len(plan.files):,} files of {len(plan.patients):,} patients, {decimal(plan.size)}, from {ENDPOINT}"
    console.print(f"Wanted      {told}", soft_wrap=True)
    if here:
        console.print(f"Here        {here:,} of them, whole")
    show_incomplete(plan, console)
    console.print(f"To fetch    {decimal(plan.missing_size)} to {plan.folder}", soft_wrap=True)
