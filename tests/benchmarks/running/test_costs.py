import io
from pathlib import Path
from unittest.mock import Mock

import pytest
from rich.console import Console

from strokebench.benchmarks.running.costs import GUESS, Costs, forecast
from strokebench.benchmarks.running.run import Run
from strokebench.benchmarks.running.runner import say_work, shares
from strokebench.benchmarks.running.settings import Settings


def test_more_workers_pay_until_the_longest_run_decides():
    assert "on 2 workers" in (said := forecast([60] + [10] * 12, 2)) and "1 min on 3, and more" in said
    assert "gain nothing" not in forecast([60] + [10] * 12, 3)
    assert "4 min on 3" in forecast([240, 60, 60], 3)


def test_forecast_names_time_and_the_workers_that_pay():
    said = forecast([60.0] * 40, 2)
    assert "20 min on 2 workers" in said and "1 min on 40, and more" in said
    assert forecast([1.0] * 10, 2) == "less than a minute at the speed measured so far"
    assert "gain nothing" not in forecast([600.0], 4)
    assert "a guess" in forecast([60.0] * 40, 2, measured=False) and "a guess" not in said


def test_how_many_workers_a_scheduler_will_have_is_not_known():
    settings, costs = Settings(scheduler="tcp://far:8786", jobs=2), Mock(estimate=lambda _: 60.0)
    console = Console(file=io.StringIO(), width=200)
    say_work(40, {}, [Mock()] * 40, costs, settings, console)
    assert "about 40 min on 1 worker at" in console.file.getvalue()


def record(seconds: float, cpu: float | None = None) -> dict[str, float]:
    return {"fit_seconds": seconds, "predict_seconds": 0.5, "cpu_seconds": seconds + 0.5 if cpu is None else cpu}


def test_a_run_costs_what_was_measured_however_busy_the_machine_was(home: Path):
    run, wide = Run("vdafm", 42, 0, "cv5"), Run("vdafm", 42, 0, "cv5", params={"width": 256})
    costs = Costs(729)
    assert not costs.measured(run) and costs.estimate(run) == costs.estimate(wide) == GUESS
    costs.learn(run, record(90.0, cpu=10.0))
    costs.learn(run, record(11.5, cpu=20.0))
    assert not Costs(729).measured(run), "remembered only when the call ends"
    costs.keep()
    for known in (costs, Costs(729)):
        assert known.measured(run) and not known.measured(wide)
        assert known.estimate(run) == known.estimate(wide) == pytest.approx((10 + 12) / 2)


def test_a_method_that_was_never_run_starts_with_the_slowest_and_never_counts_as_quick(home: Path):
    costs = Costs(729)
    costs.learn(Run("svm", 42, 0, "cv5"), record(0.01))
    assert costs.estimate(Run("concat", 42, 0, "cv5")) == GUESS > costs.estimate(Run("svm", 42, 1, "cv5"))
    costs.learn(Run("fusion", 42, 0, "cv5"), record(49.5))
    assert costs.estimate(Run("concat", 42, 0, "cv5")) == 50


def test_runs_that_took_no_time_at_all_are_no_error():
    assert "less than a minute" in forecast([0.0, 0.0], 1)


def test_a_whole_training_is_expected_to_take_longer_than_that_of_a_quick_check(home: Path):
    costs = Costs(729)
    costs.learn(Run("vdafm", 42, 0, "cv5", params={"max_epochs": 8}), record(0.5))
    assert costs.estimate(Run("vdafm", 42, 0, "cv5")) == pytest.approx(1.0 * 100 / 8)


def test_runs_that_learn_from_fewer_patients_are_shorter_and_say_what_whole_ones_take(home: Path):
    whole, few = Run("vdafm", 42, 0, "cv5"), Run("vdafm", 42, 0, "cv5", share=0.2)
    costs = Costs(729)
    costs.learn(few, record(1.5))
    assert costs.estimate(whole) == pytest.approx(10) and costs.estimate(few) == pytest.approx(2)
    costs.learn(whole, record(9.5))
    assert costs.estimate(whole) == pytest.approx(10)
    costs.learn(Run("svm", 42, 0, "cv5", share=0.5), record(0.5))
    assert costs.estimate(Run("svm", 42, 0, "cv5")) == pytest.approx(4)
    alike = {name: Mock(first=run, runs={name: run}) for name, run in (("whole", whole), ("few", few))}
    assert shares(alike, costs) == pytest.approx({"whole": 10, "few": 2})


def test_seconds_are_brought_to_the_cohorts_number_of_patients(home: Path):
    costs = Costs(1000)
    costs.learn(Run("svm", 42, 0, "cv5"), record(0.5))
    costs.learn(Run("vdafm", 42, 0, "cv5"), record(3.5))
    costs.keep()
    more = Costs(10_000)
    assert more.estimate(Run("vdafm", 42, 0, "cv5")) == 40 and more.estimate(Run("svm", 42, 0, "cv5")) == 100
    more.learn(Run("vdafm", 42, 0, "cv5"), record(29.5))
    more.keep()
    assert more.estimate(Run("mlp", 42, 0, "cv5")) == pytest.approx(10 * GUESS, rel=0.5)
    again = Costs(1000)
    assert again.estimate(Run("vdafm", 42, 0, "cv5")) == 3 and again.estimate(Run("svm", 42, 0, "cv5")) == 1
