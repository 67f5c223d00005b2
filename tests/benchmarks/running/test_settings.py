"""One description of every setting: options, variables, defaults and checks all come from it."""

from dataclasses import fields, replace
from inspect import signature
from pathlib import Path
from pkgutil import resolve_name
from typing import get_args

import pytest

from strokebench.benchmarks.cli.options import takes_settings
from strokebench.benchmarks.running.settings import Settings, usable_cores
from strokebench.errors import StrokebenchError

NAMED = [each for each in fields(Settings) if each.metadata["option"].choices]


def test_a_field_is_an_option_with_its_help_default_and_variable():
    @takes_settings()
    def verb(settings: Settings) -> None: ...

    parameters = signature(verb).parameters
    # Typer hands over what is known of the call itself.
    assert list(parameters) == ["ctx", *(each.name for each in fields(Settings))]
    for each in fields(Settings):
        _, option = get_args(parameters[each.name].annotation)
        assert option.help == each.metadata["option"].help
        assert option.envvar == (each.name.upper() if each.metadata["option"].env else None)
    assert parameters["seeds"].default == "39,40,41,42" and parameters["protocol"].default == "cv5"


def test_what_is_not_typed_is_the_field_s_default():
    got = []

    @takes_settings("seeds", "methods", "params")
    def verb(name: str, settings: Settings) -> None:
        got.append((name, settings))

    verb(ctx=None, name="x", seeds="1,2", methods="svm, mlp", params=None)
    assert got == [("x", Settings(seeds=(1, 2), methods=("svm", "mlp")))]
    with pytest.raises(KeyError):
        verb(ctx=None, name="x")


@pytest.mark.parametrize("setting", NAMED, ids=lambda each: each.name)
def test_a_name_that_nothing_has_is_refused(setting):
    wrong = ("nothing",) if setting.default is None else "nothing"
    with pytest.raises(StrokebenchError, match=r"(?s)'nothing'.*(Choose from|Take)"):
        Settings(**{setting.name: wrong})


@pytest.mark.parametrize("setting", NAMED, ids=lambda each: each.name)
def test_help_names_every_choice(setting):
    option = setting.metadata["option"]
    known = resolve_name(option.choices) if isinstance(option.choices, str) else option.choices
    if not callable(known):
        assert all(name in option.help for name in known)


def test_numbers_have_a_least_value_and_no_jobs_are_one_a_core():
    assert Settings().jobs == Settings(jobs=0).jobs == usable_cores()
    for wrong in ({"jobs": -1}, {"grid_seeds": 0}, {"shuffle_labels": -1}):
        with pytest.raises(StrokebenchError, match="or more"):
            Settings(**wrong)


def test_several_files_of_parameters_are_kept_in_order():
    assert Settings(params=[Path("a"), Path("b")]).params == (Path("a"), Path("b"))


def test_from_python_a_path_may_be_a_text_or_a_path():
    for one in ("svm.yaml", Path("svm.yaml"), ["svm.yaml"]):
        assert Settings(params=one) == Settings(params=(Path("svm.yaml"),))
    assert Settings(weights="w") == Settings(weights=Path("w")) and Settings(weights="").weights is None
    assert Settings(dataset=Path("c.yaml")) == Settings(dataset="c.yaml")
    with pytest.raises(StrokebenchError, match="Seeds"):
        Settings(seeds=42)


def test_what_was_read_is_read_again_to_the_same():
    typed = Settings(seeds="39, 41", methods="svm,mlp", params=[Path("a")])
    assert typed == Settings(seeds=(39, 41), methods=("svm", "mlp"), params=(Path("a"),)) == replace(typed)
    with pytest.raises(StrokebenchError, match="Seeds"):
        Settings(seeds=(39, 39))
