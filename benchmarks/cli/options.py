"""The options that verbs share are the fields of `Settings`: to add a setting is one place."""

from collections.abc import Callable, Collection
from dataclasses import Field, fields
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, get_type_hints

import typer

from strokebench.benchmarks.running.settings import Option, Settings


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
    )
    typed = option.typed or get_type_hints(Settings)[setting.name]
    return Parameter(setting.name, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[typed, info])
