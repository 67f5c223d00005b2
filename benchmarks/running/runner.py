"""Runs an experiment: computes what is missing, keeps what is done, reports what is known."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pandas as pd
from PIL import Image
from rich.console import Console, RenderableType

from strokebench.benchmarks.keys.code import refuse_edited
from strokebench.benchmarks.keys.described import described, described_methods
from strokebench.benchmarks.running.backends.choose import choose
from strokebench.benchmarks.running.collect import Collector, Planned, finished_otherwise
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.costs import Costs, forecast, kind_of
from strokebench.benchmarks.running.experiment import Experiment
from strokebench.benchmarks.running.plans import fits
from strokebench.benchmarks.running.progress import RunProgress
from strokebench.benchmarks.running.receipt import receipt_of, written_files
from strokebench.benchmarks.running.run import Run
from strokebench.benchmarks.running.settings import Settings
from strokebench.benchmarks.running.store import Store
from strokebench.benchmarks.running.task import Ended, Task
from strokebench.benchmarks.running.tracking.mlflow import tracker
from strokebench.benchmarks.running.tracking.runs import record_of, work_of
from strokebench.errors import StrokebenchError, unknown_name
from strokebench.files import read_kept
from strokebench.plugins import installed
from strokebench.reports.results import FACTS_FILE, RUNS_FILE, Results
from strokebench.reports.tables.section import read_section
from strokebench.reports.tables.style import usual_look

Todo = dict[str, tuple[Run, Context]]
"""Runs that are not there yet, by key."""
RENEWED_AFTER = 120
"""Seconds between two writings of an experiment's tables: with their figures they keep a core busy for one or two."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Report:
    """What came of an experiment: what the terminal shows of it, where it lies, and how many of its runs failed.

    Args:
        up_to_date: tables and figures were there already, made from the same results by the same code.
    """

    view: RenderableType
    folder: Path
    failed: int
    up_to_date: bool = False

    @cached_property
    def results(self) -> Results:
        """Its results, read when they are asked for."""
        return Results.read(self.folder)

    @cached_property
    def table(self) -> pd.DataFrame:
        """Its first table as its CSV has it: one row a method or variant, values and deviations in the printed unit."""
        panels = read_section(self.folder)["panels"]
        first = next(panel["name"] for panel in panels if panel["kind"] == "table")
        return pd.read_csv(self.folder / f"{first}.csv")

    @property
    def metrics(self) -> pd.DataFrame:
        """One row a finished run, one column a metric, see `Results.metrics`."""
        return self.results.metrics

    @property
    def predictions(self) -> pd.DataFrame:
        """One row a test patient and run, see `Results.predictions`."""
        return self.results.predictions

    @property
    def figures(self) -> list[Path]:
        """Its pictures as written."""
        return sorted(self.folder.glob("*.png"))

    def plot(self, name: str = "") -> Image.Image:
        """One of `figures` by name, without its ending, by default the first: a picture that a notebook shows.

        Raises:
            StrokebenchError: there is none of that name, or none at all.
        """
        known = {path.stem: path for path in self.figures}
        if not known:
            raise StrokebenchError(f"{self.folder.name} has no figure.", "Its `table` is a DataFrame.")
        if (name or next(iter(known))) not in known:
            raise unknown_name("figure", name, known)
        return Image.open(known[name or next(iter(known))])


def run_experiment(experiment: Experiment, context: Context, console: Console) -> Report:
    """Compute the runs that are not there yet, and report.

    Finished runs are never computed again, failed ones are tried again. Tables on disk are written when a
    method is complete, at most once in `RENEWED_AFTER` seconds, and at the end.

    Raises:
        KeyboardInterrupt: after saying what is kept.
    """
    store = Store()
    store.tidy()
    (report,) = run_together([UnderWay(experiment, context, console, store)], store, console)
    return report


