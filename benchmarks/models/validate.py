"""Several models on the patients of another cohort: one prediction a patient and model, judged like any run's."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from strokebench.benchmarks.keys.described import described
from strokebench.benchmarks.models.columns import Columns, Examined, role_column
from strokebench.benchmarks.models.description import TableInput, role_name
from strokebench.benchmarks.models.fit import table_input
from strokebench.benchmarks.models.model import BALANCED, Mapped, Model, load_model
from strokebench.benchmarks.models.seen import recognised
from strokebench.benchmarks.running.collect import method_info
from strokebench.benchmarks.running.groups import patient_groups
from strokebench.benchmarks.running.provenance import commit, machine
from strokebench.benchmarks.running.run import Run
from strokebench.benchmarks.running.settings import usable_cores
from strokebench.datasets.catalogue import load_cohort
from strokebench.datasets.cohort import Cohort
from strokebench.datasets.embeddings import Embeddings
from strokebench.errors import StrokebenchError
from strokebench.files import digest
from strokebench.reports.explanation.effects import UNTOLD
from strokebench.reports.results import PATIENT_COLUMNS, RUN_COLUMNS, Provenance, Results
from strokebench.reports.tables.caption import EXTERNAL, patients_title
from strokebench.reports.tables.section import Section
from strokebench.reports.validation.case_mix import Population
from strokebench.reports.validation.section import ModelFacts, validation_section
from strokebench.tasks.inputs import modalities_of


@dataclass(frozen=True)
class Validation:
    """What `validate` gives.

    Args:
        results: one run a model, of protocol `external`.
        facts: what is known of each model, by setting. here: these patients in summary.
        left_out: patients who are in no number, for a model was made of them.
    """

    results: Results
    facts: Mapping[str, ModelFacts]
    here: Population
    left_out: int

    @property
    def section(self) -> Section:
        """Tables and figures, drawn anew at each call."""
        return validation_section(self.results, self.facts, self.here, self.left_out)


@dataclass(frozen=True)
class _Judged:
    """A model on the cohort: its columns of predictions, and who was recognised, both by patient id."""

    model: Model
    variant: str
    examined: Examined
    predictions: pd.DataFrame
    seen: pd.Series


def validate(
    models: Sequence[Model | Path | str],
    dataset: Path | str | Cohort,
    *,
    columns: Mapped | None = None,
    without_seen: bool = False,
    embeddings: Embeddings | None = None,
    jobs: int = 0,
    weights: Path | None = None,
    device: str = "auto",
) -> Validation:
    """Judge models on patients of another origin, as `strokebench validate` does.

    Args:
        models: of one outcome, or their folders.
        dataset: as `Settings.dataset`, or a cohort that is loaded; it needs the outcome.
        columns: what the cohort calls otherwise than the models, or the YAML file that says so.
        without_seen: leave out patients whom any of the models was made of, recognised by content; of whom that cannot
            be told stay, and are counted.
        embeddings: of a cohort that is loaded, where they are there already.
        jobs, weights, device: of the encoders; for the choices see `Settings`.

    Raises:
        StrokebenchError: models of other outcomes, or of one that is neither an event nor grades; everything in which
            the cohort does not fit; nobody left to test, or one class only.
    """
    loaded = [model if isinstance(model, Model) else load_model(model) for model in models]
    endpoint = _one_endpoint(loaded)
    cohort = dataset if isinstance(dataset, Cohort) else load_cohort(dataset)
    mapped = columns if isinstance(columns, Columns) else Columns.read(columns)
    examined = [model.examine(cohort, mapped, embeddings) for model in loaded]
    for model, one in zip(loaded, examined, strict=True):
        one.refuse(model.description)
    known = labels = endpoint.labels(examined[0].cohort)
    judged = []
    for model, variant, one in zip(loaded, _variants(models, loaded), examined, strict=True):
        arrays = embeddings or model.encode(one.cohort, jobs or usable_cores(), weights, device)
        p = model.predict_examined(one, arrays)
        predictions = pd.DataFrame(endpoint.columns(p), index=cohort.ids)
        judged.append(_Judged(model, variant, one, predictions, model.seen.among(one.content, arrays)))
    if without_seen:
        labels = known[~np.any([recognised(one.seen.loc[known.index]) for one in judged], axis=0)]
        if labels.nunique() < 2:
            raise StrokebenchError(
                f"The models were made of {len(known) - len(labels)} of these {len(known)} patients, and no two of "
                "different outcome are left.",
                "Validate on patients whom no model has seen.",
            )
    results = _results(judged, labels, cohort, len(cohort) - len(known))
    facts = {name: _facts(one, labels.index) for name, one in zip(results.settings, judged, strict=True)}
    return Validation(results, facts, _here(judged, labels), len(known) - len(labels))


def _one_endpoint(models: Sequence[Model]) -> Any:
    said = dict.fromkeys(model.description.outcome for model in models)
    if len(said) > 1:
        raise StrokebenchError(f"These models predict other outcomes: {'; '.join(said)}.", "Validate each by itself.")
    endpoint = models[0].endpoint
    if not endpoint.binary and not endpoint.dichotomies:
        raise StrokebenchError(f"A validation judges events and grades, and {endpoint.expression!r} is neither.")
    return endpoint


def _variants(given: Sequence[Model | Path | str], models: Sequence[Model]) -> list[str]:
    """What tells models of one method apart: the names of their folders."""
    counts = Counter(model.description.method for model in models)
    folders = ["" if isinstance(model, Model) else Path(model).resolve().name for model in given]
    unique = len(set(folders)) == len(folders)
    return [
        "" if counts[model.description.method] == 1 else folder if folder and unique else f"model {number}"
        for number, (model, folder) in enumerate(zip(models, folders, strict=True), 1)
    ]


def _results(judged: Sequence[_Judged], labels: pd.Series, cohort: Cohort, unknown: int) -> Results:
    ids, endpoint, site = labels.index, judged[0].model.endpoint, cohort.site
    rows, predictions = [], []
    for one in judged:
        said = one.model.description
        balance = "undone" if said.balance in BALANCED else said.balance
        run = Run(said.method, 0, 0, EXTERNAL, said.parameters, one.variant, balance=balance)
        score = float(np.mean([member.score for member in said.members]))
        facts = {"key": digest(dict(said.hashes)), "status": "done", "validation_score": score}
        rows.append({**run.columns(), **facts})
        predictions.append(
            one.predictions.loc[ids]
            .assign(**run.names(), site=None if site is None else site.loc[ids], y=labels)
            .rename_axis("patient_id")
            .reset_index()
        )
    read: dict[str, set[str]] = {}
    for one in judged:
        read.setdefault(one.model.description.method, set()).update(modalities_of(one.model.description.reads))
    provenance = _provenance(judged, labels, cohort, unknown)
    frame = pd.concat(predictions, ignore_index=True).assign(
        experiment="validation", dataset=cohort.name, outcome=endpoint.expression, protocol=EXTERNAL,
        split=provenance["split_sha256"],
    )  # fmt: skip
    return Results(
        predictions=frame[[*PATIENT_COLUMNS, *endpoint.prediction_columns]],
        runs=pd.DataFrame(rows).reindex(columns=list(RUN_COLUMNS)),
        methods=[method_info(described(name), modalities) for name, modalities in read.items()],
        provenance=provenance,
        groups=patient_groups(judged[0].examined.cohort, ids),
    )


def _provenance(judged: Sequence[_Judged], labels: pd.Series, cohort: Cohort, unknown: int) -> Provenance:
    said, endpoint = [one.model.description for one in judged], judged[0].model.endpoint
    seen = [one.seen.loc[labels.index] for one in judged]
    return {
        "dataset": cohort.name,
        "title": cohort.title,
        "synthetic": cohort.synthetic,
        "outcome": endpoint.expression,
        "outcome_title": endpoint.title,
        "protocol": EXTERNAL,
        "n_patients": len(labels),
        **({"n_positive": int(endpoint.events(labels).sum())} if endpoint.binary else {}),
        "n_without_outcome": unknown,
        "n_seen": int(np.any([recognised(each) for each in seen], axis=0).sum()),
        "n_untold": int(np.any([each == UNTOLD for each in seen], axis=0).sum()),
        "balance": ", ".join(dict.fromkeys(one.balance for one in said)),
        "encoder_pair": ", ".join(dict.fromkeys(one.encoders for one in said)),
        "quick": any(one.quick for one in said),
        "scale_text": any(one.scale_text for one in said),
        "split_sha256": digest(sorted(map(str, labels.index))),
        "data_sha256": digest(
            [one.examined.content.loc[labels.index].sort_index().to_csv(float_format="%.9g") for one in judged]
        ),
        "versions": dict(sorted(pair for one in said for pair in one.versions.items())),
        "commit": commit(),
        "machine": machine(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _facts(one: _Judged, ids: pd.Index) -> ModelFacts:
    said = one.model.description
    origin, seen = said.origin, one.seen.loc[ids]
    title = patients_title(origin.title, origin.synthetic)
    made_of = Population(f"{title}, {origin.part}", origin.patients, origin.shares, said.inputs)
    balance = "training was not balanced"
    if said.balance in BALANCED:
        balance = f"the balance of training ({said.balance}) is undone, so that probabilities are at their prevalence"
    untold = int((seen == UNTOLD).sum())
    return ModelFacts(made_of, balance, Counter(seen[recognised(seen)]), untold, one.examined.notes)


def _here(judged: Sequence[_Judged], labels: pd.Series) -> Population:
    table: dict[str, TableInput] = {}
    for one in judged:
        said, content = one.model.description, one.examined.content.loc[labels.index]
        columns = {**one.examined.cohort.columns, **{role_name(role): role_column(role) for role in said.roles}}
        table |= {name: table_input(content[name], columns[name]) for name in said.inputs}
    levels = judged[0].model.endpoint.levels
    shares = np.bincount(labels, minlength=levels) / len(labels)
    return Population(judged[0].examined.cohort.title, len(labels), tuple(map(float, shares)), table)
