"""One fit as a task: what it is given, and what comes back."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import traceback
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from strokebench.benchmarks.keys.code import refuse_edited
from strokebench.benchmarks.keys.described import describe
from strokebench.benchmarks.running.run import Material, Run
from strokebench.benchmarks.running.store import Busy, Store
from strokebench.datasets.cohort import Cohort
from strokebench.tasks.fold import Fold
from strokebench.tasks.preparing.imputing import IMPUTERS, MODE
from strokebench.tasks.preparing.scaling import COLUMN, SCALINGS

if TYPE_CHECKING:
    from strokebench.benchmarks.running.fit import Fitted, Ready
    from strokebench.tasks.preparing.prepare import Parts


@dataclass(frozen=True)
class Task:
    """A fit to be computed, and the runs that are made of it.

    Args:
        runs: by key; they differ in the condition of the test part alone.
        about: what else their records shall say (hashes, versions); no patient data.
        module: that defines the method: a worker may know none that a script has imported.
    """

    runs: Mapping[str, Run]
    fold: Fold
    about: dict[str, Any] = field(default_factory=dict)
    module: str = ""

    @property
    def key(self) -> str:
        """Names the task: the key of its first run."""
        return next(iter(self.runs))

    @property
    def first(self) -> Run:
        """Whose method, parameters and balance are those of all."""
        return self.runs[self.key]

    def ready(self, material: Material, parts: Parts | None = None) -> Ready:
        """Its method and data; for `parts` and errors see `make_ready`."""
        from strokebench.benchmarks.running.fit import make_ready

        if self.module:
            import_module(self.module)
        first, conditions = self.first, [run.condition for run in self.runs.values()]
        material = replace(material, embeddings=material.embeddings.of_fold(self.fold.seed, self.fold.fold))
        if first.imputation != MODE and parts is None:
            material = imputed(material, self.fold, first.imputation)
        ready = make_ready(first.method, first.params, self.fold, material, conditions, first.balance, parts)
        # Parts that are given are scaled already.
        return ready if first.scaling == COLUMN or parts else rescaled(ready, material, self.fold, first.scaling)

    def records(self) -> dict[str, dict[str, Any]]:
        """What is known of its runs as it starts, by key."""
        return {
            key: {
                "key": key,
                "method": run.method,
                "seed": run.seed,
                "fold": run.fold,
                "fold_name": self.fold.name,
                "protocol": run.protocol,
                "condition": run.condition.id,
                "balance": run.balance,
                "params": dict(run.params),
                "host": platform.node(),
                "started": _now(),
                **self.about,
            }
            for key, run in self.runs.items()
        }


@dataclass(frozen=True)
class Ended:
    """How a task ended: `done`, `failed`, or `busy` where another process computes a run of it."""

    key: str
    status: str


@dataclass(frozen=True)
class Computed:
    """What came of a task, not yet on disk.

    Args:
        records: by key; with the `error` where the fit failed.
        predictions: by key; empty where it failed.
    """

    records: Mapping[str, dict[str, Any]]
    predictions: Mapping[str, pd.DataFrame]

    @classmethod
    def of(cls, fitted: Fitted, records: Mapping[str, dict[str, Any]], **more: object) -> Self:
        """Of a fit that did not fail.

        Args:
            records: `Task.records` of its start. more: what else they shall say.
        """
        learned = {each.name: getattr(fitted, each.name) for each in fields(fitted) if each.name != "predictions"}
        learned |= {"finished": _now(), **more}
        return cls(
            {key: record | learned for key, record in records.items()},
            dict(zip(records, fitted.predictions, strict=True)),
        )

    @classmethod
    def failed(cls, told: str, records: Mapping[str, dict[str, Any]]) -> Self:
        """Of a fit that did, by the error that was `told`."""
        return cls({key: {**record, "error": told} for key, record in records.items()}, {})

    def commit(self, store: Store) -> str:
        """Write it to the store: `done` or `failed`."""
        for key, record in self.records.items():
            if key in self.predictions:
                store.write(key, self.predictions[key], record)
            else:
                store.write_failure(key, record)
        return "done" if self.predictions else "failed"


def imputed(material: Material, fold: Fold, imputation: str) -> Material:
    """The material with a table whose gaps are filled by what the fold's training part tells."""
    cohort, banned = material.cohort, list(material.banned_columns)
    everyone = [*fold.train, *fold.validation, *fold.test]
    inputs = cohort.table.drop(columns=banned)
    columns = {name: cohort.columns[name] for name in inputs.columns}
    table, columns = IMPUTERS[imputation](inputs.loc[everyone], columns, pd.Index(fold.train))
    kept = cohort.table[banned]
    whole = Cohort(
        cohort.name,
        cohort.title,
        pd.concat([table.reindex(kept.index), kept], axis=1),
        {**columns, **{name: cohort.columns[name] for name in banned}},
    )
    return replace(material, cohort=whole)