class UnderWay:
    """An experiment between its plan and its report.

    Raises:
        StrokebenchError: the cohort does not allow the experiment.
    """

    def __init__(self, experiment: Experiment, context: Context, console: Console, store: Store) -> None:
        self.experiment, self.context = experiment, context
        self.planned = plan_runs(experiment, context, console)
        self.collector = Collector(experiment.name, context, self.planned, store)
        self.todo = {key: run for run, key in self.planned if store.status(key) != "done"}
        self.waiting = Counter(run.method for run in self.todo.values())
        self.hooks = tracker(context.settings.tracking, console)
        self.hooks.started(work_of(experiment.name, context, (key for _, key in self.planned)))
        self.report: Report | None = None
        self.outdated, self.written = False, time.monotonic()

    def write_report(self) -> Report:
        """Tables and figures of what is finished by now."""
        report = write_report(self.experiment, self.context, self.collector)
        self.outdated, self.written = False, time.monotonic()
        return report

    def renew_report(self) -> None:
        """Write it anew if a method was completed since, and not too soon after the last."""
        if self.outdated and time.monotonic() - self.written >= RENEWED_AFTER:
            self.write_report()

    def ended(self, task: Task, status: str) -> list[str]:
        """A fit ended, perhaps another experiment's; the methods that it completed while others still wait."""
        mine = {key: self.todo[key] for key in task.runs if key in self.todo}
        for key, run in mine.items():
            if status == "done":
                self._followed(run, key)
            self.waiting[run.method] -= 1
        complete = dict.fromkeys(run.method for run in mine.values() if not self.waiting[run.method])
        return list(complete) if self.waiting.total() else []

    def finish(self) -> None:
        """All runs ended, those of earlier calls too: report."""
        for run, key in self.planned:
            if key not in self.todo:
                self._followed(run, key)
        self.report = self.write_report()

    def _followed(self, run: Run, key: str) -> None:
        self.hooks.task_ended(key, lambda: record_of(run, self.context, *self.collector.finished(key)))

    def close(self) -> None:
        """The call ends, whether all runs ended or not."""
        if self.report:
            self.hooks.finished(sorted(self.report.folder.iterdir()))
        else:
            self.hooks.stopped()


def run_together(
    experiments: Sequence[UnderWay],
    store: Store,
    console: Console,
    finished: Callable[[UnderWay], None] = lambda experiment: None,
) -> list[Report]:
    """Compute what several experiments lack as one stream of fits, and report each when its runs are there.

    A fit that several of them test is computed once, no worker waits for an experiment's end, and tables are
    written while others are computed. The fits of an earlier experiment come first, the longest of them first.

    Args:
        experiments: on the same patients; their splits may differ. finished: called with each after its report.

    Raises:
        KeyboardInterrupt: after saying what is kept.
        ValueError: they are of different data or labels.
    """
    context = experiments[0].context
    costs = Costs(len(context.labels))
    if len({experiment.context.data_sha256 for experiment in experiments}) > 1:
        raise ValueError("Experiments that are computed together need the same patients, inputs and labels.")
    todo: Todo = {}
    for experiment in experiments:
        missing = [(key, run) for key, run in experiment.todo.items() if key not in todo]
        missing.sort(key=lambda pair: -costs.estimate(pair[1]))
        todo |= {key: (run, experiment.context) for key, run in missing}
    planned = {key for experiment in experiments for _, key in experiment.planned}
    tasks = fits(todo)
    say_work(len(planned), todo, tasks, costs, context.settings, console)
    for experiment in experiments:
        if experiment.todo:
            # From now on `strokebench status` knows what is to come.
            write_results(experiment.experiment, experiment.context, experiment.collector)
    # What the first experiment that wants it has read is kept for its report.
    readers = {key: experiment.collector for experiment in reversed(experiments) for key in experiment.todo}
    waiting = list(experiments)
    try:
        left: dict[str, dict[str, Task]] = {}
        for task in tasks:
            left.setdefault(kind_of(task.first), {})[task.key] = task
        seconds = {key: share for alike in left.values() for key, share in shares(alike, costs).items()}
        with RunProgress(console, seconds) as progress:
            waiting = _finish(waiting, finished)
            for task, ended in _stream(tasks, todo, store):
                alike = left[kind_of(task.first)]
                if ended.status == "done":
                    record = readers[task.key].finished(task.key)[1]
                    # A share of a stack on a GPU says nothing of a run alone.
                    if not record.get("stacked"):
                        costs.learn(task.first, record)
                        progress.expect(shares(alike, costs))
                del alike[task.key]
                for key in task.runs:
                    progress.advance(key, ended.status)
                completed = {experiment: experiment.ended(task, ended.status) for experiment in waiting}
                # The first is where the fit belongs; what others make of it (intervals, tests) takes longer.
                experiment = next((each for each, methods in completed.items() if methods), waiting[0])
                for method in completed[experiment]:
                    experiment.outdated = True
                    where = f"{experiment.experiment.name}: " if len(experiments) > 1 else ""
                    progress.completed(method, experiment.collector.results(), where)
                for each in waiting:
                    each.renew_report()
                waiting = _finish(waiting, finished)
        return [experiment.report for experiment in experiments if experiment.report]
    except KeyboardInterrupt:
        finished_runs = sum(store.status(key) == "done" for key in planned)
        console.print(
            f"Stopped. {finished_runs} of {len(planned)} runs are finished and kept; the same command goes on."
        )
        raise
    finally:
        costs.keep()
        for experiment in experiments:
            experiment.close()


