"""The listing of a public S3 bucket (ListObjectsV2) over plain HTTPS, without an account."""

from collections.abc import Callable
from urllib.parse import quote
from xml.etree import ElementTree

import requests

from strokebench.datasets.public.remote import TIMEOUT, RemoteFile, innermost
from strokebench.errors import StrokebenchError


def list_bucket(
    endpoint: str, prefix: str, session: requests.Session, on_page: Callable[[int], None] = lambda n: None
) -> dict[str, RemoteFile]:
    """Every file whose key begins with `prefix`, by key, in the bucket's order.

    Args:
        endpoint: address of the bucket, as `https://s3.amazonaws.com/openneuro.org`.
        on_page: called with how many files are known so far.

    Raises:
        StrokebenchError: the bucket cannot be reached or does not answer with a listing.
    """
    found: dict[str, RemoteFile] = {}
    parameters = {"list-type": "2", "prefix": prefix}
    try:
        while True:
            response = session.get(endpoint.rstrip("/") + "/", params=parameters, timeout=TIMEOUT)
            response.raise_for_status()
            page = ElementTree.fromstring(response.content)
            for entry in page.iterfind("{*}Contents"):
                key, size, etag = (entry.findtext(f"{{*}}{name}", "") for name in ("Key", "Size", "ETag"))
                # Some programs write an empty file for a folder.
                if not key.endswith("/"):
                    found[key] = RemoteFile(f"{endpoint.rstrip('/')}/{quote(key)}", int(size), etag.strip('"'))
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
            "Check the network, or name a mirror by STROKEBENCH_MIRROR.",
        ) from None
