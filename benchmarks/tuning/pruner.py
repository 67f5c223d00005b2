"""Which trials of a study are stopped before their last fold."""

from copy import copy

from optuna import Study
from optuna.pruners import MedianPruner
from optuna.trial import FrozenTrial

STARTUP_TRIALS = 5
"""The pruner lets so many trials run to their end before it compares."""
WARMUP_SHARE = 0.25
"""And this share of a trial's folds: the first ones tell little (our choice)."""


class MedianOfFold(MedianPruner):
    """Stops a trial whose running mean is below the median of the complete ones' at the same fold.

    Optuna's own compares the best of the trial's values so far, and so goes on with one that was good on its first
    folds alone.

    Args:
        folds: of a complete trial.
    """

    def __init__(self, folds: int) -> None:
        super().__init__(STARTUP_TRIALS, n_warmup_steps=int(WARMUP_SHARE * folds))

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether the trial is to be stopped."""
        last = trial.last_step
        if last is None:
            return False
        now = copy(trial)
        now.intermediate_values = {last: trial.intermediate_values[last]}
        return super().prune(study, now)
