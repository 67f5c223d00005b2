"""Where the program writes, how it writes, and how it says that something is wrong.

Everything written goes below one folder: `work/` in the current directory, or `STROKEBENCH_HOME`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strokebench.errors import StrokebenchError

if TYPE_CHECKING:
    import pandas as pd
    from filelock import FileLock

CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
"""Characters that command a terminal (ESC, BEL, C1 and their kin) or cannot be written at all (lone surrogates) and
stand in no text; tab and line breaks may."""
UNSEALED = f"sha256-{0:064}"
"""Stands in a file's content where `seal` writes the checksum of the whole."""
LONGEST_NAME = 200
"""Bytes of the name of a file or folder below `home()`; systems take 255, and what is half written has a longer one."""
MANIFEST_FILE = "manifest.json"
_SEAL = re.compile(rb"sha256-[0-9a-f]{64}")
_log = logging.getLogger(__name__)
_FORMULA = re.compile(r"[=@\t\r\n＝＠＋－]|[+-](?!([\d.,\s%±–()\[\]+-]|to)*$)")


def home(*parts: str) -> Path:
    """The folder for everything written (`STROKEBENCH_HOME`, default `work`), or a path below it."""
    root = Path(os.environ.get("STROKEBENCH_HOME") or "work").expanduser().absolute()
    return root.joinpath(*map(_short_name, parts))


def _short_name(name: str) -> str:
    """A file name as it is, or of one that is too long (an outcome's rule of many texts) its ends around its hash."""
    if len(os.fsencode(name)) <= LONGEST_NAME:
        return name
    return f"{name[:25]}_{digest(name)[:8]}_{name[-25:]}"


def file_lock(path: Path | str) -> FileLock:
    """A lock that the system lets go when its process dies.

    On a disk that gives none it is an error (OSError): a file that stood for the lock would outlive a process that was
    killed on another machine, and be waited for for ever.
    """
    from filelock import FileLock

    return FileLock(path, fallback_to_soft=False)


