"""Every number that the paper reports beside ours, with a verdict by one rule for all.

The rule (our choice). Each mean gets a 95 % interval of 1.96 standard errors, of which the square is the sampling
error of the test patients plus the error of the mean over runs:

- patients: Hanley and McNeil's formula for the AUC; for the others sqrt(v (1 - v) / n), with n all test patients
  for ACC, the negatives for specificity, and the positives for recall, precision and F1 (for the last two that is
  an approximation, as the paper prints no count of patients called positive);
- runs: the population deviation over R runs as std / sqrt(R - 1); nothing where the paper prints none. All runs
  are tested on the same patients, so more runs do not lessen the first part.

Overlapping intervals say that the numbers cannot be told apart, not that they are equal. As the patients are not
the paper's, no verdict says that the paper's result was or was not replicated.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from strokebench.reports.audit.forensics import Design, RowFinding, audit
from strokebench.reports.audit.read import read_printed
from strokebench.reports.paper.numbers import (
    OTHER_OUTCOME,
    SINGLE,
    Address,
    is_papers_outcome,
    methods_of,
    paper_number,
    paper_numbers,
    paper_settings,
)
from strokebench.reports.results import RUN, Results
from strokebench.reports.statistics.intervals import Z, auc_standard_error
from strokebench.reports.summary import summarise
from strokebench.reports.tables.table import PaperNumber
from strokebench.tasks.metrics.paper import PAPER_METRICS
from strokebench.tasks.paper_setup import LOSS_LABELS, NEGATIVES, POSITIVES, RUNS

PAPER = Design(positives=POSITIVES, negatives=NEGATIVES, runs=RUNS)

PROVENANCE = {
    "reported": "",
    "prose": "from the text",
    "derived": "follows from two printed numbers",
    "inferred": "follows approximately from printed numbers",
    "approx": "“approximately” so much below VDAFM, of a group of methods",
    "prose_error": "printed, but the paper's tables say otherwise",
    "stripped": "lost in the text that we read",
}
ANOTHER_WAY = "rows of Table 1 on one modality were probably made in another way"


class Verdict(StrEnum):
    """How our number lies to the paper's; none of them is good or bad."""

    OVERLAP = "intervals overlap"
    HIGHER = "ours higher"
    LOWER = "ours lower"
    NOT_COMPARABLE = "not comparable"
    NOT_IN_TEXT = "not in our text"
    NOT_RUN = "no finished run"


@dataclass(frozen=True)
class Ours:
    """Our mean and population deviation in [0, 1], over this many runs, and the mean size of the test parts."""

    mean: float
    std: float
    runs: float
    positives: float
    negatives: float


@dataclass(frozen=True)
class PaperComparison:
    """One number of the paper and ours; `name` is what the row of the paper is called, `note` what to know of it."""

    source: str
    row: str
    name: str
    metric: str
    paper: PaperNumber | None
    ours: Ours | None
    verdict: Verdict
    note: str = ""

    @property
    def difference(self) -> float | None:
        """Ours minus the paper's, in [-1, 1]."""
        return None if self.ours is None or self.paper is None else self.ours.mean - self.paper.mean / 100


def compare(results: Results, findings: Sequence[RowFinding] | None = None) -> list[PaperComparison]:
    """All numbers of the paper that a setting of ours stands beside, in the paper's order.

    Args:
        findings: of the audit of the paper's numbers; None: audited now.
    """
    audited = {finding.row.name: finding for finding in (paper_audit() if findings is None else findings)}
    ours = our_numbers(results)
    settings = paper_settings()
    labels = {method.name: method.label for method in results.methods}
    other_outcome, single = "" if is_papers_outcome(results) else OTHER_OUTCOME, methods_of(*SINGLE)
    found = []
    for number in paper_numbers().to_dict("records"):
        address = (number["source"], number["row"], number["label"])
        metric = number["metric"]
        if address not in settings or metric not in PAPER_METRICS or number["provenance"] == "ordinal":
            continue
        paper = paper_number(address[0], address[2], metric, address[1])
        mine = _mean([ours.get((setting.key, metric)) for setting in settings[address]])
        finding = audited.get("/".join((address[0], address[2])))
        reason = other_outcome or _not_comparable(metric, number["provenance"], finding)
        if paper and mine and not reason and any(setting.method in single for setting in settings[address]):
            reason = ANOTHER_WAY
        found.append(
            PaperComparison(
                source=address[0],
                row=address[1],
                name=name_of(address, labels),
                metric=metric,
                paper=paper,
                ours=mine,
                verdict=Verdict.NOT_COMPARABLE if reason else verdict(metric, paper, mine),
                note="; ".join(filter(None, [reason, *_remarks(metric, number["provenance"], finding)])),
            )
        )
    return found


