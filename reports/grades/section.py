"""What Table 1 and the clinical evaluation show where grades are predicted: every cut, and the grades themselves."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from strokebench.datasets.naming import scale_of
from strokebench.reports.clinical.calibration import recalibrate
from strokebench.reports.clinical.pooled import pool, shown_methods
from strokebench.reports.clinical.sections import clinical_section
from strokebench.reports.grades.figures import draw_calibration, draw_grotta
from strokebench.reports.results import Provenance, Results
from strokebench.reports.statistics.intervals import UNDEFINED, Interval, Z
from strokebench.reports.statistics.prior import BALANCED, UNDONE, undo_balance
from strokebench.reports.statistics.scores import Scores
from strokebench.reports.table1.table import table1
from strokebench.reports.tables.caption import left_out, outcome_in_words, runs_in_words
from strokebench.reports.tables.section import Panel, Section
from strokebench.reports.tables.table import Cell, Column, Kind, Table, text_columns
from strokebench.tasks.endpoints.parse import FEWEST, too_few

USUAL = {"mrs": 2}
"""Scale -> the grade at which trials divide it: above mRS 2 a patient depends on others."""


def main_cut(results: Results) -> int:
    """Which of `endpoint.dichotomies` is asked of first: the scale's usual one, else the one that divides most evenly.

    So it is where fewer than `FEWEST` patients are on one side of the usual one.

    Args:
        results: of an endpoint with `dichotomies`.
    """
    endpoint = results.endpoint
    cuts = [cut.expression for cut in endpoint.dichotomies]
    usual = f"{endpoint.column} > {USUAL.get(scale_of(endpoint.column) or '')}"
    y = results.predictions.drop_duplicates("patient_id")["y"]
    if usual in cuts and not too_few((y > cuts.index(usual)).value_counts()):
        return cuts.index(usual)
    return int(np.argmin([abs((y > label).mean() - 0.5) for label in range(len(cuts))]))


def at_cut(results: Results, label: int) -> Results:
    """The results of `endpoint.dichotomies[label]`, whose probability is that of all grades above `label`.

    Nothing is fitted again. The balance of training is undone first: as many patients of each grade are not as many on
    both sides of a cut.
    """
    endpoint = results.endpoint
    cut = endpoint.dichotomies[label]
    above = endpoint.probabilities(undo_balance(results))[:, label + 1 :].sum(axis=1)
    y = (results.predictions["y"] > label).astype("int8")
    kept = results.predictions.drop(columns=list(endpoint.prediction_columns))
    predictions = kept.assign(outcome=cut.expression, y=y, p=np.clip(above, 0, 1))
    provenance: Provenance = {**results.provenance, "outcome": cut.expression, "outcome_title": cut.expression}
    provenance.pop("n_of_labels", None)
    balance = results.runs["balance"]
    runs = results.runs.assign(balance=balance.mask(balance.isin(BALANCED), UNDONE))
    return replace(results, predictions=predictions, runs=runs, provenance=provenance, oracle=None)


ONE_FIT = (
    "Made from the fits of {}: the probability of all grades above the cut, the balance of training undone. Nothing was"
    " trained for a cut."
)


def graded_clinical_section(results: Results, title: str) -> Section:
    """The clinical evaluation of grades: calibration of all cuts, and everything else at the one of `main_cut`."""
    label = main_cut(results)
    section = clinical_section(at_cut(results, label), title)
    cut = results.endpoint.dichotomies[label].expression
    lead = f"Grades {results.endpoint.expression}, from here on judged at {cut}: {section.lead}"
    return replace(section, panels=[*calibration_panels(results), *section.panels], lead=lead)


def ranking_panels(results: Results) -> list[Panel]:
    """How well grades are put in order and told apart at every cut; of results whose endpoint has `dichotomies`."""
    cuts = _cuts(results)
    table, tables = table1(results), {cut: table1(part) for cut, part in cuts.items()}
    panels = [
        Panel(
            "table1_cuts",
            _auc_table(results, table, cuts, tables),
            shows="How well each method tells patients above a cut from those below it, at every cut.",
            does_not_show="Which cut matters to a patient, nor which differences are real.",
        ),
        Panel(
            "grades_odds",
            _odds_table(results, table),
            shows="By how much the odds of a higher grade, at whatever cut, rise with a method's prediction.",
            does_not_show="Whether one ratio fits every cut: the AUC at every cut tells where a method ranks worse.",
        ),
    ]
    for cut, judged in tables.items():
        name = f"table1_above_{cut.rpartition(' ')[2]}"
        note = ONE_FIT.format(results.endpoint.expression)
        panels.append(
            Panel(
                name,
                replace(judged, name=name, title=f"{judged.title}, {cut}", notes=[note, *judged.notes]),
                shows=f"The same methods judged as predictions of {cut}.",
                does_not_show="What a method would do that was trained for this cut alone.",
                in_terminal=False,
            )
        )
    return panels


def calibration_panels(results: Results) -> list[Panel]:
    """Whether the grades' probabilities come true; pictures as soon as one method has a finished seed."""
    cuts = _cuts(results)
    scores = {cut: pool(part) for cut, part in cuts.items()}
    panels = [
        Panel(
            "grades_calibration",
            _slope_table(results, table1(results), scores),
            shows="Whether the probabilities of passing a cut are too extreme (below 1) or too timid (above 1).",
            does_not_show="Calibration elsewhere: it must be checked, and often mended, wherever a model is used.",
        )
    ]
    # A cut that nobody is below, as a grade that no patient has, shows none.
    if not (shown := next(filter(None, (shown_methods(cuts[cut], part) for cut, part in scores.items())), [])):
        return panels
    return [
        *panels,
        Panel(
            "grades_bars",
            draw_grotta(results, shown),
            title="Grades, observed and predicted",
            shows="The share of each grade in the third of patients for whom a method predicts the lowest grades, the"
            " middle third and the highest: what came (upper bar) and what was predicted on average (lower bar).",
            does_not_show="Whether a single patient's grade is foretold: a group's shares can be right on average.",
        ),
        Panel(
            "grades_reliability",
            draw_calibration(results, scores, shown),
            title="Calibration at every cut",
            shows="Patients in equally large groups by their probability of passing a cut, and how many passed it; on "
            "the dashed line both agree.",
            does_not_show="Calibration elsewhere, nor how far chance moves a point: the reliability curves do.",
        ),
    ]


