"""Figure 5 of the paper: leave one hospital out (section 4.6)."""

from pathlib import Path

from rich.console import RenderableType

from strokebench.benchmarks.experiments.find import experiment
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.experiment import Experiment, Plan
from strokebench.benchmarks.running.plans import method_runs, usable_methods
from strokebench.errors import StrokebenchError
from strokebench.files import csv_text, write_text
from strokebench.reports.results import Results
from strokebench.tasks.paper_setup import NEW_HOSPITAL_METHODS


@experiment
class Figure5(Experiment):
    """Each hospital in turn is what the methods have never seen; the paper's four methods by default."""

    name, order = "figure5", 110
    needs_order = True
    title = "Figure 5: a hospital never seen in training"
    protocol = "loho"
    default_methods = NEW_HOSPITAL_METHODS

    def plan(self, context: Context) -> Plan:
        """Raises StrokebenchError where the context is split otherwise than by hospital."""
        if context.split.protocol != self.protocol:
            raise StrokebenchError(
                f"{self.name} needs the protocol {self.protocol}, not {context.split.protocol}.",
                f"Run it as `strokebench run {self.name}`, which splits by hospital.",
            )
        methods, left_out = usable_methods(context, self.default_methods)
        return Plan([run for method in methods for run in method_runs(method, context)], left_out)

    def report(self, results: Results, folder: Path) -> RenderableType:
        from strokebench.reports.hospitals.figure import PANELS, draw_forest, draw_hospitals
        from strokebench.reports.hospitals.pooled import further_hospital, pooled_table
        from strokebench.reports.hospitals.table import (
            auc_tables,
            few_patients,
            hospital_frame,
            hospital_lead,
            hospital_table,
        )
        from strokebench.reports.tables.section import Panel

        write_text(folder / "figure5_hospitals.csv", csv_text(hospital_frame(results), index=False))
        panels, metric = [], results.endpoint.ranked_by
        # Of grades one metric alone is a percentage, and the forest has it.
        if results.endpoint.binary and results.runs["fold"].nunique() <= PANELS:
            panels.append(
                Panel(
                    "figure5",
                    draw_hospitals(results),
                    title="Six metrics by hospital left out",
                    shows="How each method does at a hospital whose patients it has never seen, for each in turn.",
                    does_not_show="A confidence interval: the bars are of training seeds, while a small hospital's "
                    "patients alone move an AUC by ten points and more.",
                )
            )
        panels += [
            *(
                Panel(
                    f"figure5_forest{number or ''}",
                    figure,
                    title=f"{metric} by hospital left out, with its interval",
                    shows=f"The {metric} of each method at each hospital, and how far its patients' chance may move "
                    "it; below, all hospitals by random effects, and between which values a further one is expected.",
                    does_not_show=f"How the {metric} would vary with other training patients: the models are taken as "
                    "given.",
                )
                for number, figure in enumerate(draw_forest(results))
            ),
            *(
                Panel(
                    table.name,
                    table,
                    shows=f"The {metric} of each method at each hospital left out, and its plain mean over hospitals. "
                    "figure5_hospitals.csv has every metric, one line a hospital and method.",
                    does_not_show="Why a hospital is worse: case mix, scanner and prevalence all differ.",
                )
                for table in auc_tables(results)
            ),
            Panel(
                "figure5_pooled",
                pooled_table(results),
                shows="What the hospitals have in common, each weighed by what it tells, and between which values "
                "one more hospital like these would lie in 95 of 100 cases.",
                does_not_show="A hospital that is unlike these, in its patients, its scanner or its care.",
            ),
            Panel(
                "figure5_table",
                hospital_table(results),
                shows="Every metric at each hospital left out.",
                does_not_show="Metrics at a threshold that a hospital would choose for itself."
                if results.endpoint.binary
                else "What a grade means at a hospital: who read it, and when.",
                in_terminal=False,
            ),
        ]
        lead = f"{hospital_lead(results)} {further_hospital(results)}".strip()
        return self.publish(results, folder, panels, lead, few_patients(results))
