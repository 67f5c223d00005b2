"""Made-up results: scores drawn from a known model, so that every number of a table can be worked out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from strokebench.reports.results import MethodInfo, Results
from strokebench.tasks.endpoints.ordinal import Ordinal

MRS = Ordinal("mrs")
THRESHOLDS = np.array([-1.5, -1, 0, 0.5, 1, 2])

SEEDS = (39, 40, 41, 42)
FOLDS = 5
N = 200

METHODS = [
    MethodInfo("vdafm", "VDAFM", "Proposed", ("image", "text", "table"), "section 3"),
    MethodInfo(
        "sparsemm",
        "SparseMM",
        "Multimodal",
        ("image", "text", "table"),
        "made-up source",
        adapted=True,
        notes={"Original": "Spends 100 % on few heads & keys.", "Kept": "The budget_rule.", "Lost": "Speed."},
    ),
    MethodInfo("concat", "Concat", "Multimodal", ("image", "text", "table")),
    MethodInfo("image_net", "ImageNet", "Deep", ("image",)),
    MethodInfo("table_net", "TableNet", "Deep", ("table",)),
    MethodInfo("mlp", "MLP", "Deep", ("table",)),
    MethodInfo("svm", "SVM", "Traditional", ("table",)),
    MethodInfo("xgboost", "XGBoost", "Traditional", ("table",)),
]

# How much of the made-up signal each method sees, as a share of what the oracle sees.
SKILL = {
    "vdafm": 0.85,
    "sparsemm": 0.8,
    "concat": 0.7,
    "image_net": 0.4,
    "table_net": 0.55,
    "mlp": 0.5,
    "svm": 0.45,
    "xgboost": 0.6,
}


def made_up_results(
    failed: dict[str, int] | None = None,
    missing: dict[str, int] | None = None,
    seeds: tuple[int, ...] = SEEDS,
) -> Results:
    """8 methods x 5 folds x seeds of invented predictions.

    A patient's logit is N(-1, 1.5); the label is drawn from it; a method sees the logit through noise that
    grows as its `SKILL` falls. No model is trained anywhere.

    Args:
        failed: method -> how many of its runs failed. missing: the same for runs never begun.
    """
    failed, missing = failed or {}, missing or {}
    rng = np.random.default_rng(0)
    ids = np.array([f"P{i:03d}" for i in range(N)])
    logit = rng.normal(-1, 1.5, N)
    true = 1 / (1 + np.exp(-logit))
    y = (rng.random(N) < true).astype(np.int8)
    predictions, runs = [], []
    for method in METHODS:
        lost = ["failed"] * failed.get(method.name, 0) + ["missing"] * missing.get(method.name, 0)
        planned = [(seed, fold) for seed in seeds for fold in range(FOLDS)]
        for number, (seed, fold) in enumerate(planned):
            status = lost[number] if number < len(lost) else "done"
            runs.append(_run(method.name, seed, fold, status))
            if status == "done":
                test = np.random.default_rng(seed).permutation(N) % FOLDS == fold
                skill = SKILL[method.name]
                noise = np.random.default_rng([seed, fold, METHODS.index(method)]).normal(0, 2, test.sum())
                seen = skill * logit[test] + (1 - skill) * noise
                predictions.append(_predictions(method.name, seed, fold, ids[test], y[test], 1 / (1 + np.exp(-seen))))
    return Results(
        predictions=pd.concat(predictions, ignore_index=True),
        runs=pd.DataFrame(runs),
        methods=METHODS,
        provenance={
            "dataset": "virtual",
            "title": "made-up virtual cohort",
            "synthetic": True,
            "outcome": "nihss < 7",
            "protocol": "cv5",
            "n_patients": N,
            "n_positive": int(y.sum()),
            "encoders": "embedded",
            "data_sha256": "d" * 64,
            "split_sha256": "5" * 64,
        },
        oracle=pd.DataFrame({"patient_id": ids, "p": true}),
    )


CONDITION = {
    "variant_label": "",
    "condition_label": "complete",
    "keep": "all",
    "when": "always",
    "rate": 1.0,
    "fill": "mean",
    "balance": "smote",
    "params": "{}",
}


def _run(method: str, seed: int, fold: int, status: str) -> dict[str, object]:
    done = status == "done"
    return {
        "method": method,
        "variant": "",
        "condition": "complete",
        "seed": seed,
        "fold": fold,
        **CONDITION,
        "key": f"{method}-{seed}-{fold}",
        "status": status,
        "error": "Traceback (most recent call last):\n  File x\nValueError: 50 % of {rows} lost"
        if status == "failed"
        else None,
        "fit_seconds": 3.25 if done else np.nan,
        "predict_seconds": 0.5 if done else np.nan,
        "peak_mb": 412.0 if done else np.nan,
        "parameters": 2_960_000.0 if done and method == "vdafm" else np.nan,
        "best_epoch": np.nan,
        "validation_score": 0.7 if done else np.nan,
        "threshold": 0.4 if done else np.nan,
    }


def _predictions(method: str, seed: int, fold: int, ids, y, p) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "experiment": "table1",
            "dataset": "virtual",
            "outcome": "nihss < 7",
            "method": method,
            "variant": "",
            "condition": "complete",
            "protocol": "cv5",
            "split": "5" * 64,
            "seed": seed,
            "fold": fold,
            "patient_id": ids,
            "site": "A",
            "y": y,
            "p": p,
        }
    )


@pytest.fixture(scope="session")
def results() -> Results:
    """All runs of all methods are done."""
    return made_up_results()


@pytest.fixture(scope="session")
def incomplete() -> Results:
    """VDAFM (the best) lacks 2 failed runs, SVM has none finished, MLP waits for 3."""
    return made_up_results(failed={"vdafm": 2, "svm": 20}, missing={"mlp": 3})


@pytest.fixture(scope="session")
def make_results():
    """The builder, for tests that bend its results."""
    return made_up_results


@pytest.fixture(scope="session")
def demo(tmp_path_factory, make_results) -> Path:
    """Folders of results as a half-finished study leaves them; see `demo_results`."""
    from demo_results import write_demo

    return write_demo(tmp_path_factory.mktemp("demo"), make_results)


@pytest.fixture(scope="session")
def demo_page(demo) -> Path:
    """The page of `demo`."""
    from strokebench.reports.page.page import write_page

    folders = sorted(path for path in demo.iterdir() if path.is_dir())
    return write_page(folders, demo / "page", order=("table1", "figure2", "figure4"))


@pytest.fixture(scope="session")
def graded(make_results):
    """Made-up grades whose cumulative logits lie at the made-up logits less thresholds; one method knows them."""
    results = make_results(seeds=(39,))
    few = [method for method in results.methods if method.name in ("vdafm", "svm")]
    predictions, runs = (
        part[part["method"].isin([method.name for method in few])].reset_index(drop=True)
        for part in (results.predictions, results.runs)
    )
    results = replace(results, predictions=predictions, runs=runs, methods=few)
    above = lambda p: expit(logit(p)[:, None] + 1 - THRESHOLDS)  # noqa: E731
    true = results.oracle.set_index("patient_id")["p"]
    drawn = np.random.default_rng(0).random(len(true))
    grades = pd.Series((above(true.to_numpy()) > drawn[:, None]).sum(axis=1), true.index)
    own = results.predictions
    p = own["p"].where(own["method"] != "vdafm", own["patient_id"].map(true))
    columns = MRS.columns(MRS.from_cuts(above(p.to_numpy())))
    predictions = own.drop(columns="p").assign(y=own["patient_id"].map(grades).astype("int8"), **columns)
    facts = {key: value for key, value in results.provenance.items() if key != "n_positive"}
    facts |= {"outcome": MRS.expression, "outcome_title": MRS.expression}
    return replace(results, predictions=predictions, provenance=facts, oracle=None)
