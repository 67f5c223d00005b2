"""What a call finds out anew though nothing has changed, kept under hashes of everything that decides it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import version

import pandas as pd

from strokebench.benchmarks.keys.code import code_of
from strokebench.errors import StrokebenchError
from strokebench.files import digest, home
from strokebench.tasks.endpoint import Endpoint
from strokebench.tasks.fold import Split
from strokebench.tasks.protocols import make_split


def remembered_split(protocol: str, labels: pd.Series, sites: pd.Series | None, seeds: Sequence[int]) -> Split:
    """What `make_split` makes of these arguments, read from disk where it was made before.

    Raises:
        StrokebenchError: as `make_split`.
    """
    decides = {
        "protocol": protocol,
        "labels": labels.sort_index().to_csv(),
        "sites": None if sites is None else sites.sort_index().to_csv(),
        "seeds": list(seeds),
        "code": code_of("strokebench.tasks.protocols.make_split").sha256,
        "versions": [version(package) for package in ("numpy", "scikit-learn")],
    }
    path = home("splits", "made", f"{digest(decides)[:16]}.json")
    try:
        return Split.read(path)
    except (StrokebenchError, KeyError, TypeError):
        split = make_split(protocol, labels, sites, seeds)
        split.write(path)
        return split


def filter_name(endpoint: Endpoint) -> str:
    """Hash of everything that decides what `endpoint.keep_text` keeps of a text."""
    return digest(
        {
            "code": code_of("strokebench.datasets.texts.filter.filter_text").sha256,
            "banned": [[pattern.pattern, pattern.flags] for pattern in endpoint.banned_sentences],
            # What a letter is belongs to the interpreter.
            "python": sys.version,
        }
    )
