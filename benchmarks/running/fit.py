"""One fit: prepare a fold, fit a method on it, predict its test part. Pure: nothing is read or written."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.benchmarks.running.memory import PeakMemory
from strokebench.benchmarks.running.run import Material
from strokebench.methods.base import Method
from strokebench.methods.registry import find_method
from strokebench.tasks.conditions import COMPLETE, Condition
from strokebench.tasks.fold import Fold
from strokebench.tasks.inputs import Inputs
from strokebench.tasks.preparing.prepare import Parts, prepare


@dataclass(frozen=True)
class Fitted:
    """What came of a run.

    Args:
        predictions: for each condition `patient_id`, `y`, `Endpoint.prediction_columns` and whatever else the method
            tells of a patient (`Method.patient_facts`), one row a test patient, in the order of the fold.
        history: the method's training curves.
        facts: the method's numbers, and `validation_score` (`Endpoint.score`) and `threshold`, both of the
            validation part.
        fit_seconds, predict_seconds: wall time; `cpu_seconds`: processor time of both.
        peak_mb: the most memory in use while fitting and predicting, above what was in use before.
    """

    predictions: list[pd.DataFrame]
    history: dict[str, list[float]]
    facts: dict[str, float]
    fit_seconds: float
    predict_seconds: float
    cpu_seconds: float
    peak_mb: float


@dataclass(frozen=True)
class Ready:
    """A fit about to be computed, alone or in a stack.

    Args:
        model: not fitted.
        tests: make the test part under each condition, the same every time; all at once would take gigabytes.
        patients: `patient_id` and `y` of the test part, in the order of the fold.
    """

    model: Method
    parts: Parts
    tests: Sequence[Callable[[], Inputs]]
    patients: pd.DataFrame

    def predict(self) -> list[NDArray[np.float64]]:
        """Probabilities of the labels (n, levels) for each condition, once the model is fitted."""
        return [_probabilities(self.model, test()) for test in self.tests]

    def fitted(self, p: list[NDArray[np.float64]], **cost: float) -> Fitted:
        """What came of it.

        Args:
            p: of `predict`, an array (n, levels) a condition. cost: the seconds and megabytes of `Fitted`.
        """
        model, parts, endpoint, patients = self.model, self.parts, self.model.endpoint, self.patients
        on_validation = _probabilities(model, parts.validation)
        return Fitted(
            predictions=[
                patients.assign(**endpoint.columns(values), **(model.patient_facts(test()) if len(patients) else {}))
                for values, test in zip(p, self.tests, strict=True)
            ],
            history={name: [float(v) for v in values] for name, values in model.history_.items()},
            facts={name: float(value) for name, value in model.facts_.items()}
            | {
                "validation_score": endpoint.score(parts.y_validation, on_validation),
                "threshold": endpoint.threshold(parts.y_validation, on_validation),
            },
            **cost,
        )


def random_state(seed: int, fold: int) -> int:
    """The seed of everything random in a run: the same for all methods, another for each fold."""
    # 31 bits: not every library takes 32.
    return int(np.random.SeedSequence([seed, fold]).generate_state(1)[0] >> 1)


def unfitted(method: str, params: Mapping[str, Any], fold: Fold) -> Method:
    """The method as it is fitted on this fold.

    Raises:
        StrokebenchError: unknown method.
        Exception: whatever the method raises of its parameters.
    """
    return find_method(method)(**{**params, "random_state": random_state(fold.seed, fold.fold)})


def make_ready(
    method: str,
    params: Mapping[str, Any],
    fold: Fold,
    material: Material,
    conditions: Sequence[Condition],
    balance: str,
    parts: Parts | None = None,
) -> Ready:
    """Method and data of a fit that is tested under one or more conditions.

    A fold without test patients is made ready all the same, which is how hyper-parameters are tuned.

    Args:
        method: its registry name. params: hyper-parameters that differ from its defaults.
        conditions: all with the same `trained`, for the fit is one.
        parts: the fold, if another fit under the same `trained` and balance was made ready with it.

    Raises:
        StrokebenchError: unknown method or balance.
        Exception: whatever the method raises of its parameters.
    """
    # First, since the package that brings a method may register a modality that it reads.
    model = unfitted(method, params, fold)
    model.endpoint = material.endpoint
    (trained,) = {condition.trained for condition in conditions}
    parts = parts or prepare(
        material.cohort,
        material.embeddings,
        material.labels,
        fold,
        material.banned_columns,
        trained,
        balance,
        material.roles,
    )
    # What was taken away in training, too, the parts lack already.
    tests = [
        partial((COMPLETE if condition == trained else condition).apply, parts.test, "test", parts.seed, parts.zeros)
        for condition in conditions
    ]
    ids = list(fold.test)
    patients = pd.DataFrame({"patient_id": ids, "y": material.labels.loc[ids].to_numpy(np.int8)})
    return Ready(model, parts, tests, patients)


def fit_and_predict(ready: Ready) -> Fitted:
    """Compute one fit; what was made ready from the same arguments gives the same in any process.

    Raises:
        ValueError: predictions that are no probabilities.
        Exception: whatever the method raises.
    """
    parts = ready.parts
    cpu = time.process_time()
    with PeakMemory() as memory:
        start = time.perf_counter()
        ready.model.fit(parts.train, parts.y_train, parts.validation, parts.y_validation)
        fitted = time.perf_counter()
        p = ready.predict()
        predicted = time.perf_counter()
    return ready.fitted(
        p,
        fit_seconds=fitted - start,
        predict_seconds=(predicted - fitted) / len(p),
        cpu_seconds=time.process_time() - cpu,
        peak_mb=memory.megabytes,
    )


def _probabilities(model: Method, x: Inputs) -> NDArray[np.float64]:
    """Probabilities of the labels, (n, levels)."""
    levels = model.endpoint.levels
    if not len(x):
        return np.zeros((0, levels))
    p = np.asarray(model.predict_proba(x), dtype=np.float64)
    if p.shape != (len(x), levels):
        raise ValueError(f"{model.name}: predict_proba gave shape {p.shape} for {len(x)} patients, not (n, {levels}).")
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"{model.name}: predict_proba gave values outside [0, 1], or not finite.")
    if (np.abs(p.sum(axis=1) - 1) > 1e-3).any():
        raise ValueError(f"{model.name}: predict_proba gave rows that do not sum to 1.")
    return p
