"""The `strokebench` command: which verbs there are. The file of one is imported when it is called."""

import sys
from importlib.metadata import version
from pkgutil import resolve_name
from typing import Annotated, Any

import typer

from strokebench.benchmarks.cli.errors import ReadableErrors, show_in_any_encoding
from strokebench.benchmarks.running.process import collect_seldom, keep_private, set_privacy, stop_like_ctrl_c
from strokebench.benchmarks.running.settings import EXPERIMENTS

VERBS = {
    "run": ("run:run", "Compute what an experiment still lacks, and show its table."),
    "report": ("run:report", "Show and write the table of the runs that are finished by now; also while they go on."),
    "paper": (
        "paper:paper",
        "Compute what the tables and figures of the paper, and what belongs to them, still lack, and write one page.",
    ),
    "page": ("page:page", "Write one self-contained HTML page of all experiments, and a reporting checklist."),
    "status": ("status:status", "How far every experiment is, and why runs failed."),
    "fit": (
        "models.fit:fit",
        "Fit one method on all patients, or a part, and write it as a folder for other hospitals.",
    ),
    "predict": ("models.predict:predict", "Write a fitted model's probabilities for the patients of a cohort."),
    "validate": (
        "models.validate:validate",
        "Judge models on patients of another origin: discrimination, calibration, benefit, case-mix and updating.",
    ),
    "explain": (
        "models.explain:explain",
        "Write a page for each of some patients: what moves the prediction, and whether the model's fits agree on it.",
    ),
    "tune": ("tune:tune", "Search a method's hyper-parameters by Optuna. Test patients are out of reach."),
    "external": (
        "models.external:external",
        "Fit methods on one cohort and judge them on another, and the other way round.",
    ),
    "models": ("models.predict:models", "Fitted models: what each predicts, and what it was made of."),
    "encode": ("encode:encode", "Make the embeddings of a cohort, without training."),
    "check": ("check:check", "Hold a method, ours or another package's, to the contract."),
    "list": (
        "listing:list_",
        "What there is: methods, experiments, datasets, encoders, metrics, schemas.",
    ),
    "cohort": ("cohort:app", "Check, describe and fetch cohorts, your own or built-in ones."),
    "text": ("text:app", "Diagnostic text: write it with a language model, and look at it."),
    "audit": ("audit:app", "Checks of printed numbers, and of data for leaks."),
    "results": ("results:app", "Share results without sharing patients."),
    "doctor": ("doctor:doctor", "Look at this machine and installation, and say what is wrong."),
    "ui": ("ui:ui", "Show the logged runs in the browser (MLflow), or the studies (optuna-dashboard)."),
    "speed": ("speed:speed", "Time every method on one thread, stage by stage."),
    "speed-peers": (
        "speed:speed_peers",
        "Time fusilli, pytorch-widedeep and MulTaBench, each in an environment of its own, in turns with ours.",
    ),
    "speed-scale": (
        "speed:speed_scale",
        "Time each stage of an experiment on made-up embeddings of more and more patients.",
    ),
    "simulate": (
        "simulate:simulate",
        "Measure coverage of the intervals and type-I error of the tests on made-up cohorts with a known truth.",
    ),
}
"""Verb -> where in this folder it is defined, and its line of help."""


class Verbs(ReadableErrors):
    """Knows its verbs by name and help alone: to import them all would take seconds."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """See Click: the verb that is called, now in full."""
        name, command, rest = super().resolve_command(ctx, args)
        if name in VERBS:
            found = resolve_name(f"strokebench.benchmarks.cli.{VERBS[name][0]}")
            if isinstance(found, typer.Typer):
                command = typer.main.get_group(found)
            else:
                one = typer.Typer(add_completion=False)
                one.command(name)(found)
                command = typer.main.get_command(one)
        return name, command, rest


app = typer.Typer(
    cls=Verbs,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A benchmark suite for tri-modal stroke prognosis: brain MRI, diagnostic text and a clinical table.",
    epilog=f"Experiments for `run` and `report`: {', '.join(EXPERIMENTS)}.",
)


def main() -> None:
    """Entry point of the console script."""
    if sys.platform == "win32":
        sys.exit("strokebench runs on Linux and macOS. On Windows, install it within WSL2 (docs/installing.md).")
    collect_seldom()
    set_privacy()
    keep_private()
    stop_like_ctrl_c()
    show_in_any_encoding()
    app()


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"strokebench {version('strokebench')}")
        raise typer.Exit


@app.callback()
def _common(
    debug: Annotated[bool, typer.Option("--debug", envvar="STROKEBENCH_DEBUG", help="Show tracebacks.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options before the verb."""


def _verb() -> None:
    """Stands for a verb until it is called."""


for _name, (_, _help) in VERBS.items():
    app.command(_name, help=_help)(_verb)

if __name__ == "__main__":
    main()
