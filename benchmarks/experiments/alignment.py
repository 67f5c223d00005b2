"""How far does joint encoding bring image and text together, and is it the losses that do it? (section 4.3)"""

from pathlib import Path

from rich.console import RenderableType

from strokebench.benchmarks.experiments.find import experiment
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.experiment import Experiment, Plan
from strokebench.benchmarks.running.plans import method_runs, usable_methods
from strokebench.reports.results import Results, variant_id
from strokebench.tasks.paper_setup import ALL_LOSSES, ANGLE_SEED, LOSS_WEIGHTS, LOSSES, PROPOSED

COMPLETE, WITHOUT = (variant_id(LOSSES[losses]) for losses in (ALL_LOSSES, "cls+con"))
"""What the losses' effect is measured with: all of them, and the same but for the alignment loss."""

VARIANTS = {
    COMPLETE: "All losses",
    WITHOUT: "Without the alignment loss",
    variant_id(LOSSES["cls"]): "Without alignment and contrastive loss",
}
"""Id -> label here; Table 3 shares the runs."""


@experiment
class Alignment(Experiment):
    """The angle between image and text of the test patients of one seed, with and without the losses."""

    name, order = "alignment", 100
    sizes = "paper"
    title = "Alignment: the angle between image and text"
    default_methods = (PROPOSED,)

    def plan(self, context: Context) -> Plan:
        """Folds of seed 42, or of the last seed where that is not among them."""
        methods, left_out = usable_methods(context, self.default_methods, LOSS_WEIGHTS)
        seeds = [fold.seed for fold in context.split.folds]
        seed = ANGLE_SEED if ANGLE_SEED in seeds else seeds[-1]
        runs = [
            run
            for method in methods
            for params in LOSSES.values()
            if (label := VARIANTS.get(variant_id(params)))
            for run in method_runs(method, context, params, label)
            if run.seed == seed
        ]
        return Plan(runs, left_out)

    def report(self, results: Results, folder: Path) -> RenderableType:
        from strokebench.reports.angles.figure import draw_angles
        from strokebench.reports.angles.table import angle_lead, angle_table
        from strokebench.reports.tables.section import Panel

        panels = [
            Panel(
                "alignment",
                angle_table(results, VARIANTS, COMPLETE),
                shows="How close image and text of one patient point in the same direction inside the network, before "
                "and after they are encoded together, with and without the losses meant to bring them together.",
                does_not_show="That a smaller angle predicts better: Table 3 tells what the losses do to prognosis.",
            )
        ]
        for method in results.methods:
            panels.append(
                Panel(
                    "alignment_picture" if len(results.methods) == 1 else f"alignment_picture_{method.name}",
                    draw_angles(results, method.name, VARIANTS),
                    title=f"Angles before and after joint encoding ({method.label})",
                    shows="How many patients have which angle, before and after, a panel each choice of losses.",
                    does_not_show="Whether image and text agree on the patient: an angle near 0 may also mean that "
                    "joint encoding made all representations alike.",
                )
            )
        lead = angle_lead(results, VARIANTS, COMPLETE, WITHOUT)
        return self.publish(results, folder, panels, lead)
