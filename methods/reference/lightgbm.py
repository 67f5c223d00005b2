"""LightGBM on the table beside components of image and text."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from strokebench.methods.base import Trial
from strokebench.methods.reference.on_all import OnAll
from strokebench.methods.registry import register


@register
@dataclass(kw_only=True, eq=False, repr=False)
class LightGBM(OnAll):
    """Gradient boosting by LightGBM on the table beside principal components of image and text.

    Source: Ke et al., NeurIPS 2017; the settings that lightgbm 4.7 has by itself.

    Ours: 8 components each, one thread, histograms by column, so that no timing decides which sums are rounded, and no
    early stopping: the validation part chooses nothing.
    """

    name = "lightgbm"
    label = "LightGBM, all"
    library = "lightgbm"

    trees: int = 100
    leaves: int = 31
    learning_rate: float = 0.1

    def fit_estimator(self, x: NDArray, y: NDArray, x_validation: NDArray, y_validation: NDArray) -> Any:
        from lightgbm import LGBMClassifier

        return LGBMClassifier(
            n_estimators=self.trees,
            num_leaves=self.leaves,
            learning_rate=self.learning_rate,
            n_jobs=1,
            random_state=self.random_state,
            deterministic=True,
            force_col_wise=True,
            verbosity=-1,
        ).fit(x, y)

    def estimator_facts(self) -> dict[str, float]:
        return {"trees": self.trees}

    @staticmethod
    def search_space(trial: Trial) -> dict[str, Any]:
        return {
            "leaves": trial.suggest_categorical("leaves", [4, 8, 15, 31]),
            "learning_rate": trial.suggest_categorical("learning_rate", [0.02, 0.05, 0.1]),
        }
