"""What is kept of methods is what their classes say."""

import subprocess
import sys
from pathlib import Path
from shutil import rmtree

import pytest

from strokebench.benchmarks.keys import described
from strokebench.benchmarks.keys.described import all_params, described_methods
from strokebench.methods.registry import all_methods


def test_methods_are_described_as_the_registry_has_them(home: Path, monkeypatch: pytest.MonkeyPatch):
    rmtree(home / "methods")
    described._of_the_house.cache_clear()
    # On a worker whose folder is not to be written to.
    with monkeypatch.context() as patch:
        patch.setenv("STROKEBENCH_HOME", "/proc/none")
        described._of_the_house()
    described._of_the_house.cache_clear()
    made = described._of_the_house()
    described._of_the_house.cache_clear()
    read = described._of_the_house()
    methods = all_methods(on_request=True)
    assert read == made and list(read) == list(methods) and len(list((home / "methods").iterdir())) == 1
    for name, method in methods.items():
        found = read[name]
        assert (found.name, found.label, found.family) == (method.name, method.label, method.family)
        assert (found.uses, found.paper_row) == (method.uses, method.paper_row)
        assert found.about and method.__doc__.startswith(found.about[:20])
        assert (found.module, found.cls) == (method.__module__, method.__qualname__)
        assert list(found.defaults.items()) == list(method().get_params().items())
        assert list(found.notes.items()) == list(method.notes().items())


def test_a_second_call_loads_nothing_for_it():
    code = """
import sys
from strokebench.benchmarks.keys.described import all_params, described_methods
assert len(described_methods()) > 10 and all_params("mlp", {"max_epochs": 8})["max_epochs"] == 8
print(*sorted({"torch", "sklearn"} & set(sys.modules)))
"""
    # What a first call has written lies there.
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert told == "\n"


@pytest.mark.parametrize("name", list(all_methods()))
def test_parameters_that_are_given_go_before_defaults(name: str):
    # Also where a class could say otherwise: none of the house's does.
    for given, value in described_methods()[name].defaults.items():
        assert all_params(name, {given: value}) == all_methods()[name](**{given: value}).get_params()


def test_a_wrong_parameter_is_the_methods_own_error():
    assert all_params("svm", {"C": 2.0})["C"] == 2.0
    with pytest.raises(TypeError, match="cost"):
        all_params("svm", {"cost": 2.0})


def test_a_method_of_another_package_is_asked_itself(planted: None):
    assert described_methods()["coin"].module == "planted_methods" and "vdafm" in described_methods()
