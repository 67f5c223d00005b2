"""Results of one outcome from several sites or cohorts in one table: each method's AUC at each, and pooled."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from strokebench.errors import StrokebenchError
from strokebench.reports.results import Results, Setting
from strokebench.reports.statistics.headline import Key, auc_intervals
from strokebench.reports.statistics.intervals import Interval
from strokebench.reports.statistics.random_effects import Pooled, pool_intervals
from strokebench.reports.table1.table import family_place
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.section import Panel, Section
from strokebench.reports.tables.table import DASH, Cell, Row, Table, text_columns
from strokebench.reports.two_results.changes import changes

SAME = ("outcome", "protocol", "quick", "labels_shuffled")
"""What results must state alike to stand in one table."""
OF_A_SITE = ("Data", "Split", "Machine")
"""Groups of changes in which sites differ as a matter of course."""


def board_section(sites: Mapping[str, Results]) -> Section:
    """All methods at all sites, by what a site's column is called.

    Raises:
        StrokebenchError: fewer than two; other outcomes or protocols; the same patients twice; no AUC with an interval.
    """
    if len(sites) < 2:
        raise StrokebenchError("A board needs the results of two sites or more.")
    for (a, one), (b, other) in combinations(sites.items(), 2):
        _check(a, one, b, other)
    aucs = {name: _aucs(name, results) for name, results in sites.items()}
    settings = {setting.key: setting for results in sites.values() for setting in results.settings.values()}
    ordered = sorted(settings.values(), key=lambda setting: family_place(setting.method))
    pooled = {
        setting.key: pool_intervals([of_site[setting.key] for of_site in aucs.values()])
        for setting in ordered
        if all(setting.key in of_site for of_site in aucs.values())
    }
    cohort = " and ".join(dict.fromkeys(map(words.cohort_title, sites.values())))
    panel = Panel(
        "board",
        _table(sites, cohort, ordered, aucs, pooled),
        shows="What each method reaches at each site, on that site's own patients, and over all sites.",
        does_not_show="Which of two methods is better (`comparison` tests that, on the same patients), nor that sites "
        "differ by their place alone: each trained models of its own.",
    )
    return Section(
        "board", "Several sites side by side", cohort, [panel], _lead(sites, settings, pooled), _other(sites)
    )


def _check(a: str, one: Results, b: str, other: Results) -> None:
    first, second = one.provenance, other.provenance
    for field in SAME:
        if first.get(field) != second.get(field):
            what = field.replace("_", " ")
            raise StrokebenchError(
                f"{a} and {b} do not stand in one table: {what} {first.get(field)} and {what} {second.get(field)}."
            )
    shared = set(one.predictions["patient_id"]) & set(other.predictions["patient_id"])
    same_cohort = shared and first.get("dataset") == second.get("dataset")
    if same_cohort or first.get("data_sha256") == second.get("data_sha256") is not None:
        raise StrokebenchError(
            f"{a} and {b} hold the same patients, who would count twice.",
            "`strokebench results import` merges runs of one cohort, `results diff` compares two calls.",
        )


def _aucs(name: str, results: Results) -> dict[Key, Interval]:
    found = auc_intervals(results)
    if not found:
        raise StrokebenchError(f"{name} has no AUC with an interval.", "It takes five finished runs of each method.")
    return {setting.key: found[key] for key, setting in results.settings.items() if key in found}


def _other(sites: Mapping[str, Results]) -> list[str]:
    """A sentence for each site that states other settings than the first."""
    (first, one), *others = sites.items()
    found = []
    for name, other in others:
        differing = dict.fromkeys(change.what for change in changes(one, other) if change.group not in OF_A_SITE)
        if differing:
            found.append(f"{name} was made otherwise than {first}: {', '.join(differing)}.")
    return found


def _lead(sites: Mapping[str, Results], settings: Mapping[Key, Setting], pooled: Mapping[Key, Pooled]) -> str:
    if not pooled:
        return "No method is finished at every site."
    patients = sum(results.predictions["patient_id"].nunique() for results in sites.values())
    known = {key: one.mean for key, one in pooled.items() if not np.isnan(one.mean.value)}
    metric = next(iter(sites.values())).endpoint.ranked_by
    if not known:
        return f"No method can be pooled: each has no interval, or the {metric} 0 or 100, at some site."
    best = max(known, key=lambda key: known[key].value)
    return (
        f"Over {len(sites)} sites with {patients:,} tested patients, {settings[best].label} has the highest pooled "
        f"{metric}: {known[best].text()}."
    )


def _table(
    sites: Mapping[str, Results],
    cohort: str,
    settings: Sequence[Setting],
    aucs: Mapping[str, Mapping[Key, Interval]],
    pooled: Mapping[Key, Pooled],
) -> Table:
    first, rows = next(iter(sites.values())), []
    described = [f"{name}: {words.cohort_title(one)}, {words.patients_in_words(one)}." for name, one in sites.items()]
    # A site may be called as a column of ours is.
    columns = {name: f"AUC, {name}" for name in sites}
    for setting in settings:
        texts = {columns[name]: found[setting.key].text() for name, found in aucs.items() if setting.key in found}
        if (one := pooled.get(setting.key)) and not np.isnan(one.mean.value):
            texts["pooled"] = one.mean.text()
        cells = {key: Cell(text=texts.get(key, DASH)) for key in (*columns.values(), "pooled")}
        rows.append(Row("/".join(setting.key), setting.label, setting.method.family, cells))
    return Table(
        name="board",
        title=f"{first.endpoint.ranked_by} at each site, and over all",
        cohort=cohort,
        caption=" ".join(
            [f"Outcome {words.outcome_title(first)}, protocol {first.provenance['protocol']}.", *described]
        ),
        columns=text_columns(
            **{key: f"{name} [95 %]" for name, key in columns.items()},
            pooled="pooled [95 %]",
        ),
        rows=rows,
        notes=[
            f"{first.endpoint.ranked_by} in percent, with the interval that holds under the protocol.",
            "Pooled: random effects on the logit scale, sites weighted by their intervals, the spread between sites by "
            "Paule and Mandel, the interval by Student's t, which is wide over few sites; only of methods that every "
            "site has.",
        ],
        facts=words.facts(first) | {"cohort": cohort},
        counts_runs=False,
    )
