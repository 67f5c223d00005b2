"""Encode a cohort once: frozen image and text features of each patient, cached by content."""

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd

from strokebench.datasets.cohort import Cohort, array_digest
from strokebench.datasets.embeddings import Embeddings
from strokebench.datasets.encoders.contract import LAYERS, TOKENS, Encoder, ImageEncoder, ModalityEncoder, TextEncoder
from strokebench.datasets.encoders.registry import find_encoders, further_encoders
from strokebench.datasets.encoders.store import Arrays, EmbeddingStore, read_finished, write_finished
from strokebench.datasets.encoders.work import Chunk, encode_images, encode_texts
from strokebench.datasets.images.reading import PLAIN, Files, Reading, volume_digest
from strokebench.errors import StrokebenchError, named
from strokebench.files import digest, file_digest, home
from strokebench.gpu import has_room
from strokebench.large import room

_log = logging.getLogger(__name__)
Progress = Callable[[str, int, int], None]
"""Called with `images` or `texts`, how many are done, and how many there are to do."""
NAMED = 5
"""Patients whose images fail are named up to this number, then counted."""


class Throughput:
    """Counts what passes a progress callback, and the seconds from the first report of a step to its last.

    The start of the workers and the loading of weights are within: it is what a user waits for.

    Args:
        progress: called with everything as well.
        clock: seconds, ever growing.
    """

    def __init__(self, progress: Progress, clock: Callable[[], float] = time.perf_counter) -> None:
        self.progress, self.clock = progress, clock
        self.start: dict[str, float] = {}
        self.end: dict[str, tuple[int, float]] = {}

    def __call__(self, name: str, done: int, total: int) -> None:
        """So much of a step is done."""
        now = self.clock()
        self.start.setdefault(name, now)
        self.end[name] = done, now
        self.progress(name, done, total)

    def facts(self) -> str:
        """For instance `729 images in 70 s (10.4/s), 3,645 texts in 60 s (61/s)`; empty if all was known before."""
        steps = []
        for name, (done, end) in self.end.items():
            seconds = end - self.start[name]
            if done and seconds > 0:
                steps.append(f"{done:,} {name} in {seconds:.0f} s ({done / seconds:.3g}/s)")
        return ", ".join(steps)


def encode_cohort(
    cohort: Cohort,
    encoders: str = "embedded",
    text_filter: Callable[[str], str] = str,
    jobs: int = 2,
    progress: Progress | None = None,
    weights: Path | None = None,
    device: str = "auto",
) -> Embeddings:
    """Features of a cohort, of every modality but the table; made on the first call, read from disk afterwards.

    The rows are in the order of the sorted ids, whatever the order of the cohort: everything joins by id.
    An interrupted call goes on where it stopped. The result does not depend on `jobs`. Texts are encoded in batches, of
    which their features depend in the sixth digit: those of a cohort that grew, on what it was before.

    Args:
        encoders: a name of `strokebench.datasets.encoders.registry.PAIRS`, or `IMAGE+TEXT`.
        text_filter: applied to each answer before it is encoded; an answer of which nothing is left counts as
            missing.
        jobs: worker processes, one thread each.
        progress: called with each finished part.
        weights: folder with downloaded weights, for encoders that need them; None asks the hub.
        device: `auto` (a GPU where PyTorch sees one with a gigabyte free), `cpu` or `cuda`.

    Returns:
        Arrays mapped read-only from disk, and the cohort's own `features`, which replace their modality's encoder.
        What the cohort lacks has no arrays; a patient without an image, and a missing answer, are rows of NaN.

    Raises:
        StrokebenchError: unknown encoders; weights that cannot be had; images that cannot be read, by patient.
    """
    encoder, reader = find_encoders(encoders, weights)
    ids = cohort.ids.sort_values()
    arrays: Arrays = {}
    names, keys = {}, {}
    sequences: tuple[str, ...] = ()
    used: list[Encoder] = []
    emptied = 0
    ready_made: dict[str, tuple[str, ...]] = {}
    for name in cohort.features:
        modality = name.partition(".")[0]
        arrays[name] = cohort.feature_array(name, ids)
        keys[name] = array_digest(arrays[name])
        names[modality] = said = cohort.about.get(f"{modality}_features", "the cohort's own features")
        if learnt := cohort.about.get(f"{modality}_features_trained_on"):
            ready_made[said] = (learnt,)
    by_fold = {
        fold: {name: cohort.feature_array(name, ids, fold) for name in features}
        for fold, features in cohort.fold_features.items()
    }
    for fold, features in by_fold.items():
        keys |= {f"{name} of {fold}": array_digest(values) for name, values in features.items()}
    if cohort.images is not None and "image" not in names:
        sequences = cohort.sequences if len(cohort.sequences) > 1 else ()
        names["image"] = encoder.name
        used.append(encoder)
        keys["image"], image = _images(cohort, ids, encoder, jobs, progress, device)
        arrays |= _side_by_side(image) if sequences else _named(image)
    if cohort.texts is not None and cohort.texts.shape[1] and "text" not in names:
        names["text"] = reader.name
        used.append(reader)
        keys["text"], text, emptied = _texts(cohort.texts.loc[ids], reader, text_filter, jobs, progress, device)
        arrays |= text
    for modality, further in further_encoders(weights).items():
        if modality not in names and (sources := further.sources(cohort)) is not None:
            names[modality] = further.name
            used.append(further)
            keys[modality], made = _further(sources.loc[ids], further, progress)
            arrays |= made
    untrained = tuple(each.name for each in used if not each.trained)
    trained_on = ready_made | {each.name: each.trained_on for each in used}
    return Embeddings(ids, arrays, names, untrained, digest(keys), sequences, trained_on, by_fold, emptied)


