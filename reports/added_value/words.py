"""What was shown of each addition, and what was not, in plain words."""

import math
from collections.abc import Sequence

from strokebench.reports.added_value.measure import Step
from strokebench.reports.statistics.decisions import MARGIN

POINTS = f"{100 * MARGIN:g} points"


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
    if step.no_matter:
        return f"{adds}: whatever is added is less than {POINTS}"
    if step.not_worse:
        return f"{adds}: a gain is not shown, nor ruled out; a loss of {POINTS} is"
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
