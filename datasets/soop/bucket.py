"""What a public S3 bucket holds: its listing over plain HTTPS, without an account (ListObjectsV2)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from strokebench.errors import StrokebenchError

TRIES = 4
TIMEOUT = (15.0, 60.0)
"""Seconds to connect, and between two pieces of an answer."""


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
        """MD5 of the bytes as hexadecimal digits, where the listing tells it."""
        return self.etag.lower() if re.fullmatch(r"[0-9a-fA-F]{32}", self.etag) else None


def object_url(endpoint: str, key: str) -> str:
    """Address of a file in the bucket at `endpoint`."""
    return f"{endpoint.rstrip('/')}/{quote(key)}"


def list_bucket(
    endpoint: str, prefix: str, session: Any, on_page: Callable[[int], None] = lambda n: None
) -> list[BucketObject]:
    """Every file whose key begins with `prefix`, in the bucket's order.

    Args:
        endpoint: address of the bucket, as `https://s3.amazonaws.com/openneuro.org`.
        session: a `requests.Session`.
        on_page: told how many files are known so far.

    Raises:
        StrokebenchError: the bucket cannot be reached or does not answer with a listing.
    """
    found: list[BucketObject] = []
    token = ""
    while True:
        parameters = {"list-type": "2", "prefix": prefix} | ({"continuation-token": token} if token else {})
        page = _page(endpoint, parameters, session)
        found += [_object(entry, endpoint) for entry in page.iterfind("{*}Contents")]
        on_page(len(found))
        if page.findtext("{*}IsTruncated", "").strip().lower() != "true":
            return found
        following = page.findtext("{*}NextContinuationToken", "")
        if not following or following == token:
            raise StrokebenchError(f"{endpoint}: the listing does not say how it goes on.", "Try again later.")
        token = following


def _page(endpoint: str, parameters: dict[str, str], session: Any) -> ElementTree.Element:
    import requests

    reason = ""
    for _ in range(TRIES):
        try:
            response = session.get(endpoint.rstrip("/") + "/", params=parameters, timeout=TIMEOUT)
            if response.status_code == 200:
                page = ElementTree.fromstring(response.content)
                if page.tag.rpartition("}")[2] == "ListBucketResult":
                    return page
                reason = f"it answers with {page.tag}"
                break
            reason = f"status {response.status_code}"
            if response.status_code < 500 and response.status_code != 429:
                break
        except requests.RequestException as error:
            reason = _short(error)
        except ElementTree.ParseError as error:
            reason = f"its answer is no XML ({error})"
    raise StrokebenchError(
        f"{endpoint}: no listing of the bucket ({reason}).",
        "Check the network, or name a mirror with --endpoint.",
    )


def _object(entry: ElementTree.Element, endpoint: str) -> BucketObject:
    key, size = entry.findtext("{*}Key", ""), entry.findtext("{*}Size", "")
    if not key or not size.isdigit():
        raise StrokebenchError(f"{endpoint}: the listing has an entry without name or size.")
    return BucketObject(key, int(size), entry.findtext("{*}ETag", "").strip('"'))


def _short(error: Exception) -> str:
    # requests wraps the cause in layers of object representations; the innermost says it.
    cause: BaseException = error
    while cause.__cause__ or cause.__context__:
        cause = cause.__cause__ or cause.__context__ or cause
    return " ".join(str(cause).split())[:200] or type(error).__name__
