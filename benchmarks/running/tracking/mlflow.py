"""MLflow: a parent run an experiment or a study, below it a run a method with its means, below these a run a fold.

The trials of a study lie below it without methods between.

The store is `sqlite:///` below `home("mlflow")`, or any server that `MLFLOW_TRACKING_URI` names. What goes
there are settings, metrics, curves, hashes and tables: no patient data and no ids.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from strokebench.benchmarks.running.process import set_privacy
from strokebench.benchmarks.running.tracking.hooks import Hooks, LoggedMetric, TaskRecord, Work
from strokebench.errors import StrokebenchError, without_user
from strokebench.files import file_lock, home

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from rich.console import Console

PLAN_TAG, PARENT_TAG = "strokebench.plan", "mlflow.parentRunId"
GROUP_TAG, WORK_TAG = "strokebench.method", "strokebench.work"
ANSWER_WITHIN = 5
"""Seconds that a server has for its first answer."""
SERVERS = "http://", "https://"
"""So begins the address of a store that is a server."""
_BATCH = 1000
"""MLflow takes so many metrics at once."""
_LONGEST = 500
"""Characters that MLflow has room for in the name of a dataset."""
_SAID: WeakKeyDictionary[Console, set[str]] = WeakKeyDictionary()
"""What each call's console was told already."""
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

    What was logged is asked of the store itself, each time: it may have been emptied, replaced or moved since. A
    SQLite file is read for it without MLflow, so that a call with nothing new costs nothing.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.client: MlflowClient | None = None
        self.broken = self.anything_new = False

    def started(self, work: Work) -> None:
        """See `Hooks`."""
        self.work = work
        self.groups: dict[str, str] = {}
        database = database_of(tracking_uri())
        self.logged = _logged_in(database, work) if database else set()

    def task_ended(self, key: str, record: Callable[[], TaskRecord]) -> None:
        """See `Hooks`."""
        if key not in self.logged:
            self._guarded(lambda client: self._log(client, key, record))

    def finished(self, files: Iterable[Path], metrics: Sequence[LoggedMetric] = ()) -> None:
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
            with one_at_a_time():
                self.client = self.client or self._open()
                action(self.client)
        except Exception as error:
            self.broken = True
            self._say(f"{without_password(error)}. Results are not affected; the next call logs what is missing.")

    def _say(self, line: str) -> None:
        # The experiments of `strokebench paper` log each for itself, and meet the same server.
        if line not in (said := _SAID.setdefault(self.console, set())):
            said.add(line)
            self.console.print(f"MLflow: {line}", style="yellow")

    def _open(self) -> MlflowClient:
        """The client, with the experiment and the parent run found again or made."""
        client, self.experiment_id = open_experiment(self.work.name, self._say)
        parents = client.search_runs([self.experiment_id], f"tags.`{PLAN_TAG}` = '{self.work.identity}'", max_results=1)
        parent = next(iter(parents), None) or self._make_run(client, self.work.title, {PLAN_TAG: self.work.identity})
        self.parent_id = parent.info.run_id
        # An earlier call was stopped, or the store failed it, before all was said of the runs that it logged.
        self.anything_new = parent.info.status != "FINISHED"
        self.logged |= {run.data.tags[self.work.key_name] for run in self._search(client, self._tasks())}
        return client

    def _make_run(self, client: MlflowClient, name: str, tags: Mapping[str, str]) -> Run:
        """A run of the experiment, with the patients and the split that it is of as its inputs."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        facts = self.work.facts
        run = client.create_run(self.experiment_id, run_name=name, tags={**self.work.facts, **tags})
        source = json.dumps({"outcome": facts["outcome"], "protocol": facts["protocol"]})
        inputs = [
            (facts["cohort"], facts["data_sha256"], "patients"),
            (f"{facts['protocol']} split", facts["split_sha256"], "split"),
        ]
        client.log_inputs(
            run.info.run_id,
            [
                DatasetInput(
                    Dataset(name[:_LONGEST], sha256[:12], "strokebench", source),
                    [InputTag("mlflow.data.context", what)],
                )
                for name, sha256, what in inputs
            ],
        )
        return run

    def _group(self, client: MlflowClient, name: str) -> str:
        """The run of a method, below the parent, that its folds lie below; the parent itself for no group."""
        if not name:
            return self.parent_id
        if name not in self.groups:
            tag = name.replace("'", "")
            query = f"{self._below(self.parent_id)} and tags.`{GROUP_TAG}` = '{tag}'"
            found = next(iter(client.search_runs([self.experiment_id], query, max_results=1)), None)
            found = found or self._make_run(client, name, {PARENT_TAG: self.parent_id, GROUP_TAG: tag})
            self.groups[name] = found.info.run_id
        return self.groups[name]

    def _log(self, client: MlflowClient, key: str, make: Callable[[], TaskRecord]) -> None:
        from mlflow.entities import Param

        if key in self.logged:
            return
        # Another call may have logged it meanwhile, or was cut off in the middle: then this one goes on with it.
        begun = list(self._search(client, self._tasks(key), ended=False))
        if any(run.info.status != "RUNNING" for run in begun):
            self.logged.add(key)
            return
        record = make()
        ended = _milliseconds(record.ended)
        tags = {PARENT_TAG: self._group(client, record.group), WORK_TAG: self.work.identity, self.work.key_name: key}
        child = next(iter(begun), None) or client.create_run(
            self.experiment_id,
            start_time=_milliseconds(record.started),
            run_name=record.name,
            tags={**tags, **self.work.facts, **record.facts},
        )
        client.log_batch(child.info.run_id, params=[Param(name, str(value)) for name, value in record.params.items()])
        self._log_metrics(client, child.info.run_id, record.metrics, ended)
        client.set_terminated(child.info.run_id, status=record.status, end_time=ended)
        self.logged.add(key)
        self.anything_new = True

    def _close(self, client: MlflowClient, status: str, files: Iterable[Path], metrics: Sequence[LoggedMetric]) -> None:
        now = _milliseconds(datetime.now())
        groups = self._search(client, f"{self._below(self.parent_id)} and tags.`{GROUP_TAG}` LIKE '%'", ended=False)
        for run in groups:
            run_id, group = run.info.run_id, run.data.tags[GROUP_TAG]
            if run.info.status == "FINISHED" and run_id not in self.groups.values():
                continue
            means = self._means(client, run_id)
            self._log_metrics(client, run_id, means, now)
            named = re.sub(r"[^\w./ -]+", "_", group, flags=re.ASCII)
            self._log_metrics(client, self.parent_id, [(f"{name}/{named}", value, 0) for name, value, _ in means], now)
            client.set_terminated(run_id, status=status)
        self._log_metrics(client, self.parent_id, metrics, now)
        # After all numbers: files go to a place of their own, which may fail alone.
        for path in files:
            if path.suffix in UPLOADED:
                client.log_artifact(self.parent_id, str(path))
        client.set_terminated(self.parent_id, status=status)

    def _means(self, client: MlflowClient, run_id: str) -> list[LoggedMetric]:
        """The mean of each metric over the ended folds of a method."""
        folds = [run.data.metrics for run in self._search(client, self._below(run_id))]
        names = [name for name in self.work.averaged if folds and all(name in metrics for metrics in folds)]
        return [(name, fmean(metrics[name] for metrics in folds), 0) for name in names]

    def _log_metrics(self, client: MlflowClient, run_id: str, metrics: Sequence[LoggedMetric], time: int) -> None:
        from mlflow.entities import Metric

        for start in range(0, len(metrics), _BATCH):
            batch = [Metric(name, value, time, step) for name, value, step in metrics[start : start + _BATCH]]
            client.log_batch(run_id, metrics=batch)

    def _tasks(self, key: str = "") -> str:
        """A query for the tasks of this work, or for the one of this key."""
        query = f"tags.`{WORK_TAG}` = '{self.work.identity}'"
        return query + (f" and tags.`{self.work.key_name}` = '{key}'" if key else "")

    def _below(self, run_id: str) -> str:
        return f"tags.`{PARENT_TAG}` = '{run_id}'"

    def _search(self, client: MlflowClient, query: str, ended: bool = True) -> Iterator[Run]:
        query += " and attributes.status != 'RUNNING'" if ended else ""
        token = None
        while True:
            page = client.search_runs([self.experiment_id], query, max_results=_BATCH, page_token=token)
            yield from page
            token = page.token
            if not token:
                return


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two calls at once would make the database, or log a run, twice."""
    home("mlflow").mkdir(parents=True, exist_ok=True)
    with file_lock(home("mlflow", "lock")):
        yield


