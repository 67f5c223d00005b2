"""A cohort described: its patients, outcomes and sites, what is missing, and what its images look like."""

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from strokebench.datasets.cohort import Cohort, Kind
from strokebench.datasets.images.contact_sheet import outlined, slices_of
from strokebench.datasets.texts.filter import filter_text
from strokebench.errors import StrokebenchError
from strokebench.files import home, natural_order, write_text
from strokebench.reports.cohort.sample_size import sample_size_in_words
from strokebench.reports.cohort.table_one import IMBALANCED, TableOne, table_one
from strokebench.reports.tables.render import templates_in
from strokebench.tasks.endpoint import Endpoint
from strokebench.tasks.endpoints.parse import parse_endpoint

PICTURE = 160
"""Pixels of a slice's square on the page."""
ALL = "All"
NO_PREVALENCE = "It cannot be computed, or is the same for all patients."


@dataclass(frozen=True)
class Prevalence:
    """How frequent an outcome is among some patients, with Wilson's 95% interval.

    Args:
        group: a site, or `All`.
        patients: of the group. n: those that have the outcome. positive: those with label 1.
        low, high: limits of the share, 0 to 1; NaN without patients.
    """

    group: str
    patients: int
    n: int
    positive: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """Share of label 1; NaN without patients."""
        return self.positive / self.n if self.n else float("nan")


@dataclass(frozen=True)
class CohortDescription:
    """What `strokebench cohort describe` says.

    Args:
        cohort: the cohort itself.
        endpoint: the one that Table One is made by.
        parts: what there is of each modality, in words.
        sample_size: how many patients a model of the table needs, in words; empty without an outcome of two classes.
        prevalence: by expression of each outcome: all patients first, then the sites; of grades none.
        grades: by expression of each outcome of grades: what is said of it.
        by_outcome, by_site: Table One; None without an outcome that has two classes, or without sites.
        missing: (column, patients without a value), the most first; columns without any are left out.
        text: (prompt, answers, median words).
    """

    cohort: Cohort
    endpoint: Endpoint | None
    parts: Mapping[str, str]
    sample_size: str
    prevalence: Mapping[str, list[Prevalence]]
    grades: Mapping[str, str]
    by_outcome: TableOne | None
    by_site: TableOne | None
    missing: list[tuple[str, int]]
    text: list[tuple[str, int, float]]


def describe_cohort(cohort: Cohort, outcome: str = "") -> CohortDescription:
    """Describe a cohort, with the outcome of this name or rule, or its first.

    Raises:
        StrokebenchError: the outcome cannot be read, or is the same for all patients.
    """
    rules = dict(cohort.outcomes)
    chosen = rules.get(outcome, outcome) or next(iter(rules.values()), "")
    if chosen and chosen not in rules.values():
        rules[chosen] = chosen
    parsed = parse_endpoint(chosen) if chosen else None
    by_outcome = None
    if parsed:
        labels = parsed.labels(cohort).map(parsed.describe)
        by_outcome = table_one(cohort, labels, f"By outcome: {chosen}")
    by_site = None
    if cohort.site is not None and len(cohort.site.unique()) > 1:
        by_site = table_one(cohort, cohort.site.astype(str), "By site")
    missing = cohort.table.isna().sum().sort_values(ascending=False, kind="stable")
    texts = cohort.texts if cohort.texts is not None else pd.DataFrame(index=cohort.ids)
    return CohortDescription(
        cohort=cohort,
        endpoint=parsed,
        parts=_parts(cohort),
        sample_size=_sample_size(cohort, parsed) if parsed and parsed.binary else "",
        prevalence={rule: _prevalence(cohort, rule) for rule in rules.values()},
        grades={rule: said for rule in rules.values() if (said := _grades(cohort, rule))},
        by_outcome=by_outcome,
        by_site=by_site,
        missing=[(str(name), int(n)) for name, n in missing.items() if n],
        text=[(str(prompt), *_answers(texts[prompt].dropna())) for prompt in texts.columns],
    )


def write_page(description: CohortDescription, pictures: int = 8) -> Path:
    """Write the description as one self-contained HTML file, `home("results", NAME, "cohort.html")`.

    Args:
        pictures: patients whose slices are shown, evenly spread over the table.
    """
    folder = Path(__file__).parent / "templates"
    page = (
        templates_in(folder)
        .get_template("cohort.html.j2")
        .render(
            d=description,
            cohort=description.cohort,
            style=(folder / "cohort.css").read_text(encoding="utf-8"),
            pictures=_pictures(description.cohort, pictures),
            imbalanced=IMBALANCED,
            no_prevalence=NO_PREVALENCE,
        )
    )
    path = home("results", description.cohort.name, "cohort.html")
    write_text(path, page)
    return path


