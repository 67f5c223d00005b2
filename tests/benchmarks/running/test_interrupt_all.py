"""Every experiment goes on where its process was killed, and tells the same as if it had never been."""

import signal
from pathlib import Path

import interrupted
import pandas as pd
import pytest
import recompute
from stand_in import OtherStandIn, StandIn

from strokebench.benchmarks.experiments.find import all_experiments
from strokebench.methods import registry
from strokebench.reports.results import PREDICTIONS_FILE

COSTS = {"fit_seconds", "predict_seconds", "peak_mb"}
"""Columns that no two calls have in common."""


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    registry.all_methods()
    for method in (StandIn, OtherStandIn):
        monkeypatch.setitem(registry.METHODS.own, method.name, method)


def finished(home: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (home / "runs").glob("*/*.parquet")}


def tables(folder: Path) -> dict[str, pd.DataFrame]:
    read = {path.name: pd.read_csv(path, dtype=str) for path in sorted(folder.glob("*.csv"))}
    return {name: table.drop(columns=list(COSTS & set(table.columns))) for name, table in read.items()}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.long] if name != "table3" else []) for name in all_experiments()]
)
def test_a_killed_experiment_goes_on(name: str, home: Path, stand_ins: None, monkeypatch: pytest.MonkeyPatch):
    assert interrupted.killed(name, home, die_at=2) == -signal.SIGKILL
    kept = finished(home)
    StandIn.fits = 0
    resumed = interrupted.run(name)
    after = finished(home)
    assert 1 <= len(kept) < len(after), "the process was not killed in the middle"
    assert kept.items() <= after.items(), "a finished run was computed again"
    left = StandIn.fits

    monkeypatch.setenv("STROKEBENCH_HOME", str(home.parent / "uninterrupted"))
    StandIn.fits = 0
    whole = interrupted.run(name)
    assert StandIn.fits == left + 1, "the one fit that was finished was made again, or another was not made"
    assert (whole.folder / PREDICTIONS_FILE).read_bytes() == (resumed.folder / PREDICTIONS_FILE).read_bytes()
    told, wanted = tables(resumed.folder), tables(whole.folder)
    assert told.keys() == wanted.keys() and told
    for table in wanted:
        pd.testing.assert_frame_equal(told[table], wanted[table])
    assert set(resumed.results.runs["status"]) == {"done"}

    if name in recompute.READERS:
        checks = list(recompute.check_folder(whole.folder))
        assert checks and all(check.compared for check in checks)
        assert [line for check in checks for line in check.wrong] == []
