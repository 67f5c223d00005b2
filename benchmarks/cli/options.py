"""The options that verbs share are the fields of `Settings`: to add a setting is one place."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import Field, fields
from functools import partial, wraps
from inspect import Parameter, Signature, signature
from pkgutil import resolve_name
from typing import Annotated, Any, get_type_hints

import typer

from strokebench.benchmarks.running.settings import Option, Settings

EXPERIMENTS = (
    *("table1", "added_value", "comparison", "clinical", "table2", "table3", "figure2", "figure3", "figure4"),
    *("dropout", "alignment", "figure5", "missing", "paper"),
)
"""The house's own, for the help; those of other packages stand in `strokebench list experiments`."""


def completes(names: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """What a shell is offered for a name that is half typed, for Typer's `autocompletion`."""
    return lambda incomplete: [name for name in names() if name.startswith(incomplete)]


def _methods() -> Iterable[str]:
    # Not before a name is asked for: it may have to import them all.
    from strokebench.benchmarks.keys.described import described_methods

    return described_methods()


ExperimentArgument = Annotated[
    str, typer.Argument(help=f"{', '.join(EXPERIMENTS)}.", autocompletion=completes(lambda: EXPERIMENTS))
]
MethodArgument = Annotated[
    str, typer.Argument(help="See `strokebench list methods`.", autocompletion=completes(_methods))
]


def takes_settings(*names: str, without: Collection[str] = ()) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorator: a verb has options for these settings too (default: for all) and gets them as `settings`."""

    def decorate(verb: Callable[..., None]) -> Callable[..., None]:
        taken = [each for each in fields(Settings) if each.name in (names or [each.name]) and each.name not in without]

        @wraps(verb)
        def command(**typed: Any) -> None:
            chosen = {each.name: typed.pop(each.name) for each in taken}
            verb(**typed, settings=Settings(**chosen))

        own = [each for each in signature(verb, eval_str=True).parameters.values() if each.name != "settings"]
        parameters = [each.replace(kind=Parameter.KEYWORD_ONLY) for each in own] + [_parameter(each) for each in taken]
        command.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        return command

    return decorate


def _listed(option: Option) -> Iterable[str]:
    """An option's choices; none where only a function knows them."""
    known = resolve_name(option.choices) if isinstance(option.choices, str) else option.choices
    return () if callable(known) else known


def _parameter(setting: Field[Any]) -> Parameter:
    """A setting as a parameter from which Typer makes an option."""
    option: Option = setting.metadata["option"]
    name, default = setting.name.replace("_", "-"), setting.default
    if isinstance(default, tuple):
        default = ",".join(map(str, default)) or None
    info = typer.Option(
        f"--{name}/--no-{name}" if default is True else f"--{name}",
        *([f"-{option.short}"] if option.short else []),
        envvar=setting.name.upper() if option.env else None,
        help=option.help,
        metavar=option.metavar,
        autocompletion=completes(partial(_listed, option)),
    )
    typed = option.typed or get_type_hints(Settings)[setting.name]
    return Parameter(setting.name, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[typed, info])
