import pytest

from strokebench.benchmarks.costs import forecast, makespan, paying_workers


@pytest.mark.parametrize(("seconds", "workers", "expected"), [([3, 3, 2, 2, 2], 2, 7), ([5, 1, 1], 2, 5), ([4], 3, 4)])
def test_makespan_gives_each_free_worker_the_longest_that_is_left(seconds, workers, expected):
    assert makespan(seconds, workers) == expected


def test_more_workers_pay_until_the_longest_run_decides():
    assert paying_workers([10] * 20) == 20
    assert paying_workers([60] + [10] * 12) == 3
    assert paying_workers([7]) == 1


def test_forecast_names_time_and_the_workers_that_pay():
    said = forecast([60.0] * 40, 2)
    assert "20 min on 2 workers" in said and "up to 40 would pay (1 min)" in said
    assert forecast([1.0] * 10, 2) == ""
    assert "would pay" not in forecast([600.0], 4)
