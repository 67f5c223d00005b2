"""The method under check, and the made-up patients that it is checked on."""

import warnings
from collections.abc import Collection
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strokebench.methods.base import Method
from strokebench.tasks.inputs import PRESENT, Inputs, all_modalities, made_up_sizes

SMALL = {"hidden": 64, "width": 64, "trees": 40, "max_epochs": 3}
"""Settings of all checks, where a method has such a parameter: enough to see whether it behaves."""
ABLE = {"max_epochs": 8, "learning_rate": 3e-3, "warmup_epochs": 1, "batch_size": 16, "dropout": 0.1}
"""Settings of a neural method (one with `max_epochs`) where a check needs it to learn in a moment."""
SIGNAL = 1.5
"""Half the distance between the two labels' means in an informative channel, in standard deviations."""


class Broken(Exception):
    """A promise that was not held; the message is one line for whoever wrote the method."""


def require(condition: bool, message: str) -> None:
    """Raise `Broken` unless `condition` holds."""
    if not condition:
        raise Broken(message)


class MadeUp:
    """Made-up patients: standard normal noise, and their labels' sign in a quarter of chosen modalities' channels.

    Arrays are read-only, as those of a cohort's memory-mapped embeddings may be.

    Args:
        n: patients, half of them of each label, in random order.
        seed: of the noise.
        signal: modalities that tell the outcome; None: all.
        columns: of the table.
    """

    def __init__(self, n: int, seed: int, signal: Collection[str] | None = None, columns: int = 8) -> None:
        random = np.random.default_rng(seed)
        self.y = random.permutation(np.arange(n) % 2).astype(np.int8)
        sizes = made_up_sizes(channels=24, prompts=5, layers=4, width=12, columns=columns)
        del sizes[PRESENT]
        arrays = {name: random.standard_normal((n, *size), dtype=np.float32) for name, size in sizes.items()}
        for modality in all_modalities().values():
            if signal is None or modality.name in signal:
                for name in modality.arrays:
                    add_sign(arrays[name], self.y)
        self.x = read_only(Inputs.complete(arrays))

    def __len__(self) -> int:
        return len(self.y)


def add_sign(array: NDArray, y: NDArray) -> None:
    """Move the first quarter of the last axis of (n, ...) up where the label in y (n,) is 1, and down where it is 0."""
    quarter = max(1, array.shape[-1] // 4)
    array[..., :quarter] += SIGNAL * (2.0 * y - 1).reshape(-1, *[1] * (array.ndim - 1))


def read_only(x: Inputs) -> Inputs:
    """The same arrays, which now refuse to be written to."""
    for array in (*x.arrays.values(), x.present):
        array.flags.writeable = False
    return x


def changed(x: Inputs, modalities: Collection[str], value: float | None = None, seed: int = 0) -> Inputs:
    """`x` with these modalities all of one value, or with fresh noise in them."""
    random = np.random.default_rng(seed)
    arrays = dict(x.arrays)
    for name in [name for modality in modalities for name in all_modalities()[modality].arrays]:
        noise = random.standard_normal(arrays[name].shape, dtype=np.float32)
        arrays[name] = noise if value is None else np.full_like(arrays[name], value)
    return read_only(Inputs(arrays, x.present, x.source))


class Subject:
    """A method under check, with small settings, and one fit that checks on prediction share.

    Args:
        method: its class.
        parameters: hyper-parameters over the small ones.
    """

    def __init__(self, method: type[Method], parameters: dict[str, Any]) -> None:
        self.method = method
        known = method().get_params()
        self.neural = "max_epochs" in known
        self.settings = {**{name: value for name, value in SMALL.items() if name in known}, **parameters}
        self.able = {name: value for name, value in ABLE.items() if name in known} if self.neural else {}
        self.train, self.validation, self.test = MadeUp(49, 1), MadeUp(20, 2), MadeUp(24, 3)

    def make(self, **parameters: Any) -> Method:
        """A new, unfitted one."""
        return self.method(**{**self.settings, **parameters})

    def fit(self, train: MadeUp, validation: MadeUp, **parameters: Any) -> Method:
        """A new one, fitted."""
        return fit(self.make(**parameters), train.x, train.y, validation.x, validation.y)

    @cached_property
    def fitted(self) -> Method:
        """One fitted on the made-up training part; checks must not change it."""
        return self.fit(self.train, self.validation)

    @cached_property
    def predictions(self) -> NDArray[np.float64]:
        """Its probability of label 1 for the test part, (24,)."""
        return probability(self.fitted, self.test.x)


def fit(method: Method, x: Inputs, y: NDArray, x_validation: Inputs, y_validation: NDArray) -> Method:
    """Fit on labels (n,), selecting on others (m,), without the warnings that odd inputs rightly call forth."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = method.fit(x, y, x_validation, y_validation)
    require(fitted is method, "fit does not return the method itself.")
    return fitted


def probability(method: Method, x: Inputs) -> NDArray[np.float64]:
    """Probability of label 1 (n,), once it is certain that what `predict_proba` gives are probabilities."""
    p = np.asarray(method.predict_proba(x))
    require(p.shape == (len(x), 2), f"predict_proba gives shape {p.shape} for {len(x)} patients, not ({len(x)}, 2).")
    require(
        bool(np.isfinite(p).all()), f"{int((~np.isfinite(p)).any(1).sum())} of {len(x)} predictions are not finite."
    )
    require(bool((p >= 0).all()), f"Predictions range from {p.min():.3g} to {p.max():.3g}.")
    worst = float(np.abs(p.sum(1) - 1).max(initial=0))
    require(worst < 1e-6, f"A patient's two probabilities sum to 1 only within {worst:.2g}.")
    return p[:, 1].astype(np.float64)


def same(a: NDArray, b: NDArray, message: str, tolerance: float = 1e-5) -> None:
    """Require two predictions (n,) to agree; `message` says which two."""
    gap = float(np.abs(a - b).max(initial=0))
    require(gap <= tolerance, f"{message}: a prediction moves by {gap:.2g}.")
