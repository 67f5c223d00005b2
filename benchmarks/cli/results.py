"""`strokebench results ...`: hand results to others, and take theirs."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from strokebench.benchmarks.cli.options import JsonOption, echo_json
from strokebench.benchmarks.experiments.find import all_experiments
from strokebench.benchmarks.sharing.diff import board_of, diff_results
from strokebench.benchmarks.sharing.export import export_results
from strokebench.benchmarks.sharing.load import import_results
from strokebench.benchmarks.sharing.pseudonyms import load_pseudonyms, read_secret
from strokebench.errors import StrokebenchError
from strokebench.files import home
from strokebench.reports.tables.console import make_console
from strokebench.reports.tables.render import records
from strokebench.reports.tables.section import Section, publish, view
from strokebench.reports.tables.style import usual_look
from strokebench.reports.tables.table import Table

KeyFile = Annotated[
    Path | None,
    typer.Option(help="Secret that both sites share: exported packages are signed with it, imported ones must be."),
]
Which = Annotated[str, typer.Option(help="Which experiment, where there are several: such as table1.")]
Out = Annotated[Path | None, typer.Option(help="Folder for the tables as Markdown, CSV, LaTeX and HTML.")]
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
    key_file: KeyFile = None,
    as_json: JsonOption = False,
) -> None:
    """Write predictions under pseudonyms, splits, settings and versions, with checksums; no texts, no tables."""
    console = make_console(stderr=as_json)
    keys = export_results(out, experiments or [], load_pseudonyms(salt_file), keep_sites, _key(key_file))
    for name in keys:
        console.print(f"Exported  {name}", soft_wrap=True)
    console.print(f"Written to {out}", soft_wrap=True)
    for key in sorted(set(keys.values())):
        console.print(f"Which pseudonym is whom stays here: {key}", style="dim", soft_wrap=True)
    if as_json:
        echo_json({name: {"pseudonyms": str(key)} for name, key in keys.items()})


@app.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Packages of `export`.")],
    key_file: KeyFile = None,
    as_json: JsonOption = False,
) -> None:
    """Verify packages, merge those of several machines, and make the tables; refuse what does not match."""
    console, imported = make_console(stderr=as_json), {}
    known = all_experiments()
    for name, results in import_results(files, _key(key_file)).items():
        folder = home("results", *name.split("/"))
        done = int((results.runs["status"] == "done").sum())
        console.print(f"Imported  {name}: {done} of {len(results.runs)} runs finished", soft_wrap=True)
        try:
            with usual_look():
                view = known[folder.name]().report(results, folder)
        except Exception as error:
            raise StrokebenchError(f"{name}: no tables can be made of it: {type(error).__name__}: {error}") from error
        console.print(view)
        console.print(f"Written to {folder}", style="dim", soft_wrap=True)
        imported[name] = {"folder": str(folder), "runs": len(results.runs), "done": done}
    if as_json:
        echo_json(imported)


@app.command("diff")
def diff(
    a: Annotated[Path, typer.Argument(metavar="A", help="Folder of an experiment's results, or a package.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="The same, of a later or another call.")],
    experiment: Which = "",
    out: Out = None,
    salt_file: Annotated[
        Path | None, typer.Option(help="Secret of a package's pseudonyms, where the other side has patients' ids.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """What changed from A to B, and what that did to each method, with intervals, on the patients of both."""
    _show(diff_results(a, b, experiment, partial(load_pseudonyms, salt_file)), out, as_json)


@app.command("board")
def board(
    sites: Annotated[
        list[Path], typer.Argument(metavar="A B...", help="Packages of several sites, or folders of results.")
    ],
    experiment: Which = "",
    out: Out = None,
    as_json: JsonOption = False,
) -> None:
    """One table of every method at every site: AUC with interval, and pooled over sites; no patient is in it."""
    _show(board_of(sites, experiment), out, as_json)


def _show(section: Section, out: Path | None, as_json: bool) -> None:
    console = make_console(stderr=as_json)
    console.print(publish(section, out) if out else view(section))
    if as_json:
        tables = {panel.name: panel.content for panel in section.panels if isinstance(panel.content, Table)}
        echo_json({"lead": section.lead} | {name: records(table) for name, table in tables.items()})
    if out:
        console.print(f"Written to {out}", style="dim", soft_wrap=True)


def _key(path: Path | None) -> bytes:
    return read_secret(path, "key") if path else b""
