"""The stages of an experiment whose growth with the number of patients is measured.

Libraries are imported at the top, so that their loading is in no measurement.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from strokebench.benchmarks.keys.described import described_methods
from strokebench.benchmarks.leaks.audit import run_audit
from strokebench.benchmarks.measuring.scale_data import read_cohort, read_context, read_embeddings
from strokebench.benchmarks.running.groups import patient_groups
from strokebench.benchmarks.running.settings import SEEDS
from strokebench.datasets.cohort import Cohort
from strokebench.errors import StrokebenchError
from strokebench.files import home
from strokebench.methods.registry import all_methods, find_method
from strokebench.reports.clinical.sections import clinical_section
from strokebench.reports.cohort.check import check_cohort
from strokebench.reports.cohort.describe import describe_cohort
from strokebench.reports.comparison.compare import compare
from strokebench.reports.page.page import write_page
from strokebench.reports.results import PATIENT_COLUMNS, RUN_COLUMNS, MethodInfo, Results
from strokebench.reports.table1.table import table1
from strokebench.reports.tables.section import publish
from strokebench.tasks.endpoints.binary import BINARY
from strokebench.tasks.endpoints.parse import parse_endpoint
from strokebench.tasks.metrics.evaluate import evaluate
from strokebench.tasks.metrics.selection import youden_threshold
from strokebench.tasks.preparing.prepare import prepare
from strokebench.tasks.protocols import make_split

FEW = slice(0, 500)
"""Training patients of a network whose prediction alone is measured: what it has learned does not matter."""
METHODS = {"random_forest": "Traditional", "svm": "Traditional", "xgboost": "Traditional", "vdafm": "Multimodal"}
"""Whose predictions are drawn, with their families."""


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


def _cohort_file(folder: Path) -> str:
    path = folder / "cohort.yaml"
    path.write_text("{name: scale, table: table.csv, id: patient_id, outcome: nihss < 7, site: site}", encoding="utf-8")
    return str(path)


def _context(folder: Path) -> Any:
    """The context, with the libraries loaded that are loaded where they are used."""
    import imblearn.over_sampling  # noqa: F401
    import xgboost  # noqa: F401

    described_methods()
    all_methods()
    return read_context(folder)


def _split(context: Any, protocol: str = "cv5") -> object:
    return make_split(protocol, context.endpoint.strata(context.labels), context.cohort.site, SEEDS).sha256


def _prepare(context: Any, balance: str = "smote") -> Any:
    material, fold = context.material, context.split.folds[0]
    return prepare(material.cohort, material.embeddings, material.labels, fold, context.banned_columns, balance=balance)


def _parts(folder: Path) -> Any:
    return _prepare(_context(folder))


def _fit(parts: Any, method: str, rows: slice = slice(None), **params: Any) -> Any:
    held_out = parts.validation[rows], parts.y_validation[rows]
    return find_method(method)(random_state=0, **params).fit(parts.train[rows], parts.y_train[rows], *held_out)


def _alarms(context: Any) -> object:
    audit = run_audit(context)
    if audit.broken:
        raise StrokebenchError(f"Alarms broke: {dict(audit.broken)}")
    return audit


def _trained(folder: Path) -> Any:
    parts = _prepare(_context(folder), "none")
    return _fit(parts, "vdafm", FEW, max_epochs=1), parts.test


def _scores(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    import scipy.stats  # noqa: F401

    labels = parse_endpoint("nihss < 7").labels(read_cohort(folder)).to_numpy()
    return labels, np.random.default_rng(0).beta(2, 3, len(labels))


def _threshold(scores: tuple[np.ndarray, np.ndarray]) -> object:
    # The validation part is 0.8 * 0.2 of all patients.
    return youden_threshold(*(values[: int(0.16 * len(values))] for values in scores))


def _predictions(folder: Path) -> Any:
    """All methods on the five folds of two seeds: predictions, runs, and the cohort that they are of."""
    import statsmodels.genmod.generalized_linear_model  # noqa: F401

    context: Any = read_context(folder, SEEDS[:2])
    random = np.random.default_rng(0)
    predictions, runs = [], []
    for method in METHODS:
        for fold in context.split.folds:
            ids = pd.Index(fold.test)
            named = {"method": method, "variant": "", "condition": "complete", "seed": fold.seed, "fold": fold.fold}
            y = context.labels.loc[ids].to_numpy()
            columns = {"patient_id": ids, "y": y, "p": random.beta(2 + y, 3), "site": context.cohort.site.loc[ids]}
            known = {"experiment": "table1", "dataset": "scale", "outcome": context.endpoint.expression}
            frame = pd.DataFrame({**columns, **named, **known, "protocol": "cv5", "split": context.split.sha256})
            predictions.append(frame)
            facts = {"status": "done", "fit_seconds": 1.0, "predict_seconds": 0.1, "threshold": 0.4}
            runs.append({**dict.fromkeys(RUN_COLUMNS), **named, **facts, "key": ""})
    return pd.concat(predictions, ignore_index=True)[[*PATIENT_COLUMNS, "p"]], pd.DataFrame(runs), context.cohort


def _results(predictions: pd.DataFrame, runs: pd.DataFrame, cohort: Cohort) -> Results:
    methods = [MethodInfo(name, name, family) for name, family in METHODS.items()]
    about: Any = {"title": "made-up patients", "synthetic": True, "protocol": "cv5", "outcome": "nihss < 7"}
    about |= {"n_patients": len(cohort.ids), "n_positive": int(predictions.drop_duplicates("patient_id")["y"].sum())}
    return Results(predictions, runs, methods, about, groups=patient_groups(cohort, cohort.ids))


def _table(predicted: Any) -> object:
    results = _results(*predicted)
    results.write(home("results"))
    return table1(results)


def _clinical(predicted: Any) -> Path:
    results, folder = _results(*predicted), home("results", "scale", "clinical")
    results.write(folder)
    publish(clinical_section(results, "Clinical evaluation"), folder)
    return folder


def _reported(folder: Path) -> tuple[Cohort, Path]:
    predicted = _predictions(folder)
    return predicted[-1], _clinical(predicted).parent


STAGES: Mapping[str, Stage] = {
    "check": Stage("`cohort check` of the table", _cohort_file, check_cohort),
    "load": Stage("Read, check and hash the data", lambda folder: folder, _load),
    "split": Stage("Split: 5 folds, 4 seeds", _context, _split),
    "hospitals": Stage("Split: by hospital", _context, lambda context: _split(context, "loho")),
    "alarms": Stage("Leak alarms, quick form", _context, _alarms),
    "preprocessing": Stage("Preprocess a fold", _context, lambda context: _prepare(context, "none")),
    "smote": Stage("The same, with SMOTE", _context, _prepare),
    "vdafm": Stage("VDAFM: an epoch", _parts, lambda parts: _fit(parts, "vdafm", max_epochs=1)),
    "xgboost": Stage("XGBoost: a fit", _parts, lambda parts: _fit(parts, "xgboost")),
    "forest": Stage("Random Forest: a fit", _parts, lambda parts: _fit(parts, "random_forest")),
    "svm": Stage("SVM: a fit", _parts, lambda parts: _fit(parts, "svm")),
    "logistic": Stage("Logistic regression, all: a fit", _parts, lambda parts: _fit(parts, "logistic_components")),
    "predict": Stage("VDAFM: predict the test part", _trained, lambda given: given[0].predict_proba(given[1])),
    "threshold": Stage("Threshold on the validation part", _scores, _threshold),
    "metrics": Stage("Six metrics of all patients", _scores, lambda scores: evaluate(BINARY, *scores)),
    "table": Stage(f"Results and table, {len(METHODS)} methods, 2 seeds", _predictions, _table),
    "comparison": Stage("Statistics of the differences", _predictions, lambda given: compare(_results(*given))),
    "clinical": Stage("Clinical evaluation, figures too", _predictions, _clinical),
    "page": Stage(
        "The page",
        _reported,
        lambda given: write_page([given[1]], home("page"), describe_cohort(given[0], "nihss < 7")),
    ),
}
"""Name -> stage, in the order of an experiment."""
