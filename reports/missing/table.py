"""Missing modalities: which conditions are looked at, what comes of them, and what each modality is worth."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.reports.results import Results
from strokebench.reports.statistics.bootstrap import Bootstrap, bootstrap
from strokebench.reports.statistics.scores import Scores, arrange
from strokebench.reports.statistics.shapley import shapley
from strokebench.reports.summary import cell_of, run_counts
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.results_table import results_table
from strokebench.reports.tables.table import DASH, Cell, Column, Row, Table, text_columns
from strokebench.tasks.conditions import COMPLETE, Condition, all_subsets, by_sequence
from strokebench.tasks.inputs import all_modalities, in_words, units_of

ORDER = ("image", "text", "table")
"""The paper's three modalities."""

WHOLE = frozenset(ORDER)
RATES = (0.1, 0.3, 0.5, 0.7)
TRAINED_RATE = 0.3
"""How much was missing where a method was also trained with missing modalities (our choice)."""

CHANCE = 0.5
"""AUC, and c of grades, of knowing nothing."""

RESAMPLES = 500
"""Of patients; 36 conditions in every run make more of them slow (our choice)."""

TRAINED, TESTED, RAW = "trained without", "tested without", "tested without, raw zeros"
WAYS: Mapping[str, Condition] = {
    TESTED: Condition(when="test_only"),
    RAW: Condition(when="test_only", fill="zero"),
    TRAINED: Condition(when="always"),
}
"""How a modality is taken away; `keep` comes from the subset."""

ANY = "any"
TRAINED_ANY = "any, trained so too"
CURVES: Mapping[str, frozenset[str]] = {
    **{modality: WHOLE - {modality} for modality in ORDER},
    ANY: frozenset(),
}
"""What is missing at random -> what always stays."""


def subset_condition(way: str, keep: frozenset[str]) -> Condition:
    """The condition in which only `keep` is seen; the whole is the same in every way."""
    return COMPLETE if keep == WHOLE else replace(WAYS[way], keep=keep)


def subsets() -> list[frozenset[str]]:
    """The seven, from one modality to all."""
    return [condition.keep or WHOLE for condition in all_subsets(ORDER)]


def single_sequences(sequences: Sequence[str]) -> list[frozenset[str]]:
    """What is there without each sequence of the image, then with each as its only one."""
    return [condition.keep or WHOLE for condition in by_sequence(ORDER, sequences)]


def curves_of(sequences: Sequence[str]) -> dict[str, frozenset[str]]:
    """`CURVES`, and one for each of several sequences of the image."""
    units = frozenset(units_of(ORDER, sequences)) if len(sequences) > 1 else frozenset()
    return {**CURVES, **{unit: units - {unit} for unit in units_of(["image"], sequences) if units}}


def rate_condition(curve: str, rate: float, curves: Mapping[str, frozenset[str]] = CURVES) -> Condition | None:
    """The point of a curve at this rate; None where it has none (everything missing needs no run)."""
    if curve == TRAINED_ANY:
        return Condition(frozenset(), rate=rate) if rate == TRAINED_RATE else None
    if rate == 0:
        return COMPLETE
    return None if curve == ANY and rate == 1 else Condition(curves[curve], "test_only", rate)


def missing_conditions(sequences: Sequence[str] = ()) -> list[Condition]:
    """Every condition of the experiment, once; those of the test part alone share one fit."""
    curves = curves_of(sequences)
    wanted = [subset_condition(way, keep) for way in WAYS for keep in (*subsets(), *single_sequences(sequences))]
    wanted += [found for curve in curves for rate in RATES if (found := rate_condition(curve, rate, curves))]
    wanted += [Condition(frozenset(), rate=TRAINED_RATE)]
    return list(dict.fromkeys(wanted))


