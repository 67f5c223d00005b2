"""Experiments on a grid of hyper-parameters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, ClassVar

from rich.console import RenderableType

from strokebench.benchmarks.keys.described import described
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.experiment import Experiment, Plan
from strokebench.benchmarks.running.plans import method_runs, size_params, usable_methods
from strokebench.reports.grids.table import GridPoint
from strokebench.reports.results import Results
from strokebench.tasks.paper_setup import apart


@dataclass(frozen=True)
class Grid:
    """Values to try of each axis.

    Args:
        axes: parameter -> values; `a:b` -> values like `512:256` for parameters that vary together.
        ours: values that the paper did not try, which are marked.
    """

    axes: Mapping[str, Sequence[Any]]
    ours: Sequence[Any] = ()

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of all parameters."""
        return tuple(name for axis, values in self.axes.items() for name in apart(axis, values[0]))

    def points(self, method: str, sizes: str, tuned: bool = False) -> list[GridPoint]:
        """Every setting, the last axis fastest.

        Args:
            sizes: of the network elsewhere.
            tuned: parameters come from a file, which must not take the place of the grid's own.

        Raises:
            ValueError: the method lacks a parameter of the grid.
        """
        defaults = {**described(method).defaults, **size_params(method, sizes)}
        if lacking := [name for name in self.parameters if name not in defaults]:
            raise ValueError(f"{method} has no parameter {lacking[0]}.")
        points = []
        for combination in product(*self.axes.values()):
            values = dict(zip(self.axes, combination, strict=True))
            params = {name: value for axis, joint in values.items() for name, value in apart(axis, joint).items()}
            chosen = all(defaults[name] == value for name, value in params.items())
            label = ", ".join(f"{name}={value}" for name, value in params.items())
            label += " (ours)" if set(values.values()) & set(self.ours) else ""
            values = {axis: f"{value} (ours)" if value in self.ours else value for axis, value in values.items()}
            points.append(GridPoint(label, values, {} if chosen and not tuned else params, chosen))
        return points


class GridExperiment(Experiment):
    """A method under every setting of a grid. Subclasses declare, and are marked `@experiment`.

    Class attributes:
        grid: what varies. metrics: which ones the figure draws; empty, or of another outcome: all.
        shows, does_not_show: the figure's words.
    """

    sizes = "paper"
    grid: ClassVar[Grid]
    metrics: ClassVar[tuple[str, ...]] = ()
    shows: ClassVar[str]
    does_not_show: ClassVar[str] = (
        "Which setting is best: the bars overlap, and the same test patients stand behind all points."
    )
    default_methods: ClassVar[tuple[str, ...]] = ("vdafm",)

    def plan(self, context: Context) -> Plan:
        """All points on the folds of the first `grid_seeds` seeds: the paper's grid search is one cross-validation."""
        methods, left_out = usable_methods(context, self.default_methods, self.grid.parameters)
        seeds = list(dict.fromkeys(fold.seed for fold in context.split.folds))[: context.settings.grid_seeds]
        runs = []
        for method in methods:
            for point in self.grid.points(method, context.settings.sizes, method in context.tuned):
                runs += [run for run in method_runs(method, context, point.params, point.label) if run.seed in seeds]
        return Plan(runs, left_out)

    def report(self, results: Results, folder: Path) -> RenderableType:
        from strokebench.reports.grids.figure import draw_grid
        from strokebench.reports.grids.table import grid_lead, grid_table
        from strokebench.reports.tables.section import Panel

        sizes, tuned = results.provenance.get("sizes", "paper"), results.provenance.get("tuned", {})
        metrics = [name for name in self.metrics if name in results.judged_by] or list(results.judged_by)
        points = {method.name: self.grid.points(method.name, sizes, method.name in tuned) for method in results.methods}
        panels = []
        for method, settings in points.items():
            label = results.method(method).label
            panels.append(
                Panel(
                    self.name if len(points) == 1 else f"{self.name}_{method}",
                    draw_grid(results, method, settings, metrics),
                    title=f"{self.title} ({label})",
                    shows=self.shows,
                    does_not_show=self.does_not_show,
                )
            )
        panels.append(
            Panel(
                f"{self.name}_table",
                grid_table(results, f"{self.name}_table", self.title, points),
                shows=f"Every setting with all metrics, and its {results.compared_by} against the chosen setting on "
                "the same runs.",
                does_not_show="An unbiased choice: the best of many settings looks better than it is.",
            )
        )
        lead = " ".join(grid_lead(results, method, settings) for method, settings in points.items())
        return self.publish(results, folder, panels, lead)
