"""Would more patients help? The same test patients, and methods that learn from fewer and fewer."""

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from rich.console import RenderableType

from strokebench.benchmarks.experiments.find import experiment
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.experiment import Experiment, Plan
from strokebench.benchmarks.running.plans import method_runs, usable_methods
from strokebench.reports.results import Results


@experiment
class LearningCurve(Experiment):
    """Stratified shares of each training part, smaller ones within larger ones; validation and test parts are whole.

    Class attributes:
        shares: of the training patients; all of them are the runs of Table 1.
    """

    name, order, in_paper = "learning_curve", 123, False
    needs_order = True
    title = "Learning curve: would more patients help?"
    default_methods = ("logistic_components", "random_forest", "concat", "vdafm")
    shares: ClassVar[tuple[float, ...]] = (0.2, 0.4, 0.6, 0.8, 1.0)

    def variants(self) -> dict[str, float]:
        """Variant of a setting -> share."""
        return {"" if share == 1 else f"share={share:g}": share for share in self.shares}

    def plan(self, context: Context) -> Plan:
        methods, left_out = usable_methods(context, self.default_methods)
        runs = []
        for method in methods:
            for variant, share in self.variants().items():
                label = f"{100 * share:g} % of the training patients"
                own = method_runs(method, context, label=label, variant=variant)
                runs += [replace(run, share=share) for run in own]
        return Plan(runs, left_out)

    def report(self, results: Results, folder: Path) -> RenderableType:
        from strokebench.reports.ablation.table import Entry
        from strokebench.reports.choices.table import choices_table
        from strokebench.reports.learning.curve import curve_lead, draw_curve, slopes
        from strokebench.reports.statistics.headline import headline_of
        from strokebench.reports.tables.section import Panel
        from strokebench.tasks.conditions import COMPLETE

        shares, headline = self.variants(), headline_of(results)
        entries = [
            Entry(method.name, variant, COMPLETE.id, f"{100 * share:g} %", complete=share == 1)
            for method in results.methods
            for variant, share in shares.items()
        ]
        note = (
            "Shares of each training part, drawn by its seed, stratified, smaller ones within larger ones; at least "
            "two patients of a class. The validation part, which ends training, is whole: it too would be smaller."
        )
        title, against = "Methods by the share of training patients", "all training patients"
        panels = [
            Panel(
                "learning_curve",
                choices_table(results, headline, "learning_curve", title, entries, against, "Patients", [note]),
                shows="What each method loses where it learns from fewer patients, on the same test patients.",
                does_not_show="Which method is better with many more patients than there are here.",
            ),
            Panel(
                "learning_curve_picture",
                draw_curve(results, headline, entries, shares),
                title="Methods by the share of training patients",
                shows="Whether a curve still rises at its right end, with the 95 % interval of each point.",
                does_not_show="Which differences are real: all points share their test patients. The table tells.",
            ),
        ]
        lead = curve_lead(results, slopes(results, headline, entries, shares))
        return self.publish(results, folder, panels, lead)
