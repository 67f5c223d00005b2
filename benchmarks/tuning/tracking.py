"""MLflow's view of tuning: a parent run a study, a nested run a trial. No patient data, no ids."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import optuna
from optuna.trial import FrozenTrial, TrialState

from strokebench.benchmarks.running.privacy import set_privacy
from strokebench.benchmarks.running.tracking.mlflow import PARENT_TAG, PLAN_TAG, TABLE_SUFFIXES, tracking_uri
from strokebench.benchmarks.tuning.trial import DEFAULT, ERROR, FOLDS, PARAMS, counts
from strokebench.files import digest, home
from strokebench.methods.registry import find_method

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from rich.console import Console

    from strokebench.benchmarks.running.context import Context

TRIAL_TAG = "strokebench.trial"
_STATUS = {TrialState.COMPLETE: "FINISHED", TrialState.PRUNED: "KILLED", TrialState.FAIL: "FAILED"}


class StudyTracker:
    """Logs finished trials. It watches: whatever goes wrong here is said once and never harms the study."""

    def __init__(self, method: str, study_name: str, context: Context, console: Console) -> None:
        self.method, self.study_name, self.context, self.console = method, study_name, context, console
        self.client: MlflowClient | None = None
        self.broken = False

    def log(self, trial: FrozenTrial) -> None:
        """A trial of this process is finished."""
        if counts(trial):
            self._guarded(lambda: self._log(self._open(), trial))

    def close(self, study: optuna.Study, folder: Path, parameters: Path) -> None:
        """The study is over for now: log what earlier calls did not, and the tables in `folder`."""
        self._guarded(lambda: self._close(study, folder, parameters))

    def _guarded(self, action: Callable[[], None]) -> None:
        if self.broken:
            return
        try:
            action()
        except Exception as error:
            self.broken = True
            said = re.sub(r"//[^/@\s]*@", "//", str(error).strip().partition("\n")[0])
            self.console.print(
                f"[yellow]MLflow: {type(error).__name__}: {said[:200]}. The study is not affected;"
                " the next call logs what is missing.[/]"
            )

    def _log(self, client: MlflowClient, trial: FrozenTrial) -> None:
        from mlflow.entities import Metric, Param

        if str(trial.number) in self.known:
            return
        ended = _milliseconds(trial.datetime_complete)
        child = client.create_run(
            self.experiment_id,
            start_time=_milliseconds(trial.datetime_start),
            run_name=f"trial {trial.number}" + (" (default)" if DEFAULT in trial.user_attrs else ""),
            tags={PARENT_TAG: self.parent_id, TRIAL_TAG: str(trial.number), **self._tags()},
        )
        settings = find_method(self.method)(**trial.user_attrs.get(PARAMS, {})).get_params()
        settings.pop("random_state", None)
        params = [Param(name, str(value)) for name, value in settings.items()]
        metrics = [
            Metric("fold_validation_auc", score["validation_auc"], ended, step)
            for step, score in enumerate(trial.user_attrs.get(FOLDS, ()))
            if score["validation_auc"] is not None
        ]
        if trial.value is not None:
            metrics.append(Metric("validation_auc", trial.value, ended, 0))
        client.log_batch(child.info.run_id, metrics=metrics, params=params)
        if ERROR in trial.user_attrs:
            client.set_tag(child.info.run_id, "error", trial.user_attrs[ERROR][:500])
        client.set_terminated(child.info.run_id, status=_STATUS[trial.state], end_time=ended)
        self.known.add(str(trial.number))

    def _close(self, study: optuna.Study, folder: Path, parameters: Path) -> None:
        from mlflow.entities import Metric

        client = self._open()
        # Other processes have logged theirs meanwhile.
        self.known |= self._logged(client)
        for trial in study.get_trials(deepcopy=False):
            if counts(trial):
                self._log(client, trial)
        for path in [*sorted(folder.iterdir()), parameters]:
            if path.suffix in (*TABLE_SUFFIXES, ".yaml"):
                client.log_artifact(self.parent_id, str(path))
        now = _milliseconds(study.best_trial.datetime_complete)
        client.log_batch(self.parent_id, metrics=[Metric("best_validation_auc", study.best_value, now, 0)])
        client.set_terminated(self.parent_id)

    def _open(self) -> MlflowClient:
        """The client, with the study's parent run found again or made."""
        if self.client is not None:
            return self.client
        set_privacy()
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)
        from mlflow import MlflowClient

        uri, name = tracking_uri(), f"strokebench/tune_{self.method}"
        local = uri.startswith("sqlite:///")
        if local:
            Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        client = MlflowClient(uri)
        if (found := client.get_experiment_by_name(name)) is None:
            beside = home("mlflow", "artifacts", f"tune_{self.method}").as_uri() if local else None
            self.experiment_id = client.create_experiment(name, artifact_location=beside)
        else:
            self.experiment_id = found.experiment_id
        plan = digest(self.study_name)
        parents = client.search_runs([self.experiment_id], f"tags.`{PLAN_TAG}` = '{plan}'", max_results=1)
        parent = parents[0] if parents else None
        if parent is None:
            tags = {PLAN_TAG: plan, **self._tags()}
            parent = client.create_run(self.experiment_id, run_name=self.study_name, tags=tags)
        self.parent_id = parent.info.run_id
        self.known = self._logged(client)
        self.client = client
        return client

    def _logged(self, client: MlflowClient) -> set[str]:
        """Numbers of the trials that are there."""
        numbers: set[str] = set()
        token = None
        while True:
            page = client.search_runs(
                [self.experiment_id], f"tags.`{PARENT_TAG}` = '{self.parent_id}'", max_results=1000, page_token=token
            )
            numbers |= {run.data.tags[TRIAL_TAG] for run in page if TRIAL_TAG in run.data.tags}
            token = page.token
            if not token:
                return numbers

    def _tags(self) -> dict[str, str]:
        context = self.context
        return {
            "cohort": context.title,
            "virtual": str(context.cohort.synthetic).lower(),
            "quick": str(context.settings.quick).lower(),
            "study": self.study_name,
            "data_sha256": context.data_sha256,
            "split_sha256": context.split.sha256,
        }


def _milliseconds(time: datetime | None) -> int:
    assert time is not None, "a finished trial has its times"
    return int(time.timestamp() * 1000)
