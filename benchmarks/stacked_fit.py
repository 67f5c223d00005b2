"""Several tasks of one network fitted together: `fit_and_predict`, with the fitting shared."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from strokebench.benchmarks.fit import Fitted, Material, _probabilities, random_state
from strokebench.benchmarks.memory import PeakMemory
from strokebench.benchmarks.workers import Outcome, Task, _record
from strokebench.methods.registry import find_method
from strokebench.tasks.metrics import auc, youden_threshold
from strokebench.tasks.preprocessing import Parts, prepare
from strokebench.tasks.trimodal import TriModal

if TYPE_CHECKING:
    from strokebench.methods.base import Method
    from strokebench.methods.neural import NeuralMethod

ACTIVATIONS = 2**26
"""Bytes that a run's activations are reckoned to need; more than is there is found out by running out of it."""


@dataclass(frozen=True)
class Prepared:
    """A task ready to be fitted.

    Args:
        left: the task with those of its runs that are not done yet.
        records: what is known of these runs before the fit.
        tests: the test part under the condition of each of them.
    """

    task: Task
    left: Task
    records: dict[str, dict[str, Any]]
    model: NeuralMethod
    parts: Parts
    tests: list[TriModal]


def make_method(task: Task) -> Method:
    """The task's method, not fitted."""
    run = next(iter(task.runs.values()))
    seed = random_state(task.fold.seed, task.fold.fold)
    return find_method(run.method)(**{**run.params, "random_state": seed})


def prepare_task(task: Task, left: Task, material: Material) -> Prepared:
    """Data and method of a task, as `fit_and_predict` has them."""
    runs = list(left.runs.values())
    (trained,) = {run.condition.trained for run in runs}
    parts = prepare(
        material.cohort,
        material.embeddings,
        material.labels,
        task.fold,
        material.banned_columns,
        trained,
        runs[0].balance,
    )
    conditions = [run.condition for run in runs]
    tests = [
        parts.test if condition == trained else condition.apply(parts.test, "test", parts.seed, parts.zeros)
        for condition in conditions
    ]
    records = {key: _record(key, run, left) for key, run in left.runs.items()}
    return Prepared(task, left, records, make_method(left), parts, tests)


def fit_together(prepared: Sequence[Prepared], material: Material, device: str) -> list[Outcome]:
    """Fit these tasks as one stack, and predict; seconds and megabytes are each task's share."""
    from strokebench.methods.stacked import fit_stacked

    cpu, start, count = time.process_time(), time.perf_counter(), len(prepared)
    with PeakMemory() as memory:
        fit_stacked(
            [each.model for each in prepared],
            [(p.train, p.y_train, p.validation, p.y_validation) for p in (each.parts for each in prepared)],
            device,
        )
    share = {
        "fit_seconds": (time.perf_counter() - start) / count,
        "cpu_seconds": (time.process_time() - cpu) / count,
        "peak_mb": memory.megabytes / count,
    }
    outcomes = []
    for each in prepared:
        fitted = evaluate(each, material, **share)
        learned = {
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            **{field.name: getattr(fitted, field.name) for field in fields(fitted) if field.name != "predictions"},
            "device": device,
            "stacked": count,
        }
        records = {key: record | learned for key, record in each.records.items()}
        outcomes.append(Outcome(records, dict(zip(records, fitted.predictions, strict=True))))
    return outcomes


def evaluate(prepared: Prepared, material: Material, fit_seconds: float, cpu_seconds: float, peak_mb: float) -> Fitted:
    """What `fit_and_predict` tells of a fitted method."""
    model, parts, ids = prepared.model, prepared.parts, list(prepared.task.fold.test)
    start, cpu = time.perf_counter(), time.process_time()
    p = [_probabilities(model, test) for test in prepared.tests]
    predicted, cpu = time.perf_counter() - start, time.process_time() - cpu
    on_validation = _probabilities(model, parts.validation)
    patients = pd.DataFrame({"patient_id": ids, "y": material.labels.loc[ids].to_numpy(np.int8)})
    return Fitted(
        predictions=[
            patients.assign(p=values, **(model.patient_facts(test) if len(test) else {}))
            for values, test in zip(p, prepared.tests, strict=True)
        ],
        history={name: [float(v) for v in values] for name, values in model.history_.items()},
        facts={name: float(value) for name, value in model.facts_.items()}
        | {
            "validation_auc": auc(parts.y_validation, on_validation),
            "threshold": youden_threshold(parts.y_validation, on_validation),
        },
        fit_seconds=fit_seconds,
        predict_seconds=predicted / len(prepared.tests),
        cpu_seconds=cpu_seconds + cpu,
        peak_mb=peak_mb,
    )


def bytes_a_run(prepared: Prepared) -> int:
    """Device memory that one run of a stack is reckoned to need.

    Eight copies of the parameters (gradients twice, RAdam's moments and what they pass through, the best state),
    the validation part, some copies of a batch, and activations. The training part stays in host memory.
    """
    import torch

    parts, model = prepared.parts, prepared.model
    with torch.random.fork_rng(devices=[]):
        parameters = sum(p.numel() for p in model.build(parts.train.shapes).parameters())
    a_patient = sum(getattr(parts.train, part.name)[:1].nbytes for part in fields(TriModal))
    return 8 * 4 * parameters + a_patient * (len(parts.validation) + 8 * model.batch_size) + ACTIVATIONS
