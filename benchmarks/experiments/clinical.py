"""Would the probabilities serve a patient? A clinical evaluation of the runs of Table 1."""

from pathlib import Path

from rich.console import RenderableType

from strokebench.benchmarks.experiments.find import experiment
from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.reports.results import Results


@experiment
class Clinical(Table1):
    """Calibration, decision curves, thresholds, hospitals and subgroups. Its runs are those of Table 1."""

    name, order = "clinical", 30
    needs_order = True
    references = False
    title = "Clinical evaluation: calibration, decisions, hospitals, subgroups"

    def report(self, results: Results, folder: Path) -> RenderableType:
        from strokebench.reports.clinical.sections import clinical_section
        from strokebench.reports.grades.section import graded_clinical_section
        from strokebench.reports.tables.section import publish

        section = graded_clinical_section if results.endpoint.dichotomies else clinical_section
        return publish(section(results, self.title), folder)