def _stream(tasks: Sequence[Task], todo: Todo, store: Store) -> Iterator[tuple[Task, Ended]]:
    """Compute the fits, those together that read the same arrays; without fits no backend is looked for."""
    together: dict[str, tuple[Context, list[Task]]] = {}
    for task in tasks:
        run, context = todo[task.key]
        read = context.of(run)
        together.setdefault(read.data_sha256, (read, []))[1].append(task)
    for context, some in together.values():
        yield from choose(context.settings, {task.first.method for task in some}).compute(some, context.material, store)


def say_work(
    planned: int, todo: Todo, tasks: Sequence[Task], costs: Costs, settings: Settings, console: Console
) -> None:
    """Say how many runs are to be computed, where, and how long that will take."""
    jobs = settings.jobs
    kept = f"{planned - len(todo)} already done, " if len(todo) < planned else ""
    where = f"in {jobs} worker process{'es' if jobs > 1 else ''}"
    where = f"on the workers of {settings.scheduler}" if settings.scheduler else where
    console.print(f"Runs        {planned} planned, {kept}{len(todo)} to compute{f' {where}' if todo else ''}")
    seconds = [costs.estimate(task.first) for task in tasks]
    measured = all(costs.measured(run) for run, _ in todo.values())
    if tasks:
        # How many workers a scheduler will have is not known before they join.
        console.print(f"Time        {forecast(seconds, 1 if settings.scheduler else jobs, measured)}")


def shares(alike: Mapping[str, Task], costs: Costs) -> dict[str, float]:
    """Expected seconds of the runs of fits of one kind, by key: their shares of a fit."""
    return {key: costs.estimate(task.first) / len(task.runs) for task in alike.values() for key in task.runs}


def _finish(waiting: list[UnderWay], finished: Callable[[UnderWay], None]) -> list[UnderWay]:
    """Report the experiments whose runs have all ended; those that still wait."""
    for experiment in waiting:
        if not experiment.waiting.total():
            experiment.finish()
            finished(experiment)
    return [experiment for experiment in waiting if experiment.waiting.total()]


def report_experiment(experiment: Experiment, context: Context, console: Console) -> Report:
    """Report what is there, and compute nothing; may be called while another process computes."""
    planned = plan_runs(experiment, context, console)
    return write_report(experiment, context, Collector(experiment.name, context, planned, Store()))


