"""The options that verbs share are the fields of `Settings`: to add a setting is one place."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import Field, fields
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from strokebench.benchmarks.calls.run_file import is_run_file, read_run_file
from strokebench.benchmarks.running.settings import EXPERIMENTS, Option, Settings
from strokebench.errors import StrokebenchError
from strokebench.files import json_text

ENCODERS = "encoders", "image_encoder", "text_encoder"
"""The settings that choose them."""


def completes(names: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """What a shell is offered for a name that is half typed, for Typer's `autocompletion`."""
    return lambda incomplete: [name for name in names() if name.startswith(incomplete)]


def _methods() -> Iterable[str]:
    # Not before a name is asked for: it may have to import them all.
    from strokebench.benchmarks.keys.described import described_methods

    return described_methods()


ExperimentArgument = Annotated[
    str,
    typer.Argument(
        help=f"{', '.join(EXPERIMENTS)}; or a file of `run --save`.", autocompletion=completes(lambda: EXPERIMENTS)
    ),
]
MethodArgument = Annotated[
    str, typer.Argument(help="See `strokebench list methods`.", autocompletion=completes(_methods))
]

ModelArgument = Annotated[
    Path, typer.Argument(help="A folder that `strokebench fit` wrote, or its name below work/models.")
]
ColumnsOption = Annotated[
    Path | None, typer.Option("--columns", help="YAML file that says what the cohort calls otherwise.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="As JSON on standard output, for scripts.")]


def echo_json(value: Any) -> None:
    """Print a value for a script."""
    typer.echo(json_text(value))


def takes_settings(*names: str, without: Collection[str] = ()) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorator: a verb has options for these settings too (default: for all) and gets them as `settings`.

    Where its `experiment` is a file of `--save`, that gives the experiment, and what the command line leaves out.
    """

    def decorate(verb: Callable[..., None]) -> Callable[..., None]:
        taken = [each for each in fields(Settings) if each.name in (names or [each.name]) and each.name not in without]

        @wraps(verb)
        def command(ctx: typer.Context, **typed: Any) -> None:
            chosen = {each.name: typed.pop(each.name) for each in taken}
            if is_run_file(name := typed.get("experiment", "")):
                typed["experiment"], kept = read_run_file(Path(name))
                given = {each for each in chosen if _source(ctx, each) == "COMMANDLINE"}
                chosen |= {each: value for each, value in kept.items() if each in chosen.keys() - given}
            try:
                settings = Settings(**chosen)
            except StrokebenchError as error:
                # Names as DEVICE and PROTOCOL are exported for other programs too.
                said = {name: value for name, value in chosen.items() if repr(value) in error.message}
                told = [f"{name.upper()}={said[name]}" for name in said if _source(ctx, name) == "ENVIRONMENT"]
                hint = f"{error.hint} Your environment has {', '.join(told)}." if told else error.hint
                raise StrokebenchError(error.message, hint) from None
            verb(**typed, settings=settings)

        own = [each for each in signature(verb, eval_str=True).parameters.values() if each.name != "settings"]
        parameters = [Parameter("ctx", Parameter.KEYWORD_ONLY, annotation=typer.Context)]
        parameters += [each.replace(kind=Parameter.KEYWORD_ONLY) for each in own] + [_parameter(each) for each in taken]
        command.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        return command

    return decorate


def _source(ctx: typer.Context, name: str) -> str:
    """Where a parameter's value is from, as Click calls it."""
    source = ctx.get_parameter_source(name)
    return source.name if source else ""


def _parameter(setting: Field[Any]) -> Parameter:
    """A setting as a parameter from which Typer makes an option."""
    option: Option = setting.metadata["option"]
    name, default = setting.name.replace("_", "-"), setting.default
    if isinstance(default, tuple):
        default = ",".join(map(str, default)) or None
    info = typer.Option(
        f"--{name}/--no-{name}" if default is True else f"--{name}",
        *([option.also] if option.also else []),
        envvar=setting.name.upper() if option.env else None,
        help=option.help,
        metavar=option.metavar,
        autocompletion=completes(option.listed),
    )
    typed = option.typed or get_type_hints(Settings)[setting.name]
    return Parameter(setting.name, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[typed, info])
