"""Which columns of the table move the prediction: SHAP, exactly for trees and linear models, else by sampled orders."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.benchmarks.explanations.patient import Patient
from strokebench.datasets.cohort import Kind
from strokebench.datasets.roles import ROLES
from strokebench.errors import StrokebenchError
from strokebench.methods.base import Method
from strokebench.methods.random_forest import RandomForest
from strokebench.methods.reference.logistic_regression import LogisticRegression
from strokebench.methods.xgboost import XGBoost
from strokebench.reports.explanation.effects import Breakdown, Effect, Unit
from strokebench.reports.statistics.prior import BALANCED, log_odds
from strokebench.reports.statistics.shapley import EXACT, ORDERS, shapley
from strokebench.tasks.inputs import BY_ROLE, Inputs, modalities_of
from strokebench.tasks.preparing.fitted import Preprocessing

TABLE = "table"


def column_effects(patient: Patient) -> Breakdown | None:
    """By column, the largest effect first; None of a model that reads no table."""
    said = patient.model.description
    if TABLE not in modalities_of(said.reads):
        return None
    inputs = patient.inputs()
    found = [
        _of_fit(patient, method, fitted, x) for (method, fitted), x in zip(patient.model.fits, inputs, strict=True)
    ]
    # A column that a training part knew nothing of moves nothing in its fit.
    effects = pd.DataFrame(found).fillna(0.0)
    mean = effects.mean()
    method = patient.model.fits[0][0]
    return Breakdown(
        "table",
        "Which columns of the table move it",
        _unit(patient, method),
        how=_how(patient, method, effects.shape[1]),
        effects=tuple(
            Effect(str(name), float(mean[name]), tuple(map(float, effects[name])), *_what_is_known(patient, str(name)))
            for name in mean.abs().sort_values(ascending=False, kind="stable").index
        ),
    )


def _unit(patient: Patient, method: Method) -> Unit:
    """The scale on which the method adds up; that of a network's logit where nothing adds up."""
    if not patient.model.endpoint.binary:
        return Unit.GRADES
    return Unit.PROBABILITY if isinstance(method, RandomForest) else Unit.LOG_ODDS


def _how(patient: Patient, method: Method, players: int) -> str:
    if _adds_up(patient, method):
        way = "exactly, by the model's own " + ("coefficients" if isinstance(method, LogisticRegression) else "trees")
    elif players <= EXACT:
        way = f"exactly, over all {2**players} subsets of the columns"
    else:
        way = f"approximately, from {ORDERS} random orders of the columns and their reverses"
    scale = {
        Unit.LOG_ODDS: "They add up in log odds and so multiply the odds, at any prevalence",
        Unit.PROBABILITY: "They add up in the probability as the forest gives it",
        Unit.GRADES: "They add up in the mean grade",
    }[_unit(patient, method)]
    balance = patient.model.description.balance
    if _unit(patient, method) is Unit.PROBABILITY and balance in BALANCED:
        scale += ", of balanced classes, and not in the prediction above, at the prevalence"
    if isinstance(method, RandomForest | XGBoost):
        scale += ". A tree takes the mean of yes and no for the more frequent one, so who has that is not moved by it"
    others = modalities_of(patient.model.description.reads) - {TABLE}
    aside = f", {' and '.join(sorted(others))} left as they are" if others else ""
    usual = "median" if BY_ROLE in patient.model.description.reads else "mean"
    return (
        f"SHAP values, computed {way}, against a patient who has the training part's {usual} in every column{aside}."
        f" {scale}."
        " The indicators of a column's categories count together; the model's effect is the mean of its fits'."
        " Columns that go together share an effect in ways that the data do not decide."
    )


def _adds_up(patient: Patient, method: Method) -> bool:
    kinds = (LogisticRegression, XGBoost, RandomForest)
    return patient.model.endpoint.binary and isinstance(method, kinds)


