"""The AUC, or c of grades, over hospitals, and what a further one may bring, by random effects."""

import numpy as np

from strokebench.reports.hospitals.chance import by_hospital
from strokebench.reports.hospitals.table import hospital_aucs, hospitals
from strokebench.reports.results import Results
from strokebench.reports.statistics.random_effects import FEWEST_TO_PREDICT, Pooled, pool_aucs, pool_intervals
from strokebench.reports.summary import run_counts
from strokebench.reports.table1.table import FAMILIES
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.results_table import results_table
from strokebench.reports.tables.table import DASH, Cell, Row, Table, text_columns


def pooled(results: Results) -> dict[str, Pooled]:
    """By method, over the hospitals that are judged; only methods that are finished at every one of these."""
    judged = [hospital for hospital in hospitals(results) if hospital.judged or not hospital.n]
    values = hospital_aucs(results)[[hospital.fold for hospital in judged]].dropna()
    if not judged or not len(values):
        return {}
    if not results.endpoint.binary:
        chance = by_hospital(results)
        return {
            str(name): pool_intervals(
                [chance[hospital.fold].interval(c, [str(name)]) for hospital, c in zip(judged, row, strict=True)]
            )
            for name, row in values.iterrows()
        }
    events = np.array([hospital.events for hospital in judged])
    rest = np.array([hospital.n for hospital in judged]) - events
    return {str(name): pool_aucs(row, events, rest) for name, row in values.iterrows()}


def pooled_table(results: Results) -> Table:
    """A row a method: its AUC, or c, over hospitals, and at a further one."""
    found, metric = pooled(results), results.endpoint.ranked_by
    rows = []
    for method in results.methods:
        one = found.get(method.name)
        texts = {}
        if one:
            spread = DASH if np.isnan(one.spread) else f"{one.spread:.2f}"
            texts = {"mean": one.mean.text(), "new": one.new.text().partition(" ")[2] or DASH, "spread": spread}
        counts = run_counts(results.runs[results.runs["method"] == method.name])
        rows.append(Row(method.name, method.label, "", {key: Cell(text=text) for key, text in texts.items()}, **counts))
    return results_table(
        results,
        "figure5_pooled",
        f"{metric} over hospitals, and at a further one",
        text_columns(mean=f"{metric}, pooled [95 %]", new="further hospital [95 %]", spread="spread, logit"),
        rows,
        words.outcome_in_words(results),
        [
            "Random effects on the logit scale: the spread between hospitals by Paule and Mandel, the pooled "
            f"{metric}'s interval by Student's t. Further hospital: a prediction interval of the {metric} at one more "
            "hospital, if it is like these, which allows for how little is known of the spread (after Nagashima, "
            f"Noma and Furukawa 2019); none with fewer than {FEWEST_TO_PREDICT} hospitals.",
        ],
    )


def further_hospital(results: Results) -> str:
    """One sentence of the proposed method, or of the first where it is not there; empty where none can be predicted."""
    found = pooled(results)
    methods = sorted(
        (method for method in results.methods if method.name in found), key=lambda m: m.family != FAMILIES[-1]
    )
    if not methods or np.isnan((one := found[methods[0].name]).new.low):
        return ""
    metric = results.endpoint.ranked_by
    return (
        f"At one further hospital like these {one.hospitals}, the {metric} of {methods[0].label} is to be expected "
        f"between {100 * one.new.low:.0f} and {100 * one.new.high:.0f} (95 %, random effects)."
    )
