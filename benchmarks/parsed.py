"""What runs of a source file, remembered between calls: to parse all of ours takes half a second."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path

from strokebench.datasets.files import StrokebenchError, digest, home, read_json, write_json

MOST = 500
"""Sources kept; beyond that, those that this call did not ask for are dropped."""

Parsed = tuple[str, tuple[str, ...]]
"""What runs, and the names that are imported."""


class ParsedSources:
    """Parsed sources by the hash of their bytes.

    Args:
        parser: file of the code that parses; another one begins anew, as another Python does.
    """

    def __init__(self, parser: Path) -> None:
        self.path = home("code", f"{sha256(sys.version.encode() + parser.read_bytes()).hexdigest()[:16]}.json")
        self._asked: dict[str, Parsed] = {}
        self._new = False
        try:
            self._kept: dict[str, Parsed] = {
                key: (text, tuple(names)) for key, (text, names) in read_json(self.path).items()
            }
        except (StrokebenchError, AttributeError, TypeError, ValueError):
            self._kept = {}

    def get(self, source: bytes, package: str, parse: Callable[[bytes, str], Parsed]) -> Parsed:
        """What `parse` makes of a source in a package, from memory where it is known."""
        key = digest([sha256(source).hexdigest(), package])
        if key not in self._kept:
            self._kept[key] = parse(source, package)
            self._new = True
        self._asked[key] = self._kept[key]
        return self._kept[key]

    def remember(self) -> None:
        """Write what is new; a folder that cannot be written costs time, and nothing else."""
        if not self._new:
            return
        self._new = False
        with contextlib.suppress(OSError):
            write_json(self.path, self._kept if len(self._kept) <= MOST else self._asked)


@cache
def parsed_sources(parser: Path, _home: Path) -> ParsedSources:
    """One for each parser and each folder that everything is written to."""
    return ParsedSources(parser)
