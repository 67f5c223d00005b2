"""A package of results as files: a zip archive or a folder, with a checksum of each, and a signature of these.

Checksums tell damage; only the signature, by a key that the sites share, tells who made a package.
"""

import hashlib
import hmac
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

from strokebench.errors import StrokebenchError
from strokebench.files import atomic_path, home

SUMS, SIGNATURE = "SHA256SUMS", "SHA256SUMS.hmac"
PARTS = ("about.json", "predictions.csv", "runs.csv", "split.json", "patient_facts.csv", "oracle.csv")
"""The files of one experiment; the last two may be absent."""
LARGEST_FILE, LARGEST_PACKAGE, MOST_FILES = 1 << 28, 1 << 30, 2000
LARGEST_SHORT = 1 << 20
"""Bytes of a file that is no table and no split."""
MOST_PACKED = 100
"""A table packs to a fifth, what was made to fill memory to a thousandth."""

_NAME = re.compile(
    r"(?:manifest\.json|README\.txt|ro-crate-metadata\.json|croissant\.json|SHA256SUMS(?:\.hmac)?"
    r"|[\w.+-]{1,255}/[\w.+-]{1,255}/(?:" + "|".join(PARTS) + r"))",
    re.ASCII,
)
_NO_PACKAGE = "This is no package of `strokebench results export`."
_MADE = (1980, 1, 1, 0, 0, 0)


def write_files(files: Mapping[str, bytes], target: Path, key: bytes = b"") -> None:
    """Write a package with its `SHA256SUMS`; a zip where the name ends so, else a folder.

    Equal files make an equal archive: it bears no time, user or machine.

    Args:
        key: what it is signed with (HMAC-SHA-256 of `SHA256SUMS`); empty: it is not.

    Raises:
        StrokebenchError: the folder is not empty.
    """
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items()))
    every = {**dict(sorted(files.items())), SUMS: sums.encode()}
    if key:
        every[SIGNATURE] = _signature(every[SUMS], key)
    if target.suffix == ".zip":
        with atomic_path(target) as path, zipfile.ZipFile(path, "w") as archive:
            for name, content in every.items():
                archive.writestr(zipfile.ZipInfo(name, _MADE), content, zipfile.ZIP_DEFLATED)
        return
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise StrokebenchError(f"{target} is there and not empty.", "Give a new folder, or a name that ends in .zip.")
    for name, content in every.items():
        with atomic_path(target / name) as path:
            path.write_bytes(content)


def read_files(source: Path, key: bytes = b"") -> dict[str, bytes]:
    """Read a package into memory and verify every checksum. Nothing is unpacked onto the disk.

    Args:
        key: that it must be signed with; empty: no signature is looked at.

    Raises:
        StrokebenchError: no package, a file of another name or size than a package has, a checksum that does not
            fit, or not signed with that key.
    """
    if not (source.is_file() or source.is_dir()):
        below = home("results", str(source))
        raise StrokebenchError(f"{source}: no such file or folder.", f"Is it {below}?" if below.exists() else "")
    try:
        files = _read_folder(source) if source.is_dir() else _read_zip(source)
    except StrokebenchError:
        raise
    except Exception as error:
        # What unpacking makes of damaged bytes is of many kinds, and not listed anywhere.
        line = " ".join(str(error).split())[:200]
        raise StrokebenchError(f"{source} cannot be read: {line}.", "Copy it again from where it was made.") from None
    _verify(files, source)
    if key and not hmac.compare_digest(files.get(SIGNATURE, b""), _signature(files[SUMS], key)):
        how = "signed with another key" if SIGNATURE in files else "not signed"
        raise StrokebenchError(
            f"{source} is {how}.", "Export it with the same --key-file; without one, no signature is looked at."
        )
    return files


def _signature(sums: bytes, key: bytes) -> bytes:
    return hmac.new(key, b"strokebench package\0" + sums, hashlib.sha256).hexdigest().encode() + b"\n"


def _read_zip(source: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(source) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        _admit(source, {entry.filename: entry.file_size for entry in entries}, len(entries))
        for entry in entries:
            if entry.file_size > LARGEST_SHORT and entry.file_size > MOST_PACKED * entry.compress_size:
                raise StrokebenchError(f"{source}: {entry.filename} is packed as no table packs.", _NO_PACKAGE)
        files = {}
        for entry in entries:
            with archive.open(entry) as file:
                # The stated size may lie; what is read is never more than it.
                files[entry.filename] = file.read(entry.file_size + 1)
            if len(files[entry.filename]) != entry.file_size:
                raise StrokebenchError(f"{source}: {entry.filename} is not of the size that the archive states.")
        return files


def _read_folder(source: Path) -> dict[str, bytes]:
    paths = {str(path.relative_to(source).as_posix()): path for path in source.rglob("*") if not path.is_dir()}
    # What a Mac leaves in every folder that is looked at.
    paths = {name: path for name, path in paths.items() if path.name != ".DS_Store"}
    if links := [name for name, path in paths.items() if path.is_symlink()]:
        raise StrokebenchError(f"{source}: {links[0]!r} is a link.", "A package holds plain files only.")
    if odd := [name for name, path in paths.items() if not path.is_file()]:
        raise StrokebenchError(f"{source}: {odd[0]!r} is no plain file.", _NO_PACKAGE)
    _admit(source, {name: path.stat().st_size for name, path in paths.items()}, len(paths))
    return {name: path.read_bytes() for name, path in paths.items()}


def _admit(source: Path, sizes: Mapping[str, int], count: int) -> None:
    if count > MOST_FILES or len(sizes) < count:
        raise StrokebenchError(f"{source} has too many files, or one twice.", _NO_PACKAGE)
    for name, size in sizes.items():
        if not _NAME.fullmatch(name) or any(set(part) <= {"."} for part in name.split("/")):
            raise StrokebenchError(f"{source} has a file {name[:99]!r}, which a package does not have.", _NO_PACKAGE)
        if size > (LARGEST_FILE if name.endswith((".csv", "split.json")) else LARGEST_SHORT):
            raise StrokebenchError(f"{source}: {name} has {size / 1e6:.0f} MB, which is too large.", _NO_PACKAGE)
    if sum(sizes.values()) > LARGEST_PACKAGE:
        raise StrokebenchError(f"{source} has {sum(sizes.values()) / 1e6:.0f} MB, which is too large.", _NO_PACKAGE)


def _verify(files: Mapping[str, bytes], source: Path) -> None:
    again = "The package was changed or damaged after it was made; export it again."
    if SUMS not in files:
        raise StrokebenchError(f"{source} has no {SUMS}.", _NO_PACKAGE)
    lines = [line.partition("  ") for line in files[SUMS].decode("utf-8", "replace").splitlines()]
    stated = {name: checksum for checksum, _, name in lines}
    if unmatched := set(stated) ^ (set(files) - {SUMS, SIGNATURE}):
        raise StrokebenchError(f"{source}: {min(unmatched)!r} is missing, or not listed in {SUMS}.", again)
    for name, checksum in stated.items():
        if hashlib.sha256(files[name]).hexdigest() != checksum:
            raise StrokebenchError(f"{source}: {name} does not fit its checksum.", again)