def encoding_seconds(encoders: str, weights: Path | None = None) -> dict[str, float | None]:
    """Processor time that an `image` and a `text` took, over everything that these encoders made here; None: unknown.

    Raises:
        StrokebenchError: unknown encoders; weights that cannot be had.
    """
    pair = zip(("image", "text"), find_encoders(encoders, weights), strict=True)
    return {kind: EmbeddingStore(kind, encoder.fingerprint()).seconds() for kind, encoder in pair}


def _device(device: str) -> str:
    # Asked only when there is something to encode: to import PyTorch takes longer than to read the cache.
    if device != "auto":
        return device
    return "cuda" if has_room() else "cpu"


def _images(
    cohort: Cohort, ids: pd.Index, encoder: ImageEncoder, jobs: int, progress: Progress | None, device: str
) -> tuple[str, Arrays]:
    """The set's key, and `pooled` and `tokens`, (n, ...); of several sequences (n, sequences, ...)."""
    images, reading = cast(pd.DataFrame, cohort.images).loc[ids], cohort.reading
    masks = images.iloc[:, :0] if cohort.brain_masks is None else cohort.brain_masks.loc[ids]
    mask_of = masks.reindex(columns=images.columns).to_numpy(dtype=object)
    files: dict[tuple[int, int], Files] = {}
    for place, path in np.ndenumerate(images.to_numpy(dtype=object)):
        if not pd.isna(path):
            files[place[0], place[1]] = Path(path), None if pd.isna(mask_of[place]) else Path(str(mask_of[place]))
    # Reading and hashing leave the interpreter's lock, so threads are enough.
    who = [str(ids[row]) for row, _ in files]
    with ThreadPoolExecutor(8) as pool:
        digests = dict(zip(files, pool.map(partial(_image_digest, reading), who, files.values()), strict=True))
    keys = np.full(images.shape, None, dtype=object)
    sources: dict[str, tuple[Files, Files | None]] = {}
    # The same image twice is encoded once; if it cannot be, each of its patients is named.
    patients: dict[str, list[str]] = {}
    first: dict[int, tuple[int, int]] = {}
    for place, patient in zip(files, who, strict=True):
        # A patient's sequences share the grid of the first one there is.
        other = first.setdefault(place[0], place)
        alone = other == place
        keys[place] = key = digests[place] if alone else digest([digests[place], "beside", digests[other]])
        sources[key] = files[place], None if alone else files[other]
        patients.setdefault(key, []).append(patient)

    def chunks(missing: Sequence[str]) -> Iterator[Chunk]:
        items = [(key, ", ".join(patients[key][:NAMED]), *sources[key]) for key in missing]
        return encode_images(encoder, items, jobs, _device(device), reading)

    shapes = {"pooled": (encoder.dim,), "tokens": (TOKENS, encoder.token_dim)}
    return _cached("image", encoder, ids, keys if keys.shape[1] > 1 else keys[:, 0], shapes, chunks, progress)


def _named(image: Arrays) -> Arrays:
    return {"image.vector": image["pooled"], "image.tokens": image["tokens"]}


def _side_by_side(image: Arrays) -> Arrays:
    """Vectors (n, sequences, d) as (n, sequences d), tokens (n, sequences, 16, d) as (n, 16, sequences d)."""
    tokens = image["tokens"]
    n, sequences, places, d = tokens.shape
    beside = room((n, places, sequences * d))
    for number in range(sequences):
        beside[:, :, number * d : (number + 1) * d] = tokens[:, number]
    return _named({"pooled": image["pooled"].reshape(n, sequences * d), "tokens": beside})


def _image_digest(reading: Reading, patient: str, files: Files) -> str:
    """Hash of an image, of its brain mask where it has one, and of what is declared of both."""
    path, mask = files
    try:
        key = volume_digest(path) if mask is None else digest([volume_digest(path), volume_digest(mask)])
        return key if reading == PLAIN else digest([key, reading.decides()])
    except OSError as error:
        raise StrokebenchError(
            f"Patient {patient}: {error.filename} cannot be read ({error.strerror}).",
            "Check the path and its permissions.",
        ) from None


