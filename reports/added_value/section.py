"""What image and text add, as a table, a picture and a paragraph, which says what was shown and what was not."""

import math
from collections.abc import Sequence

from matplotlib.figure import Figure

from strokebench.reports.added_value.measure import THRESHOLDS, Step, measure
from strokebench.reports.comparison.words import p_value
from strokebench.reports.results import Results
from strokebench.reports.statistics.decisions import ALPHA, MARGIN, POINTS, equivalent, non_inferior, verdict
from strokebench.reports.summary import judged_runs
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.hover import ON_HOVER
from strokebench.reports.tables.results_table import results_table
from strokebench.reports.tables.section import Panel, Section
from strokebench.reports.tables.style import INK, LOOKS, PALE, ROWS, SOFT, head, plain, short_name
from strokebench.reports.tables.table import Cell, Column, Kind, Row, Table, text_columns


def added_value_section(results: Results, title: str) -> Section:
    """Everything that the experiment says."""
    steps, metric = measure(results), results.endpoint.ranked_by
    panels = [
        Panel(
            "added_value",
            added_value_table(results, steps),
            shows="What a method gains when it is given image, text or both beside the clinical table, on the same "
            "test patients and with the same training.",
            does_not_show="What a radiologist's eye would add, or another encoder: only what this method makes of it.",
        ),
        Panel(
            "added_value_use",
            added_value_table(results, steps, use=True),
            shows="The same steps by their worth: how much nearer probabilities come to what happened"
            + (", and how many more patients are rightly acted on." if results.endpoint.binary else "."),
            does_not_show="That one should act: every harm and cost counts in a choice.",
        ),
        Panel(
            "added_value_picture",
            draw_gains(steps, metric, words.setting_line(results)),
            title=f"Gain in {metric} over the table alone",
            shows=f"Each gain with its 95 % interval; the grey band is {POINTS} to either side, within which a change "
            "would not matter to us.",
            does_not_show="That what lies across the line is nothing: it is not shown, which more patients may change.",
        ),
    ]
    return Section("added_value", title, words.cohort_title(results), panels, lead(steps))


def added_value_table(results: Results, steps: Sequence[Step], use: bool = False) -> Table:
    """One row a method and step: AUC, or c, without and with, its gain, and what is shown.

    Args:
        use: gains in Brier score and net benefit instead.
    """
    metric = results.endpoint.ranked_by
    columns = [
        Column("before", f"{metric}, table", Kind.PERCENT),
        Column("after", "with it", Kind.PERCENT),
        *text_columns(gain="Gain, points", p="p (Holm)", verdict="What is shown"),
    ]
    if use:
        columns = text_columns(
            brier="Brier falls by",
            **{_key(at): f"Net benefit at {100 * at:g} %" for at in THRESHOLDS if results.endpoint.binary},
        )
    rows = []
    for step in steps:
        texts = {
            "gain": step.gain.text(signed=True),
            "p": p_value(step.p_holm),
            "brier": step.brier.text(1, 3, signed=True),
            **{_key(at): gain.text(signed=True) for at, gain in step.net_benefit.items()},
            "verdict": verdict(step.gain, step.p_holm),
        }
        cells = {name: Cell(text=text) for name, text in texts.items()}
        cells |= {"before": Cell(step.before), "after": Cell(step.after)}
        key = f"{step.method.name}/{step.added}"
        rows.append(Row(key, f"+ {step.added}", step.method.label, cells, step.runs, _planned(results, step)))
    return results_table(
        results,
        "added_value_use" if use else "added_value",
        "Added value of image and text" + (": what probabilities gain" if use else ""),
        columns,
        rows,
        words.caption(results, metrics=False),
        [
            "The table alone: the method is trained with image and text set to the training mean; each step is trained "
            f"anew. {_worth(results)} of probabilities with the balance of training undone.",
            "Intervals: the mean of the variance over patients (DeLong's for the AUC) and Nadeau's and Bengio's over "
            "runs, with Student's t; over patients alone where the protocol draws no test parts. Unadjusted; a gain or "
            f"loss is called shown where p, by Holm over a method's steps, is below {ALPHA:g}; no loss (gain) of "
            f"{POINTS} where the whole interval lies above -{POINTS} (below +{POINTS}), a margin of our choice.",
        ],
        head="Added to the table",
    )


