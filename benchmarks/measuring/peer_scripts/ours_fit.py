"""Times `Method.fit`; of a network: building it, training, validation AUC each epoch, the best epoch kept.

Several folds are fitted in processes of one thread each, as many as there are cores, as `strokebench run` does.
"""

import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from strokebench.benchmarks.running.backends.processes import worker_processes
from strokebench.benchmarks.running.settings import usable_cores
from strokebench.benchmarks.running.task import one_thread
from strokebench.methods.neural import NeuralMethod
from strokebench.methods.registry import find_method
from strokebench.tasks.inputs import Inputs


def prepare(folder: Path) -> Callable[..., dict[str, Any]]:
    """What fits a method of ours by its registry name."""
    return functools.partial(_fit, str(folder))


def fit_together(fit: Callable[..., Any], network: str, folds: list[int], epochs: int) -> list[dict[str, Any]]:
    """Fit the folds, one a core."""
    with worker_processes():
        return Parallel(n_jobs=usable_cores(), batch_size=1)(delayed(fit)(network, fold, epochs) for fold in folds)


def _fit(folder: str, network: str, fold: int, epochs: int) -> dict[str, Any]:
    parts = _parts(folder, fold)
    chosen = find_method(network)
    trained: dict[str, Any] = {"max_epochs": epochs, "patience": epochs} if issubclass(chosen, NeuralMethod) else {}
    method = chosen(**trained, random_state=0)
    with one_thread():
        start = time.perf_counter()
        method.fit(*parts)
        seconds = time.perf_counter() - start
    facts = method.facts_
    return {"seconds": seconds, "epochs": facts.get("epochs", epochs), "parameters": facts.get("parameters")}


@functools.cache
def _parts(folder: str, fold: int) -> tuple[Any, ...]:
    """Training part and its labels, validation part and its labels."""
    names = {"image.vector": "image", "image.tokens": "tokens", "text": "prompts", "table": "table"}
    patients = Inputs.complete({name: np.load(Path(folder) / f"{file}.npy") for name, file in names.items()})
    y, folds = np.load(Path(folder) / "y.npy").astype(np.int8), np.load(Path(folder) / "validation.npy")
    held_out = np.isin(np.arange(len(y)), folds[fold])
    return patients[~held_out], y[~held_out], patients[held_out], y[held_out]
