"""What an experiment hands to the reports: predictions, runs, methods, and where they come from."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self, TypedDict

import numpy as np
import pandas as pd

from strokebench.errors import StrokebenchError
from strokebench.files import atomic_path, file_digest, natural_order, read_json, write_json
from strokebench.tasks.conditions import COMPLETE
from strokebench.tasks.endpoint import Endpoint
from strokebench.tasks.endpoints.binary import BINARY
from strokebench.tasks.endpoints.parse import parse_endpoint, too_few
from strokebench.tasks.metrics.evaluate import evaluate, metrics_of
from strokebench.tasks.metrics.registry import Metric

SETTING: tuple[str, ...] = ("method", "variant", "condition")
"""What a row of a table stands for; its runs differ in seed and fold only."""

RUN: tuple[str, ...] = (*SETTING, "seed", "fold")
"""The columns that name a run, in predictions and in runs; all of them ids, labels for people are apart."""

PATIENT_COLUMNS: tuple[str, ...] = (
    *("experiment", "dataset", "outcome", "method", "variant", "condition", "protocol", "split"),
    *("seed", "fold", "patient_id", "site", "y"),
)
"""The columns of predictions beside the endpoint's own."""

RUN_COLUMNS: tuple[str, ...] = (
    *RUN,
    *("variant_label", "condition_label", "keep", "when", "rate", "fill", "balance", "params"),
    *("key", "status", "error", "fit_seconds", "predict_seconds", "peak_mb", "parameters", "best_epoch"),
    *("validation_score", "threshold"),
)
"""`variant_label` and `condition_label` are for people; `keep` to `fill` are the condition's fields, `keep` joined by
`+`; `params` are the hyper-parameters that differ from the method's defaults, as JSON."""

STATUSES: tuple[str, ...] = ("done", "failed", "missing")

PREDICTIONS_FILE, RUNS_FILE, FACTS_FILE = "predictions.parquet", "runs.parquet", "results.json"
PATIENT_FACTS_FILE, GROUPS_FILE = "patient_facts.parquet", "groups.parquet"
RESULT_FILES = (PREDICTIONS_FILE, RUNS_FILE, FACTS_FILE, PATIENT_FACTS_FILE, GROUPS_FILE)
"""What `Results.write` writes; the last two only where there is something to say."""


def variant_id(params: Mapping[str, Any]) -> str:
    """What names hyper-parameters in predictions and runs; empty where nothing differs from the method's own.

    >>> variant_id({"layers": 2, "heads": 8})
    'heads=8,layers=2'
    """
    return ",".join(f"{name}={params[name]!r}" for name in sorted(params))


class Provenance(TypedDict, total=False):
    """Where results come from. Keys that are unknown are left out, and the reports leave them out too."""

    dataset: str
    """Short name, `virtual`."""
    title: str
    """What every output calls the cohort, `virtual cohort`: for people, no fact is read out of it."""
    synthetic: bool  # every output must say so
    outcome: str
    """The expression, `nihss < 7`."""
    outcome_title: str
    """What headings call it: the expression, behind the cohort's own name for it where it has one."""
    not_inputs: dict[str, str]
    """Column of the cohort's table that no method was given -> why."""
    protocol: str  # `cv5`, `holdout`, `loho`, `own` or `external`
    n_persons: int
    """Whose rows they are, where a person may have several."""
    n_patients: int
    n_positive: int
    """Patients with the outcome known, and those of label 1, tested or not."""
    n_of_labels: list[int]  # the same by label, of grades
    n_without_outcome: int
    """Patients of the cohort that were left out because their outcome is not known."""
    n_seen: int  # patients of a validation whom a model was made of
    n_untold: int  # those of whom a model cannot tell
    balance: str
    """How the training parts were balanced, `smote`: balanced training shifts probabilities."""
    seeds: list[int]
    """One repetition each; a quick check runs the first alone."""
    sizes: str
    """Of the networks, a name of `strokebench.tasks.paper_setup.SIZES`."""
    encoder_pair: str
    """What the user chose, `embedded`."""
    encoders: str | dict[str, str]
    """Name of the pair, or names by modality."""
    from_masks: str  # what of text and table was made of the lesion masks
    attainable: str  # the best that a reader of the cohort was measured to reach; a generator may know it
    sequences: list[str]  # of a patient's image, where there are several
    untrained_encoders: list[str]  # names of those of them whose weights have learnt from nothing
    compared_encoders: dict[str, dict[str, str | float | None]]
    """Pair -> the encoder's name by modality, and the processor time that an image and a text took."""
    quick: bool  # a check, of which no number is a result
    labels_shuffled: int
    """The seed that the labels were permuted with, where they were."""
    scale_text: bool
    """Sentences that state the outcome's own scale were left in the text."""
    tuned: dict[str, str]
    """Method -> what may be said of its hyper-parameters, for those whose come from a file."""
    untested: list[str]
    """Hospitals that `loho` cannot leave out."""
    imported: bool
    """The runs were computed elsewhere, and came as a package."""
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

    def to_json(self) -> dict[str, Any]:
        """JSON-able; the notes as pairs, since JSON written with sorted keys would lose their order."""
        return {**asdict(self), "notes": list(self.notes.items())}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """What `to_json` gave."""
        return cls(**{**stored, "uses": tuple(stored["uses"]), "notes": dict(stored["notes"])})


