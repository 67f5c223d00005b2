"""MLflow: a parent run an experiment, a child a run. It watches; it never changes or breaks a result.

The store is `sqlite:///` below `home("mlflow")`, or any server that `MLFLOW_TRACKING_URI` names. What goes
there are settings, metrics, curves, hashes and tables: no patient data and no ids.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from strokebench.benchmarks.running.experiment import Experiment
from strokebench.benchmarks.running.privacy import set_privacy
from strokebench.benchmarks.running.run import Run
from strokebench.errors import StrokebenchError
from strokebench.files import digest, home, read_json, write_json
from strokebench.tasks.conditions import COMPLETE
from strokebench.tasks.metrics.evaluate import evaluate

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from rich.console import Console

    from strokebench.benchmarks.running.collect import Collector, Planned
    from strokebench.benchmarks.running.context import Context

KEY_TAG, PLAN_TAG = "strokebench.key", "strokebench.plan"
PARENT_TAG, NAME_TAG = "mlflow.parentRunId", "mlflow.runName"
COSTS = ("fit_seconds", "predict_seconds", "cpu_seconds", "peak_mb")
_BATCH = 1000
"""MLflow takes so many metrics at once."""
TABLE_SUFFIXES = (".md", ".csv", ".tex", ".html", ".png", ".svg", ".pdf")
"""What goes to the server as artifacts; the predictions hold patient ids and stay at home."""


class Tracker(Protocol):
    """What the runner tells of its runs."""

    def log(self, run: Run, key: str, collector: Collector) -> None:
        """A run is finished; one that was logged before is not logged again."""

    def close(self, folder: Path | None) -> None:
        """The experiment is over, or was stopped (None): its tables lie in `folder`."""


class NoTracker:
    """Tracking switched off."""

    def log(self, run: Run, key: str, collector: Collector) -> None:
        """Nothing."""

    def close(self, folder: Path | None) -> None:
        """Nothing."""


def tracking_uri() -> str:
    """The server or store that runs are logged to."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home('mlflow', 'mlflow.db')}"


def tracker_for(experiment: Experiment, context: Context, planned: Sequence[Planned], console: Console) -> Tracker:
    """The tracker that the settings ask for."""
    if not context.settings.tracking:
        return NoTracker()
    return MlflowTracker(experiment, context, planned, console)


