"""A method that takes no time and whose two hyper-parameters matter: which way it points, and how much it reads."""

from dataclasses import dataclass
from pathlib import Path

from strokebench.methods.base import Family, Method, two_columns


@dataclass(kw_only=True, eq=False, repr=False)
class Tunable(Method):
    """The difference of class means on the first columns of the image vector, or its opposite."""

    name = "tunable"
    label = "Tunable"
    family = Family.TRADITIONAL
    reads = ("image.vector",)

    sign: str = "plus"
    columns: int = 4

    def fit(self, train, y, validation, y_validation):
        if self.sign == "broken":
            raise ArithmeticError("the planted error")
        means = [train.arrays["image.vector"][y == label, : self.columns].mean(axis=0) for label in (0, 1)]
        self.weights_ = (means[1] - means[0]) * (1 if self.sign == "plus" else -1)
        self.facts_ = {"parameters": self.columns}
        return self

    def predict_proba(self, x):
        from scipy.special import expit

        return two_columns(expit(x.arrays["image.vector"][:, : self.columns] @ self.weights_))

    def _save_model(self, folder: Path) -> None: ...

    def _load_model(self, folder: Path) -> None: ...

    @staticmethod
    def search_space(trial):
        return {
            "sign": trial.suggest_categorical("sign", ["plus", "minus"]),
            "columns": trial.suggest_int("columns", 2, 8, step=2),
        }
