"""MLflow: a parent run an experiment or a study, a nested run a run or a trial.

The store is `sqlite:///` below `home("mlflow")`, or any server that `MLFLOW_TRACKING_URI` names. What goes
there are settings, metrics, curves, hashes and tables: no patient data and no ids.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from strokebench.benchmarks.running.process import set_privacy
from strokebench.benchmarks.running.tracking.hooks import Hooks, Metric, TaskRecord, Work
from strokebench.errors import StrokebenchError
from strokebench.files import digest, home, read_json, write_json

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from rich.console import Console

PLAN_TAG, PARENT_TAG = "strokebench.plan", "mlflow.parentRunId"
_BATCH = 1000
"""MLflow takes so many metrics at once."""
UPLOADED = (".md", ".csv", ".tex", ".html", ".png", ".svg", ".pdf", ".yaml")
"""What goes to the server as artifacts; the predictions hold patient ids and stay at home."""


def tracking_uri() -> str:
    """The server or store that runs are logged to."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home('mlflow', 'mlflow.db')}"


def tracker(wanted: bool, console: Console) -> Hooks:
    """The hooks that log to MLflow, or, where that is not wanted, hooks that do nothing."""
    return MlflowHooks(console) if wanted else Hooks()


class MlflowHooks(Hooks):
    """Logs to MLflow, which is imported only when there is something to log. Whatever fails is one line of warning.

    A file below `home("mlflow")` remembers what was logged where, so that a call with nothing new costs
    nothing; without that file, the server is asked.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.client: MlflowClient | None = None
        self.broken = self.anything_new = False

    def started(self, work: Work) -> None:
        """See `Hooks`."""
        self.work, self.uri = work, tracking_uri()
        self.logged: set[str] = set()
        self.remembered = home("mlflow", "logged", f"{digest([self.uri, work.identity])[:16]}.json")
        self.database = Path(self.uri.removeprefix("sqlite:///")) if self.uri.startswith("sqlite:///") else None
        # A database that was removed holds nothing any more.
        if self.database is None or self.database.is_file():
            with suppress(StrokebenchError):
                self.logged = set(read_json(self.remembered))

    def task_ended(self, key: str, record: Callable[[], TaskRecord]) -> None:
        """See `Hooks`."""
        if key not in self.logged:
            self._guarded(lambda client: self._log(client, key, record))

    def finished(self, files: Iterable[Path], metrics: Sequence[Metric] = ()) -> None:
        """See `Hooks`."""
        if self.anything_new:
            self._guarded(lambda client: self._close(client, "FINISHED", files, metrics))

    def stopped(self) -> None:
        """See `Hooks`."""
        if self.anything_new:
            self._guarded(lambda client: self._close(client, "KILLED", (), ()))

    def _guarded(self, action: Callable[[MlflowClient], None]) -> None:
        if self.broken:
            return
        try:
            home("mlflow").mkdir(parents=True, exist_ok=True)
            # Two calls at once would make the database, or log a run, twice.
            with FileLock(home("mlflow", "lock")):
                self.client = self.client or self._open()
                action(self.client)
        except Exception as error:
            self.broken = True
            message = re.sub(r"//[^/@\s]*@", "//", str(error).strip().partition("\n")[0])
            self.console.print(
                f"[yellow]MLflow: {type(error).__name__}: {message[:200]}. Results are not affected;"
                " the next call logs what is missing.[/]"
            )

    def _open(self) -> MlflowClient:
        """The client, with the experiment and the parent run found again or made."""
        set_privacy()
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)
        from mlflow import MlflowClient

        if self.database:
            self.database.parent.mkdir(parents=True, exist_ok=True)
        client, name = MlflowClient(self.uri), f"strokebench/{self.work.name}"
        if found := client.get_experiment_by_name(name):
            self.experiment_id = found.experiment_id
        else:
            artifacts = home("mlflow", "artifacts", self.work.name).as_uri() if self.database else None
            self.experiment_id = client.create_experiment(name, artifact_location=artifacts)
        parents = client.search_runs([self.experiment_id], f"tags.`{PLAN_TAG}` = '{self.work.identity}'", max_results=1)
        parent = next(iter(parents), None) or client.create_run(
            self.experiment_id, run_name=self.work.title, tags={PLAN_TAG: self.work.identity, **self.work.facts}
        )
        self.parent_id = parent.info.run_id
        self.logged = self._known(client)
        return client

    def _log(self, client: MlflowClient, key: str, make: Callable[[], TaskRecord]) -> None:
        from mlflow.entities import Param

        # Another call may have logged it meanwhile.
        self.logged |= self._known(client, key) if key not in self.logged else set()
        if key in self.logged:
            return
        record = make()
        ended = _milliseconds(record.ended)
        child = client.create_run(
            self.experiment_id,
            start_time=_milliseconds(record.started),
            run_name=record.name,
            tags={PARENT_TAG: self.parent_id, self.work.key_name: key, **self.work.facts, **record.facts},
        )
        client.log_batch(child.info.run_id, params=[Param(name, str(value)) for name, value in record.params.items()])
        self._log_metrics(client, child.info.run_id, record.metrics, ended)
        client.set_terminated(child.info.run_id, status=record.status, end_time=ended)
        self.logged.add(key)
        self.anything_new = True

    def _close(self, client: MlflowClient, status: str, files: Iterable[Path], metrics: Sequence[Metric]) -> None:
        for path in files:
            if path.suffix in UPLOADED:
                client.log_artifact(self.parent_id, str(path))
        self._log_metrics(client, self.parent_id, metrics, _milliseconds(datetime.now()))
        client.set_terminated(self.parent_id, status=status)
        write_json(self.remembered, sorted(self.logged))

    def _log_metrics(self, client: MlflowClient, run_id: str, metrics: Sequence[Metric], time: int) -> None:
        from mlflow.entities import Metric as Point

        for start in range(0, len(metrics), _BATCH):
            batch = [Point(name, value, time, step) for name, value, step in metrics[start : start + _BATCH]]
            client.log_batch(run_id, metrics=batch)

    def _known(self, client: MlflowClient, key: str = "") -> set[str]:
        """Keys of the ended runs of this parent, or this key alone if it is among them."""
        known, token = set(), None
        query = f"tags.`{PARENT_TAG}` = '{self.parent_id}' and attributes.status != 'RUNNING'"
        query += f" and tags.`{self.work.key_name}` = '{key}'" if key else ""
        while True:
            page = client.search_runs([self.experiment_id], query, max_results=_BATCH, page_token=token)
            known |= {run.data.tags[self.work.key_name] for run in page if self.work.key_name in run.data.tags}
            token = page.token
            if not token:
                return known


def ui_command(port: int) -> list[str]:
    """The command that shows the logged runs in a browser."""
    return [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", tracking_uri(), "--port", str(port)]


def _milliseconds(time: datetime) -> int:
    return int(time.timestamp() * 1000)
