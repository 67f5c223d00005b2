"""Would the probabilities serve a patient? A clinical evaluation of the runs of Table 1."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from strokebench.benchmarks.experiment import Experiment, Plan, experiment
from strokebench.benchmarks.table1 import Table1

if TYPE_CHECKING:
    from rich.console import RenderableType

    from strokebench.benchmarks.context import Context
    from strokebench.reports.results import Results


@experiment
class Clinical(Experiment):
    """Calibration, decision curves, thresholds, hospitals and subgroups. Its runs are those of Table 1."""

    name = "clinical"
    title = "Clinical evaluation: calibration, decisions, hospitals, subgroups"

    def plan(self, context: Context) -> Plan:
        return Table1().plan(context)

    def report(self, results: Results, folder: Path) -> RenderableType:
        from strokebench.reports.clinical.sections import clinical_section
        from strokebench.reports.section import publish

        return publish(clinical_section(results, self.title), folder)
