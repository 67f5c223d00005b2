"""Printed numbers are those that scikit-learn computes from the stored predictions; another one is noticed."""

from pathlib import Path

import pandas as pd
import pytest
import recompute
from matplotlib.figure import Figure

from strokebench.benchmarks.table1 import Table1


@pytest.fixture
def folder(tmp_path: Path, make_results, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Table 1 with a failed and a missing run, and the oracle."""
    monkeypatch.setattr(Figure, "savefig", lambda _, path, **__: Path(path).write_bytes(b"drawn"))
    results = make_results(failed={"vdafm": 2, "svm": 10}, missing={"mlp": 3})
    results.write(tmp_path / "table1")
    Table1().report(results, tmp_path / "table1")
    return tmp_path


def test_every_number_of_an_unfinished_table_is_recomputed(folder: Path):
    checks = recompute.check_below(folder)
    assert [check.file.name for check in checks] == ["table1.csv", "table1_cost.csv"]
    assert all(check.wrong == [] and check.compared >= 12 * 9 for check in checks)


def test_a_changed_digit_is_noticed(folder: Path):
    path = folder / "table1" / "table1.csv"
    table = pd.read_csv(path, dtype=str)
    table.loc[0, "F1_std"] = f"{float(table.loc[0, 'F1_std']) + 0.01:.2f}"
    table.to_csv(path, index=False)
    [line] = recompute.check_below(folder)[0].wrong
    assert table.loc[0, "key"] in line and "F1_std" in line