@dataclass(frozen=True)
class Setting:
    """A method with hyper-parameters under a condition: what a row of a table stands for.

    Args:
        name: unique in the results. label: as tables print it, unique too.
        plain: the method's own hyper-parameters, nothing taken away, and no other setting of the method beside it.
    """

    name: str
    method: MethodInfo
    variant: str
    condition: str
    label: str
    plain: bool

    @property
    def key(self) -> tuple[str, str, str]:
        """Values of `SETTING`."""
        return self.method.name, self.variant, self.condition

    @property
    def own(self) -> bool:
        """Whether its method is as every table has it: no hyper-parameter of an experiment's, nothing taken away."""
        return not self.variant and self.condition in ("", COMPLETE.id)


def setting_names(frame: pd.DataFrame, among: pd.DataFrame | None = None) -> list[str]:
    """What each row's setting is called: the method, or method/variant/condition where `among` has several of it.

    Args:
        frame: has the columns `SETTING`. among: the same; default `frame`.
    """
    settings = frame[list(SETTING)].fillna("").astype(str)
    known = (settings if among is None else among[list(SETTING)].fillna("").astype(str)).drop_duplicates()
    several = set(known.loc[known["method"].duplicated(), "method"])
    rows = zip(*(settings[column] for column in SETTING), strict=True)
    return ["/".join(setting) if setting[0] in several else setting[0] for setting in rows]


