"""The bar that runs move, with the time left."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Event, Thread
from typing import TYPE_CHECKING, Self

from strokebench.benchmarks.running.costs import duration

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

    from strokebench.reports.results import Results


LINE_EVERY = 60.0
"""Seconds between the lines of a log file, where a terminal has a bar."""


class StepProgress:
    """A bar for each step of long work, made when the step first reports."""

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self.tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # A bar that never had a step would leave an empty line.
        if self.tasks:
            self.bar.stop()

    def step(self, name: str, done: int, total: int) -> None:
        """So much of a step is done."""
        if name not in self.tasks:
            self.bar.start()
            self.tasks[name] = self.bar.add_task(name, total=total)
        self.bar.update(self.tasks[name], completed=done, total=total)


class RunProgress:
    """A Rich progress bar over runs that weighs each by its expected seconds; in a log file, a line a minute.

    Args:
        seconds: expected seconds of each run, by key; nothing is shown where there are none.
    """

    def __init__(self, console: Console, seconds: Mapping[str, float]) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self.seconds, self.done, self.failed = dict(seconds), 0, 0
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[runs]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=console,
            transient=True,
            # Runs end minutes apart: a short memory would forget the speed.
            speed_estimate_period=3600,
            # To draw the bar ten times a second costs a fiftieth of a core.
            refresh_per_second=1,
            disable=not seconds,
        )
        self.task = self.bar.add_task("Runs", total=sum(seconds.values()), runs=self._runs())
        self.ended = Event()

    def __enter__(self) -> Self:
        self.bar.start()
        # From here on: the first time that the bar hears of is otherwise that of the first run's end.
        self.bar.advance(self.task, 0)
        if self.seconds and not self.bar.console.is_terminal:
            Thread(target=self._write_lines, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.bar.stop()

    def _write_lines(self) -> None:
        while not self.ended.wait(LINE_EVERY):
            left = self.bar.tasks[self.task].time_remaining
            # At the end tables are written, and no more is known of how long.
            still = "" if left is None or self.done == len(self.seconds) else f", about {duration(left)} left"
            self.bar.console.print(f"  {self._runs()} runs ended{still}")

    def expect(self, seconds: Mapping[str, float]) -> None:
        """Runs that have not ended yet are now expected to take these seconds, by key."""
        self.seconds.update(seconds)
        # `update` would forget the speed, and with it the time left.
        self.bar.tasks[0].total = sum(self.seconds.values())

    def advance(self, key: str, status: str) -> None:
        """A run ended."""
        self.done += 1
        if status == "failed":
            self.failed += 1
        self.bar.update(self.task, advance=self.seconds[key], runs=self._runs())

    def completed(self, method: str, results: Results, where: str = "") -> None:
        """All runs of a method ended, in the experiment `where`: say its first metric, as a first look."""
        from strokebench.reports.summary import summarise
        from strokebench.reports.table1.table import metric_cells, metric_columns
        from strokebench.reports.tables.table import show

        summary = summarise(results)
        labels = {setting.key: setting.label for setting in results.settings.values()}
        column = metric_columns(results)[0]
        for record in summary[summary["method"] == method].to_dict("records"):
            row = {str(name): value for name, value in record.items()}
            value = show(metric_cells(results, row)[column.key], column.kind)
            label = labels[row["method"], row["variant"], row["condition"]]
            said = f"{column.title} {value}" if row["done"] else value
            self.bar.console.print(f"  {where}{label}: {row['done']}/{row['planned']} runs, {said}")

    def _runs(self) -> str:
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.done}/{len(self.seconds)}{failed}"
