"""An experiment from its name to its report: what the command line and Python share."""

from pathlib import Path
from typing import Any

from rich.console import Console

from strokebench.benchmarks.calls.run_file import is_run_file, read_run_file
from strokebench.benchmarks.experiments.find import find_experiment
from strokebench.benchmarks.leaks.report import warn_of_leaks
from strokebench.benchmarks.running.backends.choose import refuse_missing
from strokebench.benchmarks.running.build import build_context
from strokebench.benchmarks.running.runner import Report, report_experiment, run_experiment
from strokebench.benchmarks.running.settings import Settings
from strokebench.reports.tables.console import make_console


def run(experiment: str, **settings: Any) -> Report:
    """Compute what an experiment still lacks, as `strokebench run` does, the leak check included.

    Args:
        experiment: a name of `strokebench list experiments`, or the path of a file that `run --save` wrote; `settings`
            go before those of the file.
        settings: fields of `Settings`, such as `dataset`, `outcome`, `protocol`, `methods`, `seeds`, `quick`; a list
            does for a tuple. Defaults are the command's; variables of the environment do not count.

    Returns:
        `table`, `metrics` and `predictions` as DataFrames, `figures` as paths. What the command prints goes to
        standard error.

    Raises:
        StrokebenchError: a name or a choice is not possible, or something is wrong with the data.
        TypeError: a setting is not known.

    Example:
        >>> import strokebench
        >>> strokebench.run("tabel1", dataset="virtual")
        Traceback (most recent call last):
        ...
        strokebench.errors.StrokebenchError: No experiment is called 'tabel1'. Did you mean table1?
    """
    given: dict[str, Any] = {}
    if is_run_file(experiment):
        experiment, given = read_run_file(Path(experiment))
    given |= {name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()}
    return run_with(experiment, Settings(**given), make_console(stderr=True))


def run_with(name: str, settings: Settings, console: Console, compute: bool = True) -> Report:
    """The same with settings that are made, and a console; without `compute` a report of what is finished by now."""
    experiment = find_experiment(name)
    if compute:
        refuse_missing(settings)
    context = build_context(experiment.settings(settings), console)
    for tuned in context.tuned.values():
        console.print(f"Parameters  {tuned.said(context.split.sha256, context.cohort.name)}")
    if compute:
        warn_of_leaks(context, console)
    done = (run_experiment if compute else report_experiment)(experiment, context, console)
    for method in set(context.tuned) - set(done.results.runs["method"]):
        console.print(f"{name} does not run {method}: its file of parameters was not used.", style="yellow")
    return done