def paper_audit() -> list[RowFinding]:
    """The audit of the numbers that the paper prints."""
    return audit(read_printed(), PAPER)


def verdict(metric: str, paper: PaperNumber | None, ours: Ours | None) -> Verdict:
    """The rule of this module."""
    if paper is None:
        return Verdict.NOT_IN_TEXT
    if ours is None or math.isnan(ours.mean):
        return Verdict.NOT_RUN
    std = (paper.std or 0) / 100
    theirs = paper.mean / 100
    reach = Z * standard_error(metric, theirs, std, PAPER.runs, PAPER.positives, PAPER.negatives)
    reach += Z * standard_error(metric, ours.mean, ours.std, ours.runs, ours.positives, ours.negatives)
    if abs(ours.mean - theirs) <= reach:
        return Verdict.OVERLAP
    return Verdict.HIGHER if ours.mean > theirs else Verdict.LOWER


def standard_error(metric: str, mean: float, std: float, runs: float, positives: float, negatives: float) -> float:
    """Of a mean over runs that are tested on the same patients, in [0, 1].

    Args:
        std: population deviation over runs. positives, negatives: patients of the test part.
    """
    between = std**2 / (runs - 1) if runs > 1 else 0.0
    return math.sqrt(_sampling_variance(metric, mean, positives, negatives) + between)


def _sampling_variance(metric: str, value: float, positives: float, negatives: float) -> float:
    if metric == "AUC":
        return auc_standard_error(value, positives, negatives) ** 2
    n = {"ACC": positives + negatives, "Specificity": negatives}.get(metric, positives)
    return value * (1 - value) / n


def our_numbers(results: Results) -> dict[tuple[tuple[str, str, str], str], Ours]:
    """(method, variant, condition), metric -> ours; settings without a finished run are absent."""
    predictions = results.predictions
    if predictions.empty:
        return {}
    events = predictions.assign(y=results.endpoint.events(predictions["y"]))
    sizes = events.groupby(list(RUN), dropna=False)["y"].agg(["sum", "size"]).mean()
    positives, negatives = float(sizes["sum"]), float(sizes["size"] - sizes["sum"])
    return {
        ((str(row["method"]), str(row["variant"]), str(row["condition"])), metric): Ours(
            float(row[metric]), float(row[f"{metric}_std"]), float(row["done"]), positives, negatives
        )
        for row in summarise(results).to_dict("records")
        for metric in PAPER_METRICS
        if row["done"] and not pd.isna(row[metric])
    }


def name_of(address: Address, labels: Mapping[str, str]) -> str:
    """What tables call a row of the paper."""
    source, row, label = address
    match source:
        case "table2":
            return " + ".join(part.capitalize() for part in label.split("+"))
        case "table3":
            return LOSS_LABELS[label]
        case "fig2":
            return row.replace("=", " ").replace(",", ", ").replace("heads mean", "mean over heads")
        case "fig3":
            return "chosen loss weights"
    if label.startswith("traditional("):
        return "mean of the traditional methods"
    return labels.get(label, label)


def _mean(numbers: Sequence[Ours | None]) -> Ours | None:
    """The mean of several settings; None where one of them has no finished run."""
    known = [number for number in numbers if number is not None]
    if len(known) < len(numbers) or not known:
        return None
    means = pd.DataFrame([vars(number) for number in known]).mean()
    return Ours(**{str(name): float(value) for name, value in means.items()})


def _not_comparable(metric: str, provenance: str, finding: RowFinding | None) -> str:
    if provenance == "prose_error":
        return PROVENANCE[provenance]
    if finding and any(wrong.metric == metric for wrong in finding.unrepresentable):
        return f"not a mean of {PAPER.runs} runs on {PAPER.positives} and {PAPER.negatives} patients"
    return ""


def _remarks(metric: str, provenance: str, finding: RowFinding | None) -> list[str]:
    remarks = [PROVENANCE.get(provenance, provenance)] if provenance != "prose_error" else []
    for suspect in finding.suspects if finding else ():
        if suspect.cell[0] == metric:
            fits = " or ".join(f"{value:.2f}" for value in suspect.implied)
            remarks.append(f"its {'mean' if suspect.cell[1] == 'mean' else 'deviation'} should be {fits}")
    return remarks
