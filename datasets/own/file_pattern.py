"""Which file belongs to which patient: a path pattern with `{id}`, resolved for each id."""

import difflib
import fnmatch
import glob
import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from strokebench.datasets.problems import GUESS, Problem

LONGEST_NAME, LONGEST_PATH = 255, 3000
"""Bytes of the name of a file or folder on nearly every system, and of a path below the cohort's folder."""
_PIECES = re.compile(r"(\{id\}|\*\*/|\*+|\?|\[!?\]?[^\]]*\])")
_WILD = re.compile(r"[*?\[]")
_SEAM = r"(?!(?<=\d)\d|(?<=[^\W\d_])[^\W\d_])"
"""Between an id and a wild card: a digit does not go on after a digit, nor a letter after a letter, or `p1` would
take the file of `p10`."""


def checked_path(value: Any) -> str:
    """A path as a cohort's file gives it.

    Raises:
        ValueError: it is no text, no file can have so long a name, or it is written as Windows does.
    """
    if not isinstance(value, str):
        raise ValueError("give one path, not a list or block")
    if "\\" in value:
        raise ValueError(f"write '/' between folders, not '\\', in {value[:40]}")
    if len(value.encode()) > LONGEST_PATH or max(len(name.encode()) for name in value.split("/")) > LONGEST_NAME:
        raise ValueError(f"no file can have so long a name: {value[:40]}...")
    return value


def stored_path(folder: Path, name: str) -> Path:
    """Where a path of a cohort's file lies: a Mac may have written its letters with the marks apart."""
    path, apart = (folder / Path(unicodedata.normalize(form, name)).expanduser() for form in ("NFC", "NFD"))
    return path if path.exists() or not apart.exists() else apart


def checked_pattern(value: Any) -> str:
    """A pattern likewise; errors as `checked_path`, and without `{id}`."""
    pattern = checked_path(value)
    if "{id}" not in pattern:
        raise ValueError(f"the pattern {pattern!r} has no {{id}}")
    return pattern


@dataclass(frozen=True)
class Resolved:
    """Files by patient.

    Args:
        paths: absolute path of each id as text, None where there is none.
        problems: a pattern that fits nothing; patients with no file or with several, and files of several patients.
        unmatched: files that fit the pattern and belong to no patient of the table.
    """

    paths: pd.Series
    problems: list[Problem]
    unmatched: list[Path]


def resolve(
    folder: Path,
    pattern: str,
    ids: Sequence[str],
    what: str = "image",
    others: Iterable[str] = (),
    may_lack: Collection[str] = (),
) -> Resolved:
    """Find the file of each patient.

    `{id}` stands for the id, letter by letter; `*`, `?` and `[...]` are wild cards within a name, `**` is any
    number of folders. A pattern must fit one file a patient, and a file one patient. In a BIDS pattern
    (`sub-{id}`), ids may carry the `sub-` themselves.

    Args:
        folder: what a relative pattern counts from.
        what: `image`, `mask` or `text`: the first word of the problems' codes.
        others: ids whose files are not unmatched, e.g. excluded patients.
        may_lack: ids whose file may be absent, unless one is spelled alike.
    """
    pattern = Path(pattern).as_posix()
    files = _all_files(folder, pattern)
    owners = _owners(files, pattern, {*ids, *others})
    files_of: dict[str, list[str]] = defaultdict(list)
    for file, patients in owners.items():
        for id in patients:
            files_of[id].append(file)
    unmatched = [file for file in files if file not in owners]
    alike = {_key(file): file for file in unmatched}
    problems = [] if files else [_fits_nothing(folder, pattern, what)]
    paths: dict[str, str | None] = {}
    for id in ids:
        found = files_of.get(id, [])
        faults = list(_faults(folder, pattern, id, found, owners, what))
        if not found and files:
            expected = pattern.replace("{id}", _bare(pattern, id))
            hint = _hint(expected, alike.get(_key(expected)))
            if hint or id not in may_lack:
                faults.append(Problem(f"{what}_missing", f"no file {expected}{hint}", id, pattern))
        paths[id] = None if faults or not found else str(folder / found[0])
        problems += faults
    return Resolved(pd.Series(paths, dtype=object), problems, [folder / file for file in unmatched])


def _all_files(folder: Path, pattern: str) -> list[str]:
    """Whatever the pattern fits with any id, as the pattern names it; links to nothing too."""
    for form in ("NFC", "NFD"):
        # Not `*`, which would make `**` of an id beside a wild card.
        everyone = unicodedata.normalize(form, pattern).replace("{id}", "?*")
        if found := glob.glob(everyone, root_dir=folder, recursive=True):  # noqa: PTH207
            break
    return sorted({Path(file).as_posix() for file in found if not (folder / file).is_dir()})


