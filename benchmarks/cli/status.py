"""`strokebench status`: how far is every experiment, and why did runs fail?"""

import pandas as pd
from rich.table import Table

from strokebench.benchmarks.running.store import Store
from strokebench.files import home
from strokebench.reports.results import RUNS_FILE, read_provenance
from strokebench.reports.tables.console import make_console

SHOWN_FAILURES = 5


def status() -> None:
    """How far every experiment is, and why runs failed."""
    # The runs are those that each last planned; how far they are tells the store, also while a call goes on.
    console = make_console()
    root, store = home("results"), Store()
    found = sorted(path.parent for path in root.glob(f"*/*/{RUNS_FILE}"))
    if not found:
        console.print(f"No results below {root} yet. Start with `make table1`.", soft_wrap=True)
        return
    table = Table("Cohort, outcome, protocol", "Experiment", "Done", "Failed", "Missing", "Method", box=None)
    failures = []
    for folder in found:
        runs = pd.read_parquet(folder / RUNS_FILE)
        imported = read_provenance(folder).get("imported", False)
        if not imported:
            runs["status"] = [store.status(key) for key in runs["key"]]
        for number, (method, part) in enumerate(runs.groupby("method", sort=False)):
            counts = part["status"].value_counts()
            first = number == 0
            failed = int(counts.get("failed", 0))
            table.add_row(
                folder.parent.name if first else "",
                folder.name if first else "",
                f"{counts.get('done', 0)}/{len(part)}",
                f"[red]{failed}[/]" if failed else "",
                str(counts.get("missing", "")),
                str(method),
            )
        # Why another machine's runs failed is not told to others.
        if not imported:
            failures += [(folder, row) for row in runs[runs["status"] == "failed"].to_dict("records")]
    console.print(table)
    for folder, row in failures[:SHOWN_FAILURES]:
        console.print(
            f"\n[red]Failed[/] {folder.parent.name}/{folder.name}: {row['method']}, seed {row['seed']},"
            f" fold {row['fold']} (key {row['key'][:12]})"
        )
        console.print(store.failure(row["key"])["error"].rstrip(), markup=False, style="dim")
    if len(failures) > SHOWN_FAILURES:
        console.print(f"\n... and {len(failures) - SHOWN_FAILURES} more failed runs.")
    for folder in found:
        if facts := read_provenance(folder):
            said = f"{facts.get('title', '')}, newest run {facts.get('created', '–')}"
            console.print(f"[dim]{folder.parent.name}/{folder.name}: {said}[/]")
