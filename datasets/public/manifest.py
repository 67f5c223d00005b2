"""A public cohort's manifest: what there is, from where, under which licence, and what its bytes must be.

One YAML file, with a CSV file (path, bytes, sha256) beside it for each source whose files are known beforehand.
The table is fetched first: files by patient are wanted only of those who have a value in it. A file whose SHA-256 is
not known beforehand is held against what the bucket lists, and from then on against what was recorded of the first.
"""

import csv
import os
import threading
from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from functools import cached_property
from io import StringIO
from pathlib import Path
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, ValidationError

from strokebench.datasets.own.yaml_file import read_yaml
from strokebench.datasets.public.bucket import list_bucket
from strokebench.datasets.public.plan import FetchPlan, at_mirror
from strokebench.datasets.public.remote import RemoteFile, open_session
from strokebench.errors import StrokebenchError, first_fault, unknown_name
from strokebench.files import file_digest, home, read_kept, write_json

RECORD = "fetched.json"
"""Beside the files: path -> bytes and SHA-256 of those of which nobody had told them before."""
TABLE = "table"
"""The part that is always wanted: it holds the manifest's `table`."""
EMPTY = ("", "n/a", "na", "nan")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Strict):
    """Where files lie.

    Args:
        url: address of the folder that paths count from; or of a public bucket, with `prefix` before its paths.
        sha256: CSV file beside the manifest; empty: the source is a bucket, which lists its own files.
    """

    url: str
    prefix: str = ""
    sha256: str = ""


class Part(_Strict):
    """Files that are wanted together.

    Args:
        what: in words. source: a key of the manifest's sources.
        files: patterns of paths; `{id}` is a patient, `*` anything.
        about: their size in words, where the source does not know it beforehand.
    """

    what: str
    source: str
    files: tuple[str, ...]
    licence: str
    about: str = ""

    def of(self, patient: str) -> list[str]:
        """Paths of a patient's files."""
        return [file.replace("{id}", patient) for file in self.files if "{id}" in file]


class Manifest(_Strict):
    """See the module.

    Args:
        variable: environment variable that names a folder of files that are here already.
        table: path of the clinical table, tab-separated; `id` its column of patients.
        cohorts: names of built-in cohorts -> the parts that they read.
        path: of the manifest.
    """

    name: str
    title: str
    citation: str
    table: str
    id: str
    sources: dict[str, Source]
    parts: dict[str, Part]
    path: Path
    variable: str = ""
    cohorts: dict[str, tuple[str, ...]] = {}

    @property
    def fetched(self) -> Path:
        """Where its files go unless another folder is named."""
        return home("fetched", self.name)

    @property
    def folder(self) -> Path:
        """Where its files are: the folder that the variable names, else where they are fetched to."""
        given = os.environ.get(self.variable) if self.variable else None
        return Path(given).expanduser() if given else self.fetched

    @property
    def notice(self) -> str:
        """Title, licences, sources and citation, as they are kept beside the data."""
        lines = [f"{part.what}: {part.licence}, {self.sources[part.source].url}" for part in self.parts.values()]
        return "\n".join([self.title, *lines, f"Citation: {self.citation}", ""])

    @cached_property
    def listed(self) -> Mapping[str, dict[str, RemoteFile]]:
        """Source -> path -> file, of the sources that are known beforehand."""
        return {name: _read_list(self, source) for name, source in self.sources.items() if source.sha256}

    def chosen(self, without: Collection[str] = ()) -> tuple[str, ...]:
        """The parts but for some.

        Raises:
            StrokebenchError: there is no such part, or it is the table.
        """
        for name in without:
            if name not in self.parts or name == TABLE:
                raise unknown_name("part to leave out", name, [each for each in self.parts if each != TABLE])
        return tuple(name for name in self.parts if name not in without)

    def most(self, part: str) -> int | None:
        """Bytes of all files of a part, of patients without values too; None where only its bucket knows."""
        wanted = self.parts[part]
        if (listed := self.listed.get(wanted.source)) is None:
            return None
        return sum(file.size for path, file in listed.items() if _fits(path, wanted.files))

    def plan(self, parts: Collection[str], folder: Path) -> FetchPlan:
        """The files of some parts; asks a bucket for its listing where it has to.

        Before the table is in the folder, the table alone: it says whose files are wanted.

        Raises:
            StrokebenchError: a bucket gives no listing, or not the table; the table has no column of ids.
        """
        files = self._files(TABLE, folder, ())
        if self.table not in files:
            raise StrokebenchError(f"{self.sources[self.parts[TABLE].source].url}: no {self.table}.")
        plan = FetchPlan(folder, files)
        if self.table in plan.missing:
            return plan
        ids = patients_with_values(folder / self.table, self.id)
        incomplete: dict[str, tuple[str, ...]] = {}
        for part in parts:
            files |= self._files(part, folder, ids)
            for id in ids:
                if any(path not in files for path in self.parts[part].of(id)):
                    incomplete[id] = (*incomplete.get(id, ()), part)
        return FetchPlan(folder, files, tuple(ids), incomplete)

    def _files(self, part: str, folder: Path, ids: Collection[str]) -> dict[str, RemoteFile]:
        wanted = self.parts[part]
        listed = self.listed.get(wanted.source)
        if listed is None:
            listed = self._bucket(wanted, folder)
        plain = [file for file in wanted.files if "{id}" not in file]
        found = {path: file for path, file in listed.items() if _fits(path, plain)}
        return found | {path: listed[path] for id in ids for path in wanted.of(id) if path in listed}

    def _bucket(self, part: Part, folder: Path) -> dict[str, RemoteFile]:
        source = self.sources[part.source]
        url = at_mirror(source.url)
        kept = read_kept(folder / RECORD) or {}
        recorded = {
            path: RemoteFile(f"{url}/{source.prefix}{quote(path)}", size, sha256=sha256)
            for path, (size, sha256) in kept.items()
        }
        if recorded.keys() >= set(part.files):
            return recorded
        starts = {file.partition("{id}")[0].partition("*")[0] for file in part.files}
        listing: dict[str, RemoteFile] = {}
        with open_session(threading.Event()) as session:
            for start in starts:
                listing |= list_bucket(url, source.prefix + start, session)
        return {key.removeprefix(source.prefix): file for key, file in listing.items()} | recorded

    def check_whole(self, parts: Collection[str], folder: Path) -> None:
        """Refuse a folder that an interrupted or damaged fetch left incomplete; one of other origin is not judged.

        Raises:
            StrokebenchError: files are missing or damaged.
        """
        if (folder / RECORD).is_file() and (missing := self.plan(parts, folder).missing):
            raise StrokebenchError(
                f"{folder}: {len(missing):,} files are still to be fetched, or damaged; the first is {min(missing)}.",
                f"`strokebench cohort fetch {self.name}` goes on.",
            )

    def record(self, plan: FetchPlan) -> None:
        """Record size and SHA-256 of the files of a plan of which nobody had told them; they count from now on."""
        new = {path: file for path, file in plan.files.items() if not file.sha256}
        kept = read_kept(plan.folder / RECORD) or {}
        if new:
            found = {path: (file.size, file_digest(plan.folder / path)) for path, file in new.items()}
            write_json(plan.folder / RECORD, kept | found)


