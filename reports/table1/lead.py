"""What Table 1 says in a sentence or two: which method is best, by how much, and whether chance may be all of it."""

import math
from collections.abc import Sequence

from strokebench.errors import StrokebenchError
from strokebench.reports.results import Results
from strokebench.reports.statistics.decisions import MARGIN, equivalent, likeness
from strokebench.reports.statistics.headline import FEWEST_RUNS, Headline, differences_of
from strokebench.reports.statistics.paired import PairedTest
from strokebench.reports.summary import rows_by_setting
from strokebench.tasks.paper_setup import REFERENCE


def table1_lead(results: Results, headline: Headline | None = None) -> str:
    """The best of the methods that have all their runs, how far the next and the best reference row are from it, and
    which methods are shown to be practically as good.

    Args:
        headline: `headline_of` these results, where it is known.

    Returns:
        Empty where no method is complete, or no metric compares them.
    """
    try:
        metric, summary = results.compared_by, rows_by_setting(results)
    except StrokebenchError:
        return ""
    complete = [
        setting
        for setting in results.settings.values()
        if (row := summary[setting.key])["done"] == row["planned"] and not math.isnan(row[metric])
    ]
    ranked = sorted(complete, key=lambda setting: -summary[setting.key][metric])
    methods = [setting for setting in ranked if setting.method.family != REFERENCE]
    if not methods:
        return ""
    best = methods[0]
    mean = f"{100 * summary[best.key][metric]:.2f}"
    if len(methods) == 1:
        said = [f"{best.label}: mean {metric} {mean}."]
    else:
        # One method may stand there at several sizes.
        n = len({setting.method.name for setting in methods})
        said = [f"{best.label} has the highest mean {metric} of {n} methods, {mean}."]
    others = {"The next": methods[1:2], "The best reference row": [s for s in ranked if s.method.family == REFERENCE]}
    compared = {role: settings[0] for role, settings in others.items() if settings}
    found = differences_of(results, {setting.key: best.key for setting in compared.values()}, headline)
    said += [f"{role}, {setting.label}, lies {_distance(found[setting.key])}." for role, setting in compared.items()]
    if len(methods) > 2:
        apart = differences_of(results, {setting.key: best.key for setting in methods[1:]}, headline)
        alike = [s.label for s in methods[1:] if apart[s.key].runs >= FEWEST_RUNS and equivalent(apart[s.key])]
        within = f"shown to lie within {100 * MARGIN:g} points of it, by the whole interval of the difference"
        count = f"{len(alike) or 'none'} {'are' if len(alike) > 1 else 'is'}"
        said.append(f"Of all others {count} {within}{_listed(alike)}")
    if len(methods) > 1:
        said.append("The best of several is picked on these test patients, which flatters it.")
    return " ".join(said)


def _listed(labels: Sequence[str]) -> str:
    return f": {', '.join(labels)}." if labels else "."


def _distance(difference: PairedTest) -> str:
    """`1.20 points below it (95 % interval -0.30 to 2.70): not shown to be more than chance`"""
    sign = 100 if difference.value > 0 else -100
    apart = f"{abs(100 * difference.value):.2f} points {'above' if difference.value > 0 else 'below'} it"
    apart = "level with it" if apart.startswith("0.00 ") else apart
    if not difference.tested or difference.runs < FEWEST_RUNS:
        return f"{apart}, in too few runs to tell that from chance"
    low, high = sorted((sign * difference.low, sign * difference.high))
    verdict = (
        "more than chance, by this one test"
        if difference.distinguishable
        else f"not shown to be more than chance, {likeness(difference)}"
    )
    return f"{apart} (95 % interval {low:.2f} to {high:.2f}): {verdict}"
