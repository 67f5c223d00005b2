"""Methods that stand in for VDAFM and Concat: all their hyper-parameters, no training, and they can be killed."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from strokebench.methods.base import Family, Method, two_columns


@dataclass(kw_only=True, eq=False, repr=False)
class StandIn(Method):
    """The difference of class means, and a noise that its hyper-parameters and seed decide.

    Class attributes:
        fits: how many were begun in this process.
        die_at: the fit in whose middle the process is killed, counted from 1; 0: none.
    """

    name = "vdafm"
    label = "VDAFM"
    family = Family.PROPOSED
    reads = ("image.vector", "text", "table")
    fits: ClassVar[int] = 0
    die_at: ClassVar[int] = 0

    layers: int = 1
    heads: int = 16
    hidden: int = 512
    width: int = 256
    dropout: float = 0.5
    batch_size: int = 32
    contrastive_weight: float = 0.2
    alignment_weight: float = 0.02

    def fit(self, train, y, validation, y_validation):
        StandIn.fits += 1
        if StandIn.fits == StandIn.die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        x = _flat(train)
        settings = f"{self.name} {sorted(self.get_params().items())}".encode()
        noise = np.random.default_rng(list(settings)).normal(size=x.shape[1])
        self.weights_ = x[y == 1].mean(axis=0) - x[y == 0].mean(axis=0) + noise / 5
        self.facts_ = {"parameters": self.hidden, "best_epoch": self.layers}
        return self

    def predict_proba(self, x):
        return two_columns(1 / (1 + np.exp(-_flat(x) @ self.weights_)))

    def patient_facts(self, x):
        first = np.degrees(np.arctan2(1, np.abs(x.arrays["image.vector"][:, 0]) + self.alignment_weight))
        return {"angle_before": np.full(len(x), 89.0) + first / 100, "angle_after": first}

    def _save_model(self, folder: Path) -> None: ...

    def _load_model(self, folder: Path) -> None: ...


@dataclass(kw_only=True, eq=False, repr=False)
class OtherStandIn(StandIn):
    """Another method, of the same hyper-parameters."""

    name = "concat"
    label = "Concat"
    family = Family.MULTIMODAL


def _flat(x):
    return np.column_stack([x.arrays["image.vector"], x.arrays["text"].reshape(len(x), -1), x.arrays["table"]]) / 10
