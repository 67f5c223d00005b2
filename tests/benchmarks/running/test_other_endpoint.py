"""An endpoint of another kind is one class: here three ordered labels, through labels, split, fits and predictions."""

import io
import re
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from small_context import make_context

from strokebench.benchmarks.experiments.comparison import Comparison
from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.benchmarks.running.fit import fit_and_predict, make_ready
from strokebench.benchmarks.running.runner import run_experiment
from strokebench.errors import StrokebenchError
from strokebench.methods.registry import find_method
from strokebench.reports.statistics.scores import arrange
from strokebench.reports.table1.table import table1
from strokebench.reports.tables.table import Mark
from strokebench.tasks import endpoint as endpoints
from strokebench.tasks.conditions import COMPLETE
from strokebench.tasks.endpoint import Endpoint
from strokebench.tasks.endpoints.parse import parse_endpoint
from strokebench.tasks.metrics.evaluate import evaluate
from strokebench.tasks.metrics.registry import METRICS, metric
from strokebench.tasks.protocols import make_split


@dataclass(frozen=True)
class Groups(Endpoint):
    """Ordered groups between cuts, by cumulative logits."""

    kind = "groups"
    levels = 3
    outputs = 2
    prediction_columns = ("p0", "p1", "p2")

    cuts: tuple[float, ...] = ()

    @classmethod
    def parse(cls, rule):
        match = re.fullmatch(r"groups (\w+) ([\d,]+)", rule)
        return cls(match[1], tuple(map(float, match[2].split(",")))) if match else None

    @property
    def expression(self):
        return f"groups {self.column} {','.join(f'{cut:g}' for cut in self.cuts)}"

    @property
    def rule_name(self):
        return f"{self.column}_groups"

    def from_values(self, values):
        return pd.Series(np.searchsorted(self.cuts, values, side="right"), index=values.index)

    def problems(self, given):
        yield from ()

    def targets(self, y):
        return np.column_stack([y > 0, y > 1]).astype(np.float32)

    def loss(self, logits, targets):
        from torch.nn import functional

        return functional.binary_cross_entropy_with_logits(logits, targets)

    def link(self, logits):
        above = np.minimum.accumulate(1 / (1 + np.exp(-np.asarray(logits, float))), axis=1)
        ends = np.ones((len(above), 1)), np.zeros((len(above), 1))
        return -np.diff(np.hstack([ends[0], above, ends[1]]), axis=1)

    def score(self, y, p):
        return -float(np.abs(p @ np.arange(3) - y).mean())


@metric("Distance", higher_is_better=False, endpoints=("groups",))
def distance(endpoint, y, p):
    return -endpoint.score(y, p)


@pytest.fixture
def context(monkeypatch):
    monkeypatch.setattr(endpoints, "KINDS", dict(endpoints.KINDS))
    monkeypatch.setattr("strokebench.tasks.endpoints.parse.KINDS", endpoints.KINDS)
    endpoints.register_endpoint(Groups)
    monkeypatch.setattr(METRICS, "own", {**METRICS.own, "Distance": distance})
    context = make_context(folds=1)
    endpoint = parse_endpoint("groups nihss 5,12")
    labels = endpoint.labels(context.cohort)
    split = make_split("cv5", endpoint.strata(labels), seeds=(39,))
    return replace(context, endpoint=endpoint, labels=labels, split=split)


def test_it_is_read_labelled_and_split_by_its_own_strata(context):
    assert isinstance(context.endpoint, Groups) and parse_endpoint(context.endpoint.expression) == context.endpoint
    assert set(context.labels) == {0, 1, 2}
    for fold in context.split.folds:
        assert set(context.labels.loc[list(fold.test)]) == set(context.labels.loc[list(fold.validation)]) == {0, 1, 2}


@pytest.mark.parametrize("method", ["concat", "mlp", "random_forest"])
@pytest.mark.parametrize("balance", ["smote", "duplicate"])
def test_a_network_and_a_forest_are_fitted_and_tell_three_probabilities(context, method, balance, tmp_path):
    params = {"trees": 20} if method == "random_forest" else {"max_epochs": 3}
    fold = context.split.folds[0]
    ready = make_ready(method, params, fold, context.material, [COMPLETE], balance)
    assert len(set(np.bincount(ready.parts.y_train))) == 1
    fitted = fit_and_predict(ready)
    [predictions] = fitted.predictions
    assert list(predictions.columns) == ["patient_id", "y", "p0", "p1", "p2"]
    p = context.endpoint.probabilities(predictions)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    y = predictions["y"]
    assert evaluate(context.endpoint, y, p) == {"Distance": distance(context.endpoint, y, p, 0)}
    assert fitted.facts["validation_score"] <= 0 and np.isnan(fitted.facts["threshold"])
    ready.model.save(tmp_path)
    again = find_method(method).load(tmp_path)
    assert again.endpoint == context.endpoint
    np.testing.assert_allclose(again.predict_proba(ready.parts.test), p, atol=1e-6)


def test_table_1_shows_the_metrics_of_the_endpoint_and_what_needs_an_order_is_refused(context, home):
    context = replace(context, settings=replace(context.settings, methods=("mlp", "random_forest")))
    context = replace(context, split=replace(context.split, folds=context.split.folds[:2]))
    console = Console(file=io.StringIO())
    results = run_experiment(Table1(), context, console).results
    assert set(results.runs["method"]) == {"mlp", "random_forest"}
    assert list(results.predictions.columns)[-4:] == ["y", "p0", "p1", "p2"]
    table = table1(results)
    assert [column.key for column in table.columns] == ["Distance"] and "of label 2" in table.caption
    best = min(table.rows, key=lambda row: row.cells["Distance"].value)
    assert best.cells["Distance"].mark is Mark.BEST
    with pytest.raises(StrokebenchError, match="comparison needs an outcome with an order"):
        run_experiment(Comparison(), context, console)
    with pytest.raises(StrokebenchError, match="has no events"):
        arrange(results.predictions, endpoint=context.endpoint)
