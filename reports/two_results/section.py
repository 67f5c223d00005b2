"""Two results side by side, as a section: what changed, then what that did to each method on the same patients."""

import math

from strokebench.errors import counted
from strokebench.reports.comparison.words import p_value
from strokebench.reports.results import Results
from strokebench.reports.statistics.decisions import ALPHA
from strokebench.reports.statistics.intervals import Interval
from strokebench.reports.statistics.paired import is_corrected
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.section import Panel, Section
from strokebench.reports.tables.table import Cell, Row, Table, text_columns
from strokebench.reports.two_results.changes import Change, changes
from strokebench.reports.two_results.paired import A, B, TwoResults, compare_two


def two_results_section(a: Results, b: Results, name_a: str, name_b: str) -> Section:
    """Everything that can be said of two results, which captions call by these names.

    Raises:
        StrokebenchError: see `compare_two`.
    """
    changed, two = changes(a, b), compare_two(a, b)
    titles = dict.fromkeys(words.cohort_title(results) for results in (a, b))
    cohort, named = " and ".join(titles), f"A: {name_a}. B: {name_b}."
    panels = [
        Panel(
            "changes",
            _changes_table(a, changed, cohort, named),
            shows="What the two results state differently of how they were made.",
            does_not_show="What neither states. A package leaves some at home (seeds, columns that were no inputs); "
            "against one, that is not compared.",
        ),
        Panel(
            "differences",
            _differences_table(a, two, cohort, named),
            shows="What the changes did to each method, on the same patients.",
            does_not_show="Which of several changes did it, and that a method without a shown difference is unchanged: "
            "the largest change of a probability tells that.",
        ),
    ]
    warnings = [
        f"{one.label}: {counted(one.contradicting, 'run')} {'has' if one.contradicting == 1 else 'have'} one key and "
        "other predictions: one of them was changed later."
        for one in two.settings
        if one.contradicting
    ]
    return Section(
        "two_results",
        "Two results side by side",
        cohort,
        panels if changed else panels[1:],
        _lead(two, changed),
        warnings,
    )


def _lead(two: TwoResults, changed: list[Change]) -> str:
    groups = dict.fromkeys(one.group.lower() for one in changed)
    sentences = [f"Changed: {', '.join(groups)}." if groups else "Nothing differs in what the two results state."]
    sentences.append(_patients(two))
    for side, labels in ((A, two.settings_a), (B, two.settings_b)):
        sentences += [f"Only in {side}: {'; '.join(labels)}."] if labels else []
    shown = [one for one in two.settings if one.p_holm < ALPHA]
    found = [f"{one.label} {'gains' if one.tested.value > 0 else 'loses'} in {two.metric}" for one in shown]
    sentences.append(f"Shown: {'; '.join(found)}." if found else f"No difference in {two.metric} is shown.")
    return " ".join(sentences)


def _patients(two: TwoResults) -> str:
    counted = {"only in A": two.only_a, "only in B": two.only_b, "in both with another outcome": two.relabelled}
    said = [f"{n} {what}" for what, n in counted.items() if n]
    left_out = f" Left out of every number: {', '.join(said)}." if said else ""
    return f"{two.common} patients are in both.{left_out}"


def _changes_table(a: Results, changed: list[Change], cohort: str, named: str) -> Table:
    cells = [{"a": Cell(text=one.a), "b": Cell(text=one.b)} for one in changed]
    return Table(
        name="changes",
        title="What changed",
        cohort=cohort,
        caption=f"{named} What the two state alike is not listed.",
        columns=text_columns(a="A", b="B"),
        rows=[
            Row(f"{one.group}/{one.what}", one.what, one.group, said) for one, said in zip(changed, cells, strict=True)
        ],
        facts=words.facts(a),
        head="Stated",
        counts_runs=False,
    )


def _differences_table(a: Results, two: TwoResults, cohort: str, named: str) -> Table:
    rows = []
    for one in two.settings:
        cells = {
            "a": Interval(one.a, math.nan, math.nan).text(decimals=2),
            "b": Interval(one.b, math.nan, math.nan).text(decimals=2),
            "difference": one.tested.text(decimals=2, ends=1, signed=True),
            "p": p_value(one.p_holm),
            "largest": f"{one.largest:.3f}",
            "same": f"{one.same_key} of {one.parts}",
        }
        texts = {key: Cell(text=text) for key, text in cells.items()} if one.parts else {}
        rows.append(Row(one.label, one.label, "", texts))
    return Table(
        name="differences",
        title="B against A on the same patients",
        cohort=cohort,
        caption=f"{named} {words.outcome_in_words(a)} {_patients(two)}",
        columns=text_columns(
            a="A", b="B", difference="B - A [95 % CI]", p="p Holm", largest="Largest", same="Same key"
        ),
        rows=rows,
        notes=_notes(a, two),
        facts=words.facts(a),
        counts_runs=False,
    )


def _notes(a: Results, two: TwoResults) -> list[str]:
    if not two.same_split:
        how = (
            "The splits differ, so the folds of each seed are put together. The interval (DeLong, the patient as "
            "cluster) takes the models as they are and is too narrow: other training parts belong to the change."
        )
    elif is_corrected(a):
        how = "Run against run; the interval allows for other test patients and other training patients."
    else:
        how = "Run against run; the interval (DeLong, the patient as cluster) takes the models as they are."
    return [
        f"{two.metric} in percent, mean over the test parts that both have; differences in points. {how} p is adjusted "
        "by Holm over the methods.",
        "Largest: the largest change of one patient's probability. Same key: "
        f"{'test parts' if two.same_split else 'seeds'} of which nothing differs that decides a fit (data, fold, "
        "hyper-parameters, code, versions).",
    ]