# A notebook keeps what a cell shows: no rows of patients.
@dataclass(frozen=True, repr=False)
class Results:
    """Everything that a report is made of.

    Args:
        predictions: `PATIENT_COLUMNS` and `Endpoint.prediction_columns`, one row a test patient and run; the only
            source of metrics.
        runs: `RUN_COLUMNS`, one row a planned run, whatever became of it; `validation_score` and `threshold`
            (Youden's) are of the validation part.
        methods: one entry a method of `runs`.
        provenance: see `Provenance`.
        oracle: columns `patient_id`, `p`: the true probability of label 1; None on real patients.
        patient_facts: `RUN`, `patient_id` and one column a number that a method tells of a test patient beside
            the probability (VDAFM: its angles), NaN where a method does not; None where none does.
        groups: `patient_id` and one categorical column a grouping of patients (`age` in bands, `sex`, `race`), for
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
            ("predictions", self.predictions, (*PATIENT_COLUMNS, *self.endpoint.prediction_columns)),
            ("runs", self.runs, RUN_COLUMNS),
        ):
            if lacking := [name for name in columns if name not in part]:
                raise ValueError(f"{what} lack the columns {lacking}.")
        if unknown := set(self.runs["status"]) - set(STATUSES):
            raise ValueError(f"Unknown run status {sorted(unknown)}; known: {STATUSES}.")
        if unknown := set(self.runs["method"]) - {method.name for method in self.methods}:
            raise StrokebenchError(f"Runs of {sorted(unknown)[0]!r}, but that method is not described.")
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

    @property
    def compared_by(self) -> str:
        """The metric that settings are compared by: the first in percent of which more is better without a threshold.

        Raises:
            StrokebenchError: none of those that apply is such a one.
        """
        for name, metric in self.judged_by.items():
            if metric.unit == "%" and metric.higher_is_better and not metric.needs_threshold:
                return name
        raise StrokebenchError(f"No metric compares settings of the outcome {self.endpoint.expression!r}.")

    @cached_property
    def too_small(self) -> dict[int, str]:
        """Under `loho`: fold -> `West (30, 4)`, a hospital with `TOO_FEW`: its patients, and those outside that class.

        It is in no metric: one would lack its AUC and count its F1, which is then chance or cannot be but 0.
        """
        if self.provenance.get("protocol") != "loho":
            return {}
        found: dict[int, str] = {}
        for fold, part in self.predictions.drop_duplicates(["fold", "patient_id"]).groupby("fold"):
            counts = part["y"].value_counts()
            if too_few(counts):
                found[int(str(fold))] = f"{part['site'].iloc[0]} ({len(part)}, {counts.sum() - counts.max()})"
        return dict(sorted(found.items(), key=lambda item: natural_order(item[1])))

    @property
    def judged(self) -> pd.DataFrame:
        """The predictions that metrics are made of."""
        return self.predictions[~self.predictions["fold"].isin(self.too_small)] if self.too_small else self.predictions

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """`RUN` columns and one column a metric of every finished run; computed once, for tables ask many times."""
        judged = self.judged
        # Once for all: to pick columns run by run takes longer than their metrics.
        y, p = judged["y"].to_numpy(), self.endpoint.probabilities(judged)
        runs = judged[list(RUN)].assign(row=np.arange(len(judged))).groupby(list(RUN), sort=True, dropna=False)["row"]
        rows = [{**dict(zip(RUN, key, strict=True)), **evaluate(self.endpoint, y[row], p[row])} for key, row in runs]
        return pd.DataFrame(rows, columns=[*RUN, *self.judged_by])

    @cached_property
    def settings(self) -> dict[str, Setting]:
        """The planned settings by `Setting.name`, in the order of the runs."""
        planned = self.runs[[*SETTING, "variant_label", "condition_label"]].astype(object).fillna("")
        rows = planned.assign(name=setting_names(self.runs)).drop_duplicates("name").to_dict("records")
        labels = {row["name"]: self._label(row) for row in rows}
        counts = Counter(labels.values())
        found = {}
        for row in rows:
            name, label = row["name"], labels[row["name"]]
            if counts[label] > 1:
                label += f" [{', '.join(filter(None, (row['method'], row['variant'], row['condition'])))}]"
            plain = name == row["method"] and not row["variant_label"] and row["condition"] in ("", COMPLETE.id)
            found[name] = Setting(name, self.method(row["method"]), row["variant"], row["condition"], label, plain)
        return found

    def _label(self, row: Mapping[Any, Any]) -> str:
        condition = "" if row["condition"] == COMPLETE.id else row["condition_label"] or row["condition"]
        more = [str(part) for part in (row["variant_label"] or row["variant"], condition) if part]
        label = self.method(row["method"]).label
        return f"{label} ({', '.join(more)})" if more else label

    def runs_of(self, setting: Setting) -> pd.DataFrame:
        """The planned runs of a setting."""
        return self.runs[(self.runs[list(SETTING)].fillna("") == list(setting.key)).all(axis=1)]

    def method(self, name: str) -> MethodInfo:
        """The description of a method of these results."""
        return next(method for method in self.methods if method.name == name)

    def write(self, folder: Path) -> None:
        """Write its files below `folder`; the last holds the hashes of the others, so no mix is read."""
        digests = {}
        parts = {
            **{PREDICTIONS_FILE: self.predictions, RUNS_FILE: self.runs},
            **{PATIENT_FACTS_FILE: self.patient_facts, GROUPS_FILE: self.groups},
        }
        for name, part in parts.items():
            if part is None:
                continue
            with atomic_path(folder / name) as path:
                part.to_parquet(path, index=False)
                digests[name] = file_digest(path)
        write_json(
            folder / FACTS_FILE,
            {
                "files": digests,
                "methods": [method.to_json() for method in self.methods],
                "provenance": self.provenance,
                "oracle": None if self.oracle is None else self.oracle[["patient_id", "p"]].to_dict("list"),
            },
        )

    @classmethod
    def read(cls, folder: str | Path) -> Self:
        """Read what `write` wrote.

        Raises:
            StrokebenchError: a file is missing, damaged, or of another writing or form than the rest.
        """
        facts = read_json((folder := Path(folder)) / FACTS_FILE)
        try:
            (provenance := facts["provenance"]).get("outcome", "").lower()
            for name, digest in facts["files"].items():
                if not (path := folder / name).is_file():
                    raise StrokebenchError(f"{path}: no such file.", "Run the experiment again.")
                if file_digest(path) != digest:
                    raise StrokebenchError(
                        f"{path} does not belong to {FACTS_FILE} beside it.",
                        "It is being written now, or writing was cut off: run the experiment again.",
                    )
            parts = {name: pd.read_parquet(folder / name) for name in facts["files"]}
            return cls(
                predictions=parts[PREDICTIONS_FILE],
                runs=parts[RUNS_FILE],
                methods=[MethodInfo.from_json(stored) for stored in facts["methods"]],
                provenance=provenance,
                oracle=facts["oracle"] and pd.DataFrame(facts["oracle"], columns=["patient_id", "p"]),
                patient_facts=parts.get(PATIENT_FACTS_FILE),
                groups=parts.get(GROUPS_FILE),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise StrokebenchError(
                f"{folder} was written by another version of strokebench: {error}", "Run the experiment again."
            ) from None


def read_provenance(folder: Path) -> Provenance:
    """Where the results that lie in a folder come from; empty where they cannot be read."""
    try:
        return read_json(folder / FACTS_FILE)["provenance"]
    except (StrokebenchError, KeyError, TypeError):
        return {}


def _named(runs: pd.DataFrame) -> str:
    """The first run of a frame, in words."""
    return ", ".join(f"{name} {runs[name].iloc[0]}" for name in RUN if str(runs[name].iloc[0]))
