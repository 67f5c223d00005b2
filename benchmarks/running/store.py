"""Finished runs on disk: one Parquet file a run, committed by one rename."""

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from errno import ENOENT
from pathlib import Path
from typing import Any

import pandas as pd

from strokebench.errors import StrokebenchError
from strokebench.files import (
    UNSEALED,
    file_lock,
    home,
    made_again,
    read_json,
    read_kept,
    read_sealed,
    seal,
    write_bytes,
    write_json,
)

_RECORD, _CHECKSUM = b"strokebench", b"strokebench.checksum"
_PARQUET = b"PAR1"
"""What a file begins and ends with."""
_STALE_SECONDS = 3600


class Busy(Exception):
    """Another process computes this run just now."""


class Store:
    """Runs by key. A finished run holds its predictions and its record in one file; a failed one its error.

    Args:
        folder: where the files lie; `home("runs")` by default.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or home("runs")

    def path(self, key: str) -> Path:
        """The file of a finished run."""
        return self.folder / key[:2] / f"{key}.parquet"

    def failure_path(self, key: str) -> Path:
        """The file of a failed run."""
        return self.folder / key[:2] / f"{key}.failed.json"

    def status(self, key: str) -> str:
        """`done`, `failed` or `missing`."""
        return self.stamp(key)[0]

    def stamp(self, key: str) -> tuple[str, int]:
        """Status, and when its file was written, in nanoseconds (0 where there is none)."""
        for status, path in (("done", self.path(key)), ("failed", self.failure_path(key))):
            with suppress(FileNotFoundError):
                return status, path.stat().st_mtime_ns
        return "missing", 0

    def write(self, key: str, predictions: pd.DataFrame, record: dict[str, Any]) -> None:
        """Commit a finished run; an earlier failure of it is forgotten.

        Args:
            predictions: `patient_id`, `y`, `p`.
            record: what is known of the run, JSON-able; no patient data.
        """
        import pyarrow
        import pyarrow.parquet

        table = pyarrow.Table.from_pandas(predictions, preserve_index=False)
        metadata = {**(table.schema.metadata or {}), _RECORD: json.dumps(record, sort_keys=True).encode()}
        file = pyarrow.BufferOutputStream()
        pyarrow.parquet.write_table(table.replace_schema_metadata({**metadata, _CHECKSUM: UNSEALED.encode()}), file)
        write_bytes(self.path(key), seal(file.getvalue().to_pybytes()))
        self.failure_path(key).unlink(missing_ok=True)

    def write_failure(self, key: str, record: dict[str, Any]) -> None:
        """Record why a run failed; `record["error"]` is its traceback."""
        write_json(self.failure_path(key), record)

    def failure(self, key: str) -> dict[str, Any]:
        """What `write_failure` wrote."""
        return read_json(self.failure_path(key))

    def read(self, key: str) -> tuple[pd.DataFrame, dict[str, Any]]:
        """Predictions and record of a finished run.

        Raises:
            StrokebenchError: it is not there or damaged; then it is gone, and no obstacle to the next call.
            OSError, MemoryError: it cannot be read just now.
        """
        import pyarrow
        import pyarrow.parquet

        path = self.path(key)
        try:
            # One file needs no threads, and no scan of its folder for partitions.
            table = pyarrow.parquet.ParquetFile(pyarrow.BufferReader(self._sound(path))).read(use_threads=False)
            return table.to_pandas(), json.loads(table.schema.metadata[_RECORD])
        except (StrokebenchError, OSError, ValueError, KeyError, TypeError, pyarrow.ArrowException) as error:
            # Too many open files, no memory, a disk that is away: the file is as it was.
            if isinstance(error, MemoryError) or getattr(error, "errno", None) not in (None, ENOENT):
                raise
            path.unlink(missing_ok=True)
            raise StrokebenchError(f"{path} could not be read: {error}", "The same call computes it again.") from None

    def drop_damaged(self, keys: Iterable[str]) -> None:
        """Remove what cannot be read any more, each named in one line; who next asks for it computes it again."""
        for key in keys:
            path = self.path(key)
            try:
                self._sound(path)
            except FileNotFoundError:
                path = self.failure_path(key)
                if path.is_file() and read_kept(path) is None:
                    path.unlink()
            except StrokebenchError as error:
                made_again(error.message)
                path.unlink(missing_ok=True)

    def _sound(self, path: Path) -> bytes:
        data = read_sealed(path)
        if len(data) < 2 * len(_PARQUET) or not (data.startswith(_PARQUET) and data.endswith(_PARQUET)):
            raise StrokebenchError(f"{path} is cut off.")
        return data

    @contextmanager
    def lock(self, key: str, wait: bool = False) -> Iterator[None]:
        """Hold a run while computing it; the operating system lets go when the process dies.

        Args:
            wait: wait for another process that holds it, instead of raising.

        Raises:
            Busy: another process holds it.
        """
        from filelock import Timeout

        path = self.lock_path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        held = file_lock(path)
        try:
            held.acquire(blocking=wait)
        except Timeout:
            raise Busy(key) from None
        try:
            yield
        finally:
            # Whoever waits on the removed file finds the run finished when it gets its turn.
            path.unlink(missing_ok=True)
            held.release()

    def lock_path(self, key: str) -> Path:
        """The lock of a run; it is left behind by a process that died while computing it."""
        return self.folder / key[:2] / f"{key}.lock"

    def tidy(self) -> None:
        """Remove half-written files that killed processes left behind long ago."""
        for path in self.folder.glob("??/.*.part"):
            try:
                if time.time() - path.stat().st_mtime > _STALE_SECONDS:
                    path.unlink()
            except FileNotFoundError:
                pass
