"""Where the program writes, how it writes, and how it says that something is wrong.

Everything written goes below one folder: `work/` in the current directory, or `STROKEBENCH_HOME`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from strokebench.errors import StrokebenchError

CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""Characters that command a terminal (ESC, BEL, C1 and their kin) and stand in no text; tab and line breaks may."""


def home(*parts: str) -> Path:
    """The folder for everything written (`STROKEBENCH_HOME`, default `work`), or a path below it."""
    return Path(os.environ.get("STROKEBENCH_HOME", "work")).expanduser().absolute().joinpath(*parts)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its name when the block ends well, and vanishes otherwise.

    A reader, or a later call after `kill -9`, sees the old file or the new one, never half of it. Below `home()` files
    and new folders are the user's alone, since most of them name patients.
    """
    private = path.absolute().is_relative_to(home())
    if private:
        home().mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        if not private:
            # mkstemp makes files private; what goes elsewhere is shared under the user's umask like any other file.
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, as UTF-8."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically, keys sorted, so that equal values are equal files."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        StrokebenchError: it is missing or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StrokebenchError(f"{path}: no such file.") from None
    except ValueError as error:
        raise StrokebenchError(f"{path}: not valid JSON ({error}).") from None


def is_plain_json(value: Any) -> bool:
    """Whether a value comes back from JSON as it was."""
    try:
        return bool(json.loads(json.dumps(value)) == value)
    except (TypeError, ValueError):
        return False


def digest(value: Any) -> str:
    """SHA-256 of a JSON-able value, the same in every process and on every machine."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
