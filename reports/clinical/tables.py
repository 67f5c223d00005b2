"""The tables of the clinical evaluation; all methods stand in them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.reports.clinical.calibration import calibration_error, recalibrate
from strokebench.reports.clinical.decision import decision_curve, treat_all
from strokebench.reports.clinical.instability import instability
from strokebench.reports.clinical.pooled import RESAMPLES, ordered, pool, ranks_folds_together, seeds_of
from strokebench.reports.results import RUN, Results
from strokebench.reports.statistics.bootstrap import bootstrap
from strokebench.reports.statistics.intervals import Interval
from strokebench.reports.statistics.prior import BALANCED, UNDONE
from strokebench.reports.statistics.scores import Scores
from strokebench.reports.statistics.weighted import from_function, weighted_auprc, weighted_brier, weighted_scaled_brier
from strokebench.reports.summary import cell_of, run_counts
from strokebench.reports.table1.table import metric_columns
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.results_table import results_table
from strokebench.reports.tables.table import Cell, Column, Kind, Row, Table, text_columns
from strokebench.tasks.endpoints.parse import FEWEST
from strokebench.tasks.metrics.evaluate import THRESHOLD, evaluate, mean_std
from strokebench.tasks.metrics.paper import PAPER_METRICS

POOLED = (
    "Out-of-fold predictions, one a patient and seed; each number is the mean over seeds, the 95 % interval in "
    "brackets is over patients, who are drawn with all their seeds."
)
ONCE = "Each model predicts each patient once; the 95 % interval in brackets is over patients."
INCOMPLETE = "Incomplete: a seed counts for a method once all its folds are finished."
BENEFIT_AT = (0.1, 0.2, 0.3, 0.4, 0.5)


def scores_table(
    results: Results, scores: Scores | None, aucs: dict[str, Interval], weights: NDArray[np.int16]
) -> Table:
    """AUC, AUPRC, Brier score and scaled Brier score with intervals, and what is registered beside the paper's six.

    Args:
        aucs: by method. weights: how often each patient was drawn, (draws, patients).
    """
    metrics = {}
    more = {name: metric for name, metric in results.judged_by.items() if name not in PAPER_METRICS}
    fractions = {"brier", *(name for name, metric in more.items() if not metric.unit)}
    if scores is not None:
        metrics = {
            "auprc": bootstrap(scores, weighted_auprc, n_resamples=RESAMPLES),
            "brier": bootstrap(scores, weighted_brier, weights=weights),
            "scaled": bootstrap(scores, weighted_scaled_brier, weights=weights),
        }
        for name, metric in more.items():
            function = from_function(partial(metric, results.endpoint, threshold=THRESHOLD))
            metrics[name] = bootstrap(scores, function, weights=weights)

    def cells(name: str) -> dict[str, Cell]:
        number = scores.names.index(name) if scores else 0
        return {"auc": Cell(text=aucs[name].text())} | {
            key: Cell(text=values.interval(number).text(*((1, 3) if key in fractions else ())))
            for key, values in metrics.items()
        }

    columns = [
        *text_columns(auc="AUC, %", auprc="AUPRC, %", brier="Brier", scaled="Scaled Brier, %"),
        *(Column(name, f"{name}, %" if metric.unit else name, Kind.TEXT) for name, metric in more.items()),
    ]
    notes = [
        f"AUPRC: average precision. Its baseline is the prevalence, {100 * prevalence(scores):.1f} %."
        if scores
        else "",
        "Brier: mean squared distance of probability and outcome, 0 is perfect. Scaled: 100 % is perfect, 0 is as good "
        "as giving everybody the prevalence, below 0 is worse.",
        "The AUC ranks the patients of a whole seed, whom different folds' models predicted; Table 1 ranks within a "
        "fold, which is usually a little higher."
        if ranks_folds_together(results)
        else "",
        balance_note(results),
    ]
    return _by_method(results, scores, "clinical_scores", "Probabilities by method", columns, cells, notes)


def calibration_table(results: Results, scores: Scores | None) -> Table:
    """Mean probability, calibration in the large, slope, intercept and ECE."""

    def cells(name: str) -> dict[str, Cell]:
        assert scores is not None
        found, error = recalibrate(scores, name), calibration_error(scores, name)
        mean = np.mean([p.mean() for _, p, _ in seeds_of(scores, name)])
        texts = {
            "predicted": f"{100 * mean:.1f}",
            "in_the_large": found.in_the_large.text(1, 2),
            "slope": found.slope.text(1, 2),
            "intercept": found.intercept.text(1, 2),
            "ece": f"{100 * error.value:.1f}",
            "perfect": f"{100 * error.perfect:.1f} ({100 * error.high:.1f})",
        }
        return {key: Cell(text=text) for key, text in texts.items()}

    columns = [
        *text_columns(predicted="Mean probability, %", in_the_large="In the large"),
        *text_columns(slope="Slope", intercept="Intercept", ece="ECE, %", perfect="ECE if perfect, %"),
    ]
    notes = [
        f"{100 * prevalence(scores):.1f} % of the patients have the outcome (label 1)." if scores else "",
        "In the large: log odds by which probabilities are too low (above 0) or too high (below 0) on average. Slope "
        "and intercept: logistic recalibration on the log odds of the probability (statsmodels GLM; sandwich variance "
        "clustered by patient); 1 and 0 are calibrated, a slope below 1 means too extreme probabilities; "
        f"none of fewer than {FEWEST} patients with or without the outcome.",
        balance_note(results),
        "ECE (expected calibration error, equally filled bins) is above 0 by chance even for a perfect model: beside "
        "it what a perfectly calibrated model with the same probabilities would have (mean, and in brackets the 95th "
        "percentile, of simulated outcomes). Only what lies above the bracket is evidence of miscalibration.",
    ]
    return _by_method(results, scores, "calibration", "Calibration by method", columns, cells, notes)


def _percent(share: float) -> str:
    """One decimal, and no minus before 0.0."""
    return f"{round(100 * share, 1) + 0.0:.1f}"


def benefit_table(results: Results, scores: Scores | None, weights: NDArray[np.int16]) -> Table:
    """Net benefit at a few thresholds, beside acting on everybody; `weights` (draws, patients)."""
    at = np.array(BENEFIT_AT)

    def cells(name: str) -> dict[str, Cell]:
        assert scores is not None
        curve = decision_curve(scores, name, at, weights)
        return {
            key: Cell(text=f"{_percent(value)} [{_percent(low)}, {_percent(high)}]")
            for key, value, low, high in zip(_keys(at), curve.net_benefit, curve.low, curve.high, strict=True)
        }

    columns = [Column(key, f"at {100 * t:.0f} %", Kind.TEXT) for key, t in zip(_keys(at), at, strict=True)]
    table = _by_method(results, scores, "net_benefit", "Net benefit by method", columns, cells, [
        "True positives a hundred patients, less false positives weighed by the odds of the threshold. Acting on "
        "nobody has 0. What acting on a patient with label 1 would mean is for the clinician to say.",
        "Net benefit takes probabilities at their word. " + balance_note(results),
    ])  # fmt: skip
    if scores is None:
        return table
    everybody = {
        key: Cell(text=f"{100 * value:.1f}")
        for key, value in zip(_keys(at), treat_all(prevalence(scores), at), strict=True)
    }
    row = Row("everybody", "Act on everybody", "Without a model", everybody, 0, 0, reference=True)
    return replace(table, rows=[*table.rows, row])


def prevalence(scores: Scores) -> float:
    """Share of label 1 among the tested patients."""
    return float(scores.y[~np.isnan(scores.p).all(axis=(0, 1))].mean())


def balanced_by(results: Results) -> list[str]:
    """How training parts were balanced, where they were."""
    return sorted({*results.runs["balance"]} & {*BALANCED})


def balance_note(results: Results) -> str:
    """What balancing did to the probabilities, and what they were before that was undone."""
    if words.is_external(results):
        return ""
    if UNDONE in set(results.runs["balance"]):
        return "Each grade is weighed by its share among the patients trained on: training had balanced the grades."
    balances = balanced_by(results)
    if not balances:
        return "Training classes were not balanced."
    raw, means = pool(results, raw=True), []
    for setting in ordered(results):
        if seeds := seeds_of(raw, setting.name) if raw else []:
            mean = np.mean([p.mean() for _, p, _ in seeds])
            brier = np.mean([np.square(p - y).mean() for y, p, _ in seeds])
            means.append(f"{setting.label} {100 * mean:.1f} % and {brier:.3f}")
    names = " and ".join("SMOTE" if balance == "smote" else balance for balance in balances)
    return (
        f"The training classes were balanced ({names}), as in the paper, which moves the average probability towards "
        "50 % by design. Here that is undone: the log odds of the prevalence among the patients trained on are added. "
        f"Raw, mean probability and Brier score are: {'; '.join(means)}."
    )


def _keys(at: NDArray[np.float64]) -> list[str]:
    return [f"at_{100 * t:.0f}" for t in at]


def _by_method(
    results: Results,
    scores: Scores | None,
    name: str,
    title: str,
    columns: Sequence[Column],
    cells: Callable[[str], Mapping[str, Cell]],
    notes: Sequence[str],
) -> Table:
    rows = []
    for setting in ordered(results):
        there = scores is not None and bool(seeds_of(scores, setting.name))
        rows.append(
            Row(
                key=setting.name,
                label=setting.label,
                group=setting.method.family,
                cells=cells(setting.name) if there else {},
                **run_counts(results.runs_of(setting)),
            )
        )
    return results_table(
        results,
        name,
        title,
        columns,
        rows,
        f"{words.outcome_in_words(results)} {ONCE if words.is_external(results) else POOLED}",
        notes,
        incomplete=INCOMPLETE,
        counts_runs=not words.is_external(results),
    )


def thresholds_table(results: Results) -> Table:
    """Metrics with patients called from 0.5 on, and from the threshold that the validation part chose."""
    thresholds = results.runs.set_index(list(RUN))["threshold"].to_dict()
    by_run: list[dict[str, Any]] = []
    for key, part in results.judged.groupby(list(RUN), sort=True, dropna=False):
        for rule, threshold in (("fixed", THRESHOLD), ("validation", thresholds.get(key))):
            if threshold is not None and not pd.isna(threshold):
                p = results.endpoint.probabilities(part)
                scored = evaluate(results.endpoint, part["y"], p, threshold)
                by_run.append({"setting": tuple(map(str, key[:3])), "rule": rule, "at": threshold, **scored})
    columns = [column for column in metric_columns(results) if results.judged_by[column.key].needs_threshold]
    rows = []
    for setting in ordered(results):
        planned = int((~results.runs_of(setting)["fold"].isin(results.too_small)).sum())
        for rule in ("fixed", "validation"):
            runs = [run for run in by_run if run["setting"] == setting.key and run["rule"] == rule]
            label = f"{THRESHOLD:g}"
            if rule == "validation":
                label = "chosen on validation" + (f", mean {mean_std([r['at'] for r in runs])[0]:.2f}" if runs else "")
            cells = {column.key: cell_of([run[column.key] for run in runs]) for column in columns if runs}
            rows.append(Row(f"{setting.name}/{rule}", label, setting.label, cells, len(runs), planned))
    caption = (
        "Mean (population standard deviation) in percent over runs. The second line of each method calls patients "
        "from the threshold with the largest recall + specificity on the run's validation part (Youden), never the "
        "test part."
    )
    notes = ["Neither threshold is a clinical one: that follows from what a missed and a needless treatment cost."]
    caption, title = f"{words.outcome_in_words(results)} {caption}", "Two thresholds by method"
    return results_table(results, "thresholds", title, columns, rows, caption, notes, incomplete="", head="Threshold")


def instability_table(results: Results, scores: Scores | None) -> Table:
    """How far two trainings' probabilities of one patient lie apart."""

    def cells(name: str) -> dict[str, Cell]:
        assert scores is not None
        found = instability(scores, name)
        texts = {"difference": found.difference.text()}
        if found.trainings > 1:
            texts |= {"unsteadiest": f"{100 * found.unsteadiest:.1f}", "changed": f"{100 * found.changed:.1f}"}
        return {key: Cell(text=text) for key, text in texts.items()}

    columns = text_columns(
        difference="Apart, points",
        unsteadiest="one of 20: more than",
        changed=f"called otherwise at {THRESHOLD:g}, %",
    )
    notes = [
        "Two seeds' probabilities of one patient, the balance of training undone: mean absolute difference over all "
        "pairs of seeds and all patients (after Riley and Collins 2023, who hold bootstrap models against one), "
        "what it exceeds in one patient of twenty, and how often the two call the patient differently.",
        "Seeds differ in folds, validation part and initial weights under cv5; under own in what its file says and in "
        "initial weights; under other protocols in the last two.",
    ]
    title = "Instability: one patient, trained twice"
    return _by_method(results, scores, "instability", title, columns, cells, notes)