def _of_fit(patient: Patient, method: Method, fitted: Preprocessing, x: Inputs) -> dict[str, float]:
    """Effects by column on one fit, of the patient's inputs (one row)."""
    reads = patient.model.description.reads
    by_role = BY_ROLE in reads
    array, names = (BY_ROLE, list(ROLES)) if by_role else (TABLE, _columns(fitted))
    # Roles are not standardised: what stands for an unknown one is the training part's median.
    usual = fitted.roles[None] if by_role else np.zeros_like(x.arrays[TABLE])
    if _adds_up(patient, method):
        effects = _additive(method, x, _with(x, TABLE, usual))[: len(names)]
        return dict(pd.Series(effects).groupby(names, sort=False).sum())
    players = list(dict.fromkeys(name for name in names if not by_role or name in patient.model.description.roles))
    group = np.array([players.index(name) if name in players else -1 for name in names], int)

    def worth(there: NDArray[np.bool_]) -> NDArray[np.float64]:
        own = there[:, group] & (group >= 0)
        p = method.predict_proba(_with(x[np.zeros(len(there), int)], array, np.where(own, x.arrays[array], usual)))
        return log_odds(p[:, 1]) if patient.model.endpoint.binary else patient.mean_level(p)

    return dict(zip(players, shapley(worth, len(players)).tolist(), strict=True)) if players else {}


def _columns(fitted: Preprocessing) -> list[str]:
    """The column of the table that each encoded one is made of."""
    table = fitted.table
    owner = {f"{name} = {category}": name for name, categories in table.categories_.items() for category in categories}
    return [name if table.kinds.get(name) is Kind.NUMERIC else owner[name] for name in table.names_]


def _with(x: Inputs, array: str, values: NDArray[np.float32]) -> Inputs:
    return Inputs({**x.arrays, array: values.astype(np.float32)}, x.present, x.source, x.sequences)


def _additive(method: Any, x: Inputs, usual: Inputs) -> NDArray[np.float64]:
    """By feature (features,), the effect of having it as in `x` and not as in `usual`, each one row."""
    own, others, estimator = method.features(x), method.features(usual), method.estimator_
    if isinstance(method, LogisticRegression):
        scaler, model = estimator
        return (model.coef_ * (scaler.transform(own) - scaler.transform(others)))[0]
    try:
        import shap
    except ModuleNotFoundError:
        raise StrokebenchError(
            f"The columns of {method.label} are explained by the package `shap`.",
            "Install it: pip install 'strokebench[explain]'.",
        ) from None
    if isinstance(method, RandomForest):
        explainer = shap.TreeExplainer(estimator, others, model_output="probability")
        return explainer.shap_values(own, check_additivity=False)[0, :, 1]
    # Predictions stop at the best tree, and so must this.
    trees = estimator.get_booster()[: getattr(estimator, "best_iteration", method.trees - 1) + 1]
    return shap.TreeExplainer(trees, others, model_output="raw").shap_values(own, check_additivity=False)[0]


def _what_is_known(patient: Patient, name: str) -> tuple[str, str]:
    """What the patient has in a column, and what the model's patients have."""
    said, cohort = patient.model.description.table.get(name), patient.examined.cohort
    value: Any = (cohort.table if said else patient.examined.roles).loc[patient.id, name]
    flag = said.unit == "0/1" if said else ROLES[name].flag
    unit = f" {said.unit}" if said and said.unit else ""
    shown = "not known; filled" if pd.isna(value) else f"{value:g}{unit}" if isinstance(value, float) else str(value)
    if flag and not pd.isna(value):
        shown = "yes" if value else "no"
    if said is None or (said.mean is None and not said.categories):
        return shown, ""
    if said.categories or said.mean is None:
        category, share = max(said.categories.items(), key=lambda pair: pair[1])
        return shown, f"{category} in {100 * share:.0f}\u00a0%"
    return shown, f"yes in {100 * said.mean:.0f}\u00a0%" if flag else f"{said.mean:.3g}{unit}"
