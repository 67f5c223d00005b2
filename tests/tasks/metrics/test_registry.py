"""What a metric of a user's own is unless it says otherwise, and what it is given."""

import numpy as np
import pytest

from strokebench.errors import StrokebenchError
from strokebench.plugins import warn_once
from strokebench.reports.results import RUN, STATUSES
from strokebench.reports.summary import COSTS
from strokebench.tasks.endpoints.binary import BINARY
from strokebench.tasks.metrics.evaluate import evaluate
from strokebench.tasks.metrics.registry import METRICS, TAKEN, metric

Y, P = np.array([0, 1, 1]), np.array([0.2, 0.6, 0.9])


def test_a_metric_is_better_when_higher_of_binary_outcomes_and_without_a_threshold_unless_it_says_otherwise():
    found = metric("mean")(lambda endpoint, y, p: float(p.mean()))
    assert (found.unit, found.higher_is_better, found.needs_threshold, found.endpoints) == (
        "",
        True,
        False,
        ("binary",),
    )
    # A function of three: a fourth argument would be refused.
    assert found(BINARY, Y, P, 0.5) == np.mean(P) and found.scale == 1


def test_a_metric_that_calls_patients_is_given_where_from():
    found = metric("called", "%", needs_threshold=True)(lambda endpoint, y, p, threshold: float((p >= threshold).sum()))
    assert [found(BINARY, Y, P, threshold) for threshold in (0.1, 0.6, 0.95)] == [3, 2, 0]
    assert found.scale == 100


def test_a_metric_has_no_name_of_a_column_that_is_there_already():
    assert set(TAKEN) == {*RUN, "planned", *STATUSES, *COSTS}
    for name in ("fold", "done", "fit_seconds", "AUC_std"):
        with pytest.raises(StrokebenchError, match=f"cannot be called '{name}'"):
            metric(name)


def test_a_metric_that_fails_or_writes_into_what_all_see_is_empty_and_named(monkeypatch, caplog):
    def greedy(endpoint, y, p):
        p[:] = 1

    def share(endpoint, y, p):
        return p.mean()

    warn_once.cache_clear()
    guests = {"greedy": metric("greedy")(greedy), "share": metric("share")(share)}
    monkeypatch.setattr(METRICS, "own", {**METRICS.own, **guests})
    found = evaluate(BINARY, Y, P)
    assert np.isnan(found["greedy"]) and found["share"] == np.mean(P) and found["AUC"] == 1
    [line] = caplog.messages
    assert line.startswith("The metric 'greedy' stays empty where it fails: ValueError")
