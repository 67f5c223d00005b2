"""`strokebench results ...`: hand results to others, and take theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from strokebench.benchmarks.cli.options import make_console
from strokebench.benchmarks.experiments.find import all_experiments
from strokebench.benchmarks.sharing.export import export_results
from strokebench.benchmarks.sharing.load import import_results
from strokebench.benchmarks.sharing.pseudonyms import load_pseudonyms
from strokebench.files import home

app = typer.Typer(no_args_is_help=True, help="Share results without sharing patients.")


@app.command("export")
def export(
    out: Annotated[Path, typer.Argument(help="OUT.zip, or a new folder.")],
    experiments: Annotated[
        list[str] | None, typer.Argument(metavar="[EXPERIMENT]...", help="Such as table1. Default: all.")
    ] = None,
    salt_file: Annotated[
        Path | None,
        typer.Option(help="Secret of the pseudonyms; the same on all machines whose results are to be merged."),
    ] = None,
    keep_sites: Annotated[bool, typer.Option("--keep-sites", help="Keep the hospitals' names.")] = False,
) -> None:
    """Write predictions under pseudonyms, splits, settings and versions, with checksums; no texts, no tables."""
    console = make_console()
    keys = export_results(out, experiments or [], load_pseudonyms(salt_file), keep_sites)
    for name in keys:
        console.print(f"Exported  {name}", markup=False, soft_wrap=True)
    console.print(f"Written to {out}", markup=False, soft_wrap=True)
    for key in sorted(set(keys.values())):
        console.print(f"Which pseudonym is whom stays here: {key}", style="dim", markup=False, soft_wrap=True)


@app.command("import")
def import_(files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Packages of `export`.")]) -> None:
    """Verify packages, merge those of several machines, and make the tables; refuse what does not match."""
    console = make_console()
    known = all_experiments()
    for name, results in import_results(files).items():
        folder = home("results", *name.split("/"))
        done = int((results.runs["status"] == "done").sum())
        console.print(f"Imported  {name}: {done} of {len(results.runs)} runs finished", markup=False, soft_wrap=True)
        if folder.name in known:
            console.print(known[folder.name]().report(results, folder))
        console.print(f"Written to {folder}", style="dim", markup=False, soft_wrap=True)
