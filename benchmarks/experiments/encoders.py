"""What is an encoder worth? The same methods on the same folds, with arrays of one pair of encoders after another."""

from dataclasses import replace
from pathlib import Path

from rich.console import RenderableType

from strokebench.benchmarks.experiments.find import experiment
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.experiment import Experiment, Plan
from strokebench.benchmarks.running.plans import method_runs, usable_methods, uses
from strokebench.reports.results import Results

ENCODED = frozenset({"image", "text"})


@experiment
class Encoders(Experiment):
    """Pairs of encoders against the chosen one, with the cost of encoding. Further methods are named by the user."""

    name, order, in_paper = "encoders", 125, False
    needs_order = True
    title = "Encoders: what another encoder of images or texts is worth"
    default_methods = ("logistic_components", "concat")
    compared_encoders = ("untrained_stages+minilm", "efficientnet_lite0+minilm")

    def plan(self, context: Context) -> Plan:
        methods, left_out = usable_methods(context, self.default_methods)
        runs = []
        for method in methods:
            if not uses(method, context) & ENCODED:
                left_out[method] = "it reads neither image nor text"
                continue
            own = context.settings.encoders
            for pair in (own, *context.others):
                made = method_runs(method, context, label=pair, variant=pair)
                runs += [replace(run, encoders="" if pair == own else pair) for run in made]
        return Plan(runs, left_out)

    def report(self, results: Results, folder: Path) -> RenderableType:
        from strokebench.reports.encoders.table import encoders_section
        from strokebench.reports.tables.section import publish

        return publish(encoders_section(results, self.title), folder)