def _cuts(results: Results) -> dict[str, Results]:
    return {cut.expression: at_cut(results, label) for label, cut in enumerate(results.endpoint.dichotomies)}


def _auc_table(results: Results, table: Table, cuts: Mapping[str, Results], tables: Mapping[str, Table]) -> Table:
    """The AUC of every method at every cut, in the rows of `table`."""
    fewer = [f"{cut}: {said}" for cut, part in cuts.items() if part.too_small and (said := left_out(part))]
    cells = {cut: {row.key: row.cells["AUC"] for row in part.rows} for cut, part in tables.items()}
    rows = [replace(row, cells={cut: by_row[row.key] for cut, by_row in cells.items()}) for row in table.rows]
    columns = [Column(cut, cut, Kind.PERCENT) for cut in tables]
    caption = (
        f"{outcome_in_words(results)} AUC of the probability of passing each cut: mean (population standard deviation)"
        f" in percent over {runs_in_words(results)}."
    )
    notes = [ONE_FIT.format(results.endpoint.expression), *fewer, *table.notes]
    return replace(
        table,
        name="table1_cuts",
        title="AUC at every cut",
        caption=caption,
        columns=columns,
        rows=rows,
        notes=notes,
    )


def _slope_table(results: Results, table: Table, scores: Mapping[str, Scores | None]) -> Table:
    """The slope of calibration of every method at every cut, in the rows of `table`."""
    rows = [
        replace(
            row,
            footnote="",
            cells={
                cut: Cell(text=recalibrate(part, row.key).slope.text(1, 2) if part and row.done else "")
                for cut, part in scores.items()
            },
        )
        for row in table.rows
    ]
    caption = (
        "Slope of the log odds of passing a cut on the log odds of its probability, with its 95 % interval over"
        " patients; 1 is calibrated. A dash: the predictions have no slope (constant, or without error), or fewer than"
        f" {FEWEST} patients are on one side of the cut."
    )
    return replace(
        table,
        name="grades_calibration",
        title="Slope of calibration at every cut",
        caption=caption,
        columns=text_columns(**{cut: cut for cut in scores}),
        rows=rows,
        notes=[ONE_FIT.format(results.endpoint.expression)],
        footnotes=[],
    )


def _odds_table(results: Results, table: Table) -> Table:
    """The common odds ratio of every method, in the rows of `table`."""
    scores = pool(results)
    rows = [
        replace(
            row,
            footnote="",
            cells={"odds": Cell(text=common_odds_ratio(scores, row.key).text(1, 2) if scores and row.done else "")},
        )
        for row in table.rows
    ]
    caption = (
        f"{outcome_in_words(results)} Odds ratio of a grade above any cut, the same for all cuts (proportional odds),"
        " for a predicted mean grade that is higher by one standard deviation, with its 95 % interval over patients; 1"
        " says nothing of grades. A dash: there is none (constant predictions, or without error)."
    )
    notes = [
        "One out-of-fold prediction a patient and seed, the balance of training undone; the seeds of a patient count"
        " as one patient. It is a measure of ranking, not of calibration: the unit is each method's own spread."
    ]
    return replace(
        table,
        name="grades_odds",
        title="Common odds ratio",
        caption=caption,
        columns=text_columns(odds="Common odds ratio [95 % CI]"),
        rows=rows,
        notes=notes,
        footnotes=[],
    )


def common_odds_ratio(scores: Scores, name: str) -> Interval:
    """Odds ratio of a higher grade for one standard deviation of the predicted mean grade, by proportional odds.

    One ratio for all cuts (McCullagh 1980), as trials report a shift of the mRS. The unit is a standard deviation
    within a seed, so that methods can be compared whatever the spread of their predictions. Seeds are fitted together
    by statsmodels' `OrderedModel`, with Wald's interval from the sandwich variance clustered by patient.

    Args:
        scores: grades and predicted mean grades, the folds of each seed together.

    Returns:
        NaN without predictions, where they are constant, and where they put all patients in the order of their grades.
    """
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    means = scores.p[scores.names.index(name)] if name in scores.names else scores.p[:0, 0]
    means = means[~np.isnan(means).all(axis=1)]
    spread = np.nanstd(means, axis=1, keepdims=True)
    if not len(means) or (spread < 1e-9).any():
        return UNDEFINED
    seeds, patients = np.nonzero(~np.isnan(means))
    standardised = ((means - np.nanmean(means, axis=1, keepdims=True)) / spread)[seeds, patients]
    grades = np.unique(scores.y[patients], return_inverse=True)[1]
    model = OrderedModel(grades, standardised[:, None], distr="logit")
    with np.errstate(all="ignore"):
        fitted = model.fit(method="bfgs", disp=False, skip_hessian=True)
        if not fitted.mle_retvals["converged"]:
            return UNDEFINED
        influence = -np.linalg.solve(model.hessian(fitted.params), model.score_obs(fitted.params).T)[0]
    half = Z * float(np.sqrt(np.square(np.bincount(patients, influence)).sum()))
    value = float(fitted.params[0])
    return Interval(*map(float, np.exp([value, value - half, value + half])))