def _owners(files: Sequence[str], pattern: str, ids: Iterable[str]) -> dict[str, list[str]]:
    """File -> the ids that it fits, for those that fit any."""
    bare: dict[str, list[str]] = defaultdict(list)
    for id in sorted(ids):
        bare[_same_letters(_bare(pattern, id))].append(id)
    lengths = {len(one) for one in bare}
    fits = re.compile(rf"(?P<id>[^\0]*)\0{''.join(_expressions(_same_letters(pattern)))}", re.DOTALL)
    owners = {}
    for file in files:
        name = _same_letters(file)
        held = {name[i : i + n] for n in lengths for i in range(len(name) - n + 1)}
        if found := [id for one in sorted(held & bare.keys()) if fits.fullmatch(f"{one}\0{name}") for id in bare[one]]:
            owners[file] = found
    return owners


def _expressions(pattern: str) -> Iterator[str]:
    """The pattern as a regular expression that knows the id as a group of this name."""
    pieces = ["", *(piece for piece in _PIECES.split(pattern) if piece), ""]
    for before, piece, after in zip(pieces, pieces[1:], pieces[2:], strict=False):
        if piece == "{id}":
            yield (_SEAM if _WILD.match(before) else "") + "(?P=id)" + (_SEAM if _WILD.match(after) else "")
        elif piece in ("**/", "**"):
            yield "(?:.*/)?" if piece == "**/" else ".*"
        elif piece[0] in "*?":
            yield "[^/]" + piece[0].strip("?")
        elif piece[0] == "[" and len(piece) > 1:
            yield fnmatch.translate(piece).removeprefix("(?s:").rpartition(")")[0]
        else:
            yield re.escape(piece)


def _faults(
    folder: Path, pattern: str, id: str, found: Sequence[str], owners: dict[str, list[str]], what: str
) -> Iterator[Problem]:
    if len(found) > 1:
        yield Problem(f"{what}_ambiguous", f"{len(found)} files fit: {', '.join(found[:4])}", id, pattern)
        return
    for file in found:
        if others := [other for other in owners[file] if other != id]:
            yield Problem(f"{what}_ambiguous", f"{file} fits patient {', '.join(others[:4])} too", id, pattern)
        elif (link := folder / file).is_symlink() and not link.exists():
            git = "annex" in link.readlink().parts
            remedy = f"Fetch its content: `datalad get {file}` or `git annex get {file}`." if git else "Mend the link."
            yield Problem(f"{what}_unreadable", f"{file} is a link whose content is not here", id, pattern, remedy)


def _fits_nothing(folder: Path, pattern: str, what: str) -> Problem:
    """Says where the path breaks off, and what is spelled alike there."""
    start = re.split(r"[{*?\[]", pattern)[0]
    here, hint = folder, ""
    for step in Path(start[: start.rfind("/") + 1]).parts:
        if not (here / step).is_dir():
            names = sorted(path.name for path in here.iterdir() if path.is_dir()) if here.is_dir() else []
            near = difflib.get_close_matches(step, names, 1, 0.6)
            hint = f": there is no folder {step!r}" + (f"; did you mean {near[0]!r}?" if near else "")
            break
        here /= step
    else:
        names = sorted(path.name + "/" * path.is_dir() for path in here.iterdir())
        hint = f": {here.name} holds {', '.join(names[:3])}{', ...' if len(names) > 3 else ''}" if names else ""
    everyone = pattern.replace("{id}", "?*")
    remedy, name = "", everyone.rpartition("/")[2]
    if glob.glob(everyone, root_dir=folder, recursive=True):  # noqa: PTH207
        remedy = "Name files, not folders; convert a DICOM series to one NIfTI file (dcm2niix)."
    elif re.search(r"[^\W\d_]{3}", name.partition(".")[0]) and (
        deeper := next(glob.iglob(f"**/{name}", root_dir=here, recursive=True), None)  # noqa: PTH207
    ):
        hint += f"{GUESS}{Path(os.path.relpath(here, folder)) / deeper}?"
    return Problem(
        "pattern_fits_nothing", f"the {what} pattern {pattern} fits no file at all{hint}", where=pattern, remedy=remedy
    )


def _bare(pattern: str, id: str) -> str:
    return id.removeprefix("sub-") if "sub-{id}" in pattern else id


def _hint(expected: str, alike: str | None) -> str:
    if alike is None:
        return ""
    zeros = " The id has lost its leading zeros." if alike.replace("0", "") == expected.replace("0", "") else ""
    return f"{GUESS}{alike}?{zeros}"


def _same_letters(text: str) -> str:
    """One form of letters with marks: some systems store names of files with the marks apart."""
    return unicodedata.normalize("NFC", text)


def _key(name: str) -> str:
    """What two spellings of one name share: neither case, signs nor leading zeros, but every number."""
    parts = re.findall(r"\d+|[^\W\d_]+", _same_letters(name).casefold())
    return " ".join(part.lstrip("0") or "0" for part in parts)
