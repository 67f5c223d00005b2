"""Table 1 with hyper-parameters that each method's own search space is searched for, at the same budget."""

from pathlib import Path
from typing import ClassVar

from rich.console import RenderableType

from strokebench.benchmarks.experiments.find import experiment
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.experiment import Experiment, Plan
from strokebench.benchmarks.running.plans import method_runs, usable_methods
from strokebench.reports.results import Results


@experiment
class Tuned(Experiment):
    """Nested: each fold takes the setting that is best on its own validation part, and no test part has a say.

    Class attributes:
        budget: settings of each method, its default among them; fewer where its search space has fewer.
    """

    name, order, in_paper = "tuned", 25, False
    title = "Tuned: every method by a search of the same budget"
    budget: ClassVar[int] = 8

    def plan(self, context: Context) -> Plan:
        from strokebench.benchmarks.tuning.space import draw_settings

        methods, left_out = usable_methods(context)
        runs = []
        for method in methods:
            for params in ({}, *draw_settings(method, self.budget - 1)):
                runs += method_runs(method, context, params)
        return Plan(runs, left_out)

    def report(self, results: Results, folder: Path) -> RenderableType:
        from strokebench.files import csv_text, write_text
        from strokebench.reports.tables.section import Panel
        from strokebench.reports.tuning.nested import choices, nested_lead, nested_table, with_choices

        chosen = choices(results)
        write_text(folder / "tuned_choices.csv", csv_text(chosen, index=False))
        both = with_choices(results, chosen)
        panel = Panel(
            "tuned",
            nested_table(both, self.budget),
            shows="What each method gains when it may choose its hyper-parameters as often as every other.",
            does_not_show="The best that a method can do: a longer search, or another search space, may find more.",
        )
        return self.publish(results, folder, [panel], nested_lead(both))
