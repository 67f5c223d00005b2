"""Runs an experiment: computes what is missing, keeps what is done, reports what is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from strokebench.benchmarks.collect import Collector, Planned
from strokebench.benchmarks.context import Context
from strokebench.benchmarks.costs import Costs, forecast
from strokebench.benchmarks.experiment import Experiment, Run
from strokebench.benchmarks.fingerprint import package_versions
from strokebench.benchmarks.progress import RunProgress
from strokebench.benchmarks.provenance import commit, strokebench_version
from strokebench.benchmarks.receipt import receipt_of, written_files
from strokebench.benchmarks.store import Store
from strokebench.benchmarks.tracking import tracker_for
from strokebench.benchmarks.workers import Ended, Task, compute_all

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from strokebench.reports.results import Results


@dataclass(frozen=True)
class Report:
    """What came of an experiment: its results, what the terminal shows of them, and where they lie.

    Args:
        up_to_date: tables and figures were there already, made from the same results by the same code.
    """

    results: Results
    shown: RenderableType
    folder: Path
    up_to_date: bool = False

    @property
    def failed(self) -> int:
        """Number of failed runs."""
        return int((self.results.runs["status"] == "failed").sum())


def run_experiment(experiment: Experiment, context: Context, console: Console) -> Report:
    """Compute the runs that are not there yet, and report.

    Finished runs are never computed again, failed ones are tried again. Tables on disk are written at the
    start and whenever a method is complete.

    Raises:
        KeyboardInterrupt: after saying what is kept.
    """
    store, costs = Store(), Costs()
    store.tidy()
    planned = plan_runs(experiment, context, console)
    collector = Collector(experiment.name, context, planned, store)
    todo = {key: run for run, key in planned if store.status(key) != "done"}
    console.print(_counts(planned, len(todo), context.settings.jobs))
    if todo and (told := forecast([costs.estimate(run) for run in todo.values()], context.settings.jobs)):
        console.print(f"Time        {told}")
    tracker = tracker_for(experiment, context, planned, console)
    longest_first = sorted(todo, key=lambda key: -costs.estimate(todo[key]))
    if todo:
        # From now on `strokebench status` knows the plan.
        write_report(experiment, context, collector)
    waiting = Counter(run.method for run in todo.values())
    computed: list[str] = []
    report: Report | None = None
    try:
        with RunProgress(console, {key: costs.estimate(run) for key, run in todo.items()}) as progress:
            tasks = fits({key: todo[key] for key in longest_first}, context)
            for task, ended in _compute(tasks, context, store):
                for key, run in task.runs.items():
                    progress.advance(key, ended.status)
                    if ended.status == "done":
                        tracker.log(run, key, collector)
                        computed.append(key)
                    waiting[run.method] -= 1
                if not waiting[run.method] and any(waiting.values()):
                    write_report(experiment, context, collector)
                    progress.completed(run.method, collector.results())
        # Runs of earlier calls that were not tracked; the workers did not have to wait for it.
        for run, key in planned:
            if key not in todo:
                tracker.log(run, key, collector)
        report = write_report(experiment, context, collector)
        return report
    except KeyboardInterrupt:
        kept = sum(store.status(key) == "done" for _, key in planned)
        console.print(f"Stopped. {kept} of {len(planned)} runs are finished and kept; the same command goes on.")
        raise
    finally:
        records = (collector.finished(key)[1] for key in computed)
        # A share of a stack on a GPU says nothing of a run alone.
        costs.learn(record for record in records if not record.get("stacked"))
        tracker.close(report.folder if report else None)


def report_experiment(experiment: Experiment, context: Context, console: Console) -> Report:
    """Report what is there, and compute nothing; may be called while another process computes."""
    planned = plan_runs(experiment, context, console)
    return write_report(experiment, context, Collector(experiment.name, context, planned, Store()))


def plan_runs(experiment: Experiment, context: Context, console: Console) -> list[Planned]:
    """The experiment's runs with their keys; says which methods are left out and why."""
    plan = experiment.plan(context)
    for method, reason in plan.left_out.items():
        console.print(f"Left out    {method}: {reason}")
    return [(run, context.key(run)) for run in plan.runs]


def fits(todo: Mapping[str, Run], context: Context) -> list[Task]:
    """One task a fit: runs that differ in the condition of the test part alone share theirs."""
    shared: dict[str, dict[str, Run]] = {}
    for key, run in todo.items():
        shared.setdefault(context.key(replace(run, condition=run.condition.trained)), {})[key] = run
    tasks = []
    for runs in shared.values():
        first = next(iter(runs.values()))
        tasks.append(Task(runs, context.fold(first), _about(context, first)))
    return tasks


def _compute(tasks: list[Task], context: Context, store: Store) -> Iterator[tuple[Task, Ended]]:
    """On a cluster if the user says so, stacked where there is a GPU, else in worker processes."""
    settings = context.settings
    if not tasks:
        return iter(())
    if settings.backend == "dask":
        from strokebench.benchmarks.cluster import compute_on_cluster

        return compute_on_cluster(tasks, context.material, store, settings.jobs, settings.scheduler)
    from strokebench.benchmarks.stacking import compute_stacked, stacking_device

    if device := stacking_device(settings.device):
        return compute_stacked(tasks, context.material, store, device, settings.jobs)
    return compute_all(tasks, context.material, store, settings.jobs)


def write_report(experiment: Experiment, context: Context, collector: Collector) -> Report:
    """Write results, tables and figures into the experiment's folder; what is there already stays."""
    results = collector.results()
    folder = context.results_folder(experiment.name)
    results.write(folder)
    receipt = receipt_of(experiment, results, folder)
    if kept := receipt.shown():
        return Report(results, kept, folder, up_to_date=True)
    shown = experiment.report(results, folder)
    receipt.write(shown, written_files(folder))
    return Report(results, shown, folder)


def _about(context: Context, run: Run) -> dict[str, object]:
    return {
        "code_sha256": context.identity(run)["code"],
        "data_sha256": context.data_sha256,
        "split_sha256": context.split.sha256,
        "versions": package_versions(),
        "strokebench": strokebench_version(),
        "commit": commit(),
    }


def _counts(planned: list[Planned], todo: int, jobs: int) -> str:
    done = len(planned) - todo
    kept = f"{done} already done, " if done else ""
    workers = f" in {jobs} worker process{'es' if jobs > 1 else ''}" if todo else ""
    return f"Runs        {len(planned)} planned, {kept}{todo} to compute{workers}"