@dataclass(frozen=True)
class Missing:
    """AUCs, or c of grades, of one method under every condition that has finished runs.

    Args:
        scores: a condition is what a method is elsewhere.
        drawn: AUC or c of (condition, run), on all patients and on resamples of them.
    """

    scores: Scores
    drawn: Bootstrap

    def index(self, condition: Condition | None) -> int | None:
        """Where the condition stands; None if it has no finished run."""
        names = self.scores.names
        return names.index(condition.id) if condition and condition.id in names else None

    def runs(self, condition: Condition | None) -> np.ndarray:
        """Its AUC or c in each of its finished runs, (runs,)."""
        place = self.index(condition)
        if place is None:
            return np.zeros(0)
        values = self.drawn.values[place]
        return values[~np.isnan(values)]

    def contributions(self, way: str) -> Bootstrap | None:
        """Shapley values of `ORDER` in AUC or c, by run; NaN in runs that lack a subset, None where all do."""
        places = {keep: self.index(subset_condition(way, keep)) for keep in subsets()}
        if None in places.values():
            return None

        measured = np.concatenate([self.drawn.values[:, :, None], self.drawn.draws], axis=2)

        def worth(there: NDArray[np.bool_]) -> NDArray[np.float64]:
            kept = [frozenset(np.array(ORDER)[row].tolist()) for row in there]
            return np.stack([measured[places[keep]] if keep else np.full_like(measured[0], CHANCE) for keep in kept])

        found = shapley(worth, len(ORDER))
        shares = Bootstrap(found[:, :, 0], found[:, :, 1:])
        return None if np.isnan(shares.values).all() else shares


def measure(results: Results, method: str, n_resamples: int = RESAMPLES) -> Missing | None:
    """Bootstrap the AUC or c of every condition of a method over patients; None without a finished run."""
    mine = results.judged[results.judged["method"] == method]
    if mine.empty:
        return None
    # What is compared are conditions: each takes the place that methods have elsewhere.
    scores = arrange(mine.assign(method=mine["condition"], variant="", condition=""), endpoint=results.endpoint)
    return Missing(scores, bootstrap(scores, n_resamples=n_resamples)) if scores.groups else None


Measured = Mapping[str, Missing | None]
"""Method -> what was measured of it."""

ALL_RATES = (0.0, *RATES, 1.0)


def subsets_table(results: Results, measured: Measured) -> Table:
    """AUC or c of the seven subsets, by how the rest was taken away."""
    columns = [Column(way, way.capitalize()) for way in WAYS]
    rows = []
    for method, found in measured.items():
        for keep in (*single_sequences(_sequences(results)), *sorted(subsets(), key=len)):
            conditions = {way: subset_condition(way, keep) for way in WAYS}
            cells = {way: _cell(found, condition) for way, condition in conditions.items()}
            label = " + ".join(in_words(keep))
            label = label[:1].upper() + label[1:]
            rows.append(_row(results, method, label, cells, conditions.values()))
    note = (
        "Tested without: trained on everything; what a row does not name is zero after standardisation (the training "
        "mean) in the test part. Raw zeros: zero before standardisation. Trained without: zero after standardisation "
        "in all parts."
    )
    title = f"{results.endpoint.ranked_by} by what is there"
    return _table(results, "missing_subsets", title, columns, rows, "What is there", note)


def rates_table(results: Results, measured: Measured) -> Table:
    """AUC or c while more and more test patients lack a modality."""
    columns = [Column(f"rate_{100 * rate:.0f}", f"{100 * rate:.0f} %") for rate in ALL_RATES]
    rows = []
    curves = curves_of(_sequences(results))
    for method, found in measured.items():
        for curve in (*curves, TRAINED_ANY):
            conditions = [rate_condition(curve, rate, curves) for rate in ALL_RATES]
            cells = {column.key: _cell(found, condition) for column, condition in zip(columns, conditions, strict=True)}
            label = curve.partition(".")[2] or curve.capitalize()
            rows.append(_row(results, method, label, cells, filter(None, conditions)))
    note = (
        "Any: every patient may lack each modality, drawn on its own. A patient who lacks a modality at one rate lacks "
        "it at every higher one. Trained so too: the training and validation patients lacked modalities likewise."
    )
    title = f"{results.endpoint.ranked_by} by share of patients who lack it"
    return _table(results, "missing_rates", title, columns, rows, "Missing", note)