def open_experiment(name: str, say: Callable[[str], None]) -> tuple[MlflowClient, str]:
    """A client, and the id of the experiment `strokebench/NAME`, which is found again or made.

    Args:
        say: is given a line where something was done that one would not expect.
    """
    uri = tracking_uri()
    set_privacy()
    if database := database_of(uri):
        if "?" in str(database):
            raise StrokebenchError(f"a database's path cannot hold a question mark ({database})")
        database.parent.mkdir(parents=True, exist_ok=True)
        move_artifacts(database)
    else:
        _knock(uri)
    from mlflow import MlflowClient

    # Not before: MLflow sets its own level when it is imported.
    for logger in ("mlflow", "alembic"):
        logging.getLogger(logger).setLevel(logging.ERROR)
    client, title = MlflowClient(uri), f"strokebench/{name}"
    found = client.get_experiment_by_name(title)
    if found and found.lifecycle_stage == "deleted":
        # Its name stays taken, and to restore it would bring back also what was deleted run by run before.
        client.restore_experiment(found.experiment_id)
        client.rename_experiment(found.experiment_id, f"{title} (deleted, {found.experiment_id})")
        client.delete_experiment(found.experiment_id)
        found = None
        say(f"the experiment {title} was deleted there; its runs are logged again.")
    if found:
        return client, found.experiment_id
    return client, client.create_experiment(title, artifact_location=_artifacts(name).as_uri() if database else None)