def _parts(cohort: Cohort) -> dict[str, str]:
    def count(part: pd.Series | None) -> str:
        return "none" if part is None else f"{int(part.notna().sum())} of {len(cohort)} patients"

    images = {"Images": count(None if cohort.images is None else cohort.images.iloc[:, 0])}
    if cohort.images is not None and len(cohort.sequences) > 1:
        images = {f"Images, {name}": count(cohort.images[name]) for name in cohort.sequences}

    answers = None if cohort.texts is None else cohort.texts.notna().any(axis=1)
    inputs = [name for name in cohort.table.columns if name not in cohort.banned]
    return {
        "Patients": str(len(cohort)),
        "Sites": "none" if cohort.site is None else str(cohort.site.nunique()),
        "Columns": f"{len(inputs)}, and {len(cohort.banned)} banned" if cohort.banned else str(len(inputs)),
        **images,
        "Lesion masks": count(cohort.masks),
        "Texts": count(None if answers is None else answers.where(answers)) + _lost(cohort.texts),
    }


def _lost(texts: pd.DataFrame | None) -> str:
    """How many patients keep a text, where the filter takes it from some."""
    if texts is None:
        return ""
    filtered = texts.map(lambda text: filter_text(str(text)).kept or None, na_action="ignore")
    given, kept = (part.notna().any(axis=1).sum() for part in (texts, filtered))
    return f", {kept} with a sentence that the filter keeps" if kept < given else ""


def _sample_size(cohort: Cohort, endpoint: Endpoint) -> str:
    labels, barred = endpoint.labels(cohort), endpoint.not_inputs(cohort)
    inputs = cohort.table.loc[labels.index].drop(columns=list(barred))
    # A column of one value, or of none, has nothing to be estimated.
    further = {str(name): max(values.nunique() - 1, 0) for name, values in inputs.items()}
    parameters = sum(min(n, 1) if cohort.columns[name].kind is Kind.NUMERIC else n for name, n in further.items())
    if not parameters:
        return ""
    return sample_size_in_words(parameters, int(endpoint.events(labels).sum()), len(labels))


def _answers(texts: pd.Series) -> tuple[int, float]:
    return len(texts), float(texts.map(lambda text: len(text.split())).median()) if len(texts) else float("nan")


def _prevalence(cohort: Cohort, rule: str) -> list[Prevalence]:
    try:
        endpoint = parse_endpoint(rule)
        labels = endpoint.labels(cohort)
        events = pd.Series(endpoint.events(labels), labels.index)
    except StrokebenchError:
        # An outcome that is the same for everyone, or has no column, is the check's to report; one without events has
        # no prevalence.
        return []
    found = [_wilson(ALL, len(cohort), events)]
    if cohort.site is not None:
        for site in sorted(cohort.site.unique(), key=natural_order):
            ids = cohort.ids[cohort.site == site]
            found.append(_wilson(str(site), len(ids), events[events.index.isin(ids)]))
    return found


def _grades(cohort: Cohort, rule: str) -> str:
    """`Patients by grade: 12 of 0, 30 of 1`; empty of an event, and of what cannot be read."""
    try:
        endpoint = parse_endpoint(rule)
        labels = endpoint.labels(cohort)
    except StrokebenchError:
        return ""
    counts = labels.value_counts().sort_index()
    return (
        ""
        if endpoint.binary
        else "Patients by grade: "
        + ", ".join(f"{n} of {endpoint.describe(int(str(label))).split()[-1]}" for label, n in counts.items())
    )


def _wilson(group: str, patients: int, events: pd.Series) -> Prevalence:
    from scipy.stats import binomtest

    n, positive = len(events), int(events.sum())
    if not n:
        return Prevalence(group, patients, 0, 0, float("nan"), float("nan"))
    interval = binomtest(positive, n).proportion_ci(method="wilson")
    return Prevalence(group, patients, n, positive, float(interval.low), float(interval.high))


def _pictures(cohort: Cohort, count: int) -> list[dict[str, Any]]:
    """Ids and slices as data URLs. A picture carries pixels only, no header of the volume."""
    from PIL import Image

    if cohort.images is None:
        return []
    known = cohort.images.dropna(how="all")
    chosen = known.iloc[np.unique(np.linspace(0, len(known) - 1, min(count, len(known))).astype(int))]
    pictures = []
    for id, paths in chosen.iterrows():
        mask = None if cohort.masks is None or pd.isna(found := cohort.masks.loc[str(id)]) else Path(found)
        rows = {str(name): slices_of(Path(path), mask, cohort.reading.window) for name, path in paths.dropna().items()}
        shown = {name: outlined(slices, PICTURE) for name, slices in rows.items() if slices}
        if shown:
            buffer = io.BytesIO()
            Image.fromarray(np.vstack(list(shown.values()))).save(buffer, "PNG", optimize=True)
            data = base64.b64encode(buffer.getvalue()).decode()
            several = len(paths) > 1
            which = ": " + ", ".join(name if name in shown else f"no {name}" for name in paths.index) if several else ""
            pictures.append({"id": str(id), "which": which, "url": f"data:image/png;base64,{data}"})
    return pictures
