"""Table 1 of the paper: every method, on the same folds, with its default hyper-parameters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from strokebench.benchmarks.experiment import Experiment, Plan, experiment
from strokebench.benchmarks.plans import method_runs, usable_methods

if TYPE_CHECKING:
    from rich.console import RenderableType

    from strokebench.benchmarks.context import Context
    from strokebench.reports.results import Results


@experiment
class Table1(Experiment):
    """The main result. Two tables are written: `table1`, and `table1_cost` with times and memory beside."""

    name = "table1"
    title = "Table 1: six metrics of every method"

    def plan(self, context: Context) -> Plan:
        methods, left_out = usable_methods(context)
        return Plan([run for method in methods for run in method_runs(method, context)], left_out)

    def report(self, results: Results, folder: Path) -> RenderableType:
        from strokebench.reports.render import to_rich, write_table
        from strokebench.reports.table1 import table1

        table = table1(results)
        write_table(table, folder)
        write_table(table1(results, cost=True), folder, "table1_cost")
        return to_rich(table)