class MlflowTracker:
    """Logs to MLflow, which is imported only when there is something to log.

    A file below `home("mlflow")` remembers what was logged where, so that a call with nothing new costs
    nothing; without that file, the server is asked.
    """

    def __init__(self, experiment: Experiment, context: Context, planned: Sequence[Planned], console: Console) -> None:
        self.experiment, self.context, self.console = experiment, context, console
        self.uri = tracking_uri()
        self.plan = digest([context.results_folder(experiment.name).parent.name, sorted(key for _, key in planned)])
        self.marker = home("mlflow", "logged", f"{digest([self.uri, self.plan])[:16]}.json")
        self.client: MlflowClient | None = None
        self.broken = False
        self.new = 0
        try:
            self.logged: set[str] = set(read_json(self.marker))
        except StrokebenchError:
            self.logged = set()

    def log(self, run: Run, key: str, collector: Collector) -> None:
        """See `Tracker`."""
        if key not in self.logged:
            self._guarded(lambda: self._log(run, key, collector))

    def close(self, folder: Path | None) -> None:
        """See `Tracker`."""
        if self.new:
            self._guarded(lambda: self._close(folder))

    def _guarded(self, action: Callable[[], None]) -> None:
        if self.broken:
            return
        try:
            action()
        except Exception as error:
            self.broken = True
            said = re.sub(r"//[^/@\s]*@", "//", str(error).strip().partition("\n")[0])
            self.console.print(
                f"[yellow]MLflow: {type(error).__name__}: {said[:200]}. Results are not affected;"
                " the next call logs what is missing.[/]"
            )

    def _log(self, run: Run, key: str, collector: Collector) -> None:
        from mlflow.entities import Metric, Param

        client = self._open()
        if key in self.logged:
            return
        predictions, record = collector.finished(key)
        facts, finished = record["facts"], _milliseconds(record["finished"])
        endpoint = self.context.endpoint
        single = evaluate(endpoint, predictions["y"], endpoint.probabilities(predictions)) | facts
        single |= {name: record[name] for name in COSTS}
        metrics = [Metric(name, value, finished, 0) for name, value in single.items()]
        metrics += [
            Metric(name, value, finished, step)
            for name, values in record["history"].items()
            for step, value in enumerate(values, start=1)
        ]
        params = [Param(name, str(value)) for name, value in self._params(run).items()]
        child = client.create_run(
            self.experiment_id,
            start_time=_milliseconds(record["started"]),
            run_name=_run_name(run),
            tags={PARENT_TAG: self.parent_id, KEY_TAG: key, **self._tags(record)},
        )
        for start in range(0, len(metrics), _BATCH):
            batch = metrics[start : start + _BATCH]
            client.log_batch(child.info.run_id, metrics=batch, params=params if start == 0 else [])
        client.set_terminated(child.info.run_id, end_time=finished)
        self.logged.add(key)
        self.new += 1

    def _close(self, folder: Path | None) -> None:
        client = self._open()
        for path in sorted(folder.iterdir()) if folder else []:
            if path.suffix in TABLE_SUFFIXES:
                client.log_artifact(self.parent_id, str(path))
        client.set_terminated(self.parent_id, status="FINISHED" if folder else "KILLED")
        write_json(self.marker, sorted(self.logged))

    def _open(self) -> MlflowClient:
        """The client, with the experiment and its parent run found again or made."""
        if self.client is not None:
            return self.client
        _quieten()
        from mlflow import MlflowClient

        local = self.uri.startswith("sqlite:///")
        if local:
            Path(self.uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        client = MlflowClient(self.uri)
        name = f"strokebench/{self.experiment.name}"
        found = client.get_experiment_by_name(name)
        if found is None:
            beside = home("mlflow", "artifacts", self.experiment.name).as_uri() if local else None
            self.experiment_id = client.create_experiment(name, artifact_location=beside)
        else:
            self.experiment_id = found.experiment_id
        query = f"tags.`{PLAN_TAG}` = '{self.plan}'"
        parents = client.search_runs([self.experiment_id], query, max_results=1)
        parent = parents[0] if parents else self._new_parent(client)
        self.parent_id = parent.info.run_id
        self.logged |= self._known(client)
        self.client = client
        return client

    def _new_parent(self, client: MlflowClient) -> Any:
        name = self.context.results_folder(self.experiment.name).parent.name
        return client.create_run(self.experiment_id, run_name=name, tags={PLAN_TAG: self.plan, **self._tags({})})

    def _known(self, client: MlflowClient) -> set[str]:
        """Keys of the finished children of this parent."""
        known, token = set(), None
        query = f"tags.`{PARENT_TAG}` = '{self.parent_id}' and attributes.status = 'FINISHED'"
        while True:
            page = client.search_runs([self.experiment_id], query, max_results=1000, page_token=token)
            known |= {run.data.tags[KEY_TAG] for run in page if KEY_TAG in run.data.tags}
            token = page.token
            if not token:
                return known

    def _params(self, run: Run) -> dict[str, Any]:
        from strokebench.methods.registry import find_method

        context = self.context
        params = find_method(run.method)(**run.params).get_params()
        params.pop("random_state", None)
        return {
            **run.names(),
            "protocol": run.protocol,
            "balance": run.balance,
            "dataset": context.cohort.name,
            "outcome": context.endpoint.expression,
            **{f"{modality}_encoder": name for modality, name in context.embeddings.encoders.items()},
            **params,
        }

    def _tags(self, record: Mapping[str, Any]) -> dict[str, str]:
        context = self.context
        tags = {
            "cohort": context.title,
            "virtual": str(context.cohort.synthetic).lower(),
            "quick": str(context.settings.quick).lower(),
            "labels_shuffled": str(context.settings.shuffle_labels is not None).lower(),
            "data_sha256": context.data_sha256,
            "split_sha256": context.split.sha256,
            "code_sha256": record.get("code_sha256", ""),
            "commit": record.get("commit", ""),
            "strokebench": record.get("strokebench", ""),
        }
        return {name: value for name, value in tags.items() if value}


def ui_command(port: int) -> list[str]:
    """The command that shows the logged runs in a browser."""
    import sys

    return [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", tracking_uri(), "--port", str(port)]


def _quieten() -> None:
    set_privacy()
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _run_name(run: Run) -> str:
    said = [run.method, run.label or run.variant, "" if run.condition.id == COMPLETE.id else run.condition.name]
    return " ".join([*filter(None, said), f"seed {run.seed} fold {run.fold}"])


def _milliseconds(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp() * 1000)
