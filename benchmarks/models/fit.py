"""Fit one method on all patients of a cohort, or on a named part, to be used elsewhere."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from rich.console import Console

from strokebench.benchmarks.keys.code import code_of
from strokebench.benchmarks.keys.described import described
from strokebench.benchmarks.leaks.report import warn_before_fit
from strokebench.benchmarks.models.card import write_card
from strokebench.benchmarks.models.columns import examine, role_column
from strokebench.benchmarks.models.description import SCHEMA, Description, Encoding, Member, Origin, TableInput
from strokebench.benchmarks.models.model import BALANCED, FILTER, Model
from strokebench.benchmarks.models.seen import Seen
from strokebench.benchmarks.running.build import choose_endpoint, encode, input_facts, label_facts
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.fit import Fitted, fit_and_predict, make_ready
from strokebench.benchmarks.running.parameters import read_all
from strokebench.benchmarks.running.plans import method_runs, usable_methods, why_lacking
from strokebench.benchmarks.running.provenance import commit, strokebench_version
from strokebench.benchmarks.running.run import Run
from strokebench.benchmarks.running.settings import SEEDS, Settings
from strokebench.benchmarks.running.task import quietly
from strokebench.datasets.catalogue import load_cohort
from strokebench.datasets.cohort import Cohort, Column, Kind
from strokebench.datasets.embeddings import Embeddings
from strokebench.datasets.encoders.registry import find_encoders
from strokebench.errors import StrokebenchError
from strokebench.methods.base import Method
from strokebench.methods.registry import find_method
from strokebench.reports.results import Results
from strokebench.tasks.conditions import COMPLETE
from strokebench.tasks.inputs import BY_ROLE, modalities_of, modality_of
from strokebench.tasks.preparing.fitted import Preprocessing
from strokebench.tasks.protocols import PROTOCOLS, split_for_training


@dataclass(frozen=True)
class PatientChoice:
    """Which patients of a cohort a model is made of.

    Args:
        ids: these. share: so many of those with the outcome, drawn by `seed`; rows of one person stay together.
            Neither: all.
    """

    ids: tuple[str, ...] | None = field(default=None, repr=False)
    share: float = 1.0
    seed: int = 0

    @classmethod
    def read(cls, given: Path | str | float | None, seed: int = 0) -> Self:
        """A share, or a file of one patient id a line; None: all.

        Raises:
            StrokebenchError: neither.
        """
        if given is None:
            return cls()
        with suppress(ValueError):
            if not 0 < float(str(given)) <= 1:
                raise StrokebenchError(f"The part {given} is no share of patients.", "Give more than 0 and up to 1.")
            return cls(share=float(str(given)), seed=seed)
        try:
            lines = Path(str(given)).read_text(encoding="utf-8-sig").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise StrokebenchError(f"The part {given} is no share, and no file that can be read: {error}.") from None
        return cls(tuple(line.strip() for line in lines if line.strip()))

    def of(self, labels: pd.Series, ids: pd.Index, persons: pd.Series | None = None) -> pd.Series:
        """The labels of these patients of the cohort, of those that have the outcome.

        Args:
            persons: whose row each is, by patient id, where several may be one person's.

        Raises:
            StrokebenchError: one that is not in the cohort.
        """
        if self.ids is not None:
            if unknown := [id for id in self.ids if id not in ids]:
                raise StrokebenchError(
                    f"Patient {unknown[0]} of the part is not in the cohort ({len(unknown)} such patients).",
                    "Ids must match letter by letter.",
                )
            return labels[labels.index.isin(self.ids)]
        if self.share == 1:
            return labels
        whose = labels.index.to_series() if persons is None else persons.loc[labels.index]
        drawn = np.random.default_rng(self.seed).permutation(np.sort(whose.unique()))
        return labels[whose.isin(drawn[: round(self.share * len(drawn))])].sort_index()

    @property
    def said(self) -> str:
        """In words."""
        if self.ids is not None:
            return "patients named by a file"
        return (
            "all patients" if self.share == 1 else f"{100 * self.share:g} % of the patients, drawn by seed {self.seed}"
        )


def fit(
    method: str,
    dataset: Path | str | Cohort = "virtual",
    *,
    to: Path | str | None = None,
    part: PatientChoice | Path | str | float | None = None,
    seeds: Sequence[int] = SEEDS[:1],
    params: Mapping[str, Any] | Path | str | None = None,
    marks: bool = True,
    embeddings: Embeddings | None = None,
    **settings: Any,
) -> Model:
    """Fit a method to be used elsewhere, as `strokebench fit` does.

    Args:
        method: a name of `strokebench list methods`.
        dataset: as `Settings.dataset`, or a cohort that is loaded.
        to: the folder that it is written to; None: nowhere, `Model.save` does it.
        part: the patients, as `PatientChoice.read` takes it; default: all that have the outcome.
        seeds: one fit each, whose mean is the prediction. A seed draws the validation part, for early stopping and
            selection, from the same patients.
        params: hyper-parameters that differ from the method's defaults, or a file of them.
        marks: keep what recognises the patients when they come again.
        embeddings: of a cohort that is loaded, where they are there already.
        settings: further fields of `Settings`, such as `outcome`, `balance`, `encoders`.

    Raises:
        StrokebenchError: whatever is wrong with the settings or the data; the folder is there already.

    Example:
        >>> import strokebench
        >>> model = strokebench.fit("logistic_regression", "cohort.yaml", to="model")  # doctest: +SKIP
        >>> strokebench.load_model("model").predict_proba(strokebench.load_cohort("other.yaml"))  # doctest: +SKIP
    """
    if not isinstance(params, Mapping):
        params = read_all([Path(params)], [method])[method].params if params else {}
    cohort = dataset if isinstance(dataset, Cohort) else load_cohort(dataset)
    chosen = Settings(methods=(method,), seeds=tuple(seeds), **settings)
    part = part if isinstance(part, PatientChoice) else PatientChoice.read(part)
    model = fit_on(method, cohort, chosen, part, params, marks, Console(quiet=True), embeddings)
    if to is not None:
        model.save(Path(to).expanduser())
    return model


def fit_on(
    method: str,
    cohort: Cohort,
    settings: Settings,
    part: PatientChoice,
    params: Mapping[str, Any],
    marks: bool,
    console: Console,
    embeddings: Embeddings | None = None,
    alarms: bool = True,
) -> Model:
    """The same on a cohort that is loaded, under settings that are made; their seeds are the model's.

    Args:
        alarms: tell the console which patients and columns it is made of, and what stands in for the outcome.
    """
    if why := find_method(method).never_saved:
        raise StrokebenchError(f"{method} makes no model for elsewhere: {why}.")
    endpoint = choose_endpoint(cohort, settings.outcome, settings.keep_scale_text)
    everyone = endpoint.labels(cohort)
    labels = part.of(everyone, cohort.ids, cohort.group)
    if labels.nunique() < 2:
        why = f"all have {endpoint.describe(int(labels.iloc[0]))}" if len(labels) else "nobody's outcome is known"
        raise StrokebenchError(f"No model can be made of {part.said}: {why}.", "Choose more or other patients.")
    unknown = len(cohort) - len(everyone) if part.ids is None else len(set(part.ids)) - len(labels)
    reads = find_method(method)(**params).arrays()
    cohort = _without(cohort, modalities_of(reads))
    split = split_for_training(endpoint.strata(labels), settings.seeds, cohort.group)
    if embeddings is None:
        embeddings = encode(settings, cohort, endpoint, console)
    context = Context(settings, cohort, embeddings, endpoint, labels, split)
    if reason := why_lacking(modalities_of(reads), context) or usable_methods(context)[1].get(method):
        raise StrokebenchError(f"{method} cannot be fitted: {reason}.")
    if alarms and not console.quiet:
        console.print(label_facts(cohort, endpoint, everyone, settings))
        console.print(input_facts(cohort, endpoint))
        warn_before_fit(context, console)
    fits, fitted = [], []
    runs = method_runs(method, context, params)
    for run in runs:
        fold = context.fold(run)
        console.print(f"Fit         {method}, seed {run.seed}, {len(fold.train)} + {len(fold.validation)} patients")
        with quietly():
            ready = make_ready(method, run.params, fold, context.material, [COMPLETE], run.balance)
            fitted.append(fit_and_predict(ready))
        train = pd.Index(fold.train)
        prepared = Preprocessing.fit(cohort, embeddings, context.banned_columns, context.roles, train)
        fits.append((ready.model, prepared))
    said = _describe(context, runs, part, unknown, fits[0][0], fitted, reads)
    content = examine(said, cohort, embeddings=embeddings).content.loc[labels.index]
    with console.status("Marks of its patients"):
        seen = Seen.of(content, embeddings) if marks else Seen()
    found = [] if params or said.quick else list(_finished(context))
    return Model(said, tuple(fits), seen, write_card(said, found, marks))


def _without(cohort: Cohort, modalities: frozenset[str]) -> Cohort:
    """The cohort without what a method does not read, so that nothing is encoded in vain."""
    less: dict[str, Any] = {} if "image" in modalities else {"images": None, "brain_masks": None}
    less |= {} if "text" in modalities else {"texts": None}
    features = {name: values for name, values in cohort.features.items() if modality_of(name) in modalities}
    if any(features.keys() & each.keys() for each in cohort.fold_features.values()):
        raise StrokebenchError(
            "Features that were fitted fold by fold exist for the patients of these folds only; a model is for others.",
            "Give features of one program that has learnt from none of these patients.",
        )
    return replace(cohort, features=features, fold_features={}, **less)


def _describe(
    context: Context,
    runs: Sequence[Run],
    part: PatientChoice,
    unknown: int,
    model: Method,
    fitted: Sequence[Fitted],
    reads: tuple[str, ...],
) -> Description:
    cohort, endpoint, settings, labels = context.cohort, context.endpoint, context.settings, context.labels
    code, split = context.code(runs[0]), context.split
    table, needs = context.cohort.table.loc[labels.index], described(model.name).needs if BY_ROLE in reads else ()
    balanced = settings.balance in BALANCED
    return Description(
        schema=SCHEMA,
        method=model.name,
        label=model.label,
        outcome=endpoint.expression,
        called=endpoint.called,
        kind=endpoint.kind,
        levels=endpoint.levels,
        scale_text=endpoint.keep_scale_sentences,
        parameters={name: value for name, value in model.get_params().items() if name != "random_state"},
        reads=reads,
        table={
            name: table_input(table[name], cohort.columns[name])
            for name in (map(str, table.columns) if "table" in reads else ())
            if name not in context.not_inputs
        },
        roles=needs,
        role_inputs={role: table_input(context.roles.loc[labels.index, role], role_column(role)) for role in needs},
        prompts=tuple(map(str, cohort.texts.columns)) if cohort.texts is not None else (),
        encoders=settings.encoders,
        sequences=cohort.sequences if "image" in modalities_of(reads) else (),
        encodings=dict(_encodings(context, reads)),
        origin=Origin(
            cohort=cohort.name,
            title=cohort.title,
            synthetic=cohort.synthetic,
            part=part.said,
            patients=len(labels),
            shares=tuple(float(share) for share in np.bincount(labels, minlength=endpoint.levels) / len(labels)),
            without_outcome=unknown,
            hospitals=0 if cohort.site is None else cohort.site.loc[labels.index].nunique(),
        ),
        members=tuple(
            Member(f"seed_{fold.seed}", fold.seed, len(fold.train), len(fold.validation), one.facts["validation_score"])
            for fold, one in zip(split.folds, fitted, strict=True)
        ),
        balance=settings.balance,
        probabilities=(
            "Its probabilities are at the prevalence of the patients below: the balance of training is undone."
            if balanced
            else "Its probabilities are as the method gives them: training was not balanced."
        ),
        hashes={
            "data": context.data_sha256,
            "split": split.sha256,
            "code": code.sha256,
            **({"filter": code_of(FILTER).sha256} if "text" in reads else {}),
            **{f"key_{run.seed}": context.key(run) for run in runs},
        },
        versions=dict(code.versions),
        strokebench=strokebench_version(),
        commit=commit(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        quick=settings.quick,
    )


def table_input(values: pd.Series, column: Column) -> TableInput:
    """What a column of a cohort is like among patients with these values."""
    known = values.dropna()
    about = TableInput(
        kind=str(column.kind),
        unit=column.unit,
        low=column.low,
        high=column.high,
        description=column.description,
        missing=round(float(values.isna().mean()), 4),
    )
    if known.empty:
        return about
    if column.kind is Kind.CATEGORICAL:
        shares = known.astype(str).value_counts(normalize=True).sort_index()
        return replace(about, categories={str(name): round(float(share), 4) for name, share in shares.items()})
    low, mean, high = (float(f"{v:.6g}") for v in (known.quantile(0.01), known.mean(), known.quantile(0.99)))
    return replace(about, mean=mean, deviation=float(f"{known.std(ddof=0):.6g}"), usual=(low, high))


def _encodings(context: Context, reads: tuple[str, ...]) -> Iterator[tuple[str, Encoding]]:
    cohort, embeddings = context.cohort, context.embeddings
    ids = context.labels.index
    image, text = find_encoders(context.settings.encoders, context.settings.weights)
    own = {modality_of(name) for name in cohort.features}
    for modality in sorted(modalities_of(reads) - {"table"}):
        name = embeddings.encoders.get(modality, "")
        array = next(values for key, values in embeddings.arrays.items() if modality_of(key) == modality)
        rows = embeddings.rows(ids)
        lacking = float(np.mean([np.isnan(array[row]).all() for row in rows]))
        encoder = {"image": image, "text": text}.get(modality)
        made = encoder is not None and modality not in own and encoder.name == name
        yield (
            modality,
            Encoding(
                name or "features that were ready",
                encoder.fingerprint() if made and encoder else "",
                name not in embeddings.untrained,
                round(lacking, 4),
            ),
        )


def _finished(context: Context) -> Iterator[Results]:
    """Finished runs of this method on this cohort under the suite's own seeds, one a protocol."""
    [method] = context.settings.methods or ()
    for protocol in PROTOCOLS:
        asked = replace(context, settings=replace(context.settings, protocol=protocol, seeds=SEEDS))
        with suppress(StrokebenchError):
            results = Results.read(asked.results_folder("table1"))
            own = results.runs[(results.runs["method"] == method) & (results.runs["variant"].fillna("") == "")]
            keys = {*own.loc[(own["status"] == "done") & (own["condition"] == COMPLETE.id), "key"]}
            if keys and len(keys) == len(own):
                yield results
