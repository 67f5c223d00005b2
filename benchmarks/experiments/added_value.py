"""Do image and text add anything to a clinical model? The table, then image, text and both beside it."""

from pathlib import Path

from rich.console import RenderableType

from strokebench.benchmarks.experiments.find import experiment
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.experiment import Experiment, Plan
from strokebench.benchmarks.running.plans import method_runs, usable_methods, uses
from strokebench.reports.added_value.measure import CLINICAL, STEPS
from strokebench.reports.results import Results
from strokebench.tasks.paper_setup import PAPER_ORDER


@experiment
class AddedValue(Experiment):
    """Nested models on the same folds. Other methods than logistic regression are named by the user."""

    name, order = "added_value", 15
    needs_order = True
    title = "Added value: what image and text add to a clinical model"
    default_methods = ("logistic_components",)

    def plan(self, context: Context) -> Plan:
        methods, left_out = usable_methods(context, self.default_methods)
        runs = []
        for method in methods:
            if lacking := sorted({*PAPER_ORDER} - uses(method, context)):
                left_out[method] = f"it does not read {' and '.join(lacking)}: there is nothing to add step by step"
                continue
            for condition in (CLINICAL, *STEPS.values()):
                runs += method_runs(method, context, condition=condition)
        return Plan(runs, left_out)

    def report(self, results: Results, folder: Path) -> RenderableType:
        from strokebench.reports.added_value.section import added_value_section
        from strokebench.reports.tables.section import publish

        return publish(added_value_section(results, self.title), folder)