def rescaled(ready: Ready, material: Material, fold: Fold, scaling: str) -> Ready:
    """A fit of complete patients with its features scaled otherwise."""
    parts = SCALINGS[scaling](ready.parts, material.embeddings, pd.Index(fold.train))
    return replace(ready, parts=parts, tests=[lambda: parts.test for _ in ready.tests])


def work(task: Task, material: Material, store: Store, wait: bool = False) -> Ended:
    """Compute one fit in this process and commit the results of its runs, or its error.

    Args:
        wait: wait for another process that computes it, instead of giving it up as busy.
    """
    try:
        with contextlib.ExitStack() as locks:
            left = hold(task, store, locks, wait)
            return Ended(task.key, compute(left, material).commit(store) if left.runs else "done")
    except Busy:
        return Ended(task.key, "busy")


def hold(task: Task, store: Store, locks: contextlib.ExitStack, wait: bool = False) -> Task:
    """Hold a task's runs while `locks` is open (for `wait` see `work`): the task with those that are not done yet.

    Raises:
        Busy: another process computes one of them; nothing is held.
    """
    with contextlib.ExitStack() as own:
        # Sorted, so that two processes never wait for each other.
        for key in sorted(task.runs):
            own.enter_context(store.lock(key, wait))
        locks.enter_context(own.pop_all())
    # Another call may have finished some since this one looked.
    return replace(task, runs={key: run for key, run in task.runs.items() if store.status(key) != "done"})


def compute(task: Task, material: Material) -> Computed:
    """Compute one fit in this process, with one thread; an error of the method is a result too."""
    from strokebench.benchmarks.running.fit import fit_and_predict

    records = task.records()
    try:
        with quietly():
            ready = task.ready(material)
            fitted = fit_and_predict(ready)
        if wanted := task.about.get("code_sha256"):
            path = describe(type(ready.model)).path
            refuse_edited(wanted, path, task.first.balance, type(material.endpoint))
    except (Exception, SystemExit) as error:
        # Without the values of variables: they may hold patients.
        return Computed.failed("".join(traceback.format_exception(error)), records)
    return Computed.of(fitted, records)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """More threads than free cores cost tenfold, and their sums are in another order."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), _one_thread_of_torch():
        yield


@contextlib.contextmanager
def _one_thread_of_torch() -> Iterator[None]:
    # A worker has one thread as it is: what is no network needs no PyTorch there, whose import takes seconds.
    if "torch" not in sys.modules and (os.environ.get("OMP_NUM_THREADS") == "1" or find_spec("torch") is None):
        yield
        return
    import torch

    threads, kind = torch.get_num_threads(), torch.get_default_dtype()
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float32)
    try:
        with torch.enable_grad():
            yield
    finally:
        torch.set_num_threads(threads)
        torch.set_default_dtype(kind)


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """One thread, usual settings and no warnings: what a method warns of (convergence, a constant column) tears the
    progress bar."""
    with one_thread(), usual_settings(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def usual_settings() -> Iterator[None]:
    """What a notebook, or another method, has set of NumPy and scikit-learn counts for nothing within."""
    from sklearn import config_context

    usual = config_context(transform_output="default", enable_metadata_routing=False, array_api_dispatch=False)
    with usual, np.errstate(all="ignore"):
        yield