def plan_runs(experiment: Experiment, context: Context, console: Console) -> list[Planned]:
    """The experiment's runs with their keys; says which methods are left out and why.

    Raises:
        StrokebenchError: the experiment makes no sense for this endpoint, none of its methods can be run, two runs
            have one name, or a method was edited since this Python read it.
    """
    if experiment.needs_events and not context.endpoint.binary:
        raise StrokebenchError(
            f"{experiment.name} needs a binary outcome; {context.endpoint.expression!r} is {context.endpoint.kind}.",
            "Give a rule, e.g. --outcome 'mrs > 2'.",
        )
    if experiment.needs_order and not context.endpoint.ranked_by:
        raise StrokebenchError(
            f"{experiment.name} needs an outcome with an order; {context.endpoint.expression!r} is"
            f" {context.endpoint.kind}.",
            "Give a rule, e.g. --outcome 'mrs > 2', or grades, e.g. --outcome 'mrs 0 to 6'.",
        )
    plan = experiment.plan(context)
    for method, reason in plan.left_out.items():
        console.print(f"Left out    {method}: {reason}")
    for method, here in _in_table(experiment, context).items():
        if not here:
            console.print(f"Left out    {method}: what it needs is no longer installed; its finished runs are kept")
    if not plan.runs:
        reason = next(iter(plan.left_out.values()), "its plan has no run of these methods")
        raise StrokebenchError(
            f"Nothing of {experiment.name} can be run: {reason}.", "`strokebench list methods` says what each reads."
        )
    again = pd.DataFrame([run.names() for run in plan.runs]).duplicated()
    if twice := [run.names() for run, known in zip(plan.runs, again, strict=True) if known]:
        raise StrokebenchError(
            f"{experiment.name} plans two runs of one name: {twice[0]}.", "Give each setting a `variant` of its own."
        )
    for run in {(run.method, run.balance): run for run in plan.runs}.values():
        path = described(run.method).path
        if path.startswith("__main__.") and context.settings.jobs > 1:
            raise StrokebenchError(
                f"{run.method} is defined in the script itself, which worker processes do not load.",
                "Put it into a file that the script imports, or give jobs=1.",
            )
        refuse_edited(context.code(run).sha256, path, run.balance, type(context.endpoint))
    planned = [(run, context.key(run)) for run in plan.runs]
    if others := finished_otherwise(context, context.results_folder(experiment.name), planned):
        console.print(f"Earlier     {others}")
    return planned


def write_results(experiment: Experiment, context: Context, collector: Collector) -> None:
    """Write the runs and predictions that are known by now into the experiment's folder."""
    collector.show(with_others(experiment, context, collector.planned))
    collector.results().write(context.results_folder(experiment.name))


def with_others(experiment: Experiment, context: Context, planned: Sequence[Planned]) -> list[Planned]:
    """The runs of this call, and those of every other method that its table has: none is dropped by `--methods`."""
    mine = {run.method for run, _ in planned}
    there = _in_table(experiment, context)
    wanted = tuple(name for name in described_methods() if name in mine or there.get(name))
    if len(wanted) == len(mine):
        return list(planned)
    wide = replace(context, settings=replace(context.settings, methods=wanted))
    return [(run, context.key(run)) for run in experiment.plan(wide).runs]


def _in_table(experiment: Experiment, context: Context) -> dict[str, bool]:
    """The methods that the table has by now, and whether each can still be planned: what it needs may be gone."""
    names, known = _methods_in(context.results_folder(experiment.name)), described_methods()
    return {name: name in known and installed(known[name].library) for name in names}


def _methods_in(folder: Path) -> list[str]:
    """Names of the methods of the table in a folder; where its facts are damaged, of those that have runs in it."""
    if kept := read_kept(folder / FACTS_FILE):
        return [method["name"] for method in kept["methods"]]
    try:
        return list(pd.read_parquet(folder / RUNS_FILE, columns=["method"])["method"].unique())
    except FileNotFoundError:
        return []
    except (OSError, ValueError):
        _log.warning("%s is damaged: the table will have the methods of this call alone.", folder / RUNS_FILE)
        return []


def write_report(experiment: Experiment, context: Context, collector: Collector) -> Report:
    """Write results, tables and figures into the experiment's folder; what is there already stays."""
    collector.show(with_others(experiment, context, collector.planned))
    folder, asked = context.results_folder(experiment.name), collector.fingerprint()
    methods = list(dict.fromkeys(run.method for run, _ in collector.shown))
    if kept := receipt_of(experiment, methods, folder, asked).view(made=False):
        return Report(kept, folder, collector.failed(), up_to_date=True)
    results = collector.results()
    results.write(folder)
    receipt = receipt_of(experiment, methods, folder, asked)
    view: RenderableType | None = receipt.view(made=True)
    if not (up_to_date := view is not None):
        with usual_look():
            view = experiment.report(results, folder)
    receipt.write(view, written_files(folder))
    return Report(view, folder, collector.failed(), up_to_date=up_to_date)
