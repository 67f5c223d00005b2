"""A random forest on the table."""

from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import NDArray

from strokebench.methods.base import Trial
from strokebench.methods.parts.estimators import Traditional
from strokebench.methods.registry import register


@register
@dataclass(kw_only=True, eq=False, repr=False)
class RandomForest(Traditional):
    """A random forest.

    Source: Breiman 2001, as the paper's row; it gives no settings.

    Ours: 500 trees, leaves of at least 2 patients.
    """

    name = "random_forest"
    label = "Random Forest"
    paper_row: ClassVar[int | None] = 2

    trees: int = 500
    leaf: int = 2
    columns: str = "sqrt"

    def fit_estimator(self, x: NDArray, y: NDArray, x_validation: NDArray, y_validation: NDArray) -> Any:
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(
            n_estimators=self.trees,
            min_samples_leaf=self.leaf,
            max_features=self.columns,
            random_state=self.random_state,
            n_jobs=1,
        ).fit(x, y)

    def estimator_facts(self) -> dict[str, float]:
        return {"trees": self.trees}

    @staticmethod
    def search_space(trial: Trial) -> dict[str, Any]:
        return {
            "leaf": trial.suggest_categorical("leaf", [1, 2, 5, 10]),
            "columns": trial.suggest_categorical("columns", ["sqrt", "log2"]),
        }
