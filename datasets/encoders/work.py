"""Spread encoding over worker processes, or feed a GPU; results come back chunk by chunk."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from strokebench.datasets.encoders.contract import ImageEncoder, TextEncoder
from strokebench.datasets.images.placing import LEFT_OUT, left_out
from strokebench.datasets.images.reading import PLAIN, Files, Reading
from strokebench.datasets.images.target import Target
from strokebench.errors import StrokebenchError

# Chunks are what an interruption may cost: a few seconds of work.
IMAGES = 8
TEXTS = 64
AHEAD = 4
"""Chunks of prepared volumes, a worker, that a GPU may be behind: the workers wait for it then, for some 30 MB each."""
Item = TypeVar("Item")
ImageItem = tuple[str, str, Files, Files | None]
"""Key, patient, image, and the image beside which it is laid, if it is not laid by itself."""


@dataclass(frozen=True)
class Chunk:
    """Results of a few inputs.

    Args:
        keys: of the n inputs that were encoded. arrays: name -> their features, one row a key: (n, ...).
        errors: one an input that could not be read.
        seconds: processor time of preparing and encoding, the loading of weights included; NaN where a GPU had a part.
        left_out: patient -> share of the head beyond the encoder's grid, where it is worth a warning.
    """

    keys: list[str]
    arrays: dict[str, NDArray[np.float32]]
    errors: list[StrokebenchError] = field(default_factory=list)
    seconds: float = math.nan
    left_out: dict[str, float] = field(default_factory=dict)


def encode_images(
    encoder: ImageEncoder, items: Sequence[ImageItem], jobs: int, device: str, reading: Reading = PLAIN
) -> Iterator[Chunk]:
    """Encode image files, in no particular order of chunks."""
    chunks = _chunks(items, IMAGES)
    if device == "cpu":
        yield from _spread(_encode_images, [(encoder, chunk, reading) for chunk in chunks], jobs)
        return
    # One process owns the GPU; the workers only read and prepare.
    for group in _chunks(chunks, AHEAD * jobs):
        calls = [(encoder.target, chunk, reading) for chunk in group]
        for keys, volumes, errors, beyond in _spread(_prepare, calls, jobs):
            yield _features(encoder, keys, volumes, errors, beyond, device)


def encode_texts(encoder: TextEncoder, items: Sequence[tuple[str, str]], jobs: int, device: str) -> Iterator[Chunk]:
    """Encode texts given as (key, text), in no particular order of chunks."""
    # Longest first: workers end together, and a GPU pads little.
    chunks = _chunks(sorted(items, key=lambda item: (-len(item[1]), item[1])), TEXTS)
    yield from _spread(_encode_texts, [(encoder, chunk, device) for chunk in chunks], jobs if device == "cpu" else 1)


def _encode_images(encoder: ImageEncoder, items: Sequence[ImageItem], reading: Reading) -> Chunk:
    start = time.process_time()
    with _one_thread():
        chunk = _features(encoder, *_prepare(encoder.target, items, reading), "cpu")
    return replace(chunk, seconds=time.process_time() - start)


def _features(
    encoder: ImageEncoder,
    keys: list[str],
    volumes: list[NDArray[np.float32]],
    errors: list[StrokebenchError],
    beyond: dict[str, float],
    device: str,
) -> Chunk:
    if not keys:
        return Chunk([], {}, errors)
    # On a CPU a batch is no faster; one at a time a volume's features do not depend on its neighbours.
    size = 1 if device == "cpu" else len(keys)
    parts = [encoder.encode(np.stack(volumes[i : i + size]), device) for i in range(0, len(keys), size)]
    pooled, tokens = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Chunk(keys, _numbers(encoder.name, {"pooled": pooled, "tokens": tokens}, device), errors, left_out=beyond)


def _numbers(name: str, arrays: dict[str, NDArray[np.float32]], device: str) -> dict[str, NDArray[np.float32]]:
    """The features as they are: NaN would pass for patients without an image or a text."""
    if not all(np.isfinite(array).all() for array in arrays.values()):
        hint = "Its weights are damaged or of a training that failed: give others."
        raise StrokebenchError(
            f"The encoder {name} gives numbers that are not finite.",
            hint if device == "cpu" else "Encode without the GPU's mixed precision: `--device cpu`.",
        )
    return arrays


def _prepare(
    target: Target, items: Sequence[ImageItem], reading: Reading
) -> tuple[list[str], list[NDArray[np.float32]], list[StrokebenchError], dict[str, float]]:
    """Keys, volumes (x, y, z), errors, and whose head the grid leaves out how much of."""
    from strokebench.datasets.images.mri import image_and_head, prepare

    # Each sequence of a patient is laid beside the first, which is read once.
    read = lru_cache(maxsize=2)(image_and_head)
    keys, volumes, errors, beyond = [], [], [], {}
    for key, patient, (path, brain_mask), beside in items:
        try:
            volumes.append(prepare(path, target, patient, brain_mask, reading, beside, read))
            keys.append(key)
        except StrokebenchError as error:
            errors.append(error)
            continue
        image, head = read(beside or (path, brain_mask), target, patient, reading)
        if (share := left_out(head[0].numpy(), np.asarray(image.pixdim), target)) > LEFT_OUT:
            beyond[patient] = share
    return keys, volumes, errors, beyond


def _encode_texts(encoder: TextEncoder, items: Sequence[tuple[str, str]], device: str) -> Chunk:
    start = time.process_time()
    with _one_thread():
        vectors = encoder.encode([text for _, text in items], device)
    seconds = time.process_time() - start if device == "cpu" else math.nan
    return Chunk([key for key, _ in items], _numbers(encoder.name, {"text": vectors}, device), seconds=seconds)


def _chunks(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _spread(function: Callable[..., Any], calls: Sequence[tuple[Any, ...]], jobs: int) -> Iterator[Any]:
    """Results of the calls as they come; in this process where another would not pay."""
    if jobs == 1 or len(calls) < 2:
        for arguments in calls:
            yield function(*arguments)
        return
    from joblib import Parallel, delayed, parallel_config

    with parallel_config("loky", inner_max_num_threads=1, initializer=_load_torch):
        parallel = Parallel(n_jobs=jobs, return_as="generator_unordered")
        yield from parallel(delayed(function)(*arguments) for arguments in calls)


def _load_torch() -> None:
    """What every call needs. With processes of its own, encoding is not taken for a leak: those that drew a virtual
    cohort before would grow by the 300 MB at which joblib replaces a process and warns of it."""
    import torch  # noqa: F401


@contextmanager
def _one_thread() -> Iterator[None]:
    """Threads that outnumber the cores cost far more than they give, and sums would depend on their number."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