def draw_gains(steps: Sequence[Step], metric: str, cohort: str) -> Figure:
    """A dot and interval a step, by method; filled where the gain is shown."""
    figure = Figure(figsize=(8.2, 1.6 + 0.42 * max(1, len(steps))), layout="constrained")
    axes = figure.add_subplot()
    axes.axvspan(-100 * MARGIN, 100 * MARGIN, color=PALE, zorder=0)
    axes.axvline(0, color=SOFT, linewidth=1, zorder=1)
    colour, shape = LOOKS[0]
    for height, step in enumerate(steps):
        gain = step.gain
        axes.plot([100 * gain.low, 100 * gain.high], [height] * 2, color=INK, linewidth=1.5, zorder=2)
        fill = colour if step.gains or step.loses else "white"
        axes.plot(100 * gain.value, height, shape, color=fill, markeredgecolor=INK, markersize=8, zorder=3,
                  gid=f"{ON_HOVER}{step.method.label} + {step.added}: {gain.text(signed=True)}")  # fmt: skip
    axes.set_yticks(range(len(steps)), [f"{short_name(step.method.label)}\n+ {step.added}" for step in steps])
    axes.set_ylim(len(steps) - 0.4, -0.6)
    axes.set_xlabel(f"Gain in {metric}, points, with 95 % interval; filled: shown; grey: within {POINTS}", color=INK)
    plain(axes, "x", ROWS)
    head(figure, cohort, 10, colour=INK)
    return figure


def _worth(results: Results) -> str:
    if results.endpoint.binary:
        return "Net benefit is per 100 patients, its thresholds our choice. It and the Brier score are"
    return "The Brier score is the mean over all cuts between grades (ranked probability score),"


def _key(threshold: float) -> str:
    return f"net_{100 * threshold:g}"


def _planned(results: Results, step: Step) -> int:
    runs = judged_runs(results)
    planned = runs[runs["method"] == step.method.name]
    return len(planned[["seed", "fold"]].drop_duplicates())


def sentence(step: Step) -> str:
    """What the step does to the method's AUC, or c, and how surely."""
    low, high = 100 * step.gain.low, 100 * step.gain.high
    verb = "add" if " and " in step.added else "adds"
    adds = f"{step.added} {verb} {100 * step.gain.value:+.1f} points of {step.metric}"
    if math.isnan(step.gain.p):
        return f"{adds}: no interval can be given, so nothing is shown"
    adds += f" (95 % interval {low:+.1f} to {high:+.1f})"
    if step.gains:
        return f"{adds}: a gain is shown"
    if step.loses:
        return f"{adds}: a loss is shown"
    if step.gain.p < ALPHA and not equivalent(step.gain):
        # The interval, which is of this step alone, leaves out 0.
        return f"{adds}: not shown, since p is {p_value(step.p_holm)} by Holm over the method's steps"
    if equivalent(step.gain):
        return f"{adds}: whatever is added is less than {POINTS}"
    if non_inferior(step.gain):
        return f"{adds}: a gain is not shown, nor ruled out; a loss of {POINTS} is"
    if step.gain.high < MARGIN:
        return f"{adds}: a gain of {POINTS} is ruled out; a loss is not, nor shown"
    return f"{adds}: neither a gain nor its absence is shown"


def lead(steps: Sequence[Step]) -> str:
    """The finding, a sentence a method."""
    if not steps:
        return "No step has finished runs on both sides yet: nothing can be said of what image and text add."
    said = []
    for label in dict.fromkeys(step.method.label for step in steps):
        own = [sentence(step) for step in steps if step.method.label == label]
        said.append(f"Beside the table alone ({label}), {'; '.join(own)}.")
    return " ".join(
        [
            *said,
            "This is of these encoders and methods: what they do not read in image or text may still be there.",
        ]
    )
