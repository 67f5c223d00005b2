"""Which differences between the methods are real? Table 1's runs, pair by pair; nothing new is computed."""

from pathlib import Path
from typing import ClassVar

from rich.console import RenderableType

from strokebench.benchmarks.experiments.find import experiment
from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.reports.results import Results


@experiment
class Comparison(Table1):
    """Intervals, paired tests and non-inferiority against a reference, and all pairs.

    Class attributes:
        reference: registry name; None: VDAFM, or without it the best by validation AUC.
    """

    name, order = "comparison", 20
    needs_order = True
    references = False
    title = "Comparison: which differences between methods are real"
    reference: ClassVar[str | None] = None

    def report(self, results: Results, folder: Path) -> RenderableType:
        from strokebench.files import csv_text, write_text
        from strokebench.reports.comparison.compare import compare
        from strokebench.reports.comparison.section import comparison_section
        from strokebench.reports.comparison.table import pairs_frame
        from strokebench.reports.tables.section import publish

        compared = compare(results, self.reference)
        write_text(folder / "comparison_pairs.csv", csv_text(pairs_frame(compared), index=False))
        return publish(comparison_section(results, compared, self.title), folder)
