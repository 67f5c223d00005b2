"""Tables and the finding on missing modalities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from strokebench.reports.missing.measure import (
    CURVES,
    ORDER,
    RATES,
    TESTED,
    TRAINED_ANY,
    WAYS,
    WHOLE,
    Missing,
    rate_condition,
    subset_condition,
    subsets,
)
from strokebench.reports.results import Results
from strokebench.reports.summary import run_counts
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.results_table import results_table
from strokebench.reports.tables.table import Cell, Column, Row, Table, text_columns
from strokebench.tasks.conditions import COMPLETE, Condition
from strokebench.tasks.inputs import all_modalities
from strokebench.tasks.metrics.evaluate import mean_std

Measured = Mapping[str, Missing | None]
"""Method -> what was measured of it."""

ALL_RATES = (0.0, *RATES, 1.0)
SPREAD = "AUC in percent: mean (population standard deviation) over runs."


def subsets_table(results: Results, measured: Measured) -> Table:
    """AUC of the seven subsets, by how the rest was taken away."""
    columns = [Column(way, way.capitalize()) for way in WAYS]
    rows = []
    for method, found in measured.items():
        for keep in sorted(subsets(), key=len):
            conditions = {way: subset_condition(way, keep) for way in WAYS}
            cells = {way: _cell(found, condition) for way, condition in conditions.items()}
            label = " + ".join(all_modalities()[name].label for name in ORDER if name in keep).capitalize()
            rows.append(_row(results, method, label, cells, conditions.values()))
    note = (
        "Tested without: trained on everything; what a row does not name is zero after standardisation (the training "
        "mean) in the test part. Raw zeros: zero before standardisation. Trained without: zero after standardisation "
        "in all parts."
    )
    return _table(results, "missing_subsets", "AUC by what is there", columns, rows, "What is there", note)


def rates_table(results: Results, measured: Measured) -> Table:
    """AUC while more and more test patients lack a modality."""
    columns = [Column(f"rate_{100 * rate:.0f}", f"{100 * rate:.0f} %") for rate in ALL_RATES]
    rows = []
    for method, found in measured.items():
        for curve in (*CURVES, TRAINED_ANY):
            conditions = [rate_condition(curve, rate) for rate in ALL_RATES]
            cells = {column.key: _cell(found, condition) for column, condition in zip(columns, conditions, strict=True)}
            rows.append(_row(results, method, curve.capitalize(), cells, filter(None, conditions)))
    note = (
        "Any: every patient may lack each modality, drawn on its own. A patient who lacks a modality at one rate lacks "
        "it at every higher one. Trained so too: the training and validation patients lacked modalities likewise."
    )
    return _table(results, "missing_rates", "AUC by share of patients who lack it", columns, rows, "Missing", note)


def shapley_table(results: Results, measured: Measured) -> Table:
    """Each modality's share of what the AUC is above chance."""
    columns = text_columns(value="Points of AUC", spread="SD over runs", share="Share")
    rows = []
    for method, found in measured.items():
        for way in WAYS:
            shares = found.contributions(way) if found else None
            if shares is None:
                continue
            complete = ~np.isnan(shares.values).any(axis=0)
            total = shares.values[:, complete].sum(axis=0)
            group = f"{results.method(method).label}, {way}"
            runs, planned = int(complete.sum()), len(_runs(results, method, [COMPLETE]))
            for number, modality in enumerate(ORDER):
                values = shares.values[number, complete]
                share = f"{100 * values.mean() / total.mean():.0f} %" if total.mean() > 0 else ""
                cells = {
                    "value": Cell(text=shares.interval(number).text()),
                    "spread": Cell(text=f"{100 * values.std():.1f}"),
                    "share": Cell(text=share),
                }
                label = all_modalities()[modality].heading
                rows.append(Row(f"{method}/{way}/{modality}", label, group, cells, runs, planned))
            cells = {"value": Cell(text=f"{100 * total.mean():.1f}"), "spread": Cell(text=f"{100 * total.std():.1f}")}
            label = "Sum (AUC of everything less 50)"
            rows.append(Row(f"{method}/{way}/sum", label, group, cells, runs, planned, reference=True))
    note = (
        "Shapley value: the AUC that a modality adds, averaged over all orders in which modalities may join; nothing "
        "known has AUC 50. In brackets the 95 % interval over patients, drawn within label with all their runs."
    )
    caption = "What each modality adds to the AUC, in points; mean over runs in which all seven subsets are finished."
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
                falls.append(f"{change.text(sign='+')} without the {all_modalities()[modality].label}")
        if falls:
            auc = 100 * found.drawn.interval(whole).value
            sentences.append(f"{label}: AUC {auc:.1f} with everything; missing at test time changes it by "
                             f"{', '.join(falls)} (95 % interval over patients).")  # fmt: skip
        if (shares := found.contributions(TESTED)) is not None:
            values = [shares.interval(number).value for number in range(len(ORDER))]
            ranked = [f"the {all_modalities()[ORDER[i]].label} {100 * values[i]:.1f}" for i in np.argsort(values)[::-1]]
            sentences.append(f"Of its points above chance the model owes {', '.join(ranked)}.")
    return " ".join(sentences) or "Nothing was planned."


def _cell(found: Missing | None, condition: Condition | None) -> Cell:
    runs = found.runs(condition) if found else np.zeros(0)
    return Cell(*mean_std(list(runs))) if len(runs) else Cell()


def _row(results: Results, method: str, label: str, cells: Mapping[str, Cell], conditions: Iterable[Condition]) -> Row:
    counts = run_counts(_runs(results, method, conditions))
    return Row(f"{method}/{label}", label, results.method(method).label, cells, **counts)


def _runs(results: Results, method: str, conditions: Iterable[Condition]) -> pd.DataFrame:
    runs = results.runs
    return runs[(runs["method"] == method) & runs["condition"].isin({condition.id for condition in conditions})]


def _table(
    results: Results, name: str, title: str, columns: list[Column], rows: list[Row], head: str, note: str,
    caption: str = SPREAD,
) -> Table:  # fmt: skip
    caption = f"{words.outcome_in_words(results)} {caption}"
    return results_table(results, name, title, columns, rows, caption, [note], head=head)
