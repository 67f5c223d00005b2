"""What is read of methods as they are written is what their classes say."""

import subprocess
import sys

import pytest

from strokebench.benchmarks.keys.described import _of_the_house, all_params, described_methods
from strokebench.methods.registry import all_methods


def test_methods_are_described_as_the_registry_has_them():
    written = _of_the_house()
    assert list(written) == list(all_methods())
    for name, method in all_methods().items():
        found = written[name]
        assert found.as_given, f"{name} was loaded"
        assert (found.name, found.label, found.family) == (method.name, method.label, method.family)
        assert (found.uses, found.paper_row) == (method.uses, method.paper_row)
        assert (found.module, found.cls) == (method.__module__, method.__qualname__)
        assert list(found.defaults.items()) == list(method().get_params().items())
        assert list(found.notes.items()) == list(method.notes().items())


def test_nothing_is_loaded_for_it():
    code = """
import sys
from strokebench.benchmarks.keys.described import all_params, described_methods
assert len(described_methods()) > 10 and all_params("mlp", {"max_epochs": 8})["max_epochs"] == 8
assert not {"torch", "sklearn"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_parameters_that_are_given_go_before_defaults():
    assert all_params("svm", {"C": 2.0}) == all_methods()["svm"](C=2.0).get_params()
    with pytest.raises(TypeError, match="cost"):
        all_params("svm", {"cost": 2.0})


def test_a_method_of_another_package_is_asked_itself(planted: None):
    assert described_methods()["coin"].module == "planted_methods" and "vdafm" in described_methods()
