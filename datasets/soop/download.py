"""One file over HTTP: resumed where it broke off, checked, and named only when it is whole."""

from __future__ import annotations

import glob
import gzip
import hashlib
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from strokebench.datasets.soop.bucket import TIMEOUT, BucketObject
from strokebench.errors import StrokebenchError

TRIES = 5
PIECE = 1 << 18


class Stopped(Exception):
    """The download was asked to stop; what has arrived stays for the next call."""


class _BrokeOff(Exception):
    """Less arrived than there is; more can be asked for, after some seconds where the server says so."""

    def __init__(self, reason: str, after: float = 0.0) -> None:
        super().__init__(reason)
        self.after = after


def part_path(path: Path, wanted: BucketObject) -> Path:
    """Where the beginning of a file is kept; another version of the file has another name."""
    version = hashlib.sha256(f"{wanted.etag} {wanted.size}".encode()).hexdigest()[:8]
    return path.with_name(f".{path.name}.{version}.part")


def is_whole(path: Path, wanted: BucketObject) -> bool:
    """The file is there, of the listed size, and of the listed MD5 or (where none is listed) a sound gzip."""
    if not path.is_file() or path.stat().st_size != wanted.size:
        return False
    if wanted.md5:
        with path.open("rb") as file:
            # MD5 is what the bucket tells; it is for damage, not for forgery.
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == wanted.md5
    return not wanted.key.endswith(".gz") or _is_sound_gzip(path)


def download(
    url: str,
    path: Path,
    wanted: BucketObject,
    session: Any,
    stopped: threading.Event,
    on_bytes: Callable[[int], None] = lambda n: None,
    wait: float = 1.0,
) -> None:
    """Fetch a file unless it is there and whole already.

    Args:
        url: where it is.
        path: where it is to be; appears only when whole.
        wanted: its size and checksum.
        session: a `requests.Session`, of this thread alone.
        stopped: once set, the download ends.
        on_bytes: told how many bytes more (or, where some had to be thrown away, fewer) there are.
        wait: seconds before the second try; doubled each time.

    Raises:
        StrokebenchError: it cannot be had, or arrives damaged again and again (names the file).
        Stopped: `stopped` was set.
    """
    part = part_path(path, wanted)
    path.parent.mkdir(parents=True, exist_ok=True)
    have = part.stat().st_size if part.is_file() else 0
    on_bytes(have)
    reason, after = "", 0.0
    for failed in range(TRIES):
        if failed and stopped.wait(max(after, wait * 2 ** (failed - 1))):
            raise Stopped
        try:
            _fetch(url, part, wanted, session, stopped, on_bytes)
        except _BrokeOff as error:
            reason, after = str(error), error.after
            continue
        if is_whole(part, wanted):
            part.replace(path)
            for older in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
                older.unlink()
            return
        reason = "its bytes are not those that the bucket lists"
        on_bytes(-part.stat().st_size)
        part.unlink()
    raise StrokebenchError(f"{path.name}: cannot be fetched from {url} ({reason}).", "Run the same command again.")


def _fetch(
    url: str,
    part: Path,
    wanted: BucketObject,
    session: Any,
    stopped: threading.Event,
    on_bytes: Callable[[int], None],
) -> None:
    """Add to `part` what it lacks."""
    import requests
    import urllib3

    have = part.stat().st_size if part.is_file() else 0
    if have > wanted.size:
        on_bytes(-have)
        part.unlink()
        have = 0
    if have == wanted.size:
        part.touch()
        return
    # The file as it is stored: a compressed transfer would have another size.
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": f'"{wanted.etag}"'}
    try:
        with session.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
            if response.status_code not in (200, 206):
                _raise_for(response, url, part)
            if response.status_code == 200 and have:
                on_bytes(-have)
                have = 0
            elif have and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                raise _BrokeOff("another part came than was asked for")
            with part.open("ab" if have else "wb") as file:
                for piece in response.raw.stream(PIECE, decode_content=False):
                    file.write(piece)
                    on_bytes(len(piece))
                    have += len(piece)
                    if stopped.is_set():
                        raise Stopped
                    if have > wanted.size:
                        break
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _BrokeOff(" ".join(str(error).split())[:200] or type(error).__name__) from None
    if have < wanted.size:
        raise _BrokeOff(f"{have:,} of {wanted.size:,} bytes came")


def _raise_for(response: Any, url: str, part: Path) -> None:
    status = response.status_code
    if status == 416:
        part.unlink(missing_ok=True)
    elif status < 500 and status != 429:
        raise StrokebenchError(f"{url}: status {status}.", "The listing may be out of date; run the command again.")
    after = response.headers.get("Retry-After", "")
    raise _BrokeOff(f"status {status}", min(60.0, float(after)) if after.isdigit() else 0.0)


def _is_sound_gzip(path: Path) -> bool:
    try:
        with gzip.open(path) as file:
            while file.read(1 << 20):
                pass
    except (OSError, EOFError, zlib.error):
        return False
    return True
