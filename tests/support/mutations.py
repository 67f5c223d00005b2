"""Files damaged at random, by Hypothesis: bytes changed, cut, repeated, and words put in that parsers dislike."""

import io
import os
import zipfile
from collections.abc import Sequence

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("STROKEBENCH_FUZZ", "8"))
"""Damaged files a kind: a few with the other tests, thousands by hand."""

fuzzed = settings(
    max_examples=EXAMPLES,
    # With the other tests the same ones each time, so that no run fails by chance.
    derandomize="STROKEBENCH_FUZZ" not in os.environ,
    database=None,
    deadline=10_000,
    suppress_health_check=list(HealthCheck),
)

COMMON = (
    *(
        b"\x00",
        b"\x1b]0;x\x07",
        b"\x1b[31m",
        b"\xc2\x9b31m",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        b"\xe2\x80\xae",
    ),
    *(b"-1", b"0", b"1e999", b"nan", b"inf", b"9" * 400, b"=1+1", b"@x", b"../", b"~", b"%s", b"{id}", b"*", b"**/"),
    *(b"\n", b"\r", b"\t", b'"', b"'", b"\\", b",", b";", b":", b" ", b"x" * 5000),
)


def damaged(whole: bytes, words: Sequence[bytes] = (), within: int | None = None) -> st.SearchStrategy[bytes]:
    """The file with one to six random changes.

    Args:
        words: of the format, put in somewhere.
        within: changes lie in so many first bytes.
    """
    place = st.integers(0, within or len(whole))
    change = st.one_of(
        st.tuples(st.just("set"), place, st.binary(min_size=1, max_size=4)),
        st.tuples(st.just("insert"), place, st.sampled_from([*COMMON, *words]) | st.binary(max_size=8)),
        st.tuples(st.just("delete"), place, st.integers(1, 60)),
        st.tuples(st.just("repeat"), place, st.tuples(st.integers(1, 40), st.integers(2, 60))),
    )
    return st.lists(change, min_size=1, max_size=6).map(lambda changes: _apply(whole, changes))


def _apply(whole: bytes, changes: Sequence[tuple]) -> bytes:
    for kind, at, what in changes:
        if kind == "set":
            whole = whole[:at] + what + whole[at + len(what) :]
        elif kind == "insert":
            whole = whole[:at] + what + whole[at:]
        elif kind == "delete":
            whole = whole[:at] + whole[at + what :]
        else:
            length, times = what
            whole = whole[:at] + whole[at : at + length] * times + whole[at + length :]
    return whole


def damaged_zip(whole: bytes, words: Sequence[bytes] = ()) -> st.SearchStrategy[bytes]:
    """An archive with one damaged part, packed as if it were whole; or damaged as it lies."""
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}

    def packed(name: str, content: bytes) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for other, given in parts.items():
                archive.writestr(other, content if other == name else given)
        return buffer.getvalue()

    one = st.sampled_from(sorted(parts)).flatmap(
        lambda name: damaged(parts[name], words).map(lambda content: packed(name, content))
    )
    return st.one_of(one, one, one, damaged(whole))