@contextmanager
def atomic_path(path: Path, private: bool = False) -> Iterator[Path]:
    """A temporary path beside `path` that takes its name when the block ends well, and vanishes otherwise.

    A reader, or a later call after `kill -9`, sees the old file or the new one, never half of it. Below `home()` files
    and new folders are the user's alone, since most of them name patients; what is `private` is so anywhere.
    """
    if path.absolute().is_relative_to(home()):
        private = True
        home().mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        if not private:
            _share(temporary, 0o666)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path` that takes its name when the block ends well, and vanishes otherwise.

    Raises:
        StrokebenchError: something lies there already.
    """
    refuse_taken(path)
    path = path.absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
    try:
        yield temporary
        if not path.is_relative_to(home()):
            _share(temporary, 0o777)
        temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _share(path: Path, mode: int) -> None:
    """What `tempfile` makes is private; what goes elsewhere is shared under the user's umask like any other file."""
    umask = os.umask(0)
    os.umask(umask)
    # Drives of Windows under WSL, and some of a network, have no permissions to change.
    with suppress(PermissionError):
        path.chmod(mode & ~umask)


def refuse_taken(folder: Path) -> None:
    """Look whether a folder can be written, before it is worked for.

    Raises:
        StrokebenchError: something lies there already, or a file in the place of a folder that it is to lie in.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir() or (there == folder and any(folder.iterdir())):
        raise StrokebenchError(f"{there} is there already.", "Give another folder, or remove it.")


def write_text(path: Path, text: str, private: bool = False) -> None:
    """Write a text file atomically, as UTF-8; control characters, which only data can bring, are left out."""
    write_bytes(path, CONTROLS.sub("", text).encode(), private)


def write_bytes(path: Path, data: bytes, private: bool = False) -> None:
    """Write a file atomically; for `private` see `atomic_path`."""
    with atomic_path(path, private) as temporary:
        temporary.write_bytes(data)


def seal(data: bytes) -> bytes:
    """The content of a file with its own checksum in the place of the first `UNSEALED`, if there is one."""
    return data.replace(UNSEALED.encode(), b"sha256-" + hashlib.sha256(data).hexdigest().encode(), 1)


def read_sealed(path: Path) -> bytes:
    """The content of a file; one that carries no checksum is taken as it is.

    Raises:
        StrokebenchError: the content does not fit the checksum that it carries.
        OSError: it cannot be read.
    """
    data = path.read_bytes()
    if (found := _SEAL.search(data)) and seal(data.replace(found[0], UNSEALED.encode(), 1)) != data:
        raise StrokebenchError(f"{path} is damaged: it does not fit its checksum.")
    return data


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically, keys sorted, so that equal values are equal files; a dictionary carries a checksum."""
    value = {**value, "checksum": UNSEALED} if isinstance(value, dict) else value
    write_bytes(path, seal((json_text(value, sort_keys=True) + "\n").encode()))


def json_text(value: Any, sort_keys: bool = False) -> str:
    """JSON for people and files; control characters are escapes, so that they come back and command nothing."""
    text = json.dumps(value, indent=1, sort_keys=sort_keys, ensure_ascii=False)
    return CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def csv_text(frame: pd.DataFrame, **options: Any) -> str:
    """A table as CSV, none of whose cells and names a spreadsheet takes for a formula; options of `DataFrame.to_csv`.

    A text that begins with `=`, `@`, `+` or `-` and is more than a number gets an apostrophe ahead, by which
    spreadsheets know text.
    """
    plain = frame.rename(index=no_formula, columns=no_formula)
    return CONTROLS.sub("", plain.map(no_formula).to_csv(lineterminator="\n", **options))


def no_formula(cell: Any) -> Any:
    """A cell as `csv_text` writes it."""
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(CONTROLS.sub("", cell)) else cell


def read_json(path: Path) -> Any:
    """Read a JSON file; the checksum of one that `write_json` wrote is checked, and no part of the value.

    Raises:
        StrokebenchError: it is missing, damaged or not JSON.
    """
    try:
        value = json.loads(read_sealed(path))
    except FileNotFoundError:
        raise StrokebenchError(f"{path}: no such file.") from None
    except (ValueError, RecursionError) as error:
        raise StrokebenchError(f"{path}: not valid JSON ({error}).") from None
    if isinstance(value, dict):
        value.pop("checksum", None)
    return value


def read_kept(path: Path) -> Any:
    """What `write_json` kept to save work; None where nothing is kept, or where it is damaged, which one line says."""
    if not path.is_file():
        return None
    try:
        return read_json(path)
    except StrokebenchError as error:
        made_again(error.message)
        return None


def made_again(what: str) -> None:
    """Say on the terminal that something was damaged; it is made again, at once or when a call next needs it."""
    _log.warning("%s It will be made again when it is needed.", what)


def write_manifest(folder: Path) -> None:
    """Write `manifest.json`: the checksum of every other file below a folder."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != MANIFEST_FILE]
    write_json(folder / MANIFEST_FILE, _digests(folder, paths))


def damaged_file(folder: Path) -> Path | None:
    """The first file of a folder that its manifest does not fit; None where all do, or where it has no manifest.

    Raises:
        OSError: one cannot be read just now, which tells nothing of it.
    """
    if not (folder / MANIFEST_FILE).is_file():
        return None
    try:
        # One whose checksum is no checksum any more would pass for one that never had any.
        if not _SEAL.search((folder / MANIFEST_FILE).read_bytes()):
            return folder / MANIFEST_FILE
        stated = read_json(folder / MANIFEST_FILE)
        # A name from a file is no way out of the folder, to a device that never ends.
        if any(".." in Path(name).parts or Path(name).is_absolute() for name in stated):
            return folder / MANIFEST_FILE
        found = _digests(folder, [folder / name for name in stated])
    except StrokebenchError:
        return folder / MANIFEST_FILE
    except FileNotFoundError as error:
        return Path(error.filename)
    return next((folder / name for name, sha256 in stated.items() if found[name] != sha256), None)


def _digests(folder: Path, paths: list[Path]) -> dict[str, str]:
    # Every call of the command line imports this file, and few of them have a folder to check.
    from concurrent.futures import ThreadPoolExecutor

    # Reading and hashing leave the interpreter's lock.
    with ThreadPoolExecutor(8) as pool:
        names = [path.relative_to(folder).as_posix() for path in paths]
        return dict(zip(names, pool.map(file_digest, paths), strict=True))


def natural_order(name: object) -> list[tuple[str, int]]:
    """A key to sort names by, of which hospital 2 comes before hospital 10.

    >>> sorted(["site 10", "site 2"], key=natural_order)
    ['site 2', 'site 10']
    """
    parts = re.split(r"(\d+)", str(name))
    return [(text, int(number or 0)) for text, number in zip_longest(parts[::2], parts[1::2])]


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