def without_password(error: Exception) -> str:
    """The first line of an error, without what a server's address may hold of a user."""
    lines = [line for line in str(error).strip().splitlines() if not line.startswith("(raised as a result of")]
    message = without_user((lines or [""])[0].removesuffix("."))
    named = "" if isinstance(error, StrokebenchError) else f"{type(error).__name__}: "
    return f"{named}{message[:300].replace('<database_uri>', without_user(tracking_uri()))}"


def database_of(uri: str) -> Path | None:
    """The file of a store that is one."""
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None


def _logged_in(database: Path, work: Work) -> set[str]:
    """Keys of the ended tasks of a finished work that a SQLite file holds; none where it is no store of MLflow."""
    query = """SELECT key.value FROM tags AS key JOIN tags AS work USING (run_uuid) JOIN runs USING (run_uuid)
        JOIN experiments USING (experiment_id) WHERE key.key = ? AND work.key = ? AND work.value = ?
        AND runs.status != 'RUNNING' AND runs.lifecycle_stage = 'active' AND experiments.lifecycle_stage = 'active'
        AND EXISTS (SELECT 1 FROM tags AS plan JOIN runs AS parent USING (run_uuid) WHERE plan.key = ?
        AND plan.value = work.value AND parent.status = 'FINISHED' AND parent.lifecycle_stage = 'active')"""
    try:
        if not database.is_file():
            return set()
        with closing(sqlite3.connect(database)) as connection:
            asked = (work.key_name, WORK_TAG, work.identity, PLAN_TAG)
            return {key for (key,) in connection.execute(query, asked)}
    except (sqlite3.DatabaseError, OSError):
        return set()


def _artifacts(*parts: str) -> Path:
    return home("mlflow", "artifacts", *parts)


@contextmanager
def opened(database: Path) -> Iterator[sqlite3.Connection]:
    """A store that is there; one that is empty yet, or busy, is left alone.

    Raises:
        StrokebenchError: it is damaged.
    """
    try:
        with closing(sqlite3.connect(database, isolation_level=None)) as connection, suppress(sqlite3.OperationalError):
            yield connection
    except sqlite3.DatabaseError as error:
        raise StrokebenchError(f"{database} is damaged ({error}).", "Move it away.") from None


def move_artifacts(database: Path) -> None:
    """Let a store whose folder was moved or copied keep its files where it lies: MLflow holds absolute addresses."""
    if not database.is_file() or database != home("mlflow", "mlflow.db"):
        return
    root, mark = _artifacts().as_uri() + "/", "/mlflow/artifacts/"
    with opened(database) as connection:
        places = ("experiments", "artifact_location"), ("runs", "artifact_uri"), ("logged_models", "artifact_location")
        for table, column in places:
            # Names are of MLflow's own tables.
            connection.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, instr({column}, ?) + ?)"
                f" WHERE instr({column}, ?) AND substr({column}, 1, ?) != ?",
                (root, mark, len(mark), mark, len(root), root),
            )


def _knock(uri: str) -> None:
    """Find out within seconds whether a server answers at all; MLflow's own patience is of minutes.

    Raises:
        StrokebenchError: it does not.
    """
    if not uri.startswith(SERVERS):
        return
    import requests

    try:
        requests.get(f"{uri.rstrip('/')}/health", timeout=ANSWER_WITHIN)
    except requests.exceptions.SSLError:
        # It answers; which certificates to trust MLflow has settings of its own for.
        return
    except requests.RequestException as error:
        host = urlsplit(uri).hostname
        raise StrokebenchError(f"{host} does not answer within {ANSWER_WITHIN} s ({type(error).__name__})") from None


def _milliseconds(time: datetime) -> int:
    return int(time.timestamp() * 1000)
