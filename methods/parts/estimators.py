"""Methods on an estimator of scikit-learn's kind: by default on the table, by choice on image and text too."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from strokebench.errors import StrokebenchError
from strokebench.files import atomic_path, read_json, write_json
from strokebench.methods.base import Family, Method
from strokebench.tasks.endpoint import Endpoint
from strokebench.tasks.inputs import Inputs

if TYPE_CHECKING:
    from sklearn.tree._tree import Tree

TRUSTED = [
    "xgboost.sklearn.XGBClassifier",
    "xgboost.core.Booster",
    "catboost.core.CatBoostClassifier",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "collections.OrderedDict",
    "sklearn.tree._tree.Tree",
    "strokebench.methods.reference.proportional_odds.ProportionalOdds",
]
"""Types that a saved method may hold beside those that skops trusts by itself."""


@dataclass(kw_only=True, eq=False, repr=False)
class EstimatorMethod(Method):
    """A scikit-learn estimator on columns: how it is fitted, asked and safely saved.

    Class attributes:
        takes_grades: whether the estimator takes ordered labels as they are; else they are predicted by one such method
            a cut, whose probabilities are put in order (`Endpoint.dichotomies`).
    """

    takes_grades: ClassVar[bool] = False

    reductions_: dict[str, PCA] = field(init=False, default_factory=dict)
    by_cut_: list[Self | float] = field(init=False, default_factory=list)

    @property
    def dichotomies(self) -> tuple[Endpoint, ...]:
        """The binary outcomes that it is fitted to one by one; none where it takes the labels as they are."""
        return () if self.takes_grades else self.endpoint.dichotomies

    def features(self, x: Inputs, fit: bool = False) -> NDArray:
        """The columns that the estimator reads, (n, columns)."""
        raise NotImplementedError

    def fit(self, train: Inputs, y: NDArray, validation: Inputs, y_validation: NDArray) -> Self:
        if not self.dichotomies:
            self.fit_labels(train, y, validation, y_validation)
            return self
        self.by_cut_ = [
            self._fit_cut(cut, train, y > label, validation, y_validation > label)
            for label, cut in enumerate(self.dichotomies)
        ]
        self.facts_ = {
            f"{name}_above_{label}": fact
            for label, part in enumerate(self.by_cut_)
            if isinstance(part, EstimatorMethod)
            for name, fact in part.facts_.items()
        }
        return self

    def _fit_cut(
        self, cut: Endpoint, train: Inputs, above: NDArray, validation: Inputs, above_validation: NDArray
    ) -> Self | float:
        """This method for the binary outcome `cut`, labels (n,) and (m,); the label of all where they have but one."""
        if above.all() or not above.any():
            return float(above[0])
        part = type(self)(**self.get_params())
        part.endpoint = cut
        return part.fit(train, above.astype(np.int8), validation, above_validation.astype(np.int8))

    def fit_labels(self, train: Inputs, y: NDArray, validation: Inputs, y_validation: NDArray) -> None:
        """`fit` of labels (n,) and (m,) that the estimator takes as they are."""
        features = self.features(train, fit=True)
        held_out = self.features(validation)
        self.estimator_ = self.fit_estimator(features, y, held_out, y_validation)
        self.facts_ = self.estimator_facts()

    def fit_estimator(self, x: NDArray, y: NDArray, x_validation: NDArray, y_validation: NDArray) -> Any:
        """The fitted scikit-learn estimator, from `x` (n, columns) and labels (n,)."""
        raise NotImplementedError

    def estimator_facts(self) -> dict[str, float]:
        """Numbers worth logging of the fitted estimator."""
        return {}

    def predict_proba(self, x: Inputs) -> NDArray[np.float64]:
        if not self.dichotomies:
            return self.predict_labels(x)
        above = [
            np.full(len(x), part) if isinstance(part, float) else part.predict_proba(x)[:, 1] for part in self.by_cut_
        ]
        return self.endpoint.from_cuts(np.column_stack(above))

    def predict_labels(self, x: Inputs) -> NDArray[np.float64]:
        """Probabilities (n, levels) of the labels of `fit_labels`."""
        return label_probabilities(self.estimator_, self.features(x), self.endpoint.levels)

    def _save_model(self, folder: Path) -> None:
        import skops.io

        if self.dichotomies:
            for label, part in enumerate(self.by_cut_):
                if isinstance(part, EstimatorMethod):
                    part.save(folder / f"above_{label}")
            write_json(folder / "cuts.json", [part if isinstance(part, float) else None for part in self.by_cut_])
            return
        with atomic_path(folder / "model.skops") as path:
            skops.io.dump({"estimator": self.estimator_, "reductions": self.reductions_}, path)

    def _load_model(self, folder: Path) -> None:
        import skops.io

        if self.dichotomies:
            self.by_cut_ = [
                self.load(folder / f"above_{label}") if label_of_all is None else label_of_all
                for label, label_of_all in enumerate(read_json(folder / "cuts.json"))
            ]
            return
        path = folder / "model.skops"
        try:
            state = skops.io.load(path, trusted=TRUSTED)
        except Exception as error:
            raise StrokebenchError(f"{path} cannot be read: {error}") from None
        self.estimator_, self.reductions_ = state["estimator"], state["reductions"]
        for tree in getattr(self.estimator_, "estimators_", ()):
            if tree.tree_.n_features != self.estimator_.n_features_in_ or not is_sound(tree.tree_):
                raise StrokebenchError(f"{path} is damaged: a tree points outside itself.", "Fit and save it again.")


ALL = ("table", "image.vector", "text")
"""The arrays that `inputs` of `all` stands for."""


@dataclass(kw_only=True, eq=False, repr=False)
class Traditional(EstimatorMethod):
    """A conventional method: the table, or the table beside what image and text can be reduced to.

    Args:
        inputs: `table`, or `all`: the table beside principal components of the image vector and of the text's mean
            over prompts, fitted on the training part.

    Class attributes:
        components: how many of image and of text (our choice).
    """

    reads: ClassVar[tuple[str, ...]] = ("table",)
    family: ClassVar[Family] = Family.TRADITIONAL
    components: ClassVar[int] = 32

    inputs: str = "table"

    def arrays(self) -> tuple[str, ...]:
        return ALL if self.inputs == "all" else self.reads

    def blocks(self, x: Inputs, fit: bool = False) -> dict[str, NDArray[np.float32]]:
        """By modality, the columns that are read of it, each (n, columns)."""
        table = {"table": x.arrays["table"]}
        if self.inputs == "table":
            return table
        self.refuse_unless("inputs", ("table", "all"))
        sources = {"image": x.arrays["image.vector"], "text": x.arrays["text"].mean(1).reshape(len(x), -1)}
        if fit:
            self.reductions_ = {
                name: PCA(min(self.components, *source.shape), random_state=self.random_state).fit(source)
                for name, source in sources.items()
            }
        return table | {name: self.reductions_[name].transform(source) for name, source in sources.items()}

    def features(self, x: Inputs, fit: bool = False) -> NDArray[np.float32]:
        """The columns that the estimator reads, (n, columns)."""
        return np.hstack(list(self.blocks(x, fit).values()))


def label_probabilities(estimator: Any, x: NDArray, levels: int) -> NDArray[np.float64]:
    """Probabilities (n, levels) by a fitted scikit-learn estimator of columns (n, columns).

    A label that no training patient has keeps a probability of 0.
    """
    p = np.zeros((len(x), levels))
    p[:, estimator.classes_] = estimator.predict_proba(x)
    return p


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
