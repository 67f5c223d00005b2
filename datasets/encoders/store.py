"""Embeddings on disk: kept chunk by chunk while they are made, then as arrays that every process can map.

Below `home("embeddings")`:

    image-<key>/, text-<key>/        a finished set: one .npy an array, meta.json, and last their checksums
    unfinished-<encoder>/            chunks of sets that were interrupted, until a set is finished

A row is found by the digest of what was encoded, so a killed process goes on where it was, and a cohort that
has grown, a mended file or another text filter costs only the rows that are new.
"""

import shutil
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.files import (
    atomic_path,
    damaged_file,
    digest,
    file_lock,
    home,
    made_again,
    read_kept,
    write_json,
    write_manifest,
)

Arrays = dict[str, NDArray[np.float32]]
Rows = Mapping[str, tuple[Path, int]]
"""Digest of an input -> the set or the chunk that holds it, and its row there."""


def read_finished(folder: Path, names: Iterable[str], rows: int) -> Arrays | None:
    """Arrays of a finished set, memory-mapped read-only; None where it is absent, unfinished or damaged."""
    return _mapped(folder, names, rows) if _is_sound(folder) else None


def _is_sound(folder: Path) -> bool:
    """Whether a set is finished and as it was written; a damaged one is said in one line and removed."""
    if damaged := damaged_file(folder):
        made_again(f"{damaged} is damaged.")
        shutil.rmtree(folder)
    return (folder / "meta.json").is_file()


def _mapped(folder: Path, names: Iterable[str], rows: int) -> Arrays | None:
    try:
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in names}
    except (OSError, ValueError, EOFError):
        return None
    return arrays if all(len(array) == rows for array in arrays.values()) else None


def write_finished(
    folder: Path, keys: NDArray[Any], known: Rows, shapes: Mapping[str, tuple[int, ...]], meta: Mapping[str, Any]
) -> None:
    """Write a set: row i of each array is what `known` has for `keys[i]`, NaN for a key of None.

    Args:
        folder: of the set. meta: what `meta.json` says besides.
        keys: object array (n,) or (n, prompts). shapes: of one row of each array.
    """
    # One chunk after the other, so that memory holds one.
    places = sorted((known[key], index) for index, key in np.ndenumerate(keys) if key is not None)
    read = lru_cache(maxsize=1)(_read)
    for name, shape in shapes.items():
        with atomic_path(folder / f"{name}.npy") as temporary:
            array = np.lib.format.open_memmap(temporary, "w+", np.float32, (*keys.shape, *shape))
            array[pd.isna(keys)] = np.nan
            for (path, row), index in places:
                array[index] = read(path, name, shape)[row]
            array.flush()
            del array
    write_json(folder / "meta.json", {**meta, "keys": keys.tolist()})
    write_manifest(folder)


def _read(path: Path, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """An array (rows, *shape) of a chunk or of a finished set."""
    if path.suffix == ".npz":
        with np.load(path) as chunk:
            return chunk[name]
    return np.load(path / f"{name}.npy", mmap_mode="r").reshape(-1, *shape)


class EmbeddingStore:
    """Everything of a kind, `image` or `text`, that the encoder of a fingerprint has made so far."""

    def __init__(self, kind: str, encoder: str) -> None:
        self.kind = kind
        self.encoder = encoder
        self._unfinished = home("embeddings", f"unfinished-{kind}-{encoder[:16]}")

    def folder(self, key: str) -> Path:
        """Where the finished set of that key lies."""
        return home("embeddings", f"{self.kind}-{key[:16]}")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One process at a time encodes with this encoder; a second waits, and finds the work done."""
        home("embeddings").mkdir(parents=True, exist_ok=True)
        with file_lock(self._unfinished.with_suffix(".lock")):
            yield

    def rows(self, names: Sequence[str]) -> dict[str, tuple[Path, int]]:
        """Where what has been encoded lies, as `Rows`."""
        found: dict[str, tuple[Path, int]] = {}
        for path in sorted(home("embeddings").glob(f"{self.kind}-*/meta.json")):
            meta = read_kept(path)
            if meta and meta.get("encoder_fingerprint") != self.encoder:
                # Sets of other encoders need no look at all their bytes.
                continue
            if not _is_sound(path.parent) or not meta:
                continue
            keys = np.array(meta["keys"], dtype=object)
            if _mapped(path.parent, names, len(keys)) is not None:
                found |= {key: (path.parent, row) for row, key in enumerate(keys.ravel()) if key is not None}
        for path in sorted(self._unfinished.glob("*.npz")):
            try:
                with np.load(path) as chunk:
                    # Reading compares the checksums that a zip archive carries.
                    keys = [chunk[name] for name in (*names, "keys")][-1].tolist()
            except (OSError, ValueError, EOFError, KeyError, NotImplementedError, zipfile.BadZipFile) as error:
                if getattr(error, "errno", None):
                    # It cannot be read just now, which tells nothing of it.
                    raise
                made_again(f"{path} is damaged ({error}).")
                path.unlink()
                continue
            found |= {key: (path, row) for row, key in enumerate(keys)}
        return found

    def seconds(self) -> float | None:
        """Processor time an input, over the sets of which it is known; None where it is of none."""
        counts = [
            (meta["encoded"], meta["cpu_seconds"])
            for path in home("embeddings").glob(f"{self.kind}-*/meta.json")
            if (meta := read_kept(path)) and meta["encoder_fingerprint"] == self.encoder and meta.get("cpu_seconds")
        ]
        return sum(seconds for _, seconds in counts) / sum(encoded for encoded, _ in counts) if counts else None

    def keep(self, keys: Sequence[str], arrays: Arrays) -> None:
        """Keep a chunk at once; it survives `kill -9`."""
        with (
            atomic_path(self._unfinished / f"{digest(list(keys))[:16]}.npz") as temporary,
            temporary.open("wb") as file,
        ):
            np.savez(file, keys=np.array(keys), **arrays)  # type: ignore[arg-type]

    def clear_unfinished(self) -> None:
        """Drop the chunks; a finished set holds them now."""
        shutil.rmtree(self._unfinished, ignore_errors=True)
