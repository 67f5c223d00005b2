"""Everything that the paper reports, beside the same here: what agrees, what does not, and what cannot be true."""

from pathlib import Path

from rich.console import RenderableType

from strokebench.benchmarks.experiments.find import experiment
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.experiment import Experiment, Plan
from strokebench.benchmarks.running.plans import method_runs, usable_methods
from strokebench.reports.results import Results
from strokebench.tasks.paper_setup import PROPOSED


@experiment
class Paper(Experiment):
    """The runs of Tables 1 to 3, of figures 2 and 4 and of the search over dropout, as far as the paper gives
    numbers; under its protocol, four seeds on one test part, and all networks at its sizes."""

    name, order = "paper", 130
    needs_events = True
    title = "The paper's numbers beside ours"
    protocol = "holdout"
    sizes = "paper"

    def plan(self, context: Context) -> Plan:
        from strokebench.reports.paper.numbers import planned_settings

        methods, left_out = usable_methods(context)
        # Methods that the paper does not have are not left out: nothing of it stands beside them.
        settings = [setting for setting in planned_settings() if setting.method in methods]
        runs = []
        for setting in settings:
            runs += method_runs(setting.method, context, setting.params, setting.label, setting.condition)
        if PROPOSED in left_out:
            left_out[PROPOSED] += "; Tables 2 and 3 and the figures stay empty"
        return Plan(runs, left_out)

    def report(self, results: Results, folder: Path) -> RenderableType:
        from strokebench.reports.audit.table import audit_table, matrices_table
        from strokebench.reports.paper.compare import PAPER, compare, paper_audit
        from strokebench.reports.paper.figure import draw_comparison
        from strokebench.reports.paper.statements import statements
        from strokebench.reports.paper.table import (
            comparison_lead,
            comparison_table,
            notes_table,
            statements_table,
            verdict_table,
        )
        from strokebench.reports.tables.caption import setting_line
        from strokebench.reports.tables.section import Panel

        findings = paper_audit()
        comparisons = compare(results, findings)
        other = "Whether the paper's results can be replicated: the patients are others."
        panels = [
            Panel(
                "paper_verdicts",
                verdict_table(results, comparisons),
                shows="How many of the paper's numbers lie above ours, below, or within the noise of both.",
                does_not_show=other,
            ),
            Panel(
                "paper_picture",
                draw_comparison(comparisons, setting_line(results)),
                title="The paper's means against ours",
                shows="Each point is a row of the paper; on the dotted line both means are equal. Hollow points cannot "
                "be compared.",
                does_not_show=other,
            ),
            Panel(
                "paper_comparison",
                comparison_table(results, comparisons),
                shows="Every number that can be read in the paper, the same one here, and how the two compare.",
                does_not_show=other,
                in_terminal=False,
            ),
            Panel(
                "paper_statements",
                statements_table(results, statements(results)),
                shows="What the paper says of orders and leads, and whether the means here are in the same order.",
                does_not_show="Whether an order is more than chance: most leads are smaller than the noise.",
            ),
            Panel(
                "paper_audit",
                audit_table(findings, PAPER, "paper_audit", "Audit of the paper's tables"),
                shows="Which printed rows can come from four runs on 46 positive and 100 negative patients, and the "
                "number of true positives and true negatives of each run that follows.",
                does_not_show="Why a row is impossible: a misprint and another protocol look alike.",
            ),
            Panel(
                "paper_audit_matrices",
                matrices_table(findings, PAPER, "paper_audit_matrices"),
                shows="The confusion matrices of the paper's runs, recovered from its printed means and deviations.",
                does_not_show="Which run had which seed.",
                in_terminal=False,
            ),
            Panel(
                "paper_notes",
                notes_table(),
                shows="Where the paper contradicts itself or is silent, and what is assumed here.",
                does_not_show="What its authors did.",
                in_terminal=False,
            ),
        ]
        lead = comparison_lead(results, comparisons)
        return self.publish(results, folder, panels, lead)
