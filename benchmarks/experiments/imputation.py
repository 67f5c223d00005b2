"""What is it worth to fill gaps of the table otherwise than by the most frequent value?"""

from dataclasses import replace
from pathlib import Path

from rich.console import RenderableType

from strokebench.benchmarks.experiments.find import experiment
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.experiment import Experiment, Plan
from strokebench.benchmarks.running.plans import method_runs, usable_methods, uses
from strokebench.reports.results import Results
from strokebench.tasks.preparing.imputing import IMPUTERS

LABELS = {"iterative": "iterative, with indicators"}


@experiment
class Imputation(Experiment):
    """The paper's mode beside imputation by all other columns with indicators of gaps, fitted on the training part."""

    name, order, in_paper = "imputation", 122, False
    needs_order = True
    title = "Imputation: what filling gaps of the table otherwise is worth"
    default_methods = ("logistic_regression", "random_forest", "vdafm")

    def plan(self, context: Context) -> Plan:
        methods, left_out = usable_methods(context, self.default_methods)
        inputs = context.cohort.table.drop(columns=list(context.banned_columns)).loc[context.labels.index]
        runs = []
        for method in methods:
            if "table" not in uses(method, context):
                left_out[method] = "it does not read the table"
            elif not inputs.isna().any(axis=None):
                left_out[method] = f"the table of {context.cohort.title} has no gaps"
            else:
                runs += method_runs(method, context, label="mode")
                for way in IMPUTERS:
                    own = method_runs(method, context, label=LABELS.get(way, way), variant=way)
                    runs += [replace(run, imputation=way) for run in own]
        return Plan(runs, left_out)

    def report(self, results: Results, folder: Path) -> RenderableType:
        from strokebench.reports.ablation.table import Entry, nothing_planned
        from strokebench.reports.choices.table import choices_lead, choices_table, setting_gains
        from strokebench.reports.statistics.headline import headline_of
        from strokebench.reports.tables.section import Panel
        from strokebench.tasks.conditions import COMPLETE

        entries = [
            Entry(method.name, way, COMPLETE.id, label, complete=not way)
            for method in results.methods
            for way, label in {"": "mode (the paper's)", **LABELS}.items()
        ]
        headline, against = headline_of(results), "the mode"
        note = (
            "Iterative: each number is predicted from all other columns (scikit-learn's IterativeImputer with Bayesian "
            "ridge regression), and each column with gaps has an indicator beside it; categories keep the mode. Fitted "
            "on the training part alone. What a method reads by role (age, NIHSS) keeps the training median."
        )
        title = "Methods by how gaps of the table are filled"
        panel = Panel(
            "imputation",
            choices_table(results, headline, "imputation", title, entries, against, "Imputation", [note]),
            shows="For each method, what filling gaps by the other columns, and telling that there was one, is worth.",
            does_not_show="What the missing values were, nor what holds where values are missing for other reasons.",
        )
        lead = choices_lead(results, setting_gains(results, headline, entries), against)
        if not len(results.runs):
            lead = nothing_planned(results)
        return self.publish(results, folder, [panel], lead)
