"""From an Optuna study to what the reports know of it."""

from __future__ import annotations

import optuna
from optuna.trial import FrozenTrial, TrialState

from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.parameters import Tuned
from strokebench.benchmarks.running.provenance import provenance_of
from strokebench.benchmarks.tuning.trial import DEFAULT, FOLDS, PARAMS, counts
from strokebench.methods.registry import find_method
from strokebench.reports.tuning.records import TrialRecord
from strokebench.reports.tuning.section import Tuning

FEWEST_TRIALS = 4
"""Below so many complete trials no importance is given."""


def describe_study(study: optuna.Study, best: Tuned, context: Context) -> Tuning:
    """The study as the reports take it, without Optuna."""
    trials = [trial for trial in study.get_trials(deepcopy=False) if counts(trial)]
    method = find_method(best.method)
    title = context.title
    if context.cohort.synthetic and "synthetic" not in title.lower():
        title += " (synthetic patients)"
    return Tuning(
        method=method.name,
        label=method.label,
        cohort=title,
        outcome=context.endpoint.expression,
        protocol=context.settings.protocol,
        study=study.study_name,
        folds=len(context.split.folds),
        trials=[_record(trial) for trial in trials],
        importances=importances(trials),
        nested=best.strictly_nested,
        provenance=provenance_of(context, best.about["versions"]),
    )


def importances(trials: list[FrozenTrial]) -> dict[str, float]:
    """Each parameter's share of the variance between complete trials (fANOVA); empty where there are too few.

    A default outside the search space is left out, for it has no place among the parameters.
    """
    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE and trial.params]
    if len(complete) < FEWEST_TRIALS or len({trial.value for trial in complete}) < 2:
        return {}
    study = optuna.create_study(direction="maximize")
    study.add_trials(complete)
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    return optuna.importance.get_param_importances(study, evaluator=evaluator)


def _record(trial: FrozenTrial) -> TrialRecord:
    return TrialRecord(
        number=trial.number,
        state=trial.state.name.lower(),
        value=trial.value,
        values=trial.params,
        settings=trial.user_attrs.get(PARAMS, {}),
        folds=[score["validation_auc"] for score in trial.user_attrs.get(FOLDS, ())],
        default=DEFAULT in trial.user_attrs,
    )
