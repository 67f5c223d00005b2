"""Table 3 of the paper: which of VDAFM's losses matter (section 4.4)."""

from pathlib import Path

from rich.console import RenderableType

from strokebench.benchmarks.experiments.find import experiment
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.experiment import Experiment, Plan
from strokebench.benchmarks.running.plans import method_runs, usable_methods
from strokebench.reports.results import Results, variant_id
from strokebench.tasks.conditions import COMPLETE
from strokebench.tasks.paper_setup import ALL_LOSSES, LOSS_LABELS, LOSS_WEIGHTS, LOSSES, PROPOSED


@experiment
class Table3(Experiment):
    """The classification loss alone, with each of the other two, and with both."""

    name, order = "table3", 50
    sizes = "paper"
    title = "Table 3: which losses matter"
    default_methods = (PROPOSED,)

    def plan(self, context: Context) -> Plan:
        methods, left_out = usable_methods(context, self.default_methods, LOSS_WEIGHTS)
        runs = [
            run
            for method in methods
            for losses, params in LOSSES.items()
            for run in method_runs(method, context, params, LOSS_LABELS[losses])
        ]
        return Plan(runs, left_out)

    def report(self, results: Results, folder: Path) -> RenderableType:
        from strokebench.reports.ablation.figure import draw_ablation
        from strokebench.reports.ablation.table import Entry, ablation_lead, ablation_table, nothing_planned
        from strokebench.reports.tables.section import Panel

        entries = [
            Entry(method.name, variant_id(params), COMPLETE.id, LOSS_LABELS[losses], losses, losses == ALL_LOSSES)
            for method in results.methods
            for losses, params in LOSSES.items()
        ]
        note = "Rows 2 and 3 of the paper's table are named by the order in its text, and may be exchanged."
        table = ablation_table(
            results, "table3", "Table 3. Prognosis by loss", entries, "table3", head="Losses", notes=[note]
        )
        series = [
            (method.label, ablation_table(results, "", "", [e for e in entries if e.method == method.name], "table3"))
            for method in results.methods
        ]
        panels = [
            Panel(
                "table3",
                table,
                shows="How well the method does when it is trained with fewer of its three losses.",
                does_not_show="That a loss is useless where nothing changes: its weight is small, the spread is not.",
            ),
            Panel(
                "table3_picture",
                draw_ablation(results, series),
                title=f"{results.compared_by} by loss",
                shows=f"The mean {results.compared_by} of each choice of losses, with the standard deviation over "
                "runs.",
                does_not_show="A confidence interval: the runs share patients, so the spread is no standard error.",
            ),
        ]
        lead = " ".join(ablation_lead(results, method.name, entries) for method in results.methods)
        return self.publish(results, folder, panels, lead or nothing_planned(results))
