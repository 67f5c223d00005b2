"""What is an experiment? A plan of runs, and what is made of their results."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from strokebench.benchmarks.running.run import Run

if TYPE_CHECKING:
    from rich.console import RenderableType

    from strokebench.benchmarks.running.context import Context
    from strokebench.benchmarks.running.settings import Settings
    from strokebench.reports.results import Results
    from strokebench.reports.tables.section import Panel


@dataclass(frozen=True)
class Plan:
    """What an experiment wants computed, and what it leaves out.

    Args:
        runs: in the order of the tables.
        left_out: method -> why it cannot be run on this cohort.
    """

    runs: list[Run]
    left_out: Mapping[str, str] = field(default_factory=dict)


class Experiment(ABC):
    """One table or figure. One file in this folder each, marked `@experiment`.

    Class attributes:
        name: what `strokebench run` calls it. title: one line for lists.
        order: its place in the reading order; our own are below 1000.
        protocol: the only protocol that it makes sense under; None: the user's choice.
        sizes: of the networks, where it stays around the paper's own setting; None: the user's choice.
        in_paper: `strokebench paper` makes it with all others.
        compared_encoders: further pairs of encoders that its runs read, where the user names none.
        needs_events: it asks what only a binary endpoint can answer (AUC, calibration, net benefit).
        needs_order: it tests how well patients are ranked: by AUC, or of grades by c.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    order: ClassVar[int] = 1000
    protocol: ClassVar[str | None] = None
    sizes: ClassVar[str | None] = None
    in_paper: ClassVar[bool] = True
    compared_encoders: ClassVar[tuple[str, ...] | None] = None
    needs_events: ClassVar[bool] = False
    needs_order: ClassVar[bool] = False

    def settings(self, chosen: Settings) -> Settings:
        """What it is run with where the user chose this."""
        compared = self.compared_encoders and (chosen.compared_encoders or self.compared_encoders)
        protocol, sizes = self.protocol or chosen.protocol, self.sizes or chosen.sizes
        return replace(chosen, protocol=protocol, sizes=sizes, compared_encoders=compared)

    @abstractmethod
    def plan(self, context: Context) -> Plan:
        """The runs that it needs."""

    @abstractmethod
    def report(self, results: Results, folder: Path) -> RenderableType:
        """Write its tables and figures into `folder`, finished or not; what the terminal shows."""

    def publish(
        self, results: Results, folder: Path, panels: Sequence[Panel], lead: str, warnings: Sequence[str] = ()
    ) -> RenderableType:
        """Write tables and figures into `folder` as its section of the report; what the terminal shows."""
        from strokebench.reports.tables.caption import cohort_title
        from strokebench.reports.tables.section import Section, publish

        return publish(Section(self.name, self.title, cohort_title(results), panels, lead, warnings), folder)