def shapley_table(results: Results, measured: Measured) -> Table:
    """Each modality's share of what the AUC or c is above chance."""
    metric = results.endpoint.ranked_by
    columns = text_columns(value=f"Points of {metric}", spread="SD over runs", share="Share")
    rows = []
    for method, found in measured.items():
        for way in WAYS:
            shares = found.contributions(way) if found else None
            if shares is None:
                continue
            complete = ~np.isnan(shares.values).any(axis=0)
            total = shares.values[:, complete].sum(axis=0)
            group = f"{results.method(method).label}, {way}"
            wanted = _runs(results, method, [COMPLETE])
            runs, planned = int(complete.sum()), int((~wanted["fold"].isin(results.too_small)).sum())
            for number, modality in enumerate(ORDER):
                values = shares.values[number, complete]
                share = f"{100 * values.mean() / total.mean():.0f} %" if total.mean() > 0 else ""
                cells = {
                    "value": Cell(text=shares.interval(number).text()),
                    "spread": Cell(text=_spread(values)),
                    "share": Cell(text=share),
                }
                label = all_modalities()[modality].heading
                rows.append(Row(f"{method}/{way}/{modality}", label, group, cells, runs, planned))
            cells = {"value": Cell(text=f"{100 * total.mean():.1f}"), "spread": Cell(text=_spread(total))}
            label = f"Sum ({metric} of everything less 50)"
            rows.append(Row(f"{method}/{way}/sum", label, group, cells, runs, planned, reference=True))
    note = (
        f"Shapley value: the {metric} that a modality adds, averaged over all orders in which modalities may join; "
        f"nothing known has {metric} 50. In brackets the 95 % interval over patients, drawn within label with all "
        "their runs: the chance of test patients alone, too narrow where models depend on whom they learnt from."
    )
    caption = (
        f"What each modality adds to the {metric}, in points; mean over runs in which all seven subsets are finished."
    )
    return _table(results, "shapley", "Worth of each modality", columns, rows, "Modality", note, caption)


def missing_lead(results: Results, measured: Measured) -> str:
    """What taking each modality away costs, and which is worth most."""
    sentences = []
    for method, found in measured.items():
        label = results.method(method).label
        whole = found.index(COMPLETE) if found else None
        if found is None or whole is None:
            sentences.append(f"{label}: no finished run on everything yet.")
            continue
        falls = []
        for modality in ORDER:
            place = found.index(subset_condition(TESTED, WHOLE - {modality}))
            if place is not None:
                change = found.drawn.difference(place, whole)
                falls.append(f"{change.text(signed=True)} without the {all_modalities()[modality].label}")
        if falls:
            value = 100 * found.drawn.interval(whole).value
            sentences.append(
                f"{label}: {results.endpoint.ranked_by} {value:.1f} with everything; missing at test time changes it "
                f"by {', '.join(falls)} (95 % interval over patients)."
            )
        if (shares := found.contributions(TESTED)) is not None:
            values = [shares.interval(number).value for number in range(len(ORDER))]
            ranked = [f"the {all_modalities()[ORDER[i]].label} {100 * values[i]:.1f}" for i in np.argsort(values)[::-1]]
            # A model that ranks worse than chance has none to owe.
            if sum(values) > 0:
                sentences.append(f"Of its points above chance the model owes {', '.join(ranked)}.")
    return " ".join(sentences) or "Nothing was planned."


def _spread(values: NDArray[np.float64]) -> str:
    """The deviation over runs, (runs,), in points; a single run has none."""
    return f"{100 * values.std():.1f}" if len(values) > 1 else DASH


def _sequences(results: Results) -> list[str]:
    return results.provenance.get("sequences", [])


def _cell(found: Missing | None, condition: Condition | None) -> Cell:
    return cell_of(found.runs(condition).tolist() if found else [])


def _row(results: Results, method: str, label: str, cells: Mapping[str, Cell], conditions: Iterable[Condition]) -> Row:
    counts = run_counts(_runs(results, method, conditions))
    return Row(f"{method}/{label}", label, results.method(method).label, cells, **counts)


def _runs(results: Results, method: str, conditions: Iterable[Condition]) -> pd.DataFrame:
    runs = results.runs
    return runs[(runs["method"] == method) & runs["condition"].isin({condition.id for condition in conditions})]


def _table(
    results: Results, name: str, title: str, columns: list[Column], rows: list[Row], head: str, note: str,
    caption: str = "",
) -> Table:  # fmt: skip
    caption = caption or f"{results.endpoint.ranked_by} in percent: mean (population standard deviation) over runs."
    caption = f"{words.outcome_in_words(results)} {caption}"
    return results_table(results, name, title, columns, rows, caption, [note], head=head)
