"""Printed numbers are those that scikit-learn computes from the stored predictions; another one is noticed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import recompute
import recompute_beyond
import recompute_clinical
from made_up import made_up, plan
from matplotlib.figure import Figure
from recompute_stored import Check

from strokebench.benchmarks.experiments.added_value import AddedValue
from strokebench.benchmarks.experiments.clinical import Clinical
from strokebench.benchmarks.experiments.comparison import Comparison
from strokebench.benchmarks.experiments.figure5 import Figure5
from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.benchmarks.experiments.tuned import Tuned


@pytest.fixture(autouse=True)
def nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Figure, "savefig", lambda _, path, **__: Path(path).write_bytes(b"drawn"))


@pytest.fixture
def folder(tmp_path: Path, make_results) -> Path:
    """Table 1 with a failed and a missing run, and the oracle."""
    results = make_results(failed={"vdafm": 2, "svm": 10}, missing={"mlp": 3})
    results.write(tmp_path / "table1")
    Table1().report(results, tmp_path / "table1")
    return tmp_path


def test_every_number_of_an_unfinished_table_is_recomputed(folder: Path):
    checks = recompute.check_below(folder)
    assert [check.file.name for check in checks] == ["table1.csv", "table1_cost.csv"]
    assert all(check.wrong == [] for check in checks)
    assert checks[0].compared >= 12 * 9 and checks[1].compared >= 12


def test_a_changed_digit_is_noticed(folder: Path):
    path = folder / "table1" / "table1.csv"
    table = pd.read_csv(path, dtype=str)
    table.loc[0, "F1_std"] = f"{float(table.loc[0, 'F1_std']) + 0.01:.2f}"
    table.to_csv(path, index=False)
    [line] = recompute.check_below(folder)[0].wrong
    assert table.loc[0, "key"] in line and "F1_std" in line


def test_every_pair_of_methods_is_recomputed(tmp_path: Path, make_results):
    results, folder = make_results(seeds=(39, 40)), tmp_path / "comparison"
    results.write(folder)
    Comparison().report(results, folder)
    pairs = folder / "comparison_pairs.csv"
    [check] = [check for check in recompute.check_folder(pairs.parent) if check.file == pairs]
    table = pd.read_csv(pairs)
    assert check.wrong == [] and check.compared == 6 * len(table) > 100
    table.loc[3, "p"] += 1e-3
    table.to_csv(pairs, index=False)
    [check] = [check for check in recompute.check_folder(pairs.parent) if check.file == pairs]
    assert len(check.wrong) == 1 and " p is printed" in check.wrong[0]


@pytest.mark.parametrize("untested", [3, None])
def test_every_number_of_a_hospital_is_recomputed(tmp_path: Path, untested: int | None):
    sites = {0: ("North", 60, 20), 1: ("South", 40, 12), 2: ("Isle", 6, 2), 3: ("East", 50, 10)}
    runs = plan(("vdafm", "concat"), seeds=(39, 40), folds=sites)
    lost = {run: "missing" for run in runs if run[4] == untested or run[3:] == (40, 1)}
    results = made_up(runs, sites=sites, lost=lost)
    results.write(tmp_path / "figure5")
    Figure5().report(results, tmp_path / "figure5")
    checks = {check.file.stem: check for check in recompute.check_folder(tmp_path / "figure5")}
    compared = {name: check.compared for name, check in checks.items()}
    assert compared == {"figure5_auc": 8 + 2 * 5, "figure5_hospitals": 8 * 19, "figure5_table": 8 * 12}
    assert [line for check in checks.values() for line in check.wrong] == []
    path = tmp_path / "figure5" / "figure5_hospitals.csv"
    table = pd.read_csv(path)
    vdafm, concat = table.index[table["hospital"] == "North"]
    table.loc[vdafm, "AUC_low"] += 1e-3
    table.loc[concat, "runs_done"] += 1
    table.to_csv(path, index=False)
    wrong = [line for check in recompute.check_folder(tmp_path / "figure5") for line in check.wrong]
    assert [line.partition(" is printed")[0].rpartition(": ")[2] for line in wrong] == [
        "North vdafm AUC_low",
        "North concat runs_done",
    ]


def test_what_each_fold_chose_is_recomputed(tmp_path: Path):
    results, folder = made_up(plan(("concat",), variants=("", "a=1", "a=2"), seeds=(39,))), tmp_path / "tuned"
    # Equals are decided by the plan.
    results.runs["validation_score"] = [0.7, 0.6, 0.8, 0.7, 0.5, 0.7, 0.9, 0.1, 0.7, 0.6, 0.2, 0.3, 0.8, 0.6, 0.6]
    results.write(folder)
    Tuned().report(results, folder)
    [check] = recompute.check_below(folder)
    assert check.wrong == [] and check.compared == 2 * 12 + 2
    results.runs.loc[5, "validation_score"] = 0.71
    results.write(folder)
    assert recompute.check_below(folder)[0].wrong


def test_what_is_added_is_recomputed(tmp_path: Path):
    conditions, folder = ("table", "image+table", "text+table", "complete"), tmp_path / "added_value"
    results = made_up(plan(("concat",), conditions=conditions), {"image+table": 2.0, "complete": 2.0})
    results.runs["balance"] = "smote"
    results.write(folder)
    AddedValue().report(results, folder)
    table, use = recompute.check_below(folder)
    assert table.wrong == use.wrong == [] and (table.compared, use.compared) == (3 * 6, 3 * 4)
    results.runs["balance"] = "none"
    results.write(folder)
    table, use = recompute.check_below(folder)
    assert table.wrong == [] and len(use.wrong) > 6


def test_the_clinical_evaluation_is_recomputed(tmp_path: Path):
    results, folder = made_up(plan(("vdafm", "concat"), seeds=(39, 40))), tmp_path / "clinical"
    number = results.predictions["patient_id"].str[1:].astype(int)
    results.predictions["site"] = np.where(number % 2, "North", "South")
    results.runs["balance"], results.runs["threshold"] = "smote", 0.4
    patients = pd.DataFrame({"patient_id": sorted(results.predictions["patient_id"].unique())})
    results = replace(results, groups=patients.assign(age=["under 60", "60-69", "70-79", "80 or over"] * 50))
    results.write(folder)
    Clinical().report(results, folder)
    checks = {check.file.stem: check for check in recompute.check_below(folder)}
    # Of few methods one table of subgroups has all.
    assert set(checks) == set(recompute_clinical.READERS) - {"subgroups_all"}
    assert [line for check in checks.values() for line in check.wrong] == []
    assert all(check.compared >= 6 for check in checks.values())
    results.runs["balance"] = "none"
    results.write(folder)
    wrong = {check.file.stem for check in recompute.check_below(folder) if check.wrong}
    assert wrong >= {"calibration", "clinical_scores", "net_benefit"} and "thresholds" not in wrong


def test_grades_and_their_cuts_are_recomputed(graded, tmp_path: Path):
    graded.write(tmp_path / "table1")
    Table1().report(graded, tmp_path / "table1")
    checks = recompute.check_below(tmp_path)
    names = ["table1", *(f"table1_above_{grade}" for grade in range(6)), "table1_cost", "table1_cuts"]
    assert [check.file.stem for check in checks] == names
    assert [line for check in checks for line in check.wrong] == [] and all(check.compared for check in checks)


class OneRun:
    """A run whose AUC is 50 plus 1 for the image, 2 for the text, 4 for the table, and 3 for image with text."""

    def of(self, method: str, condition: str) -> pd.DataFrame:
        kept = set(["image", "text", "table"] if condition == "complete" else condition.partition("@")[0].split("+"))
        worth = sum({"image": 1, "text": 2, "table": 4}[name] for name in kept) + 3 * ({"image", "text"} <= kept)
        return pd.DataFrame({"seed": [1], "fold": [0], "AUC": [50.0 + worth]})


@pytest.mark.parametrize(("image", "wrong"), [("2.5 [1.0, 4.0]", 0), ("2.6 [1.0, 4.0]", 1)])
def test_shapley_values_share_what_two_modalities_are_worth_together(image: str, wrong: int):
    rows = [
        ("image", image, "25 %"),
        ("text", "3.5 [1, 4]", "35 %"),
        ("table", "4.0 [1, 4]", "40 %"),
        ("sum", 10.0, ""),
    ]
    table = pd.DataFrame(
        [(f"vdafm/tested without/{part}", value, float("nan"), share) for part, value, share in rows],
        columns=["key", "value", "spread", "share"],
    )
    check = Check(Path("shapley.csv"))
    recompute_beyond.missing(check, table, OneRun())
    assert check.compared == 11 and len(check.wrong) == wrong
