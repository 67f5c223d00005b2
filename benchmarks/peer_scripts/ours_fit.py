"""Times `NeuralMethod.fit`: building the network, training, validation AUC each epoch, the best epoch kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def prepare(folder: Path) -> Callable[..., dict[str, Any]]:
    """What fits a method of ours by its registry name."""
    from strokebench.methods.neural import NeuralMethod
    from strokebench.methods.registry import find_method
    from strokebench.tasks.trimodal import TriModal

    names = {"image": "image", "image_tokens": "tokens", "text": "prompts", "table": "table"}
    patients = TriModal(**{part: np.load(folder / f"{file}.npy") for part, file in names.items()})
    y, folds = np.load(folder / "y.npy"), np.load(folder / "validation.npy")

    def fit(network: str, fold: int, epochs: int) -> dict[str, Any]:
        held_out = np.isin(np.arange(len(y)), folds[fold])
        parts = patients[~held_out], y[~held_out], patients[held_out], y[held_out]
        chosen = find_method(network)
        assert issubclass(chosen, NeuralMethod)
        method = chosen(max_epochs=epochs, patience=epochs, random_state=0)
        start = time.perf_counter()
        method.fit(*parts)
        seconds = time.perf_counter() - start
        return {"seconds": seconds, "epochs": method.facts_["epochs"], "parameters": method.facts_["parameters"]}

    return fit