def read_manifest(path: Path) -> Manifest:
    """Read a manifest.

    Raises:
        StrokebenchError: it cannot be read, lacks a key, has one too many, or names a source, part or list that is
            not there.
    """
    given = read_yaml(path)
    try:
        manifest = Manifest.model_validate({**given, "path": path} if isinstance(given, dict) else given)
    except ValidationError as error:
        raise StrokebenchError(f"{path}: {first_fault(error)}.", "A manifest's keys are those of SOOP's.") from None
    for part in manifest.parts.values():
        if part.source not in manifest.sources:
            raise unknown_name(f"source of {path.name}", part.source, manifest.sources)
    for name in (TABLE, *(part for parts in manifest.cohorts.values() for part in parts)):
        if name not in manifest.parts:
            raise unknown_name(f"part of {path.name}", name, manifest.parts)
    return manifest


def _read_list(manifest: Manifest, source: Source) -> dict[str, RemoteFile]:
    path, url = manifest.path.parent / source.sha256, at_mirror(source.url).rstrip("/")
    found = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                found[row["path"]] = RemoteFile(
                    f"{url}/{quote(row['path'])}", int(row["bytes"]), sha256=row["sha256"].lower()
                )
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise StrokebenchError(f"{path}: cannot be read ({error}).", "Columns: path, bytes, sha256.") from None
    return found


def patients_with_values(path: Path, id: str) -> list[str]:
    """Ids of the rows of a tab-separated table that have any value but the id.

    Raises:
        StrokebenchError: there is no such column, or no id in a row of values; it is no UTF-8.
    """
    try:
        rows = csv.DictReader(StringIO(path.read_bytes().decode("utf-8-sig"), newline=""), delimiter="\t")
    except UnicodeDecodeError:
        raise StrokebenchError(
            f"{path}: not UTF-8.", "Tell whoever publishes it; it is read as it was fetched."
        ) from None
    if id not in (rows.fieldnames or ()):
        raise StrokebenchError(f"{path}: no column {id!r}.")
    found = [
        row[id]
        for row in rows
        if any(str(value).strip().lower() not in EMPTY for name, value in row.items() if name != id and value)
    ]
    if not all(found):
        raise StrokebenchError(f"{path}: a row has values and no {id!r}.", "Tell whoever publishes it.")
    return found


def _fits(path: str, patterns: Collection[str]) -> bool:
    return any(fnmatchcase(path, pattern.replace("{id}", "*")) for pattern in patterns)
