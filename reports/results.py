"""What an experiment hands to the reports: predictions, runs, methods, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypedDict

import pandas as pd

from strokebench.errors import StrokebenchError
from strokebench.files import atomic_path, file_digest, read_json, write_json
from strokebench.tasks.endpoint import Endpoint
from strokebench.tasks.endpoints.binary import BINARY
from strokebench.tasks.endpoints.parse import parse_endpoint
from strokebench.tasks.metrics.evaluate import evaluate, metrics_of
from strokebench.tasks.metrics.registry import Metric

SETTING: tuple[str, ...] = ("method", "variant", "condition")
"""What a row of a table stands for; its runs differ in seed and fold only."""

RUN: tuple[str, ...] = (*SETTING, "seed", "fold")
"""The columns that name a run, in predictions and in runs."""

PREDICTION_COLUMNS: tuple[str, ...] = (
    *("experiment", "dataset", "outcome", "method", "variant", "condition", "protocol", "split"),
    *("seed", "fold", "patient_id", "site", "y", "p"),
)
RUN_COLUMNS: tuple[str, ...] = (
    *RUN,
    *("key", "status", "error", "fit_seconds", "predict_seconds", "peak_mb", "parameters", "best_epoch"),
    *("validation_auc", "threshold"),
)
STATUSES: tuple[str, ...] = ("done", "failed", "missing")

PREDICTIONS_FILE, RUNS_FILE, FACTS_FILE = "predictions.parquet", "runs.parquet", "results.json"
PATIENT_FACTS_FILE, GROUPS_FILE = "patient_facts.parquet", "groups.parquet"
RESULT_FILES = (PREDICTIONS_FILE, RUNS_FILE, FACTS_FILE, PATIENT_FACTS_FILE, GROUPS_FILE)
"""What `Results.write` writes; the last two only where there is something to say."""


class Provenance(TypedDict, total=False):
    """Where results come from. Keys that are unknown are left out, and the reports leave them out too."""

    dataset: str
    """Short name, `virtual`."""
    title: str
    """What every output calls the cohort, `virtual cohort`."""
    synthetic: bool
    """Every output must say so."""
    outcome: str
    """The expression, `nihss < 7`."""
    protocol: str
    """`cv5`, `holdout` or `loho`."""
    n_patients: int
    n_positive: int
    """Patients with the outcome known, and those of label 1, tested or not."""
    n_without_outcome: int
    """Patients of the cohort that were left out because their outcome is not known."""
    balance: str
    """How the training parts were balanced, `smote`: balanced training shifts probabilities."""
    encoders: str | dict[str, str]
    """Name of the pair, or names by modality."""
    data_sha256: str
    split_sha256: str
    versions: dict[str, str]
    commit: str
    machine: str
    created: str
    """ISO 8601."""


@dataclass(frozen=True)
class MethodInfo:
    """What the reports know of a method. Passed in, because reports never import methods.

    Args:
        name: registry key. label: as tables print it. family: category of Table 1.
        uses: modalities that it reads. source: paper section or reference.
        adapted: the method was made for another task; tables say so with a footnote.
        notes: sections of its docstring (`Original`, `Kept`, `Ours`, `Lost`), in the order to print.
    """

    name: str
    label: str
    family: str
    uses: tuple[str, ...] = ()
    source: str = ""
    adapted: bool = False
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Results:
    """Everything that a report is made of.

    Args:
        predictions: `PREDICTION_COLUMNS`, one row a test patient and run; the only source of metrics.
        runs: `RUN_COLUMNS`, one row a planned run, whatever became of it; `validation_auc` and `threshold`
            (Youden's) are of the validation part.
        methods: one entry a method of `runs`.
        provenance: see `Provenance`.
        oracle: columns `patient_id`, `p`: the true probability of label 1; None on real patients.
        patient_facts: `RUN`, `patient_id` and one column a number that a method tells of a test patient beside
            the probability (VDAFM: its angles), NaN where a method does not; None where none does.
        groups: `patient_id` and one categorical column a grouping of patients (`age` in bands, `sex`), for
            metrics by subgroup; None where the cohort has no such column.

    Raises:
        ValueError: a column is missing, or a status is none of `STATUSES`.
        StrokebenchError: the parts contradict each other: a doubled run, a finished run without predictions
            or the reverse, a patient twice in a run, a method without its `MethodInfo`.
    """

    predictions: pd.DataFrame
    runs: pd.DataFrame
    methods: list[MethodInfo]
    provenance: Provenance
    oracle: pd.DataFrame | None = None
    patient_facts: pd.DataFrame | None = None
    groups: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        for what, part, columns in (
            ("predictions", self.predictions, PREDICTION_COLUMNS),
            ("runs", self.runs, RUN_COLUMNS),
        ):
            if lacking := [name for name in columns if name not in part]:
                raise ValueError(f"{what} lack the columns {lacking}.")
        if unknown := set(self.runs["status"]) - set(STATUSES):
            raise ValueError(f"Unknown run status {sorted(unknown)}; known: {STATUSES}.")
        known = {method.name for method in self.methods}
        if unknown := set(self.runs["method"]) - known:
            raise StrokebenchError(f"Runs of {sorted(unknown)[0]!r}, but that method is not described.")
        self._check_runs()

    def _check_runs(self) -> None:
        run = list(RUN)
        hint = "Results of two experiments seem to be mixed; run the experiment again."
        if (twice := self.runs.duplicated(run)).any():
            raise StrokebenchError(f"Run {_named(self.runs.loc[twice, run])} is planned twice.", hint)
        if (twice := self.predictions.duplicated([*run, "patient_id"])).any():
            first = self.predictions.loc[twice, [*run, "patient_id"]]
            raise StrokebenchError(
                f"Patient {first['patient_id'].iloc[0]} is predicted twice in run {_named(first[run])}.", hint
            )
        done = pd.MultiIndex.from_frame(self.runs.loc[self.runs["status"] == "done", run])
        predicted = pd.MultiIndex.from_frame(self.predictions[run].drop_duplicates())
        if len(lost := done.difference(predicted)):
            raise StrokebenchError(f"Run {_named(lost.to_frame())} is done, but has no predictions.", hint)
        if len(extra := predicted.difference(done)):
            raise StrokebenchError(f"Predictions of run {_named(extra.to_frame())}, which is not done.", hint)

    @cached_property
    def endpoint(self) -> Endpoint:
        """What was predicted; binary where it is not known by which rule."""
        rule = self.provenance.get("outcome")
        return parse_endpoint(rule) if rule else BINARY

    @property
    def judged_by(self) -> dict[str, Metric]:
        """The metrics that apply, by name."""
        return metrics_of(self.endpoint)

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """`RUN` columns and one column a metric of every finished run; computed once, for tables ask many times."""
        rows = [
            {
                **dict(zip(RUN, key, strict=True)),
                **evaluate(self.endpoint, part["y"], self.endpoint.probabilities(part)),
            }
            for key, part in self.predictions.groupby(list(RUN), sort=True, dropna=False)
        ]
        return pd.DataFrame(rows, columns=[*RUN, *self.judged_by])

    def method(self, name: str) -> MethodInfo:
        """The description of a method of these results."""
        return next(method for method in self.methods if method.name == name)

    def write(self, folder: Path) -> None:
        """Write its files below `folder`; the last holds the hashes of the others, so no mix is read."""
        digests = {}
        parts = {PREDICTIONS_FILE: self.predictions, RUNS_FILE: self.runs}
        if self.patient_facts is not None:
            parts[PATIENT_FACTS_FILE] = self.patient_facts
        if self.groups is not None:
            parts[GROUPS_FILE] = self.groups
        for name, part in parts.items():
            with atomic_path(folder / name) as path:
                part.to_parquet(path, index=False)
                digests[name] = file_digest(path)
        write_json(
            folder / FACTS_FILE,
            {
                "files": digests,
                # A list of pairs: JSON written with sorted keys would lose the order of the notes.
                "methods": [{**asdict(method), "notes": list(method.notes.items())} for method in self.methods],
                "provenance": self.provenance,
                "oracle": None if self.oracle is None else self.oracle[["patient_id", "p"]].to_dict("list"),
            },
        )

    @classmethod
    def read(cls, folder: Path) -> Results:
        """Read what `write` wrote.

        Raises:
            StrokebenchError: a file is missing, damaged, or of another writing than the rest.
        """
        facts = read_json(folder / FACTS_FILE)
        for name, digest in facts["files"].items():
            path = folder / name
            if not path.is_file():
                raise StrokebenchError(f"{path}: no such file.", "Run the experiment again.")
            if file_digest(path) != digest:
                raise StrokebenchError(
                    f"{path} does not belong to {FACTS_FILE} beside it.",
                    "It is being written now, or writing was cut off: run the experiment again.",
                )
        oracle = facts["oracle"]
        told, grouped = (name in facts["files"] for name in (PATIENT_FACTS_FILE, GROUPS_FILE))
        return cls(
            predictions=pd.read_parquet(folder / PREDICTIONS_FILE),
            runs=pd.read_parquet(folder / RUNS_FILE),
            methods=[_method_info(stored) for stored in facts["methods"]],
            provenance=facts["provenance"],
            oracle=None if oracle is None else pd.DataFrame(oracle, columns=["patient_id", "p"]),
            patient_facts=pd.read_parquet(folder / PATIENT_FACTS_FILE) if told else None,
            groups=pd.read_parquet(folder / GROUPS_FILE) if grouped else None,
        )


def _method_info(stored: dict[str, Any]) -> MethodInfo:
    return MethodInfo(**{**stored, "uses": tuple(stored["uses"]), "notes": dict(stored["notes"])})


def _named(runs: pd.DataFrame) -> str:
    """The first run of a frame, in words."""
    return ", ".join(f"{name} {runs[name].iloc[0]}" for name in RUN if str(runs[name].iloc[0]))
