"""`strokebench status`: how far is every experiment, and why did runs fail?"""

from collections.abc import Iterator
from typing import Any

import pandas as pd
from rich.table import Table
from rich.text import Text

from strokebench.benchmarks.cli.options import JsonOption, echo_json
from strokebench.benchmarks.running.provenance import is_in_store
from strokebench.benchmarks.running.store import Store
from strokebench.errors import StrokebenchError
from strokebench.files import home, made_again
from strokebench.reports.results import RUNS_FILE, read_provenance
from strokebench.reports.tables.console import make_console
from strokebench.reports.tables.results_table import error_line
from strokebench.tasks.conditions import COMPLETE

SHOWN_FAILURES = 5
SHOWN_SETTINGS = 4
"""Rows of a method at most; a grid is one row."""


def status(as_json: JsonOption = False) -> None:
    """How far every experiment is, and why runs failed."""
    # The runs are those that each last planned; how far they are tells the store, also while a call goes on.
    console = make_console()
    root, store = home("results"), Store()
    found = sorted(path.parent for path in root.glob(f"*/*/{RUNS_FILE}"))
    if not found and not as_json:
        console.print(f"No results below {root} yet. Start with `make table1`.", soft_wrap=True)
        return
    rows: list[dict[str, Any]] = []
    tables, failures = [], []
    for folder in found:
        try:
            runs = pd.read_parquet(folder / RUNS_FILE)
        except (OSError, ValueError) as damage:
            made_again(f"{folder / RUNS_FILE} cannot be read ({damage}).")
            continue
        facts = read_provenance(folder)
        stored = is_in_store(facts)
        if stored:
            runs["status"] = [store.status(key) for key in runs["key"]]
        table = Table(box=None)
        table.add_column("Method", min_width=20)
        for heading in ("Done", "Failed", "Missing"):
            table.add_column(heading, justify="right")
        said = str(facts.get("title", ""))
        if created := facts.get("created"):
            said += f", newest run {created[:16].replace('T', ' ')} UTC"
        tables.append((f"{folder.parent.name}/{folder.name}", said, table))
        for method, setting, part in _rows(runs):
            counts = part["status"].value_counts()
            failed = int(counts.get("failed", 0))
            done, missing = int(counts.get("done", 0)), int(counts.get("missing", 0))
            names = {"results": folder.parent.name, "experiment": folder.name, "method": method, "setting": setting}
            rows.append({**names, "planned": len(part), "done": done, "failed": failed, "missing": missing})
            named = f"{method} ({setting})" if setting else method
            table.add_row(named, f"{done}/{len(part)}", Text(str(failed or ""), "red"), str(missing or ""))
        # Why another machine's runs failed is not told to others.
        if stored:
            failures += [(folder, row) for row in runs[runs["status"] == "failed"].to_dict("records")]
    if as_json:
        wanted = ("method", "seed", "fold", "key")
        failed_runs = [
            {"results": folder.parent.name, "experiment": folder.name, **{name: row[name] for name in wanted}}
            | {"error": _error_of(store, row["key"])}
            for folder, row in failures
        ]
        echo_json({"methods": rows, "failed": failed_runs})
        return
    for name, said, table in tables:
        console.print(name, style="bold")
        console.print(said, style="dim")
        console.print(table)
        console.print()
    for number, (folder, row) in enumerate(failures[:SHOWN_FAILURES]):
        which = f"{folder.parent.name}/{folder.name}: {row['method']}, seed {row['seed']}, fold {row['fold']}"
        console.print(Text.assemble(("Failed", "red"), f" {which} (key {row['key'][:12]})"))
        error = _error_of(store, row["key"]).rstrip()
        # Runs mostly fail alike: the way there is told once.
        console.print(error_line(error) if number else error, style="dim")
    if len(failures) > SHOWN_FAILURES:
        console.print(f"\n... and {len(failures) - SHOWN_FAILURES} more failed runs.")


def _error_of(store: Store, key: str) -> str:
    """Why a run failed; of a file that is damaged, or went meanwhile, that."""
    try:
        return store.failure(key)["error"]
    except StrokebenchError as error:
        return error.message


def _rows(runs: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Method, setting and runs of each row: a method by its variants and conditions, if they are few."""
    for method, part in runs.groupby("method", sort=False):
        settings = list(part.groupby(["variant_label", "condition_label"], sort=False))
        if len(settings) > SHOWN_SETTINGS:
            yield str(method), f"{len(settings)} settings", part
            continue
        for labels, own in settings:
            yield str(method), ", ".join(str(label) for label in labels if label not in ("", COMPLETE.name)), own
