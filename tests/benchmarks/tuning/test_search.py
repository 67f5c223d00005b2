"""Search spaces, samplers and storages."""

from inspect import signature
from pathlib import Path

import pytest
from optuna.trial import FixedTrial
from sqlalchemy.exc import IntegrityError

from strokebench.benchmarks.cli.tune import tune
from strokebench.benchmarks.tuning.space import (
    default_trial,
    find_space,
    grid_values,
    make_sampler,
    open_storage,
    search_distributions,
)
from strokebench.benchmarks.tuning.study import Search
from strokebench.errors import StrokebenchError
from strokebench.methods.base import Family
from strokebench.methods.registry import all_methods, find_method


@pytest.mark.parametrize("method", list(all_methods()))
def test_the_default_is_found_wherever_the_space_holds_it(method: str):
    try:
        space = search_distributions(method)
    except StrokebenchError as error:
        assert find_method(method).family is Family.REFERENCE and "nothing to tune" in error.message
        return
    found = default_trial(method)
    if all(grid_values(distribution) is not None for distribution in space.values()):
        assert found is not None
    if found is not None:
        defaults = find_method(method)().get_params()
        params = find_method(method).search_space(FixedTrial(found))
        assert params == {name: defaults[name] for name in params}


def test_the_command_searches_as_python_does():
    typed = signature(tune).parameters
    for name in ("sampler", "space", "trials", "storage", "prune"):
        assert typed[name].default == getattr(Search, name)


def test_a_continuous_parameter_has_no_grid():
    with pytest.raises(StrokebenchError, match="C is continuous"):
        make_sampler("grid", "svm")


def test_stepped_values_are_what_they_look_like():
    assert grid_values(search_distributions("vdafm")["dropout"]) == [0.3, 0.4, 0.5, 0.6, 0.7]


def test_an_unknown_sampler():
    with pytest.raises(StrokebenchError, match="tpe, grid, random"):
        make_sampler("evolution", "svm")


def grid_of(method: str, space: str) -> dict[str, list]:
    return {name: grid_values(each) for name, each in search_distributions(method, space).items()}


def test_a_grid_of_the_paper_by_its_name():
    assert grid_of("vdafm", "figure2") == {"layers": [1, 2, 3], "heads": [4, 8, 16, 32]}
    assert grid_of("vdafm", "paper").keys() == {
        *("layers", "heads", "contrastive_weight", "alignment_weight", "hidden:width", "dropout")
    }
    drawn = find_space("vdafm", "figure4")(FixedTrial({"hidden:width": "256:128"}))
    assert drawn == {"hidden": 256, "width": 128}
    assert default_trial("vdafm", "figure4") == {"hidden:width": "128:64"}


def test_of_the_papers_grids_a_method_has_what_it_has():
    assert grid_of("mlp", "paper") == {
        "hidden:width": ["128:64", "256:128", "512:256", "512:512"],
        "dropout": [0.3, 0.4, 0.5, 0.6, 0.7],
    }
    with pytest.raises(StrokebenchError, match="svm has no hyper-parameter"):
        find_space("svm", "paper")
    with pytest.raises(StrokebenchError, match="Did you mean paper"):
        find_space("vdafm", "papr")


def test_a_password_is_never_repeated():
    with pytest.raises(StrokebenchError) as caught:
        open_storage("nosuchdb://user:secret@host/name")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("content", [b"SQLite format 3\x00\x81\n\x00", b"{}\n{cut\n"])
def test_what_is_no_journal_is_told_in_one_line(tmp_path: Path, content: bytes):
    """A database whose sqlite:/// was forgotten, a journal that was cut."""
    (tmp_path / "studies.db").write_bytes(content)
    with pytest.raises(StrokebenchError, match="The storage cannot be opened") as told:
        open_storage(str(tmp_path / "studies.db"))
    assert "sqlite:///studies.db" in told.value.hint


def test_a_journal_needs_no_database(tmp_path: Path):
    open_storage(str(tmp_path / "new" / "study.journal")).create_new_study([], "x")
    assert (tmp_path / "new" / "study.journal").is_file()


@pytest.mark.parametrize(("races", "opens"), [(2, True), (3, False)])
def test_a_database_whose_tables_another_machine_makes_just_now_is_tried_again(monkeypatch, races, opens):
    tried = []

    def race(url, **settings):
        tried.append(url)
        if len(tried) <= races:
            raise IntegrityError("CREATE TABLE", None, Exception("duplicate key value violates unique constraint"))
        return "opened"

    monkeypatch.setattr("strokebench.benchmarks.tuning.space.RDBStorage", race)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    if opens:
        assert open_storage("postgresql://host/name") == "opened"
    else:
        with pytest.raises(StrokebenchError, match="cannot be opened"):
            open_storage("postgresql://host/name")
    assert len(tried) == 3
