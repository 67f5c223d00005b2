"""What would a call do? To say so nothing is encoded, sent or fitted, and nothing fetched without asking.

The cohort itself is needed: a virtual one is made, and a public one that is not here is offered.
"""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from statistics import mean
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from rich.console import Console
from rich.filesize import decimal

from strokebench.benchmarks.experiments.find import find_experiment
from strokebench.benchmarks.running.backends.choose import published_for, refuse_missing
from strokebench.benchmarks.running.build import build_context
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.costs import Costs
from strokebench.benchmarks.running.experiment import Experiment
from strokebench.benchmarks.running.plans import fits
from strokebench.benchmarks.running.runner import Todo, plan_runs, say_work
from strokebench.benchmarks.running.settings import Settings
from strokebench.benchmarks.running.store import Store
from strokebench.benchmarks.running.tracking.mlflow import tracking_uri
from strokebench.datasets.cohort import Cohort
from strokebench.datasets.embeddings import Embeddings
from strokebench.datasets.encoders.contract import LAYERS, TOKENS
from strokebench.datasets.encoders.encode import encode_cohort
from strokebench.datasets.encoders.registry import find_encoders
from strokebench.datasets.encoders.weights import fetched
from strokebench.errors import StrokebenchError, without_user
from strokebench.files import home
from strokebench.tasks.endpoint import Endpoint
from strokebench.tasks.inputs import modality_of

RUN_BYTES = 15_000
"""Of a finished run's file, where there is none yet: 729 patients."""
ON_THIS_MACHINE = ("", "localhost", "127.0.0.1", "::1")
FILES = ("", "file", "sqlite")
"""Schemes of stores of MLflow that are files."""
DATABRICKS = ("databricks", "databricks-uc", "uc")
"""What MLflow takes for a server that the user's own settings name."""


class _Missing(Exception):
    """Something is not encoded yet: what, and how many."""


class Encoding:
    """Stands for the encoders: embeddings as far as they are there, and arrays of no width in the place of others.

    Attributes:
        bytes: that would be written.
        to_fetch: files of the hub.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self.to_fetch: list[str] = []

    def __call__(self, settings: Settings, cohort: Cohort, endpoint: Endpoint, console: Console) -> Embeddings:
        missing: dict[str, int] = {}
        without: dict[str, dict[str, Any]] = {"images": {"images": None, "brain_masks": None}, "texts": {"texts": None}}
        ready_made = {modality_of(name) for name in cohort.features}
        image, text = find_encoders(settings.encoders, settings.weights)
        part = cohort
        for encoder, name, sources in ((image, "images", cohort.images), (text, "texts", cohort.texts)):
            files = [file for file in encoder.published if settings.weights is None and not fetched(file)]
            if files and sources is not None and name.removesuffix("s") not in ready_made:
                self.to_fetch += [f"{file.file} of {file.repository}, {file.size}" for file in files]
                missing[name] = int(sources.notna().to_numpy().sum())
                part = replace(part, **without[name])
        made: Embeddings | None = None
        while made is None:
            try:
                made = encode_cohort(
                    part,
                    settings.encoders,
                    endpoint.keep_text,
                    settings.jobs,
                    _stop,
                    settings.weights,
                    settings.device,
                )
            except _Missing as error:
                name, number = error.args
                missing[name] = number
                # What others encode comes last.
                if name not in without:
                    break
                rows = image.dim + TOKENS * image.token_dim if name == "images" else LAYERS * text.dim
                self.bytes += number * rows * np.dtype(np.float32).itemsize
                part = replace(part, **without[name])
        for file in self.to_fetch:
            console.print(f"To fetch    {file}", soft_wrap=True)
        if made is not None and not missing:
            return made
        console.print(f"To encode   {', '.join(f'{number:,} {name}' for name, number in missing.items())}")
        return _stand_in(cohort)


def dry_run(name: str, settings: Settings, console: Console) -> None:
    """Say what `strokebench run` would compute, how long that takes, what it writes, fetches and sends.

    Raises:
        StrokebenchError: as the call itself.
    """
    experiment = find_experiment(name)
    refuse_missing(settings)
    settings, encoding = replace(settings, fetch=False), Encoding()
    context = build_context(experiment.settings(settings), console, embed=encoding)
    say_call([(experiment, context)], encoding, settings, console)


def say_call(
    experiments: Sequence[tuple[Experiment, Context]], encoding: Encoding, settings: Settings, console: Console
) -> None:
    """What computing these together takes, in lines.

    Raises:
        StrokebenchError: the only one makes no sense for this endpoint; one of several is named and left out.
    """
    store = Store()
    planned: Todo = {}
    for experiment, context in experiments:
        try:
            planned |= {key: (run, context) for run, key in plan_runs(experiment, context, console)}
        except StrokebenchError as error:
            if len(experiments) == 1:
                raise
            console.print(f"Left out    {experiment.name}: {error}")
    todo: Todo = {key: run for key, run in planned.items() if store.status(key) != "done"}
    say_work(len(planned), todo, fits(todo), Costs(len(experiments[0][1].labels)), settings, console)
    sizes = [path.stat().st_size for path in home("runs").glob("*/*.parquet")] or [RUN_BYTES]
    free = shutil.disk_usage(next(path for path in (home(), *home().parents) if path.exists())).free
    written = decimal(round(encoding.bytes + len(todo) * mean(sizes)))
    console.print(f"Disk        about {written} of {decimal(free)} free, without tables and MLflow", soft_wrap=True)
    needed = {file for run, _ in todo.values() for file in published_for(run.method)}
    missing = [file for file in needed if settings.weights is None and not fetched(file)]
    for file in sorted(missing, key=lambda file: (file.repository, file.file)):
        console.print(f"To fetch    {file.file} of {file.repository}, {file.size}", soft_wrap=True)
    if not missing and not encoding.to_fetch:
        console.print("To fetch    nothing")
    for line in _sent(settings) or ["nothing leaves this machine"]:
        console.print(f"To send     {line}", soft_wrap=True)


def _stop(name: str, done: int, total: int) -> None:
    raise _Missing(name, total)


def _stand_in(cohort: Cohort) -> Embeddings:
    """Embeddings of which only is known which modalities they have: no finished run is of them."""
    parts = {"image.vector": cohort.images, "image.tokens": cohort.images, "text": cohort.texts}
    names = [name for name, part in parts.items() if part is not None] + list(cohort.features)
    sequences = cohort.sequences if len(cohort.sequences) > 1 else ()
    arrays = {name: np.empty((len(cohort), 0), np.float32) for name in names}
    return Embeddings(cohort.ids, arrays, sequences=sequences)


def _sent(settings: Settings) -> list[str]:
    """What would leave the machine, and where it would go; empty where nothing would."""
    uri = without_user(tracking_uri())
    logged = settings.tracking and _is_elsewhere(uri)
    lines = [f"settings, metrics and tables, no patients, to MLflow at {uri}"] if logged else []
    cluster = f"inputs and labels of all patients, by id, to the workers of {settings.scheduler}"
    return lines + ([cluster] if settings.scheduler else [])


def _is_elsewhere(uri: str) -> bool:
    """Whether a store of MLflow may be on another machine: whatever is neither a file nor says that it is here."""
    parts = urlsplit(uri)
    host = parts.hostname or ""
    if host not in ON_THIS_MACHINE or "host" in parts.query:
        return True
    is_file = parts.scheme.partition("+")[0] in FILES and uri not in DATABRICKS
    return not is_file and not host
