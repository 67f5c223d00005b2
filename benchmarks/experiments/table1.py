"""Table 1 of the paper: every method, on the same folds, with its default hyper-parameters."""

from pathlib import Path
from typing import ClassVar

from rich.console import RenderableType

from strokebench.benchmarks.experiments.find import experiment
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.experiment import Experiment, Plan
from strokebench.benchmarks.running.plans import method_runs, usable_methods
from strokebench.reports.results import Results
from strokebench.tasks.paper_setup import PROPOSED, SIZES


@experiment
class Table1(Experiment):
    """The main result, the proposal at the paper's sizes too; `table1_cost` has times and memory.

    Class attributes:
        references: whether the rows that are not the paper's are run too where the user names no methods.
    """

    name, order = "table1", 10
    title = "Table 1: every method by the same metrics"
    references: ClassVar[bool] = True

    def plan(self, context: Context) -> Plan:
        methods, left_out = usable_methods(context, references=self.references)
        runs = [run for method in methods for run in method_runs(method, context)]
        # With parameters from a file there are no sizes to compare.
        if PROPOSED in methods and PROPOSED not in context.tuned and context.settings.sizes != "paper":
            runs += method_runs(PROPOSED, context, SIZES["paper"], "the paper's sizes")
        return Plan(runs, left_out)

    def report(self, results: Results, folder: Path) -> RenderableType:
        from strokebench.reports.grades.section import ranking_panels
        from strokebench.reports.statistics.headline import auc_intervals, headline_of
        from strokebench.reports.table1.figure import draw_table1
        from strokebench.reports.table1.table import table1, table1_lead
        from strokebench.reports.tables.section import Panel

        table = table1(results)
        told = "patients with label 1 from the others" if results.endpoint.binary else "patients apart by their label"
        headline = headline_of(results)
        first, intervals = table.columns[0].title, auc_intervals(results, headline)
        bar = "95 % interval" if intervals else "standard deviation over runs"
        panels = [
            Panel(
                "table1",
                table,
                shows=f"How well each method tells {told} on the same test patients.",
                does_not_show="Which differences are real: neighbours usually differ by less than the spread.",
            ),
            Panel(
                "table1_picture",
                draw_table1(table, intervals=intervals),
                title=f"{first} by method",
                shows=f"The mean {first} of each method (filled) and its {bar} (bar).",
                does_not_show="Which differences are real: all methods saw the same patients. The comparison tells."
                if intervals
                else "A confidence interval: the runs share patients, so the spread is not a standard error.",
            ),
            Panel(
                "table1_cost",
                table1(results, cost=True),
                shows="What each method costs a run, beside what it achieves.",
                does_not_show="Speed on other machines.",
                in_terminal=False,
            ),
            *(ranking_panels(results) if results.endpoint.dichotomies else ()),
        ]
        return self.publish(results, folder, panels, table1_lead(results, headline))
