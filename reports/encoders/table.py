"""Encoders by methods: the AUC (of grades c) of each, its gain over the chosen pair, and what encoding costs."""

from collections.abc import Mapping

import numpy as np

from strokebench.errors import counted
from strokebench.reports.comparison.words import p_value
from strokebench.reports.results import Results, Setting
from strokebench.reports.statistics.decisions import ALPHA
from strokebench.reports.statistics.headline import auc_intervals, differences_of, headline_of
from strokebench.reports.statistics.intervals import Interval
from strokebench.reports.statistics.paired import UNTESTED, PairedTest
from strokebench.reports.summary import run_counts
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.results_table import results_table
from strokebench.reports.tables.section import Panel, Section
from strokebench.reports.tables.table import DASH, Cell, Row, Table, text_columns

Gains = Mapping[tuple[str, str, str], PairedTest]
"""Setting -> its gain over the same method with the chosen pair."""


def encoders_section(results: Results, title: str) -> Section:
    """The table, and in a sentence which gains are more than noise."""
    chosen = results.provenance.get("encoder_pair", "")
    settings = list(results.settings.values())
    gains = differences_of(
        results, {s.key: (s.key[0], chosen, s.key[2]) for s in settings if s.variant != chosen}, headline_of(results)
    )
    panel = Panel(
        "encoders",
        _table(results, settings, gains, chosen),
        shows="For each method, what another pair of encoders gives in the place of the chosen one, on the same folds.",
        does_not_show="Which encoder is best for other methods or patients.",
    )
    return Section("encoders", title, words.cohort_title(results), [panel], _lead(results, gains))


def _table(results: Results, settings: list[Setting], gains: Gains, chosen: str) -> Table:
    metric, values = results.compared_by, auc_intervals(results)
    costs = results.provenance.get("compared_encoders", {})
    means = results.metrics.groupby(["method", "variant"])[metric].mean()
    rows = []
    for setting in settings:
        runs, cost = results.runs_of(setting), costs.get(setting.variant, {})
        value = values.get(setting.name) or Interval(
            means.get((setting.method.name, setting.variant), np.nan), np.nan, np.nan
        )
        cells = {
            "value": value.text(decimals=2, ends=1),
            "gain": "the chosen pair" if setting.variant == chosen else _points(gains[setting.key]),
            "p": p_value(gains[setting.key].p) if setting.key in gains else DASH,
            **{kind: _seconds(cost.get(f"{kind}_seconds")) for kind in ("image", "text")},
        }
        rows.append(
            Row(
                setting.name,
                setting.variant.replace("+", " + "),
                setting.method.label,
                {key: Cell(text=text) for key, text in cells.items()},
                **run_counts(runs),
            )
        )
    made = "; ".join(
        f"{pair}: {', '.join(str(name) for part, name in facts.items() if not part.endswith('_seconds'))}"
        for pair, facts in costs.items()
    )
    return results_table(
        results,
        "encoders",
        "Encoders by methods",
        text_columns(value=f"{metric} [95 % CI]", gain="Gain [95 % CI]", p="p", image="An image", text="A text"),
        rows,
        f"{words.outcome_in_words(results)} Mean {metric} in percent over {words.runs_in_words(results)}; gain in "
        f"points over the same method with {chosen}, on the same folds. Encoders: {made}.",
        notes=[
            "An image, a text: processor seconds of preparing and encoding one on this machine, over all that the "
            "encoder made here, loading of its weights included; a dash where it was not measured.",
            f"Tests as in Table 1, unadjusted for several pairs under cross-validation; p below {ALPHA:g} is called "
            "more than noise.",
        ],
        head="Encoders",
    )


def _points(gain: PairedTest) -> str:
    return gain.text(decimals=2, ends=1, signed=True)


def _seconds(value: str | float | None) -> str:
    return f"{value:.3f} s" if isinstance(value, float) else DASH


def _lead(results: Results, gains: Gains) -> str:
    labels = {setting.key: setting.label for setting in results.settings.values()}
    tested = {key: gain for key, gain in gains.items() if gain.tested}
    if not tested:
        return f"Too few runs are finished to tell encoders apart, or {UNTESTED}."
    real = [f"{labels[key]} {_points(gain)}" for key, gain in tested.items() if gain.distinguishable]
    of = f"Of {counted(len(tested), 'change')} of encoder"
    if not real:
        return f"{of} none is told from noise."
    return f"{of} {len(real)} {'is' if len(real) == 1 else 'are'} more than noise: {'; '.join(real)}."
