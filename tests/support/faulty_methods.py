"""Methods that each break one promise, and the check that must notice."""

import pickle
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from strokebench.files import read_json, write_json
from strokebench.methods.base import Family, Method, two_columns
from strokebench.tasks.inputs import Inputs


def columns(x: Inputs) -> np.ndarray:
    return np.hstack([x.arrays["image.vector"], x.arrays["text"].mean((1, 2)), x.arrays["table"]])


@dataclass(kw_only=True, eq=False, repr=False)
class Sound(Method):
    """Logistic regression on everything, which breaks no promise; the faulty ones differ from it by one thing.

    Source: a test.
    """

    name = "sound"
    label = "Sound"
    family = Family.TRADITIONAL
    reads = ("image.vector", "text", "table")

    C: float = 1.0

    def fit(self, train, y, validation, y_validation):
        self.learn(columns(train), y)
        return self

    def learn(self, features, y):
        model = LogisticRegression(C=self.C, max_iter=500).fit(features, y)
        self.coefficients_, self.intercept_ = model.coef_[0], float(model.intercept_[0])
        self.facts_ = {"columns": features.shape[1]}

    def predict_proba(self, x):
        return self.from_columns(columns(x))

    def from_columns(self, features):
        return two_columns(1 / (1 + np.exp(-(features @ self.coefficients_ + self.intercept_))))

    def _save_model(self, folder):
        write_json(folder / "model.json", [self.coefficients_.tolist(), self.intercept_])

    def _load_model(self, folder):
        coefficients, self.intercept_ = read_json(folder / "model.json")
        self.coefficients_ = np.array(coefficients)

    @staticmethod
    def search_space(trial):
        return {"C": trial.suggest_float("C", 0.01, 10, log=True)}


class AttentionAcrossTheBatch(Sound):
    """Patients of one batch look at each other."""

    name = "attention_across_the_batch"

    def predict_proba(self, x):
        features = columns(x)
        scores = features @ features.T / features.shape[1] ** 0.5
        weights = np.exp(scores - scores.max(1, keepdims=True))
        return self.from_columns(weights @ features / weights.sum(1, keepdims=True))


class BatchStatistics(Sound):
    """The batch at hand sets the scale."""

    name = "batch_statistics"

    def predict_proba(self, x):
        features = columns(x)
        return self.from_columns((features - features.mean(0)) / (features.std(0) + 1e-6))


class PositionAware(Sound):
    """The row number is a risk factor."""

    name = "position_aware"

    def predict_proba(self, x):
        return self.from_columns(columns(x) + 0.01 * np.arange(len(x))[:, None])


class RowOrderPairing(Sound):
    """The table is sorted, and then paired with image, text and label by row."""

    name = "row_order_pairing"

    def fit(self, train, y, validation, y_validation):
        arrays = {**train.arrays, "table": np.sort(train.arrays["table"], axis=0)}
        return super().fit(Inputs(arrays, train.present), y, validation, y_validation)


class LabelsLeftBehind(Sound):
    """Patients are shuffled, their labels are not."""

    name = "labels_left_behind"

    def fit(self, train, y, validation, y_validation):
        return super().fit(train[np.random.default_rng(0).permutation(len(y))], y, validation, y_validation)


class HoldsOutTheLastRows(Sound):
    """The last 60 % of rows are kept aside, whoever they are."""

    name = "holds_out_the_last_rows"

    def learn(self, features, y):
        first = slice(0, int(0.4 * len(y)))
        self.facts_ = {}
        if len(np.unique(y[first])) == 2:
            super().learn(features[first], y[first])
        else:
            self.coefficients_, self.intercept_ = np.zeros(features.shape[1]), 0.0


class FitsOnValidation(Sound):
    """Validation patients are trained on too."""

    name = "fits_on_validation"

    def fit(self, train, y, validation, y_validation):
        features = np.vstack([columns(train), columns(validation)])
        self.learn(features, np.concatenate([y, y_validation]))
        return self


class GlobalRandomness(Sound):
    """Noise from NumPy's global generator."""

    name = "global_randomness"

    def learn(self, features, y):
        super().learn(features + 0.1 * np.random.standard_normal(features.shape), y)  # noqa: NPY002


class GlobalSeeding(Sound):
    """Reproducible, at the price of everybody else's randomness."""

    name = "global_seeding"

    def learn(self, features, y):
        np.random.seed(self.random_state)  # noqa: NPY002
        super().learn(features + 0.1 * np.random.standard_normal(features.shape), y)  # noqa: NPY002


class KeepsState(Sound):
    """A second fit goes on from the first."""

    name = "keeps_state"

    def learn(self, features, y):
        before = getattr(self, "coefficients_", 0)
        super().learn(features, y)
        self.coefficients_ = self.coefficients_ + before


class Pickles(Sound):
    """Saved as a pickle, under a harmless name."""

    name = "pickles"

    def _save_model(self, folder):
        (folder / "model.bin").write_bytes(pickle.dumps((self.coefficients_, self.intercept_)))

    def _load_model(self, folder):
        self.coefficients_, self.intercept_ = pickle.loads((folder / "model.bin").read_bytes())  # noqa: S301


