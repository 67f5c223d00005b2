"""XGBoost on the table."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from strokebench.methods.base import Trial
from strokebench.methods.parts.estimators import Traditional
from strokebench.methods.registry import register


@register
@dataclass(kw_only=True, eq=False, repr=False)
class XGBoost(Traditional):
    """Gradient-boosted trees, stopped early on validation AUC.

    Source: Chen and Guestrin 2016, as the paper's row; it gives no settings.

    Ours: at most 500 trees of depth 3, learning rate 0.05, 80 % of rows and columns a tree, patience 30.
    """

    name = "xgboost"
    label = "XGBoost"
    paper_row: ClassVar[int | None] = 1

    trees: int = 500
    depth: int = 3
    learning_rate: float = 0.05
    subsample: float = 0.8
    patience: int = 30

    def fit_estimator(self, x: NDArray, y: NDArray, x_validation: NDArray, y_validation: NDArray) -> Any:
        from xgboost import XGBClassifier

        # Without every class in the validation part there is no AUC to stop on.
        stop = len(np.unique(y_validation)) == self.endpoint.levels
        model = XGBClassifier(
            n_estimators=self.trees,
            max_depth=self.depth,
            learning_rate=self.learning_rate,
            subsample=self.subsample,
            colsample_bytree=self.subsample,
            eval_metric="auc",
            early_stopping_rounds=self.patience if stop else None,
            tree_method="hist",
            n_jobs=1,
            random_state=self.random_state,
        )
        model.fit(x, y, eval_set=[(x_validation, y_validation)] if stop else None, verbose=False)
        if stop:
            self.history_ = {"validation_auc": model.evals_result()["validation_0"]["auc"]}
        return model

    def estimator_facts(self) -> dict[str, float]:
        best = getattr(self.estimator_, "best_iteration", self.trees - 1)
        return {"trees": best + 1}

    @staticmethod
    def search_space(trial: Trial) -> dict[str, Any]:
        return {
            "depth": trial.suggest_int("depth", 2, 6),
            "learning_rate": trial.suggest_categorical("learning_rate", [0.02, 0.05, 0.1]),
            "subsample": trial.suggest_float("subsample", 0.6, 1.0, step=0.2),
        }
