"""XGBoost, Random Forest and SVM on the table, the paper's conventional baselines."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from strokebench.datasets.files import StrokebenchError, atomic_path
from strokebench.methods.base import Family, Method, two_columns
from strokebench.methods.registry import register
from strokebench.tasks.trimodal import Modality, TriModal

if TYPE_CHECKING:
    import optuna
    from sklearn.tree._tree import Tree

COMPONENTS = 32
"""Principal components of image and of text when `inputs="all"` (our choice)."""

TRUSTED = ["xgboost.sklearn.XGBClassifier", "xgboost.core.Booster", "sklearn.tree._tree.Tree"]
"""Types that a saved method may hold beside those that skops trusts by itself."""


@dataclass(kw_only=True, eq=False, repr=False)
class Traditional(Method):
    """What the three share: which inputs they read, and safe saving.

    Args:
        inputs: `table`, or `all`: the table beside 32 principal components of the image vector and of the
            text's mean over prompts, fitted on the training part.
    """

    uses: ClassVar[frozenset[Modality]] = frozenset({Modality.TABLE})
    family: ClassVar[Family] = Family.TRADITIONAL

    inputs: str = "table"
    reductions_: dict[str, PCA] = field(init=False, default_factory=dict)

    def features(self, x: TriModal, fit: bool = False) -> NDArray[np.float32]:
        """The columns that the estimator reads, (n, columns)."""
        if self.inputs == "table":
            return x.table
        if self.inputs != "all":
            raise StrokebenchError(f"{self.name}: inputs={self.inputs!r} is unknown.", "Use table or all.")
        sources = {"image": x.image, "text": x.text.mean(1).reshape(len(x), -1)}
        if fit:
            self.reductions_ = {
                name: PCA(min(COMPONENTS, *source.shape), random_state=self.random_state).fit(source)
                for name, source in sources.items()
            }
        reduced = [self.reductions_[name].transform(source) for name, source in sources.items()]
        return np.hstack([x.table, *reduced])

    def fit(self, train: TriModal, y: NDArray, validation: TriModal, y_validation: NDArray) -> Self:
        features = self.features(train, fit=True)
        held_out = self.features(validation)
        self.estimator_ = self.fit_estimator(features, y, held_out, y_validation)
        self.facts_ = self.estimator_facts()
        return self

    def fit_estimator(self, x: NDArray, y: NDArray, x_validation: NDArray, y_validation: NDArray) -> Any:
        """The fitted scikit-learn estimator."""
        raise NotImplementedError

    def estimator_facts(self) -> dict[str, float]:
        """Numbers worth logging of the fitted estimator."""
        return {}

    def predict_proba(self, x: TriModal) -> NDArray[np.float64]:
        return two_columns(self.estimator_.predict_proba(self.features(x))[:, 1])

    def _save_model(self, folder: Path) -> None:
        import skops.io

        with atomic_path(folder / "model.skops") as path:
            skops.io.dump({"estimator": self.estimator_, "reductions": self.reductions_}, path)

    def _load_model(self, folder: Path) -> None:
        import skops.io

        path = folder / "model.skops"
        try:
            state = skops.io.load(path, trusted=TRUSTED)
        except Exception as error:
            raise StrokebenchError(f"{path} cannot be read: {error}") from None
        self.estimator_, self.reductions_ = state["estimator"], state["reductions"]
        for tree in getattr(self.estimator_, "estimators_", ()):
            if not is_sound(tree.tree_):
                raise StrokebenchError(f"{path} is damaged: a tree points outside itself.", "Fit and save it again.")


@register
@dataclass(kw_only=True, eq=False, repr=False)
class XGBoost(Traditional):
    """Gradient-boosted trees, stopped early on validation AUC.

    Source: Chen and Guestrin 2016, as the paper's row; it gives no settings.

    Ours: at most 500 trees of depth 3, learning rate 0.05, 80 % of rows and columns a tree, patience 30.
    """

    name = "xgboost"
    label = "XGBoost"
    paper_row = 1

    trees: int = 500
    depth: int = 3
    learning_rate: float = 0.05
    subsample: float = 0.8
    patience: int = 30

    def fit_estimator(self, x: NDArray, y: NDArray, x_validation: NDArray, y_validation: NDArray) -> Any:
        from xgboost import XGBClassifier

        # Without both classes in the validation part there is no AUC to stop on.
        stop = len(np.unique(y_validation)) == 2
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
    def search_space(trial: optuna.Trial) -> dict[str, Any]:
        return {
            "depth": trial.suggest_int("depth", 2, 6),
            "learning_rate": trial.suggest_categorical("learning_rate", [0.02, 0.05, 0.1]),
            "subsample": trial.suggest_float("subsample", 0.6, 1.0, step=0.2),
        }


@register
@dataclass(kw_only=True, eq=False, repr=False)
class RandomForest(Traditional):
    """A random forest.

    Source: Breiman 2001, as the paper's row; it gives no settings.

    Ours: 500 trees, leaves of at least 2 patients.
    """

    name = "random_forest"
    label = "Random Forest"
    paper_row = 2

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
    def search_space(trial: optuna.Trial) -> dict[str, Any]:
        return {
            "leaf": trial.suggest_categorical("leaf", [1, 2, 5, 10]),
            "columns": trial.suggest_categorical("columns", ["sqrt", "log2"]),
        }


@register
@dataclass(kw_only=True, eq=False, repr=False)
class SVM(Traditional):
    """A support vector machine with a radial kernel.

    Source: Cortes and Vapnik 1995, as the paper's row; it gives no settings.

    Ours: C = 1; the probability is the logistic function of the decision value, so that its AUC is that of
    the decision value and 0.5 is the machine's own boundary. It is not calibrated.
    """

    name = "svm"
    label = "SVM"
    paper_row = 3

    C: float = 1.0
    gamma: str | float = "scale"

    def fit_estimator(self, x: NDArray, y: NDArray, x_validation: NDArray, y_validation: NDArray) -> Any:
        from sklearn.svm import SVC

        return SVC(C=self.C, gamma=self.gamma, random_state=self.random_state).fit(x, y)

    def predict_proba(self, x: TriModal) -> NDArray[np.float64]:
        from scipy.special import expit

        return two_columns(expit(self.estimator_.decision_function(self.features(x))))

    @staticmethod
    def search_space(trial: optuna.Trial) -> dict[str, Any]:
        return {
            "C": trial.suggest_float("C", 0.01, 100, log=True),
            "gamma": trial.suggest_float("gamma", 1e-4, 0.1, log=True),
        }


def is_sound(tree: Tree) -> bool:
    """Whether a loaded tree's nodes point forward to nodes and columns that exist.

    scikit-learn follows them without looking, so that a doctored file could make it read foreign memory.
    """
    state = tree.__getstate__()
    nodes, count = state["nodes"], state["node_count"]
    if len(nodes) != count or len(state["values"]) != count:
        return False
    left, right = nodes["left_child"], nodes["right_child"]
    inner, own = left != -1, np.arange(count)
    children = np.stack([left, right])[:, inner]
    forward = (children > own[inner]).all() and (children < count).all()
    columns = nodes["feature"][inner]
    return bool(forward and (right[~inner] == -1).all() and ((columns >= 0) & (columns < tree.n_features)).all())
