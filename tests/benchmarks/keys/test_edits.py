"""Which changes of our own code have finished runs computed again? Made in a copy of the house."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from house_copy import METHODS, House

SUPPORT = Path(__file__).parents[2] / "support"
NETWORKS = {"vdafm", "concat", "mlp"}
ALL = set(METHODS)
NEW_METHOD = """
from strokebench.methods.registry import register
from strokebench.methods.svm import SVM

@register
class Another(SVM):
    \"\"\"Another one.\"\"\"
    name, label, paper_row = "another", "Another", None
"""
HARMLESS = {
    "a reworded error": lambda house: house.edit("is in two parts of", "stands in two parts of", "tasks"),
    "a new protocol": lambda house: house.edit(r'"loho": _loho', '"loho": _loho, "again": _cv5', "tasks"),
    "a new balancer": lambda house: house.edit(r'"duplicate": duplicate,', '"duplicate": duplicate, "twice": smote,'),
    "a wider search space": lambda house: house.edit(r"\[4, 8, 16, 32\]", "[2, 4, 8, 16, 32]", "methods/vdafm.py"),
    "a memory meter": lambda house: house.edit(r"0\.002 \+", "0.004 +", "benchmarks/running"),
    "a field of the cohort": lambda house: house.edit(
        r"(class Cohort:[\s\S]*?\n    banned: .*\n)", r'\1    funding: str = ""\n', "datasets/cohort.py"
    ),
    "what a role's values can be": lambda house: house.edit(r'"age": \(1, 110\)', '"age": (1, 120)', "datasets"),
    "a metric": lambda house: house.edit(
        r"\Z(?<=\n)", "\n\ndef error(y, p):\n    return ((y - p) ** 2).mean()\n", "tasks/metrics/paper.py"
    ),
    "a docstring": lambda house: house.edit("One fold's three parts", "The three parts of a fold", "tasks"),
    "an annotation": lambda house: house.edit(
        r"condition: Condition = COMPLETE", "condition: object = COMPLETE", "tasks/preparing"
    ),
    "a comment": lambda house: house.edit(r"\n(def random_state)", r"\n# A comment.\n\1", "benchmarks/running"),
    "an experiment": lambda house: house.add("benchmarks/experiments/another.py", "number = 1\n"),
    "a method": lambda house: house.add("methods/another.py", NEW_METHOD),
    "a row of the paper": lambda house: house.edit("paper_row = 12", "paper_row = 13", "methods"),
    "how a method is saved": lambda house: house.edit('"weights.safetensors"\\) as', '"w.safetensors") as', "methods"),
    "a new function beside others": lambda house: house.edit(
        r"\n(def moments\()", r"\ndef gini(y, p):\n    return 1\n\n\n\1", "tasks"
    ),
}
COUNTING = {
    "SMOTE's neighbours": (r"SMOTE\(k_neighbors=1", "SMOTE(k_neighbors=2", "tasks", ALL),
    "a loss": (r"1 - \(a \* b\)\.sum\(\)", "2 - (a * b).sum()", "methods", {"vdafm"}),
    "the schedule": (r"math\.cos\(math\.pi", "math.cos(3.1", "methods/training", NETWORKS),
    "the optimiser": (r"\(0\.9, 0\.999\)", "(0.9, 0.99)", "methods/training", NETWORKS),
    "a default of one network": (
        "contrastive_decay: float = 0.95",
        "contrastive_decay: float = 0.9",
        "methods",
        {"vdafm"},
    ),
    "a default of all networks": ("patience: int = 30", "patience: int = 20", "methods/training", NETWORKS),
    "a default of a forest": ("leaf: int = 2", "leaf: int = 3", "methods", {"random_forest"}),
    "scaling": (r"np\.sqrt\(squares / count\)", "np.sqrt(squares / count + 1)", "tasks", ALL),
    "imputation": (r"known\.median\(\)", "known.mean()", "tasks", ALL),
    "an attention layer": (r"weights = scores\.softmax\(2\)", "weights = scores.softmax(1)", "methods", {"vdafm"}),
    "dropout": (
        r"(class Dropout[\s\S]*?def forward\(self, x: Tensor\) -> Tensor:\n)",
        r"\1        x = x + 0\n",
        "methods",
        NETWORKS,
    ),
    "selection by AUC": (r"rankdata\(p\)", "rankdata(-p)", "tasks/metrics", ALL),
    "the seed of a run": (r">> 1\)", ">> 2)", "benchmarks/running", ALL),
    "a common estimator": (
        r"components: ClassVar\[int\] = 32",
        "components: ClassVar[int] = 16",
        "methods",
        ALL - NETWORKS,
    ),
    "a library's setting": ('tree_method="hist"', 'tree_method="exact"', "methods", {"xgboost"}),
}


@pytest.mark.parametrize("what", HARMLESS)
def test_what_decides_no_result_has_nothing_computed_again(house: House, what: str):
    before = house.original
    HARMLESS[what](house)
    assert house.codes() == before


@pytest.mark.parametrize("what", COUNTING)
def test_what_decides_results_has_those_computed_again(house: House, what: str):
    old, new, room, concerned = COUNTING[what]
    before = house.original
    house.edit(old, new, room)
    after = house.codes()
    assert {name for name in METHODS if after[name] != before[name]} == concerned


def test_a_balancer_concerns_the_runs_that_use_it(house: House):
    before = {balance: house.codes(balance) for balance in ("smote", "duplicate", "none")}
    house.edit(r"SMOTE\(k_neighbors=1", "SMOTE(k_neighbors=2", "tasks")
    assert not set(house.codes("smote").values()) & set(before["smote"].values())
    assert house.codes("none") == before["none"] and house.codes("duplicate") == before["duplicate"]


def test_on_a_gpu_the_stack_concerns_networks(house: House):
    alone, stacked = house.original, house.codes(on_gpu=True)
    assert {name for name in METHODS if alone[name] != stacked[name]} == NETWORKS
    house.edit(r"\n(class Masks:\n)", r"\n\1    planted = 1\n", "methods/stacking")
    assert house.codes() == alone
    assert {name for name in METHODS if house.codes(on_gpu=True)[name] != stacked[name]} == NETWORKS


def call(house: House, home: Path) -> str:
    """A quick Table 1 of two methods by the copy itself."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(house.folder), str(SUPPORT)])}
    command = [sys.executable, str(SUPPORT / "run_small.py"), "random_forest,svm", "1", "1"]
    done = subprocess.run(command, env=environment, cwd=home.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return " ".join(done.stdout.split())


@pytest.mark.long
def test_a_finished_table_is_computed_again_only_where_results_change(house: House, home: Path):
    assert "2 planned, 2 to compute" in call(house, home)
    for edit in HARMLESS.values():
        edit(house)
    assert "2 already done, 0 to compute" in call(house, home)
    house.edit("leaf: int = 2", "leaf: int = 3", "methods")
    assert "1 already done, 1 to compute" in call(house, home)
