"""What if a patient comes without an image, a text or a table?"""

from pathlib import Path

from rich.console import RenderableType

from strokebench.benchmarks.experiments.find import experiment
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.experiment import Experiment, Plan
from strokebench.benchmarks.running.plans import method_runs, usable_methods, uses
from strokebench.reports.missing.table import ORDER, missing_conditions
from strokebench.reports.results import Results


@experiment
class MissingModalities(Experiment):
    """Every subset, every rate of gaps, and each modality's worth, to the proposal and to a row made for gaps.

    Eight fits a fold and method serve all conditions.
    """

    name, order = "missing", 120
    needs_order = True
    title = "Missing modalities: subsets, random gaps, and what each is worth"
    default_methods = ("vdafm", "modality_dropout")

    def plan(self, context: Context) -> Plan:
        methods, left_out = usable_methods(context, self.default_methods)
        runs = []
        for method in methods:
            if uses(method, context) != frozenset(ORDER):
                left_out[method] = f"it does not read {', '.join(ORDER)}, all of them and no other"
                continue
            for condition in missing_conditions(context.embeddings.sequences):
                runs += method_runs(method, context, condition=condition)
        return Plan(runs, left_out)

    def report(self, results: Results, folder: Path) -> RenderableType:
        from strokebench.reports.missing.figure import draw_rates, draw_shapley
        from strokebench.reports.missing.table import (
            WAYS,
            measure,
            missing_lead,
            rates_table,
            shapley_table,
            subsets_table,
        )
        from strokebench.reports.tables.section import Panel

        metric = results.endpoint.ranked_by
        measured = {method.name: measure(results, method.name) for method in results.methods}
        panels = [
            Panel(
                "missing_subsets",
                subsets_table(results, measured),
                shows="How well the method does with some sources of knowledge only, by how the rest was taken away.",
                does_not_show="What a source is worth to a doctor, or to a method that reads it better.",
            ),
            Panel(
                "missing_rates",
                rates_table(results, measured),
                shows="How much is lost when some patients come without a source that the method was trained with.",
                does_not_show="Gaps as they arise in hospitals: here who lacks what is drawn at random, while in truth "
                "the sickest may lack most.",
            ),
        ]
        for method, found in measured.items():
            if found is None:
                continue
            suffix = "" if len(measured) == 1 else f"_{method}"
            label = results.method(method).label
            panels.append(
                Panel(
                    f"missing_curves{suffix}",
                    draw_rates(results, method, found),
                    title=f"{metric} of {label} by share of patients who lack a modality",
                    shows=f"The mean {metric} over runs and its 95 % interval over patients. Hollow: trained with the "
                    "same gaps as it is tested with.",
                    does_not_show="Gaps that depend on how ill a patient is.",
                )
            )
            if any(found.contributions(way) is not None for way in WAYS):
                panels.append(
                    Panel(
                        f"shapley_picture{suffix}",
                        draw_shapley(results, method, found),
                        title=f"What each modality is worth to {label}",
                        shows=f"Points of {metric} that each source adds, fairly divided (Shapley values); whiskers: "
                        "95 % interval over test patients alone, too narrow where models depend on whom they learnt "
                        "from.",
                        does_not_show="What the source could be worth: only what this method draws from it, beside "
                        "the other two. Sources that say the same share their worth.",
                    )
                )
        panels.append(
            Panel(
                "shapley",
                shapley_table(results, measured),
                shows="The numbers behind the bars, with their spread over runs.",
                does_not_show="Causes: a modality may carry what another one measures too.",
            )
        )
        return self.publish(results, folder, panels, missing_lead(results, measured))
