"""Which file belongs to which patient: a path pattern with `{id}`, resolved for each id."""

from __future__ import annotations

import difflib
import glob
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from strokebench.datasets.problems import Problem

_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Resolved:
    """Files by patient.

    Args:
        paths: absolute path of each id as text, None where there is none.
        problems: patients with no file or with several.
        unmatched: files that fit the pattern and belong to no patient of the table.
    """

    paths: pd.Series
    problems: list[Problem]
    unmatched: list[Path]


def resolve(
    folder: Path, pattern: str, ids: Sequence[str], what: str = "image", others: Iterable[str] = ()
) -> Resolved:
    """Find the file of each patient.

    `{id}` stands for the id, letter by letter; `*`, `?` and `[...]` are wild cards, and a pattern with them
    must fit exactly one file a patient. In a BIDS pattern (`sub-{id}`), ids may carry the `sub-` themselves.

    Args:
        folder: what a relative pattern counts from.
        what: `image`, `mask` or `text`: the first word of the problems' codes.
        others: ids whose files are not unmatched, e.g. excluded patients.
    """
    paths: dict[str, Path | None] = {}
    taken: set[Path] = set()
    problems = []
    wild = bool(_WILD.search(pattern))
    for id in ids:
        found = _files_of(folder, pattern, id, wild)
        paths[id] = found[0] if len(found) == 1 else None
        if len(found) > 1:
            first = ", ".join(_short(path, folder) for path in found[:4])
            problems.append(Problem(f"{what}_ambiguous", f"{len(found)} files fit: {first}", id, pattern))
        taken.update(found)
    taken |= {path for id in others for path in _files_of(folder, pattern, id, wild)}
    ambiguous = {problem.patient for problem in problems}
    unmatched = [path for path in _all_files(folder, pattern) if path not in taken]
    names = [_short(path, folder) for path in unmatched]
    for id, path in paths.items():
        if path is None and id not in ambiguous and what != "mask":
            expected = _fill(pattern, id)
            alike = difflib.get_close_matches(expected, names, 1, 0.9)
            hint = f"; is it {alike[0]}?" if alike else ""
            problems.append(Problem(f"{what}_missing", f"no file {expected}{hint}", id, pattern))
    files = {id: None if path is None else str(path) for id, path in paths.items()}
    return Resolved(pd.Series(files, dtype=object), problems, unmatched)


def _fill(pattern: str, id: str) -> str:
    bare = id.removeprefix("sub-") if "sub-{id}" in pattern else id
    return pattern.replace("{id}", bare)


def _files_of(folder: Path, pattern: str, id: str, wild: bool) -> list[Path]:
    if not wild:
        path = folder / _fill(pattern, id)
        return [path] if path.is_file() else []
    # An id may itself hold a bracket, which is no wild card.
    escaped = _fill(pattern, "\0").replace("\0", glob.escape(id.removeprefix("sub-") if "sub-{id}" in pattern else id))
    return sorted(p for found in glob.glob(str(folder / escaped)) if (p := Path(found)).is_file())  # noqa: PTH207


def _all_files(folder: Path, pattern: str) -> list[Path]:
    everyone = str(folder / pattern.replace("{id}", "*"))
    return sorted(p for found in glob.glob(everyone) if (p := Path(found)).is_file())  # noqa: PTH207


def _short(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
