"""What is each reading worth where the paper's text is silent? Judged on validation parts, never on test parts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.console import RenderableType

from strokebench.benchmarks.experiments.find import experiment
from strokebench.benchmarks.keys.described import described
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.experiment import Experiment, Plan
from strokebench.benchmarks.running.plans import method_runs, usable_methods
from strokebench.reports.results import Results, variant_id
from strokebench.tasks.preparing.scaling import COLUMN
from strokebench.tasks.protocols import VALIDATION_SHARE


@dataclass(frozen=True)
class PaperReading:
    """One way to read what is not said.

    Args:
        params: hyper-parameters that differ from the default reading's. scaling: of the features.
    """

    label: str
    params: Mapping[str, Any] = field(default_factory=dict)
    scaling: str = COLUMN

    @property
    def variant(self) -> str:
        """The id of its runs."""
        return variant_id({**self.params, **({} if self.scaling == COLUMN else {"scaling": self.scaling})})


DEFAULT = PaperReading("as in the other tables")
READINGS = (
    DEFAULT,
    PaperReading("features scaled by block", scaling="block"),
    PaperReading("ReLU after the last maps of image and text", {"output": "relu"}),
    PaperReading("batch of 16", {"batch_size": 16}),
    PaperReading("batch of 64", {"batch_size": 64}),
    PaperReading("weight decay 0.0001 (the paper's is 0)", {"weight_decay": 1e-4}),
    PaperReading("weight decay 0.01 (the paper's is 0)", {"weight_decay": 1e-2}),
    PaperReading("semantic loss by squared distance", {"semantic_loss": "mse"}),
    PaperReading("semantic loss by InfoNCE", {"semantic_loss": "infonce"}),
)


@experiment
class Readings(Experiment):
    """Each fold's validation part is tested, and selection is by a fifth of its training part. Other networks have the
    readings that they have parameters for."""

    name, order, in_paper = "readings", 124, False
    needs_order = True
    protocol = "cv5"
    title = "Readings: what the paper does not say, on validation parts"
    default_methods = ("vdafm",)

    def plan(self, context: Context) -> Plan:
        methods, left_out = usable_methods(context, self.default_methods, ("batch_size",))
        runs = []
        for method in methods:
            for reading in READINGS:
                if reading.params.keys() <= described(method).defaults.keys():
                    own = method_runs(method, context, reading.params, reading.label, variant=reading.variant)
                    runs += [replace(run, on_validation=True, scaling=reading.scaling) for run in own]
        return Plan(runs, left_out)

    def report(self, results: Results, folder: Path) -> RenderableType:
        from strokebench.reports.ablation.table import Entry
        from strokebench.reports.choices.table import choices_lead, choices_table, setting_gains
        from strokebench.reports.statistics.headline import headline_of
        from strokebench.reports.tables.section import Panel
        from strokebench.tasks.conditions import COMPLETE

        entries = [
            Entry(method.name, reading.variant, COMPLETE.id, reading.label, complete=reading == DEFAULT)
            for method in results.methods
            for reading in READINGS
        ]
        headline = headline_of(results, VALIDATION_SHARE / (1 - VALIDATION_SHARE))
        title, against = "Readings of the paper's silent points, on validation parts", "the default reading"
        note = (
            "Validation parts: of each fold the patients that select elsewhere are predicted here, a fifth of the "
            "training part selects, and the test patients have no say. So numbers are of fewer training patients than "
            "those of Table 1, and a reading may be chosen by them. Which readings were tried is our choice."
        )
        panel = Panel(
            "readings",
            choices_table(results, headline, self.name, title, entries, against, "Reading", [note]),
            shows="What each reading of the silent points is worth against the one that all tables here have.",
            does_not_show="What the authors did: a reading that does better is no likelier to be theirs.",
        )
        lead = f"On validation parts: {choices_lead(results, setting_gains(results, headline, entries), against)}"
        return self.publish(results, folder, [panel], lead)
