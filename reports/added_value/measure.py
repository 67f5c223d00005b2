"""Nested models on the same folds: the table, then image and text beside it, and what each step gains."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from strokebench.reports.results import MethodInfo, Results
from strokebench.reports.statistics.decisions import ALPHA, holm
from strokebench.reports.statistics.delong import delong
from strokebench.reports.statistics.gains import auc_gain, error_gain, net_benefit_gain, squared_errors
from strokebench.reports.statistics.paired import PairedTest, is_corrected, parts_of, test_share
from strokebench.reports.statistics.prior import undo_balance
from strokebench.reports.statistics.scores import arrange
from strokebench.tasks.conditions import COMPLETE, Condition

CLINICAL = Condition(frozenset({"table"}))
STEPS: Mapping[str, Condition] = {
    "image": Condition(frozenset({"table", "image"})),
    "text": Condition(frozenset({"table", "text"})),
    "image and text": COMPLETE,
}
"""What is added to the table -> what the method then sees; it is trained anew for each."""

THRESHOLDS = (0.2, 0.3, 0.5)
"""Probabilities from which one would act, at which net benefit is compared (our choice)."""


@dataclass(frozen=True)
class Step:
    """One addition to the table, for one method; positive gains are better.

    Args:
        added: a key of `STEPS`.
        metric: AUC, or c where grades are predicted.
        before, after: its mean without and with it, over the runs that both have.
        gain: of the metric. brier: of the Brier score, of grades its mean over the cuts.
        net_benefit: by threshold; none of grades.
        runs: that both have. p_holm: of the gain in the metric, adjusted over the method's steps.
    """

    method: MethodInfo
    added: str
    metric: str
    before: float
    after: float
    gain: PairedTest
    brier: PairedTest
    net_benefit: Mapping[float, PairedTest]
    runs: int
    p_holm: float = float("nan")

    @property
    def gains(self) -> bool:
        """A gain in the metric is shown."""
        return self.p_holm < ALPHA and self.gain.value > 0

    @property
    def loses(self) -> bool:
        """A loss in the metric is shown."""
        return self.p_holm < ALPHA and self.gain.value < 0


def measure(results: Results) -> list[Step]:
    """Every step of every method that has runs of both sides, by method."""
    judged = results.judged
    if judged.empty:
        return []
    endpoint, undone = results.endpoint, undo_balance(results).loc[judged.index]
    scores = arrange(undone, runs=results.runs, endpoint=endpoint)
    errors = arrange(undone, runs=results.runs, endpoint=endpoint, values=squared_errors(endpoint, undone))
    # Of grades the undoing changes the order of their means, and so c, which is that of Table 1.
    analytic = delong(arrange(judged, runs=results.runs, endpoint=endpoint))
    share, parts = test_share(results) if is_corrected(results) else None, parts_of(results, scores.groups)
    place = {setting.key: name for name, setting in results.settings.items()}
    found: list[Step] = []
    for method in results.methods:
        steps = []
        for added, condition in STEPS.items():
            names = [place.get((method.name, "", c.id)) for c in (CLINICAL, condition)]
            if any(name not in scores.names for name in names):
                continue
            before, after = (scores.names.index(str(name)) for name in names)
            common = scores.tested[before] & scores.tested[after]
            if not common.any():
                continue
            steps.append(
                Step(
                    method,
                    added,
                    endpoint.ranked_by,
                    float(analytic.aucs[before, common].mean()),
                    float(analytic.aucs[after, common].mean()),
                    auc_gain(analytic, before, after, share, parts),
                    error_gain(errors, before, after, share, parts),
                    {
                        t: net_benefit_gain(scores, before, after, t, share, parts)
                        for t in THRESHOLDS
                        if endpoint.binary
                    },
                    int(common.sum()),
                )
            )
        adjusted = holm(np.array([step.gain.p for step in steps]))
        found += [replace(step, p_holm=float(p)) for step, p in zip(steps, adjusted, strict=True)]
    return found