class ForgetsOnSaving(Sound):
    """The intercept is not saved."""

    name = "forgets_on_saving"

    def _load_model(self, folder):
        super()._load_model(folder)
        self.intercept_ = self.intercept_ + 0.5


class LoadsAnything(Sound):
    """Never asks whose files they are."""

    name = "loads_anything"

    @classmethod
    def load(cls, folder):
        method = cls(**read_json(folder / "method.json")["parameters"])
        if (folder / "model.json").exists():
            method._load_model(folder)
        return method


class ReadsWhatItHides(Sound):
    """Declares the image and the table, and reads the text."""

    name = "reads_what_it_hides"
    reads = ("image.vector", "table")


class DividesByTheSpread(Sound):
    """A modality without spread makes its predictions NaN."""

    name = "divides_by_the_spread"

    def fit(self, train, y, validation, y_validation):
        self.mean_, self.spread_ = columns(train).mean(0), columns(train).std(0)
        super().fit(train, y, validation, y_validation)
        return self

    def predict_proba(self, x):
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.from_columns((columns(x) - self.mean_) / self.spread_)


class RefusesZeros(Sound):
    """Takes a modality that says nothing for a mistake."""

    name = "refuses_zeros"

    def fit(self, train, y, validation, y_validation):
        assert train.arrays["text"].any(), "no text"
        return super().fit(train, y, validation, y_validation)


class NeedsBothClasses(Sound):
    """Counts on both labels in the validation part."""

    name = "needs_both_classes"

    def fit(self, train, y, validation, y_validation):
        super().fit(train, y, validation, y_validation)
        LogisticRegression().fit(columns(validation), y_validation)
        return self


class NeedsManyPatients(Sound):
    """Takes thirty patients for granted."""

    name = "needs_many_patients"

    def fit(self, train, y, validation, y_validation):
        np.random.default_rng(0).choice(len(y), 30, replace=False)
        return super().fit(train, y, validation, y_validation)


class FixedColumns(Sound):
    """Has room for a hundred columns."""

    name = "fixed_columns"

    def learn(self, features, y):
        np.zeros((len(y), 100))[:, : features.shape[1]] += features
        super().learn(features, y)


class NeedsAGrid(Sound):
    """Takes sixteen image tokens for granted."""

    name = "needs_a_grid"

    def fit(self, train, y, validation, y_validation):
        train.arrays["image.tokens"].reshape(len(train), 4, 4, -1)
        return super().fit(train, y, validation, y_validation)


class WritesToItsInputs(Sound):
    """Standardises in place."""

    name = "writes_to_its_inputs"

    def fit(self, train, y, validation, y_validation):
        train.arrays["table"][:] -= train.arrays["table"].mean(0)
        return super().fit(train, y, validation, y_validation)


class Unscaled(Sound):
    """Gives decision values for probabilities."""

    name = "unscaled"

    def from_columns(self, features):
        return two_columns(features @ self.coefficients_ + self.intercept_)


class SinglePrecisionPairs(Sound):
    """The two probabilities do not sum to 1."""

    name = "single_precision_pairs"

    def from_columns(self, features):
        return super().from_columns(features) * [1, 0.99]


class RoundsItsParameters(Sound):
    """A hyper-parameter is changed by fitting."""

    name = "rounds_its_parameters"

    def learn(self, features, y):
        super().learn(features, y)
        self.C = self.C / 2


class DrawsUnknownParameters(Sound):
    """Its search space speaks of what it does not have."""

    name = "draws_unknown_parameters"

    @staticmethod
    def search_space(trial):
        return {"penalty": trial.suggest_float("penalty", 0, 1)}


class NamelessSource(Sound):
    """Says nothing of where it comes from."""

    name = "nameless_source"


class LostFacts(Sound):
    """Reports a number that is none."""

    name = "lost_facts"

    def learn(self, features, y):
        super().learn(features, y)
        self.facts_ = {"loss": float("nan")}


CAUGHT_BY = {
    AttentionAcrossTheBatch: "batch_composition",
    BatchStatistics: "batch_composition",
    PositionAware: "row_order",
    RowOrderPairing: "id_alignment",
    LabelsLeftBehind: "id_alignment",
    HoldsOutTheLastRows: "training_order",
    FitsOnValidation: "validation_labels",
    GlobalRandomness: "same_seed",
    GlobalSeeding: "global_random_state",
    KeepsState: "same_seed",
    Pickles: "save_and_load",
    ForgetsOnSaving: "save_and_load",
    LoadsAnything: "other_files_refused",
    ReadsWhatItHides: "declared_modalities",
    RefusesZeros: "zeroed_modality",
    DividesByTheSpread: "constant_modality",
    NeedsBothClasses: "one_class_validation",
    NeedsManyPatients: "tiny_cohort",
    FixedColumns: "wide_table",
    NeedsAGrid: "absent_modalities",
    WritesToItsInputs: "probabilities",
    Unscaled: "probabilities",
    SinglePrecisionPairs: "probabilities",
    RoundsItsParameters: "parameters",
    DrawsUnknownParameters: "search_space",
    NamelessSource: "description",
    LostFacts: "facts",
}
