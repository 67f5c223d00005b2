"""`strokebench check`: hold a method to the contract, and say what it breaks."""

from dataclasses import asdict

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from strokebench.benchmarks.cli.options import JsonOption, MethodArgument, echo_json
from strokebench.methods.conformance import all_checks, run_check
from strokebench.methods.conformance import check as run_checks
from strokebench.methods.conformance.subject import Subject
from strokebench.methods.neural import NeuralMethod
from strokebench.methods.registry import find_method
from strokebench.methods.stacking.fit import can_stack, fit_stacked
from strokebench.reports.tables.console import make_console


def check(method: MethodArgument, as_json: JsonOption = False) -> None:
    """Hold a method, ours or another package's, to the contract."""
    if as_json:
        results = run_checks(find_method(method))
        echo_json([asdict(result) | {"passed": result.passed} for result in results])
        if not all(result.passed for result in results):
            raise typer.Exit(1)
    elif not show_check(method, make_console()):
        raise typer.Exit(1)


def show_check(name: str, console: Console) -> bool:
    """Run every conformance check on a method, one line each as it ends; False if one is broken.

    A last line says whether its fits are trained together on a GPU.

    Raises:
        StrokebenchError: there is no such method.
    """
    method = find_method(name)
    subject = Subject(method, {})
    broken = 0
    checks = all_checks()
    for check in checks.values():
        with console.status(check.__name__):
            result = run_check(check, subject)
        broken += not result.passed
        state = Text("ok", "green") if result.passed else Text("broken", "bold red")
        line = Table.grid(padding=(0, 1))
        line.add_column(width=len("broken"))
        line.add_column(overflow="fold")
        line.add_row(state, f"{result.name} ({result.seconds:.1f} s): {result.promise}")
        if not result.passed:
            line.add_row("", Text(result.message, "red"))
        console.print(line)
    held = f"{method.label} holds all {len(checks)} checks." if not broken else ""
    console.print(held or f"{method.label} breaks {broken} of {len(checks)} checks.")
    reason = _why_alone(subject)
    on_gpu = f"computed one by one, on the CPU: {reason}" if reason else "trained together, as one stack"
    console.print(f"Where there is a GPU, its fits are {on_gpu}.")
    return not broken


def _why_alone(subject: Subject) -> str | None:
    """Why fits of the method cannot be stacked, found out by stacking two; None if they can."""
    methods = [subject.make(random_state=seed) for seed in (0, 1)]
    part = subject.train.x, subject.train.y, subject.validation.x, subject.validation.y
    try:
        reason = can_stack(methods)
        if reason is None:
            fit_stacked([method for method in methods if isinstance(method, NeuralMethod)], [part, part])
    except Exception as error:
        return " ".join(str(error).split())
    return reason
