"""A file on a public server: resumed where it broke off, checked, and named only when it is whole."""

import glob
import gzip
import hashlib
import re
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse, Retry
from urllib3.exceptions import HTTPError, MaxRetryError

from strokebench.errors import StrokebenchError
from strokebench.files import file_digest

TRIES, FIRST_WAIT, LONGEST_WAIT = 8, 1.0, 60
"""Requests for one answer at most; seconds before the third, doubled each time; the most of it, whatever is asked."""
TIMEOUT = (15.0, 60.0)
"""Seconds to connect, and between two pieces of an answer."""
PIECE = 1 << 18


class Stopped(Exception):
    """The download was asked to stop; what has arrived stays for the next call."""


@dataclass(frozen=True)
class RemoteFile:
    """A file on a server, and what is known of it before it is fetched.

    Args:
        url: its address.
        size: bytes.
        etag: as a bucket lists it, without quotes; the MD5 of the bytes, unless the file was uploaded in parts.
        sha256: of the bytes, where it is known; then it alone counts.
    """

    url: str
    size: int
    etag: str = ""
    sha256: str = ""

    @property
    def md5(self) -> str | None:
        """MD5 of the bytes as hexadecimal digits, where the listing has it."""
        return self.etag.lower() if re.fullmatch(r"[0-9a-fA-F]{32}", self.etag) else None


def open_session(stopped: threading.Event) -> requests.Session:
    """A session that asks a busy or broken server again, after as long as the server says.

    Args:
        stopped: once set, nothing is asked again: a wait ends with `Stopped`.
    """

    class InterruptibleRetry(Retry):
        def sleep(self, response: BaseHTTPResponse | None = None) -> None:
            seconds = self.get_retry_after(response) if response else None
            if stopped.wait(seconds or self.get_backoff_time()):
                raise Stopped

    retries = InterruptibleRetry(
        TRIES - 1,
        # No connection, or a file that is damaged at its source: a minute of trying does not help.
        connect=TRIES // 2,
        other=TRIES // 2,
        status_forcelist=(429, 500, 502, 503, 504),
        backoff_factor=FIRST_WAIT / 2,
        backoff_max=LONGEST_WAIT,
        retry_after_max=LONGEST_WAIT,
    )
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=16, max_retries=retries))
    return session


def innermost(error: BaseException) -> str:
    """The cause of an error in one line; requests wraps it in layers of object representations."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    return " ".join(str(error).split())[:200] or type(error).__name__


def part_path(path: Path, wanted: RemoteFile) -> Path:
    """Where the beginning of a file is kept; another version of the file has another name."""
    version = hashlib.sha256(f"{wanted.sha256 or wanted.etag} {wanted.size}".encode()).hexdigest()[:8]
    return path.with_name(f".{path.name}.{version}.part")


def is_whole(path: Path, wanted: RemoteFile) -> bool:
    """The file is there, of the listed size, and of the listed SHA-256 or MD5 or (where none is) a sound gzip."""
    if not path.is_file() or path.stat().st_size != wanted.size:
        return False
    if wanted.sha256:
        return file_digest(path) == wanted.sha256
    if wanted.md5:
        with path.open("rb") as file:
            # MD5 is what the bucket lists; it is for damage, not for forgery.
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == wanted.md5
    try:
        with gzip.open(path) as file:
            while wanted.url.endswith(".gz") and file.read(1 << 20):
                pass
    except (OSError, EOFError, zlib.error):
        return False
    return True


def download(
    path: Path,
    wanted: RemoteFile,
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
    url = wanted.url
    retries, whole = session.get_adapter(url).max_retries, False  # type: ignore[attr-defined]
    try:
        while not whole:
            try:
                _fetch(part, wanted, session, on_bytes)
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


def _fetch(part: Path, wanted: RemoteFile, session: requests.Session, on_bytes: Callable[[int], None]) -> None:
    """Add to `part` what it lacks; an HTTPError of urllib3 says that it is not whole yet."""
    have = part.stat().st_size
    if have < wanted.size:
        # The file as it is stored: a compressed transfer would have another size.
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers |= {"Range": f"bytes={have}-"} | ({"If-Range": f'"{wanted.etag}"'} if wanted.etag else {})
        with session.get(wanted.url, headers=headers, stream=True, timeout=TIMEOUT) as response:
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
        raise HTTPError("its bytes are not those that are listed")
