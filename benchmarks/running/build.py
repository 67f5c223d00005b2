"""From the name of a dataset to a context in which experiments run."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version

import numpy as np
import pandas as pd
from rich.console import Console
from rich.text import Text

from strokebench.benchmarks.keys.code import code_of
from strokebench.benchmarks.obtain import obtain
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.progress import StepProgress
from strokebench.benchmarks.running.settings import QUICK_FOLDS, SEEDS, Settings
from strokebench.datasets.catalogue import load_cohort
from strokebench.datasets.cohort import Cohort
from strokebench.datasets.embeddings import Embeddings
from strokebench.errors import StrokebenchError, counted
from strokebench.files import digest, home
from strokebench.large import blocks
from strokebench.reports.tables.caption import not_inputs_in_words, untested_in_words
from strokebench.tasks.endpoint import Endpoint
from strokebench.tasks.endpoints.parse import TOO_FEW, parse_endpoint, too_few
from strokebench.tasks.fold import Split
from strokebench.tasks.inputs import modality_of, units_of
from strokebench.tasks.protocols import make_split

Embed = Callable[[Settings, Cohort, Endpoint, Console], Embeddings]


def build_context(
    settings: Settings, console: Console, like: Context | None = None, embed: Embed | None = None
) -> Context:
    """Load or make the cohort, encode it, label it, split it. Cached where it is costly.

    Args:
        console: gets one line of facts a step.
        like: made with the same settings but for the protocol: only the split is to be another.
        embed: gives the embeddings; default: those on disk, made where they are missing.

    Raises:
        StrokebenchError: whatever is wrong with the settings or the data.
    """
    if like:
        split = _split(settings, like.cohort, like.endpoint, like.labels)
        context = replace(like, settings=settings, split=split)
    else:
        cohort = _load(settings, console)
        endpoint = choose_endpoint(cohort, settings.outcome, settings.keep_scale_text)
        labels = endpoint.labels(cohort)
        if settings.shuffle_labels is not None:
            labels = shuffled(labels, settings.shuffle_labels)
        console.print(label_facts(cohort, endpoint, labels, settings))
        console.print(input_facts(cohort, endpoint))
        split = _split(settings, cohort, endpoint, labels)
        embeddings = (embed or encode)(settings, cohort, endpoint, console)
        others = {
            pair: (embed or encode)(replace(settings, encoders=pair), cohort, endpoint, console)
            for pair in settings.compared_encoders or ()
            if pair != settings.encoders
        }
        context = Context(settings, cohort, embeddings, endpoint, labels, split, others)
    path = home("splits", f"{context.cohort.name}-{context.endpoint.name}-{split.protocol}-{split.sha256[:12]}.json")
    if not path.is_file():
        split.write(path)
    console.print(
        f"Split       {split.protocol}, {counted(len(split.folds), 'fold')} of"
        f" {counted(len({fold.seed for fold in split.folds}), 'seed')}, sha256 {split.sha256[:12]}"
    )
    if context.untested:
        console.print(f"Not tested  {untested_in_words(context.untested)}")
    return context


def build_embeddings(settings: Settings, console: Console) -> Embeddings:
    """Load or make the cohort and encode it, no more.

    Raises:
        StrokebenchError: whatever is wrong with the settings or the data.
    """
    cohort = _load(settings, console)
    return encode(settings, cohort, choose_endpoint(cohort, settings.outcome, settings.keep_scale_text), console)


def _load(settings: Settings, console: Console) -> Cohort:
    obtain(settings.dataset, console, settings.fetch)
    # The first call makes volumes and texts, which takes a minute.
    with console.status(f"Cohort {settings.dataset}"):
        cohort = load_cohort(settings.dataset)
    console.print(_cohort_facts(cohort))
    return cohort


def encode(settings: Settings, cohort: Cohort, endpoint: Endpoint, console: Console) -> Embeddings:
    """Load or make the embeddings of a cohort, with a line on what made them."""
    from strokebench.datasets.encoders.encode import Throughput, encode_cohort

    with StepProgress(console) as progress:
        throughput = Throughput(progress.step)
        embeddings = encode_cohort(
            cohort,
            settings.encoders,
            endpoint.keep_text,
            settings.jobs,
            throughput,
            settings.weights,
            settings.device,
        )
    made = ", ".join(f"{modality} {name}" for modality, name in embeddings.encoders.items())
    console.print(f"Embeddings  {made or 'none'}")
    if lacking := [f"{modality} of {n}" for modality, n in _lacking(embeddings).items() if n]:
        console.print(f"Missing     {', '.join(lacking)} of {counted(len(embeddings.ids), 'patient')}")
    if facts := throughput.facts():
        processes = "process" if settings.jobs == 1 else "processes"
        console.print(f"Encoded     {facts}, {settings.jobs} {processes}")
    if cohort.texts is not None and embeddings.emptied:
        of = f"{embeddings.emptied} of {cohort.texts.notna().sum().sum()}"
        said = f"{of} hold no sentence that the filter keeps and count as missing"
        console.print(f"Texts       {said} (`strokebench text report`)")
    return embeddings


def choose_endpoint(cohort: Cohort, wanted: str | None, keep_scale_text: bool = False) -> Endpoint:
    """The endpoint by its short name in the cohort, by a rule, or the cohort's first.

    Raises:
        StrokebenchError: none is wanted and the cohort names none, the rule cannot be read, or there is no such column.
    """
    if wanted is None:
        if not cohort.outcomes:
            raise StrokebenchError(f"{cohort.title} names no outcome.", "Give one, e.g. --outcome 'nihss < 7'.")
        wanted = next(iter(cohort.outcomes))
    called = wanted if wanted in cohort.outcomes else ""
    endpoint = parse_endpoint(cohort.outcomes.get(wanted, wanted), keep_scale_text, called)
    if endpoint.column not in cohort.table:
        # Refused here too where nobody reads labels: texts are filtered by the outcome's name.
        endpoint.labels(cohort)
    return endpoint


def shuffled(labels: pd.Series, seed: int) -> pd.Series:
    """The same labels on other patients; no method can then be better than chance."""
    labels = labels.sort_index()
    values = np.random.default_rng(seed).permutation(labels.to_numpy())
    return pd.Series(values, index=labels.index, name=labels.name)


def remembered_split(
    protocol: str,
    labels: pd.Series,
    sites: pd.Series | None,
    seeds: Sequence[int],
    persons: pd.Series | None = None,
    own: pd.DataFrame | None = None,
) -> Split:
    """What `make_split` makes of these arguments, read from disk where it was made before.

    Raises:
        StrokebenchError: as `make_split`.
    """
    decides = {
        "protocol": protocol,
        "labels": labels.sort_index().to_csv(),
        **{
            name: None if value is None else value.sort_index().to_csv()
            for name, value in (("sites", sites), ("persons", persons), ("own", own))
        },
        "seeds": list(seeds),
        "code": code_of("strokebench.tasks.protocols.make_split").sha256,
        "versions": [version(package) for package in ("numpy", "scikit-learn")],
    }
    path = home("splits", "made", f"{digest(decides)[:16]}.json")
    try:
        return Split.read(path)
    except (StrokebenchError, KeyError, TypeError):
        split = make_split(protocol, labels, sites, seeds, persons, own)
        split.write(path)
        return split


def _lacking(embeddings: Embeddings) -> dict[str, int]:
    """Modality, or sequence of the image -> patients of whom nothing is known there."""
    found = dict[str, int]()
    for name, array in sorted(embeddings.arrays.items(), key=lambda item: item[1].ndim):
        units = units_of([modality_of(name)], embeddings.sequences)
        if units[0] in found:
            # Tokens are missing where the vector is; to read all would take seconds of many patients.
            continue
        for unit, own in zip(units, np.split(array, len(units), axis=-1), strict=True):
            first = own[..., 0, 0] if own.ndim > 3 else own[..., 0]
            # Single numbers may be missing too: whole rows are read where the first is, of each text's.
            suspects = np.flatnonzero(np.isnan(first).reshape(len(first), -1).all(axis=1))
            found[unit] = sum(
                int(np.isnan(own[suspects[part]]).all(axis=tuple(range(1, own.ndim))).sum())
                for part in blocks(len(suspects), own.shape)
            )
    return found


def _split(settings: Settings, cohort: Cohort, endpoint: Endpoint, labels: pd.Series) -> Split:
    seeds = settings.seeds
    if cohort.fold_features and settings.protocol != "own":
        raise StrokebenchError(
            f"The features of {cohort.title} were fitted on its own folds; other folds would test patients they know.",
            "Run it under `PROTOCOL=own` (`--protocol own`).",
        )
    if settings.protocol == "own" and cohort.folds is not None and seeds == SEEDS:
        # Nobody chose among them: the file's own are wanted.
        seeds = tuple(sorted(int(seed) for seed in cohort.folds["seed"].unique()))
    if settings.protocol == "loho" and cohort.site is not None:
        _refuse_small_hospitals(pd.crosstab(cohort.site.loc[labels.index].astype(str), labels))
    wanted = seeds[:1] if settings.quick else seeds
    strata = endpoint.strata(labels)
    split = remembered_split(settings.protocol, strata, cohort.site, wanted, cohort.group, cohort.folds)
    return Split(split.protocol, split.folds[:QUICK_FOLDS]) if settings.quick else split


def _refuse_small_hospitals(counts: pd.DataFrame) -> None:
    """Where no hospital (patients by label, one row each) is judged, all would be computed for empty tables."""
    if len(counts) > 1 and counts.apply(too_few, axis=1).all():
        raise StrokebenchError(
            f"All {len(counts)} hospitals have {TOO_FEW}: none is judged alone.",
            "Take another protocol (cv5), or a `site:` that joins hospitals, as regions do.",
        )


def _cohort_facts(cohort: Cohort) -> str:
    has = [
        f"{len(cohort.table.columns)} table columns",
        *(_image_facts(cohort.images) if cohort.images is not None else ["no images"]),
        *([counted(len(cohort.texts.columns), "text") + " each"] if cohort.texts is not None else ["no text"]),
        *([counted(cohort.site.nunique(), "site")] if cohort.site is not None else []),
        *([f"rows of {cohort.group.nunique()} persons, never parted"] if cohort.group is not None else []),
    ]
    return f"Cohort      {cohort.title}: {len(cohort)} patients, {', '.join(has)}"


def _image_facts(images: pd.DataFrame) -> list[str]:
    known = images.notna().sum()
    return [f"{n} images" if len(known) == 1 else f"{n} {name}" for name, n in known.items()]


def input_facts(cohort: Cohort, endpoint: Endpoint) -> str:
    """How many columns of the table are inputs, and why the others are none."""
    reasons = endpoint.not_inputs(cohort)
    total = len(cohort.table.columns)
    return f"Inputs      {total - len(reasons)} of {total} table columns. {not_inputs_in_words(reasons)}"


def label_facts(cohort: Cohort, endpoint: Endpoint, labels: pd.Series, settings: Settings) -> Text:
    """How many patients have the outcome, and how it is distributed.

    Args:
        labels: of these patients, by id.
    """
    without = len(cohort) - len(labels)
    said = Text(f"Outcome     {endpoint.title}: {len(labels)} patients, {endpoint.shares(labels)}")
    said.append(f", {without} without it left out" if without else "")
    return said.append(", labels shuffled" if settings.shuffle_labels is not None else "", "bold red")
