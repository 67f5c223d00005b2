"""A call as a file: an experiment and its settings, to be kept, sent and computed again."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

from strokebench.benchmarks.experiments.find import find_experiment
from strokebench.benchmarks.running.settings import Settings
from strokebench.errors import StrokebenchError, unknown_name
from strokebench.files import write_text

SCHEMA = Path(__file__).with_name("run.schema.json")
OF_THE_MACHINE = ("fetch", "jobs", "tracking", "weights", "device", "backend", "scheduler")
"""Settings that decide no result; a file may give them (but for `TYPED`), and none is written with them."""
TYPED = "scheduler"
"""Where patients' data go, which no file decides, for it may be another's."""


def is_run_file(experiment: str) -> bool:
    """Whether it is the path of a file in the place of an experiment's name."""
    return experiment.endswith((".yaml", ".yml"))


def write_run_file(path: Path, experiment: str, settings: Settings) -> None:
    """Write a call with every setting that decides its result, defaults too: they may be others some day.

    Files below the folder of `path` are named from there, so that both can be moved together.

    Raises:
        StrokebenchError: it is not called as `run` knows such a file by.
    """
    if not is_run_file(path.name):
        raise StrokebenchError(f"{path}: `run` takes files that end in .yaml.", f"Write --save {path}.yaml.")
    import yaml

    values: dict[str, Any] = {"experiment": experiment}
    for each in fields(Settings):
        value = getattr(settings, each.name)
        if each.name not in OF_THE_MACHINE and value not in (None, ()):
            values[each.name] = list(value) if isinstance(value, tuple) else value
    if is_run_file(settings.dataset):
        values["dataset"] = _named_from(path, Path(settings.dataset))
    if settings.params:
        values["params"] = [_named_from(path, file) for file in settings.params]
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    write_text(path, f"# yaml-language-server: $schema={SCHEMA}\n# Again: strokebench run {path.name}\n{text}")


def _named_from(path: Path, file: Path) -> str:
    file, folder = file.expanduser().absolute(), path.expanduser().absolute().parent
    return str(file.relative_to(folder) if file.is_relative_to(folder) else file)


def read_run_file(path: Path) -> tuple[str, dict[str, Any]]:
    """The experiment and the settings of a file of `write_run_file`, or of one written by hand.

    Raises:
        StrokebenchError: no such file, no or an unknown experiment in it, a key unknown, or a value that cannot be read
            or does not fit the others.
    """
    from strokebench.datasets.own.yaml_file import read_yaml

    found = read_yaml(path.expanduser())
    if not isinstance(found, dict) or not isinstance(experiment := found.pop("experiment", None), str):
        raise StrokebenchError(f"{path} does not name an experiment.", "Write `experiment: table1`.")
    try:
        find_experiment(experiment)
        settings = _settings(found)
        if is_run_file(settings.get("dataset", "")):
            settings["dataset"] = str(path.parent / Path(settings["dataset"]).expanduser())
        if "params" in settings:
            settings["params"] = tuple(path.parent / file.expanduser() for file in settings["params"])
        Settings(**settings)
    except StrokebenchError as error:
        raise StrokebenchError(f"{path}: {error.message}", error.hint) from None
    return experiment, settings


def _settings(found: Mapping[str, Any]) -> dict[str, Any]:
    from pydantic import TypeAdapter, ValidationError

    hints, known = get_type_hints(Settings), {each.name: each.metadata["option"] for each in fields(Settings)}
    settings: dict[str, Any] = {}
    for name, value in found.items():
        if name not in known:
            raise unknown_name("setting", name, known)
        if name == TYPED:
            raise StrokebenchError(f"{name}: patients' data go there, and no file says where.", "Type --scheduler.")
        if value in ("", []):
            continue
        try:
            typed = known[name].read(value) if known[name].read else value
            settings[name] = TypeAdapter(hints[name]).validate_python(typed)
        except (ValidationError, AttributeError, TypeError):
            raise StrokebenchError(f"{name}: {str(value)[:99]!r} cannot be read.", known[name].help) from None
    return settings
