"""Methods of another package, for the runner: one good, one slow, one that fails, one that kills its process."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from strokebench.benchmarks.running.fit import random_state
from strokebench.methods.base import Family, Method, two_columns


@dataclass(kw_only=True, eq=False, repr=False)
class Coin(Method):
    """Random probabilities around the training prevalence, drawn from the run's seed and the table."""

    name = "coin"
    label = "Coin"
    family = Family.TRADITIONAL
    reads = ("table",)

    seconds: float = 0.0

    def fit(self, train, y, validation, y_validation):
        time.sleep(self.seconds)
        self.weights_ = np.random.default_rng(self.random_state).normal(size=train.arrays["table"].shape[1])
        self.history_ = {"train_loss": [3.0, 2.0, 1.0]}
        self.facts_ = {"parameters": train.arrays["table"].shape[1]}
        return self

    def predict_proba(self, x):
        return two_columns(1 / (1 + np.exp(-x.arrays["table"] @ self.weights_)))

    def _save_model(self, folder: Path) -> None: ...

    def _load_model(self, folder: Path) -> None: ...


@dataclass(kw_only=True, eq=False, repr=False)
class SlowCoin(Coin):
    """A coin that takes its time."""

    name = "slow_coin"
    label = "Slow coin"

    seconds: float = 0.3


@dataclass(kw_only=True, eq=False, repr=False)
class Broken(Coin):
    """Fails in fold 1 of seed 39, unless the file that MENDED names is there."""

    name = "broken"
    label = "Broken"

    def fit(self, train, y, validation, y_validation):
        secret_age = 83.25
        if not Path(os.environ.get("MENDED", "/nowhere")).exists() and self.random_state == random_state(39, 1):
            raise ArithmeticError("the planted error")
        self.age_ = secret_age
        return super().fit(train, y, validation, y_validation)


@dataclass(kw_only=True, eq=False, repr=False)
class Killer(Coin):
    """Takes its whole process down."""

    name = "killer"
    label = "Killer"

    def fit(self, train, y, validation, y_validation):
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass(kw_only=True, eq=False, repr=False)
class Shapeless(Coin):
    """Predicts too few patients."""

    name = "shapeless"
    label = "Shapeless"

    def predict_proba(self, x):
        return super().predict_proba(x)[:-1]


@dataclass(kw_only=True, eq=False, repr=False)
class Infinite(Coin):
    """Predicts what is no probability."""

    name = "infinite"
    label = "Infinite"

    def predict_proba(self, x):
        return super().predict_proba(x) * np.nan


@dataclass(kw_only=True, eq=False, repr=False)
class Halved(Coin):
    """Predicts half of each probability."""

    name = "halved"
    label = "Halved"

    def predict_proba(self, x):
        return super().predict_proba(x) / 2


@dataclass(kw_only=True, eq=False, repr=False)
class Hoarder(Coin):
    """Fills `HOARDED` bytes and keeps them as long as it is there itself.

    In blocks that the allocator takes from its heap, which a process does not give back to the system.
    """

    name = "hoarder"
    label = "Hoarder"

    HOARDED: ClassVar[int] = 50_000_000
    BLOCK: ClassVar[int] = 100_000

    def fit(self, train, y, validation, y_validation):
        self.hoard_ = [b"x" * self.BLOCK for _ in range(self.HOARDED // self.BLOCK)]
        return super().fit(train, y, validation, y_validation)


PLANTED = [Coin, SlowCoin, Broken, Killer, Shapeless, Infinite, Halved, Hoarder]
