import pytest

from strokebench.benchmarks.running.costs import GUESS, Costs, forecast
from strokebench.benchmarks.running.run import Run


def test_more_workers_pay_until_the_longest_run_decides():
    assert "on 2 workers" in (said := forecast([60] + [10] * 12, 2)) and "up to 3 would pay (1 min)" in said
    assert "would pay" not in forecast([60] + [10] * 12, 3)
    assert "4 min on 3" in forecast([240, 60, 60], 3)


def test_forecast_names_time_and_the_workers_that_pay():
    said = forecast([60.0] * 40, 2)
    assert "20 min on 2 workers" in said and "up to 40 would pay (1 min)" in said
    assert forecast([1.0] * 10, 2) == ""
    assert "would pay" not in forecast([600.0], 4)
    assert "a guess" in forecast([60.0] * 40, 2, measured=False) and "a guess" not in said


def test_a_run_costs_what_was_measured_however_busy_the_machine_was(tmp_path, monkeypatch):
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path))
    run, short = Run("vdafm", 42, 0, "cv5"), Run("vdafm", 42, 0, "cv5", params={"max_epochs": 50})
    assert not Costs().measured(run)
    assert Costs().estimate(run) == Costs().estimate(short) == GUESS
    records = [
        {"method": "vdafm", "params": {}, "fit_seconds": wall, "predict_seconds": 0.5, "cpu_seconds": cpu}
        for wall, cpu in ((90.0, 10.0), (11.5, 20.0))
    ]
    Costs().learn(records)
    assert Costs().measured(run) and not Costs().measured(short)
    assert Costs().estimate(run) == pytest.approx((10 + 12) / 2)


def test_a_method_that_was_never_run_starts_with_the_slowest(tmp_path, monkeypatch):
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path))
    records = [
        {"method": name, "params": {}, "fit_seconds": seconds, "predict_seconds": 0.0, "cpu_seconds": seconds}
        for name, seconds in (("svm", 1.0), ("vdafm", 9.0))
    ]
    Costs().learn(records)
    assert Costs().estimate(Run("concat", 42, 0, "cv5")) == 9 > Costs().estimate(Run("svm", 42, 0, "cv5"))


def test_runs_that_took_no_time_at_all_are_no_error():
    assert forecast([0.0, 0.0], 1) == ""
