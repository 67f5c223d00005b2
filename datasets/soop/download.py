"""One file over HTTP: resumed where it broke off, checked, and named only when it is whole."""

from __future__ import annotations

import glob
import gzip
import hashlib
import zlib
from collections.abc import Callable
from pathlib import Path

import requests
from urllib3.exceptions import HTTPError, MaxRetryError

from strokebench.datasets.soop.bucket import TIMEOUT, BucketObject, innermost
from strokebench.errors import StrokebenchError

PIECE = 1 << 18


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
            # MD5 is what the bucket lists; it is for damage, not for forgery.
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == wanted.md5
    try:
        with gzip.open(path) as file:
            while wanted.key.endswith(".gz") and file.read(1 << 20):
                pass
    except (OSError, EOFError, zlib.error):
        return False
    return True


def download(
    url: str,
    path: Path,
    wanted: BucketObject,
    session: requests.Session,
    on_bytes: Callable[[int], None] = lambda n: None,
) -> None:
    """Fetch a file; what an earlier call has left of it is gone on with.

    Args:
        path: where it is to be; appears only when whole.
        session: as `open_session` makes it; a transfer that breaks off is repeated as often as a request.
        on_bytes: called with how many bytes more (or, where some had to be thrown away, fewer) there are.

    Raises:
        StrokebenchError: it cannot be had, or arrives damaged again and again (names the file).
        Stopped: the session was stopped.
    """
    part = part_path(path, wanted)
    path.parent.mkdir(parents=True, exist_ok=True)
    part.touch()
    on_bytes(part.stat().st_size)
    retries, whole = session.get_adapter(url).max_retries, False  # type: ignore[attr-defined]
    try:
        while not whole:
            try:
                _fetch(url, part, wanted, session, on_bytes)
                whole = True
            except HTTPError as broken:
                retries = retries.increment("GET", url, error=broken)
                retries.sleep()
    except (requests.RequestException, MaxRetryError) as error:
        raise StrokebenchError(
            f"{path.name}: cannot be fetched from {url} ({innermost(error)}).", "Run the same command again."
        ) from None
    part.replace(path)
    for older in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        older.unlink()


def _fetch(
    url: str, part: Path, wanted: BucketObject, session: requests.Session, on_bytes: Callable[[int], None]
) -> None:
    """Add to `part` what it lacks; an HTTPError of urllib3 says that it is not whole yet."""
    have = part.stat().st_size
    if have < wanted.size:
        # The file as it is stored: a compressed transfer would have another size.
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers |= {"Range": f"bytes={have}-", "If-Range": f'"{wanted.etag}"'}
        with session.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
            response.raise_for_status()
            resumed = response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
            with part.open("ab" if resumed else "wb") as file:
                if have and not resumed:
                    on_bytes(-have)
                for piece in response.raw.stream(PIECE, decode_content=False):
                    on_bytes(file.write(piece))
    if not is_whole(part, wanted):
        if (have := part.stat().st_size) >= wanted.size:
            part.write_bytes(b"")
            on_bytes(-have)
        raise HTTPError("its bytes are not those that the bucket lists")
