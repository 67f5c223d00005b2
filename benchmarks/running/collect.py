"""From finished runs on disk to the one long table of predictions and the table of runs."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from strokebench.benchmarks.keys.described import Described, described
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.groups import patient_groups
from strokebench.benchmarks.running.plans import about, uses
from strokebench.benchmarks.running.provenance import provenance_of
from strokebench.benchmarks.running.run import Run
from strokebench.benchmarks.running.store import Store
from strokebench.errors import StrokebenchError, counted
from strokebench.files import digest
from strokebench.reports.results import PATIENT_COLUMNS, RUN, RUN_COLUMNS, RUNS_FILE, MethodInfo, Results

Planned = tuple[Run, str]
"""A run and its key."""


def finished_otherwise(context: Context, folder: Path, planned: Sequence[Planned]) -> str:
    """What of the table in `folder` this call cannot use, though it is finished, and why; empty where there is none."""
    store = Store()
    lacking = {tuple(run.names().values()): run for run, key in planned if store.status(key) != "done"}
    if not lacking:
        return ""
    try:
        runs = pd.read_parquet(folder / RUNS_FILE, columns=[*RUN, "key"])
        found = [
            (lacking[names], key)
            for *run, key in runs.itertuples(index=False)
            if (names := tuple(run)) in lacking and store.status(key) == "done"
        ]
        if not found:
            return ""
        run, there = found[0][0], store.read(found[0][1])[1]
    except (OSError, ValueError, StrokebenchError):
        return ""
    here, commit = about(context, run), str(there.get("commit", ""))[:10]
    words = {
        "code_sha256": f"code ({commit})" if commit else "code",
        "versions": "versions of libraries",
        "data_sha256": "patients or inputs",
    }
    others = " and ".join(word for name, word in words.items() if there.get(name) != here[name]) or "folds"
    return f"{counted(len(found), 'finished run')} of the table by now used other {others}: kept, and not mixed in"


class Collector:
    """Reads each finished run once and puts them together, whatever the order in which they finished.

    Attributes:
        planned: the runs of this call. shown: those of its tables, which other methods may be in.
    """

    def __init__(self, experiment: str, context: Context, planned: Sequence[Planned], store: Store) -> None:
        self.experiment, self.context, self.planned, self.store = experiment, context, planned, store
        self.shown: list[Planned] = []
        self.show(planned)
        self.stored = ["patient_id", "y", *context.endpoint.prediction_columns]
        """The columns that every run has; whatever else a method tells of its patients follows them."""
        self._read: dict[str, tuple[pd.DataFrame, dict[str, Any]]] = {}

    def show(self, runs: Sequence[Planned]) -> None:
        """Make tables of these runs; files of theirs that are damaged are dropped."""
        self.store.drop_damaged({key for _, key in runs} - {key for _, key in self.shown})
        self.shown = list(runs)

    def finished(self, key: str) -> tuple[pd.DataFrame, dict[str, Any]]:
        """Predictions and record of a finished run."""
        if key not in self._read:
            self._read[key] = self.store.read(key)
        return self._read[key]

    def results(self) -> Results:
        """Everything that is known by now: finished, failed and missing runs."""
        rows, predictions, patient_facts = [], [], []
        for run, key in self.shown:
            status = self.store.status(key)
            error: str | None = None
            record: dict[str, Any] = {}
            if status == "done":
                part, record = self.finished(key)
                predictions.append((run, part))
                if len(part.columns) > len(self.stored):
                    patient_facts.append(part.drop(columns=self.stored[1:]).assign(**run.names()))
            elif status == "failed":
                error = self.store.failure(key)["error"]
            rows.append(_row(run, key, status, error, record))
        methods = dict.fromkeys(run.method for run, _ in self.shown)
        provenance = provenance_of(self.context, self.versions)
        # The newest run's time, not now: writing the same results again must give the same file.
        if self._read:
            provenance["created"] = max(record["finished"] for _, record in self._read.values())
        return Results(
            predictions=self._predictions(predictions),
            runs=pd.DataFrame(rows, columns=list(RUN_COLUMNS)),
            methods=[method_info(described(name), uses(name, self.context)) for name in methods],
            provenance=provenance,
            oracle=self.context.oracle,
            patient_facts=pd.concat(patient_facts, ignore_index=True) if patient_facts else None,
            groups=patient_groups(self.context.cohort, self.context.labels.index),
        )

    @property
    def versions(self) -> dict[str, str]:
        """Of the libraries that the planned runs call."""
        # Few methods, many runs.
        runs = {(run.method, run.balance): run for run, _ in self.shown}.values()
        return dict(sorted(pair for run in runs for pair in self.context.code(run).versions.items()))

    def failed(self) -> int:
        """Number of failed runs."""
        return sum(self.store.status(key) == "failed" for _, key in self.planned)

    def fingerprint(self) -> str:
        """Hash of everything that decides `results` beside our own code, found without reading a run."""
        context = self.context
        patients = [context.cohort.site, context.oracle, patient_groups(context.cohort, context.labels.index)]
        return digest(
            {
                "experiment": self.experiment,
                "runs": [[*run.columns().values(), key, *self.store.stamp(key)] for run, key in self.shown],
                "provenance": provenance_of(self.context, self.versions),
                "patients": [None if part is None else part.to_csv() for part in patients],
            }
        )

    def _predictions(self, parts: Sequence[tuple[Run, pd.DataFrame]]) -> pd.DataFrame:
        """The long table. Made in one piece: a frame a run would take longer than to read the runs."""
        context = self.context
        columns = [*PATIENT_COLUMNS, *context.endpoint.prediction_columns]
        if not parts:
            return pd.DataFrame(columns=columns)
        stored = pd.concat([part[self.stored] for _, part in parts], ignore_index=True)
        rows = np.repeat(np.arange(len(parts)), [len(part) for _, part in parts])
        names = pd.DataFrame([run.names() | {"protocol": run.protocol} for run, _ in parts])
        site = context.cohort.site
        return pd.DataFrame(
            {
                "experiment": self.experiment,
                "dataset": context.cohort.name,
                "outcome": context.endpoint.expression,
                "split": context.split.sha256,
                **names.iloc[rows].reset_index(drop=True),
                "site": None if site is None else site.loc[stored["patient_id"]].to_numpy(),
                **stored,
            },
            columns=columns,
        )


def method_info(method: Described, read: Collection[str]) -> MethodInfo:
    """What the reports need to know of a method; one with an `Original` section was made for another task.

    Args:
        read: the modalities that its runs read.
    """
    notes = dict(method.notes)
    source = notes.pop("Source", "")
    return MethodInfo(
        name=method.name,
        label=method.label,
        family=method.family,
        uses=tuple(sorted(read)),
        source=source,
        adapted="Original" in notes,
        notes=notes,
    )


def _row(run: Run, key: str, status: str, error: str | None, record: dict[str, Any]) -> dict[str, Any]:
    facts = record.get("facts", {})
    return {
        **run.columns(),
        "key": key,
        "status": status,
        "error": error,
        "fit_seconds": record.get("fit_seconds", np.nan),
        "predict_seconds": record.get("predict_seconds", np.nan),
        "peak_mb": record.get("peak_mb", np.nan),
        "parameters": facts.get("parameters", np.nan),
        "best_epoch": facts.get("best_epoch", np.nan),
        "validation_score": facts.get("validation_score", np.nan),
        "threshold": facts.get("threshold", np.nan),
    }
