"""Every registered method holds every promise; methods that break one are caught by the check of that name."""

from dataclasses import replace

import numpy as np
import pytest
from faulty_methods import CAUGHT_BY, Sound

from strokebench.errors import StrokebenchError
from strokebench.methods.conformance import all_checks, check, robustness, run_check
from strokebench.methods.conformance.contract import is_pickle
from strokebench.methods.conformance.subject import Subject
from strokebench.methods.registry import find_method
from strokebench.tasks.preparing.prepare import prepare

CHECKS = all_checks()


@pytest.fixture(scope="session")
def subject(conforming_method: str) -> Subject:
    return Subject(find_method(conforming_method), {})


@pytest.mark.conformance
@pytest.mark.parametrize("name", CHECKS)
def test_method_holds_the_promise(subject: Subject, name: str):
    result = run_check(CHECKS[name], subject)
    assert result.passed, f"{subject.method.name}: {result.message}"


def test_sound_method_passes_every_check():
    failed = {result.name: result.message for result in check(Sound) if not result.passed}
    assert not failed


@pytest.mark.parametrize(("method", "name"), CAUGHT_BY.items(), ids=lambda value: getattr(value, "__name__", value))
def test_fault_is_caught_by_the_check_of_that_name(method: type[Sound], name: str):
    (result,) = check(method, [name])
    assert not result.passed
    assert "\n" not in result.message


def test_every_check_is_proved_to_bite():
    assert set(CAUGHT_BY.values()) | {"missing_values"} == set(CHECKS)


def test_gaps_that_preprocessing_leaves_are_caught(monkeypatch):
    def leaky(*arguments):
        parts = prepare(*arguments)
        table = parts.test.arrays["table"].copy()
        table[0, 0] = np.nan
        return replace(parts, test=replace(parts.test, table=table))

    monkeypatch.setattr(robustness, "prepare", leaky)
    (result,) = check(Sound, ["missing_values"])
    assert not result.passed


def test_results_say_what_is_promised():
    (result,) = check(Sound, ["facts"])
    assert result.passed and result.promise and result.seconds >= 0


def test_unknown_check_is_named():
    with pytest.raises(StrokebenchError, match="spelling"):
        check(Sound, ["spelling"])


def test_parameters_reach_every_fit():
    class Picky(Sound):
        def learn(self, features, y):
            assert self.C == 0.5
            super().learn(features, y)

    (result,) = check(Picky, ["tiny_cohort"], {"C": 0.5})
    assert result.passed, result.message


def test_weights_whose_header_looks_like_a_pickle_are_none(tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"\x80\x02\x00\x00\x00\x00\x00\x00{")
    assert not is_pickle(path) and not is_pickle(tmp_path)
