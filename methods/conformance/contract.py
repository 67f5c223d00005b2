"""The contract itself: parameters, probabilities, saving, what is said about the method."""

import json
import math
import pickle
import pickletools
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from sklearn.base import clone

from strokebench.errors import StrokebenchError
from strokebench.files import is_plain_json
from strokebench.methods.conformance.subject import Broken, Subject, probability, require, same
from strokebench.methods.registry import ill_described
from strokebench.tasks.inputs import PRESENT, SOURCE, all_modalities

PICKLES = {".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt", ".dill"}


def description(subject: Subject) -> None:
    """It says what it is: name, label, family, what it reads, and its source in the docstring."""
    method = subject.method
    problem = ill_described(method)
    require(not problem, problem)
    known = {PRESENT, SOURCE, *(name for modality in all_modalities().values() for name in modality.arrays)}
    require(not set(method.reads) - known, f"reads {method.reads!r}, but the arrays are {', '.join(sorted(known))}.")
    require(bool(method.notes().get("Source")), "The docstring has no section 'Source:'.")


def parameters(subject: Subject) -> None:
    """Hyper-parameters can be read, set and cloned, are plain JSON, and are not changed by fitting."""
    method = subject.make(random_state=7)
    settings = method.get_params()
    require(settings["random_state"] == 7, "random_state is not kept as it was given.")
    for name, value in settings.items():
        require(is_plain_json(value), f"The hyper-parameter {name} is no plain JSON but {type(value).__name__}.")
    copy = clone(subject.fitted)
    require(copy.get_params() == subject.fitted.get_params(), "clone changes hyper-parameters.")
    require(copy.set_params(random_state=8).random_state == 8, "set_params does not set random_state.")
    require(subject.fitted.get_params() == subject.make().get_params(), "fit changes hyper-parameters.")


def search_space(subject: Subject) -> None:
    """Hyper-parameters drawn from the search space fit."""
    import optuna

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        drawn = subject.method.search_space(study.ask())
    finally:
        optuna.logging.set_verbosity(verbosity)
    if unknown := set(drawn) - set(subject.make().get_params()):
        raise Broken(f"search_space draws {min(unknown)!r}, which is no hyper-parameter.")
    if drawn:
        fitted = subject.fit(subject.train, subject.validation, **drawn)
        probability(fitted, subject.test.x)


def probabilities(subject: Subject) -> None:
    """Predictions are two finite probabilities a patient that sum to 1."""
    for rows in (slice(None), slice(0, 1)):
        probability(subject.fitted, subject.test.x[rows])


def facts(subject: Subject) -> None:
    """What it says about a fit is numbers: facts that are finite, curves that are lists."""
    for name, value in subject.fitted.facts_.items():
        number = isinstance(value, int | float | np.number) and math.isfinite(value)
        require(number, f"facts_[{name!r}] is {value!r}, not a finite number.")
    for name, curve in subject.fitted.history_.items():
        require(isinstance(curve, list) and len(curve) > 0, f"history_[{name!r}] is not a list of values.")


def save_and_load(subject: Subject) -> None:
    """Saved and loaded it predicts the same, and no file is a pickle, which could run code when loaded.

    One that is `never_saved` refuses instead, and writes nothing.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "saved"
        try:
            subject.fitted.save(path)
        except StrokebenchError:
            require(bool(subject.method.never_saved) and not path.exists(), "It is not saved.")
            return
        for file in sorted(path.rglob("*")):
            require(not is_pickle(file), f"{file.name} is a pickle.")
        loaded = subject.method.load(path)
        require(loaded.get_params() == subject.fitted.get_params(), "Loading changes hyper-parameters.")
        same(subject.predictions, probability(loaded, subject.test.x), "Saved and loaded", tolerance=1e-7)


def other_files_refused(subject: Subject) -> None:
    """Loading what another method saved is an error that can be read."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        (path / "method.json").write_text(json.dumps({"name": "another", "parameters": {}, "facts": {}}))
        try:
            subject.method.load(path)
        except StrokebenchError:
            return
    raise Broken("It loads what another method saved.")


def is_pickle(path: Path) -> bool:
    """Whether a file is a pickle, or an archive that holds one."""
    if not path.is_file():
        return False
    contents = {path.name: path.read_bytes()}
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            contents |= {name: archive.read(name) for name in archive.namelist()}
    return any(Path(name).suffix in PICKLES or parses_as_pickle(content) for name, content in contents.items())


def parses_as_pickle(content: bytes) -> bool:
    """Whether these bytes are a pickle of protocol 2 or later, from its first opcode to its last."""
    if content[:1] != pickle.PROTO:
        return False
    try:
        opcodes = [opcode.name for opcode, _, _ in pickletools.genops(content)]
    except (ValueError, UnicodeDecodeError, IndexError):
        return False
    return opcodes[-1] == "STOP"


CHECKS = (description, parameters, search_space, probabilities, facts, save_and_load, other_files_refused)
