"""CatBoost on the table beside components of image and text."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strokebench.methods.base import Trial
from strokebench.methods.reference.on_all import OnAll
from strokebench.methods.registry import register


@register
@dataclass(kw_only=True, eq=False, repr=False)
class CatBoost(OnAll):
    """Gradient boosting by CatBoost on the table beside principal components of image and text.

    Source: Prokhorenkova et al., NeurIPS 2018; the settings that catboost 1.2 has by itself.

    Ours: 8 components each, one thread, and no early stopping: the validation part chooses nothing.
    """

    name = "catboost"
    label = "CatBoost, all"
    library = "catboost"

    trees: int = 1000
    depth: int = 6
    penalty: float = 3.0

    def fit_estimator(self, x: NDArray, y: NDArray, x_validation: NDArray, y_validation: NDArray) -> Any:
        from catboost import CatBoostClassifier
        from sklearn.dummy import DummyClassifier

        if not np.ptp(x, axis=0).any():
            # It refuses columns that tell nobody apart.
            return DummyClassifier().fit(x, y)
        # Without a learning rate it takes one by the number of patients and trees.
        return CatBoostClassifier(
            iterations=self.trees,
            depth=self.depth,
            l2_leaf_reg=self.penalty,
            thread_count=1,
            random_seed=self.random_state,
            allow_writing_files=False,
            verbose=False,
        ).fit(x, y)

    def estimator_facts(self) -> dict[str, float]:
        return {"trees": self.trees}

    @staticmethod
    def search_space(trial: Trial) -> dict[str, Any]:
        return {
            "depth": trial.suggest_int("depth", 2, 8),
            "penalty": trial.suggest_categorical("penalty", [1.0, 3.0, 10.0]),
        }
