"""A public cohort that is not on this machine: says what there is and how large it is, asks once, and fetches it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.filesize import decimal

from strokebench.benchmarks.running.progress import LINE_EVERY
from strokebench.datasets.catalogue import MANIFESTS
from strokebench.errors import StrokebenchError, named
from strokebench.files import write_text

if TYPE_CHECKING:
    from strokebench.datasets.public.manifest import Manifest
    from strokebench.datasets.public.plan import FetchPlan


def obtain(dataset: str, console: Console, yes: bool = False) -> None:
    """Make sure that a public cohort is here; any other, and one whose folder a variable names, is left to its loader.

    Args:
        yes: fetch without asking.

    Raises:
        StrokebenchError: it is not here, and nobody can be asked or the answer is no; or it cannot be fetched.
    """
    if dataset not in MANIFESTS:
        return
    from strokebench.datasets.public.manifest import RECORD, read_manifest

    manifest = read_manifest(MANIFESTS[dataset])
    if os.environ.get(manifest.variable):
        return
    parts, folder = manifest.cohorts[dataset], manifest.fetched
    if (folder / RECORD).is_file() and not manifest.plan(parts, folder).missing:
        return
    console.print(f"{manifest.title} is not wholly on this machine, and public.")
    if not fetch_public(manifest, parts, folder, console, yes):
        raise StrokebenchError(
            f"Without its files there is no cohort {dataset!r}.",
            f"Set {manifest.variable} to a folder that has them, or take DATASET=virtual.",
        )


def fetch_public(
    manifest: Manifest, parts: Sequence[str], folder: Path, console: Console, yes: bool = False, at_once: int = 4
) -> bool:
    """Fetch what a folder lacks of some parts, after asking once; whether it was agreed to.

    Raises:
        StrokebenchError: nobody can be asked, or a file cannot be had.
    """
    from strokebench.datasets.public.manifest import RECORD, TABLE
    from strokebench.datasets.public.plan import fetch

    for name in parts:
        part, most = manifest.parts[name], manifest.most(name)
        told = part.about if most is None else f"at most {decimal(most)}"
        url = manifest.sources[part.source].url
        console.print(f"  {name:<8}{part.what}, {told}, from {url}; {part.licence}", soft_wrap=True)
    console.print(f"Cite        {manifest.citation}", soft_wrap=True)
    plan = manifest.plan(parts, folder) if (folder / RECORD).is_file() else None
    if plan is None or plan.missing:
        size = plan.missing_size if plan else sum(manifest.most(name) or 0 for name in parts)
        fewer = "" if plan else ", less where patients have no clinical values"
        if not agreed(f"Fetch up to {decimal(size)} into {folder}{fewer}?", console, yes):
            return False
        write_text(folder / "CITATION.txt", manifest.notice)
        # The table comes first: it says whose files are wanted.
        for wanted in ((TABLE,), parts):
            plan = manifest.plan(wanted, folder)
            if plan.missing:
                with bar(console, plan.missing_size) as advance:
                    fetch(plan, at_once, advance)
            manifest.record(plan)
    assert plan
    told = f"{len(plan.files):,} files of {len(plan.patients):,} patients with clinical values, {decimal(plan.size)}"
    console.print(f"Here        {told}, in {folder}", soft_wrap=True)
    show_incomplete(plan, console)
    return True


def show_incomplete(plan: FetchPlan, console: Console) -> None:
    """Name the patients of whom something is not there."""
    if plan.incomplete:
        patients = named(f"{patient} ({', '.join(kinds)})" for patient, kinds in plan.incomplete.items())
        console.print(f"Not there   for {len(plan.incomplete):,} patients: {patients}", soft_wrap=True)


def agreed(question: str, console: Console, yes: bool) -> bool:
    """The answer to a question; it is not asked where it is `yes` already.

    Raises:
        StrokebenchError: there is no terminal, so nobody can be asked.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise StrokebenchError(
            f"{question} Nobody can be asked here: there is no terminal.", "Give FETCH=1 to make, or --yes."
        )
    from rich.prompt import Confirm

    return Confirm.ask(question, console=console, default=False)


@contextmanager
def bar(console: Console, size: int) -> Iterator[Callable[[int], None]]:
    """A bar over bytes with the time left; in a log file, a line a minute. Gives what moves it."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("Fetching"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task, said = progress.add_task("", total=size), time.monotonic()

        def advance(n: int) -> None:
            nonlocal said
            progress.update(task, advance=n)
            if not console.is_terminal and time.monotonic() - said > LINE_EVERY:
                said, now = time.monotonic(), progress.tasks[task]
                left = f", about {now.time_remaining:.0f} s left" if now.time_remaining else ""
                console.print(f"  {decimal(int(now.completed))} of {decimal(size)} fetched{left}")

        yield advance
