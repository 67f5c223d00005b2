"""The stages of an experiment whose growth with the number of patients is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from strokebench.benchmarks.measuring.scale_data import read_cohort, read_context, read_embeddings
from strokebench.errors import StrokebenchError
from strokebench.tasks.endpoints.parse import parse_endpoint


@dataclass(frozen=True)
class Stage:
    """One stage of an experiment.

    Args:
        label: what tables call it.
        before: what it works on, made outside the measurement from the folder of a cohort.
        work: what is measured.
    """

    label: str
    before: Callable[[Path], Any]
    work: Callable[[Any], object]


def _load(folder: Path) -> object:
    cohort, endpoint = read_cohort(folder), parse_endpoint("nihss < 7")
    return cohort.fingerprint(), endpoint.labels(cohort), read_embeddings(folder)


def _split(given: Any) -> object:
    from strokebench.benchmarks.running.settings import SEEDS
    from strokebench.tasks.protocols import make_split

    return make_split("cv5", given.endpoint.strata(given.labels), given.cohort.site, SEEDS).sha256


def _loaded(folder: Path) -> Any:
    """The context, with the libraries loaded that its stages need."""
    from importlib import import_module

    libraries = ("imblearn.over_sampling", "scipy.stats", "xgboost", "statsmodels.stats.multitest")
    for library in (*libraries, "strokebench.benchmarks.running.fit", "strokebench.methods.training.loop"):
        import_module(library)
    return read_context(folder)


def _prepare(context: Any, balance: str = "smote") -> Any:
    from strokebench.tasks.preparing.prepare import prepare

    material, fold = context.material, context.split.folds[0]
    return prepare(material.cohort, material.embeddings, material.labels, fold, context.banned_columns, balance=balance)


def _fit(method: str, parts: Any, **params: Any) -> Any:
    from strokebench.methods.registry import find_method

    model = find_method(method)(random_state=0, **params)
    return model.fit(parts.train, parts.y_train, parts.validation, parts.y_validation)


def _alarms(context: Any) -> object:
    from strokebench.benchmarks.leaks.audit import run_audit

    audit = run_audit(context)
    if audit.broken:
        raise StrokebenchError(f"Alarms broke: {dict(audit.broken)}")
    return audit


def _trained(folder: Path) -> Any:
    context = _loaded(folder)
    parts = _prepare(context, "none")
    # What the network has learned does not matter to the time that it takes: a few patients will do.
    few = slice(0, 500)
    model = _fit_few(parts, few)
    return model, parts.test


def _fit_few(parts: Any, few: slice) -> Any:
    from strokebench.methods.registry import find_method

    model = find_method("vdafm")(random_state=0, max_epochs=1)
    held_out = parts.validation[few], parts.y_validation[few]
    return model.fit(parts.train[few], parts.y_train[few], *held_out)


def _scores(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    from importlib import import_module

    import_module("scipy.stats")
    labels = parse_endpoint("nihss < 7").labels(read_cohort(folder)).to_numpy()
    return labels, np.random.default_rng(0).beta(2, 3, len(labels))


def _evaluate(scores: tuple[np.ndarray, np.ndarray]) -> object:
    from strokebench.tasks.endpoints.binary import BINARY
    from strokebench.tasks.metrics.evaluate import evaluate

    return evaluate(BINARY, *scores)


def _threshold(scores: tuple[np.ndarray, np.ndarray]) -> object:
    from strokebench.tasks.metrics.selection import youden_threshold

    # The validation part is 0.8 * 0.2 of all patients.
    part = slice(0, int(0.16 * len(scores[0])))
    return youden_threshold(scores[0][part], scores[1][part])


def _results(folder: Path) -> Any:
    """Two methods on the five folds of one seed."""
    from strokebench.reports.results import PATIENT_COLUMNS, RUN_COLUMNS

    context = _loaded(folder)
    random = np.random.default_rng(0)
    predictions, runs = [], []
    for method in ("svm", "xgboost"):
        for fold in context.split.folds:
            ids = pd.Index(fold.test)
            named = {"method": method, "variant": "", "condition": "complete", "seed": fold.seed, "fold": fold.fold}
            y = context.labels.loc[ids].to_numpy()
            columns = {"patient_id": ids, "y": y, "p": random.beta(2 + y, 3), "site": context.cohort.site.loc[ids]}
            known = {"experiment": "table1", "dataset": "scale", "outcome": context.endpoint.expression}
            frame = pd.DataFrame({**columns, **named, **known, "protocol": "cv5", "split": context.split.sha256})
            predictions.append(frame)
            runs.append({**dict.fromkeys(RUN_COLUMNS), **named, "key": "", "status": "done", "fit_seconds": 1.0})
    return pd.concat(predictions, ignore_index=True)[[*PATIENT_COLUMNS, "p"]], pd.DataFrame(runs), len(context.labels)


def _collected(given: Any) -> Any:
    from strokebench.reports.results import MethodInfo, Results

    predictions, runs, n = given
    methods = [MethodInfo("svm", "SVM", "Traditional"), MethodInfo("xgboost", "XGBoost", "Traditional")]
    about: Any = {"title": "made-up patients", "synthetic": True, "protocol": "cv5", "n_patients": n, "outcome": "x"}
    return Results(predictions, runs, methods, about)


def _table(given: Any) -> object:
    from strokebench.files import home
    from strokebench.reports.table1.table import table1

    results = _collected(given)
    results.write(home("results"))
    return table1(results)


def _compare(given: Any) -> object:
    from strokebench.reports.comparison.compare import compare

    return compare(_collected(given))


STAGES: Mapping[str, Stage] = {
    "load": Stage("Read, check and hash the data", lambda folder: folder, _load),
    "split": Stage("Split: 5 folds, 4 seeds", _loaded, _split),
    "alarms": Stage("Leak alarms, quick form", _loaded, _alarms),
    "preprocessing": Stage("Preprocess a fold", _loaded, lambda context: _prepare(context, "none")),
    "smote": Stage("The same, with SMOTE", _loaded, _prepare),
    "vdafm": Stage(
        "VDAFM: an epoch", lambda folder: _prepare(_loaded(folder)), lambda parts: _fit("vdafm", parts, max_epochs=1)
    ),
    "xgboost": Stage("XGBoost: a fit", lambda folder: _prepare(_loaded(folder)), lambda parts: _fit("xgboost", parts)),
    "predict": Stage("VDAFM: predict the test part", _trained, lambda given: given[0].predict_proba(given[1])),
    "threshold": Stage("Threshold on the validation part", _scores, _threshold),
    "metrics": Stage("Six metrics of all patients", _scores, _evaluate),
    "table": Stage("Results and table, 2 methods", _results, _table),
    "comparison": Stage("Statistics of the difference", _results, _compare),
}
"""Name -> stage, in the order of an experiment."""
