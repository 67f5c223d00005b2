"""What was shown of each addition, and what was not, in plain words."""

from __future__ import annotations

from collections.abc import Sequence

from strokebench.reports.added_value.measure import Step
from strokebench.reports.statistics.decisions import MARGIN

POINTS = f"{100 * MARGIN:g} points"


def verdict(step: Step) -> str:
    """One line for the table."""
    if step.gains:
        return "a gain is shown"
    if step.loses:
        return "a loss is shown"
    if step.no_matter:
        return f"no gain or loss of {POINTS}"
    if step.not_worse:
        return f"no gain shown, no loss of {POINTS}"
    return "nothing is shown"


def sentence(step: Step) -> str:
    """What the step does to the method's AUC, and how surely."""
    low, high = 100 * step.auc.low, 100 * step.auc.high
    size = f"{100 * step.auc.value:+.1f} points of AUC (95 % interval {low:+.1f} to {high:+.1f})"
    name = f"to {step.method.label} on the table, {step.added} {'add' if ' and ' in step.added else 'adds'} {size}"
    if step.gains:
        return f"{name}: a gain is shown"
    if step.loses:
        return f"{name}: a loss is shown"
    if step.no_matter:
        return f"{name}: whatever is added is less than {POINTS}"
    if step.not_worse:
        return f"{name}: a gain is not shown, nor ruled out; a loss of {POINTS} is"
    return f"{name}: neither a gain nor its absence is shown"


def lead(steps: Sequence[Step]) -> str:
    """The finding, a sentence a step."""
    if not steps:
        return "No step has finished runs on both sides yet: nothing can be said of what image and text add."
    said = "; ".join(sentence(step) for step in steps)
    return (
        f"{said[0].upper()}{said[1:]}. This is of these encoders and methods: what they do not read out of an image or "
        "a text may still be in it."
    )
