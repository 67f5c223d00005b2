"""Settings of a method against the one that stands in the other tables: a gain each, and what is shown of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strokebench.errors import counted
from strokebench.reports.ablation.table import Entry, complete_entry
from strokebench.reports.comparison.words import p_value
from strokebench.reports.results import Results
from strokebench.reports.statistics.decisions import ALPHA, POINTS, equivalent, holm, verdict
from strokebench.reports.statistics.headline import Headline
from strokebench.reports.statistics.intervals import UNDEFINED
from strokebench.reports.statistics.paired import UNTESTED, PairedTest
from strokebench.reports.summary import rows_by_setting
from strokebench.reports.table1.table import metric_row
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.results_table import results_table
from strokebench.reports.tables.table import DASH, Cell, Table, text_columns


@dataclass(frozen=True)
class SettingGain:
    """A setting against the complete one of its method.

    Args:
        gain: in AUC, or c of grades, over the runs that both have; positive is better.
        p_holm: of it, adjusted over the settings of the method.
    """

    entry: Entry
    gain: PairedTest
    p_holm: float

    @property
    def shown(self) -> bool:
        """The gain or loss is more than chance."""
        return self.p_holm < ALPHA


def names_of(results: Results, headline: Headline | None, entries: Sequence[Entry]) -> dict[Entry, str]:
    """The entries that have predictions -> their names in the headline, in order."""
    known = {setting.key: name for name, setting in results.settings.items() if headline and name in headline.names}
    return {entry: known[entry.setting] for entry in entries if entry.setting in known}


def setting_gains(results: Results, headline: Headline | None, entries: Sequence[Entry]) -> list[SettingGain]:
    """Each entry but the complete ones, where both sides have as many runs as a test needs (`Headline.fewest`)."""
    names, found = names_of(results, headline, entries), []
    for method in dict.fromkeys(entry.method for entry in entries):
        chosen = complete_entry(entries, method)
        if headline is None or chosen not in names:
            continue
        others = [entry for entry in names if entry.method == method and entry != chosen]
        gains = [headline.difference(names[entry], names[chosen]) for entry in others]
        made = [
            (entry, gain)
            for entry, gain in zip(others, gains, strict=True)
            if gain.tested and gain.runs >= headline.fewest
        ]
        adjusted = holm([gain.p for _, gain in made])
        found += [SettingGain(entry, gain, float(p)) for (entry, gain), p in zip(made, adjusted, strict=True)]
    return found


def choices_table(
    results: Results,
    headline: Headline | None,
    name: str,
    title: str,
    entries: Sequence[Entry],
    against: str,
    head: str,
    notes: Sequence[str],
) -> Table:
    """The headline's metric of each entry, its gain over the complete one, and what is shown.

    Args:
        against: what the complete entry is called. head: what entries are.
    """
    metric, summary = results.compared_by, rows_by_setting(results)
    names = names_of(results, headline, entries)
    found = {change.entry: change for change in setting_gains(results, headline, entries)}
    rows = []
    for entry in entries:
        if (row := summary.get(entry.setting)) is None:
            continue
        value = headline.auc(names[entry]) if headline and entry in names else UNDEFINED
        cells = {"value": value.text(), "gain": against if entry.complete else DASH}
        if entry in found:
            change = found[entry]
            cells |= {
                "gain": change.gain.text(decimals=2, ends=1, signed=True),
                "p": p_value(change.p_holm),
                "verdict": verdict(change.gain, change.p_holm),
            }
        texts = {key: Cell(text=text) for key, text in cells.items()}
        rows.append(metric_row(row, "/".join(entry.setting), entry.label, results.method(entry.method).label, texts))
    share = "over patients and over runs, as in the comparison" if headline and headline.corrects else "over patients"
    return results_table(
        results,
        name,
        title,
        text_columns(value=f"{metric} [95 % CI]", gain="Gain [95 % CI]", p="p (Holm)", verdict="What is shown"),
        rows,
        f"{words.outcome_in_words(results)} Mean {metric} in percent over {words.runs_in_words(results)}; gain in "
        f"points against {against} of the same method, on the same folds.",
        [*notes, f"Intervals: {share}. p by Holm over the settings of a method; below {ALPHA:g} it is called shown."],
        labels={entry.setting: f"{results.method(entry.method).label}, {entry.label}" for entry in entries},
        head=head,
    )


def choices_lead(results: Results, found: Sequence[SettingGain], against: str) -> str:
    """Which changes are shown, and how many of the others are shown to be small."""
    if not found:
        return f"Too few runs are finished to tell what any choice is worth, or {UNTESTED}."
    said = []
    for method in dict.fromkeys(change.entry.method for change in found):
        own = [change for change in found if change.entry.method == method]
        shown = [f"{c.entry.label} {c.gain.text(signed=True)} points" for c in own if c.shown]
        same = sum(equivalent(change.gain) for change in own)
        said.append(
            f"{results.method(method).label}: of {counted(len(own), 'change')} against {against} "
            + (f"{len(shown)} shown to matter ({'; '.join(shown)})" if shown else "none is shown to matter")
            + (f", {same} shown to move {results.compared_by} by less than {POINTS}" if same else "")
            + f"; the largest mean change is {100 * max((change.gain.value for change in own), key=np.abs):+.2f}."
        )
    return " ".join(said)