def _texts(
    texts: pd.DataFrame,
    encoder: TextEncoder,
    text_filter: Callable[[str], str],
    jobs: int,
    progress: Progress | None,
    device: str,
) -> tuple[str, Arrays, int]:
    """The set's key, `text` (n, answers, layers, d), and of how many answers the filter left nothing."""
    keys = np.full(texts.shape, None, dtype=object)
    by_key: dict[str, str] = {}
    # Many patients have the same answer.
    text_filter = cache(text_filter)
    for index, answer in np.ndenumerate(texts.to_numpy(dtype=object)):
        if not pd.isna(answer) and (kept := text_filter(str(answer)).strip()):
            keys[index] = key = digest(kept)
            by_key[key] = kept

    def chunks(missing: Sequence[str]) -> Iterator[Chunk]:
        return encode_texts(encoder, [(key, by_key[key]) for key in missing], jobs, _device(device))

    emptied = int(texts.notna().sum().sum()) - int(np.count_nonzero(keys))
    return *_cached("text", encoder, texts.index, keys, {"text": (LAYERS, encoder.dim)}, chunks, progress), emptied


def _further(sources: pd.Series, encoder: ModalityEncoder, progress: Progress | None) -> tuple[str, Arrays]:
    # A path stands for its file, anything else for itself.
    keys = np.array(
        [None if pd.isna(s) else file_digest(s) if isinstance(s, Path) else digest(s) for s in sources], dtype=object
    )
    by_key = dict(zip(keys, sources, strict=True))
    shapes = {name: array.shape[1:] for name, array in encoder.encode([]).items()}

    def chunks(missing: Sequence[str]) -> Iterator[Chunk]:
        if missing:
            yield Chunk(list(missing), encoder.encode([by_key[key] for key in missing]))

    return _cached(encoder.modality, encoder, sources.index, keys, shapes, chunks, progress)


def _cached(
    kind: str,
    encoder: Encoder,
    ids: pd.Index,
    keys: np.ndarray,
    shapes: dict[str, tuple[int, ...]],
    chunks: Callable[[Sequence[str]], Iterator[Chunk]],
    progress: Progress | None,
) -> tuple[str, Arrays]:
    """The set of these keys: read, or made of what is known and of new chunks. Also its own key."""
    fingerprint = encoder.fingerprint()
    key = digest({"encoder": fingerprint, "ids": list(ids), "keys": keys.tolist()})
    store = EmbeddingStore(kind, fingerprint)
    folder = store.folder(key)
    if (finished := read_finished(folder, shapes, len(ids))) is not None:
        return key, finished
    with store.locked():
        if (finished := read_finished(folder, shapes, len(ids))) is not None:
            return key, finished
        wanted = dict.fromkeys(found for found in keys.ravel() if found is not None)
        known = store.rows(tuple(shapes))
        missing = [found for found in wanted if found not in known]
        seconds = _encode(store, kind, missing, chunks, progress)
        known |= store.rows(tuple(shapes)) if missing else {}
        meta = {
            "kind": kind,
            "encoder": encoder.name,
            "encoder_fingerprint": fingerprint,
            "ids": list(ids),
            "shapes": {name: list(shape) for name, shape in shapes.items()},
            "encoded": len(missing),
            "cpu_seconds": None if math.isnan(seconds) else round(seconds, 3),
            "versions": {name: version(name) for name in ("torch", "monai", "transformers", "numpy")},
        }
        write_finished(folder, keys, known, shapes, meta)
        store.clear_unfinished()
    if (finished := read_finished(folder, shapes, len(ids))) is None:
        raise StrokebenchError(f"{folder} cannot be read back.", f"Is the disk of {home()} full?")
    return key, finished


def _encode(
    store: EmbeddingStore,
    kind: str,
    missing: Sequence[str],
    chunks: Callable[[Sequence[str]], Iterator[Chunk]],
    progress: Progress | None,
) -> float:
    """Encode what is missing, and keep it; the processor time that this took."""
    done, seconds, beyond = 0, 0.0, dict[str, float]()
    errors: list[StrokebenchError] = []
    tell = progress or (lambda *_: None)
    if missing:
        tell(f"{kind}s", 0, len(missing))
    for chunk in chunks(missing):
        if chunk.keys:
            store.keep(chunk.keys, chunk.arrays)
        errors += chunk.errors
        done += len(chunk.keys) + len(chunk.errors)
        seconds += chunk.seconds
        beyond |= chunk.left_out
        tell(f"{kind}s", done, len(missing))
    if beyond:
        shares = [f"{patient} ({100 * share:.1f} %)" for patient, share in sorted(beyond.items())]
        _log.warning(
            "The encoder's grid leaves out a part of %d head(s) (of %d images): %s. Look at them; `strokebench cohort"
            " check` says what to do.",
            len(shares),
            len(missing),
            named(shares, NAMED),
        )
    if len(errors) == 1:
        raise errors[0]
    if errors:
        messages = sorted(error.message for error in errors)
        more = f" ... and {len(messages) - NAMED} more." if len(messages) > NAMED else ""
        raise StrokebenchError(
            f"{len(messages)} images cannot be encoded. {' '.join(messages[:NAMED])}{more}",
            "Mend or exclude these; the other images are kept and not encoded again.",
        )
    return seconds
