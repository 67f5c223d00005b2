"""What a public S3 bucket holds: its listing over plain HTTPS, without an account (ListObjectsV2)."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote
from xml.etree import ElementTree

import requests
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse, Retry

from strokebench.errors import StrokebenchError

TRIES, FIRST_WAIT, LONGEST_WAIT = 8, 1.0, 60
"""Requests for one answer at most; seconds before the third, doubled each time; the most of it, whatever is asked."""
TIMEOUT = (15.0, 60.0)
"""Seconds to connect, and between two pieces of an answer."""


class Stopped(Exception):
    """The download was asked to stop; what has arrived stays for the next call."""


@dataclass(frozen=True)
class BucketObject:
    """A file in a bucket.

    Args:
        key: its name, with slashes.
        size: bytes.
        etag: as listed, without quotes; the MD5 of the bytes, unless the file was uploaded in parts.
    """

    key: str
    size: int
    etag: str

    @property
    def md5(self) -> str | None:
        """MD5 of the bytes as hexadecimal digits, where the listing has it."""
        return self.etag.lower() if re.fullmatch(r"[0-9a-fA-F]{32}", self.etag) else None


def object_url(endpoint: str, key: str) -> str:
    """Address of a file in the bucket at `endpoint`."""
    return f"{endpoint.rstrip('/')}/{quote(key)}"


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


def list_bucket(
    endpoint: str, prefix: str, session: requests.Session, on_page: Callable[[int], None] = lambda n: None
) -> list[BucketObject]:
    """Every file whose key begins with `prefix`, in the bucket's order.

    Args:
        endpoint: address of the bucket, as `https://s3.amazonaws.com/openneuro.org`.
        on_page: called with how many files are known so far.

    Raises:
        StrokebenchError: the bucket cannot be reached or does not answer with a listing.
    """
    found: list[BucketObject] = []
    parameters = {"list-type": "2", "prefix": prefix}
    try:
        while True:
            response = session.get(endpoint.rstrip("/") + "/", params=parameters, timeout=TIMEOUT)
            response.raise_for_status()
            page = ElementTree.fromstring(response.content)
            for entry in page.iterfind("{*}Contents"):
                key, size, etag = (entry.findtext(f"{{*}}{name}", "") for name in ("Key", "Size", "ETag"))
                found.append(BucketObject(key, int(size), etag.strip('"')))
            on_page(len(found))
            if page.findtext("{*}IsTruncated") == "false":
                return found
            following = page.findtext("{*}NextContinuationToken", "")
            if following in ("", parameters.get("continuation-token")):
                raise ValueError(f"a page of {page.tag} does not say how it goes on")
            parameters["continuation-token"] = following
    except (requests.RequestException, ElementTree.ParseError, ValueError) as error:
        raise StrokebenchError(
            f"{endpoint}: no listing of the bucket ({innermost(error)}).",
            "Check the network, or name a mirror with --endpoint.",
        ) from None


def innermost(error: BaseException) -> str:
    """The cause of an error in one line; requests wraps it in layers of object representations."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    return " ".join(str(error).split())[:200] or type(error).__name__
