"""Which files of a public cohort are wanted, which of them are here, and how the others get here."""

import os
import shutil
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from strokebench.datasets.public.remote import RemoteFile, Stopped, download, is_whole, open_session, part_path
from strokebench.errors import StrokebenchError

MIRROR = "STROKEBENCH_MIRROR"


def at_mirror(url: str) -> str:
    """The address at the mirror that the environment variable `STROKEBENCH_MIRROR` names, as `MIRROR/HOST/PATH`."""
    mirror, parts = os.environ.get(MIRROR), urlsplit(url)
    return f"{mirror.rstrip('/')}/{parts.netloc}{parts.path}" if mirror else url


@dataclass(frozen=True)
class FetchPlan:
    """Which files are wanted.

    Args:
        folder: where they go.
        files: path below the folder -> what is known of the file.
        patients: whose files.
        incomplete: patient -> kinds of file that were asked for and are not there.

    Raises:
        StrokebenchError: a path leads out of the folder.
    """

    folder: Path
    files: Mapping[str, RemoteFile]
    patients: tuple[str, ...] = ()
    incomplete: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in map(PurePosixPath, self.files):
            # Listings are other people's; what they name is written below the folder, and nowhere else.
            if path.is_absolute() or ".." in path.parts:
                raise StrokebenchError(f"The listing names a file outside the folder: {path}.", "Tell its maintainer.")

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files.values())

    @cached_property
    def missing(self) -> dict[str, RemoteFile]:
        """Files that were still to be fetched, or are damaged, when this was first asked; reads all that are here."""
        # Reading and hashing leave the interpreter's lock.
        with ThreadPoolExecutor(8) as pool:
            whole = pool.map(lambda one: is_whole(self.folder / one[0], one[1]), self.files.items())
            return {path: file for (path, file), here in zip(self.files.items(), whole, strict=True) if not here}

    @property
    def missing_size(self) -> int:
        """Bytes that are still to come, less what interrupted downloads left."""
        parts = [part_path(self.folder / path, file) for path, file in self.missing.items()]
        return sum(file.size for file in self.missing.values()) - sum(p.stat().st_size for p in parts if p.is_file())


def fetch(plan: FetchPlan, at_once: int = 4, on_bytes: Callable[[int], None] = lambda n: None) -> None:
    """Fetch what a plan lacks. Whatever has arrived stays; the next call goes on from there.

    Args:
        at_once: downloads at a time.
        on_bytes: called with how many bytes more there are.

    Raises:
        StrokebenchError: the disk is too full, or a file cannot be had; the other files at work are ended.
    """
    plan.folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(plan.folder).free
    if plan.missing_size > free:
        raise StrokebenchError(
            f"{plan.folder}: {free / 1e9:.1f} GB free, {plan.missing_size / 1e9:.1f} GB are needed.",
            "Choose fewer patients or kinds, or another folder.",
        )
    stopped = threading.Event()

    def advance(n: int) -> None:
        if stopped.is_set():
            raise Stopped
        on_bytes(n)

    def one(path: str, wanted: RemoteFile) -> None:
        try:
            download(plan.folder / path, wanted, session, advance)
        except OSError as error:
            raise StrokebenchError(f"{plan.folder / path}: cannot be written ({error.strerror}).") from None

    pool = ThreadPoolExecutor(max(1, at_once))
    with open_session(stopped) as session:
        try:
            jobs = [pool.submit(one, path, wanted) for path, wanted in plan.missing.items()]
            for job in wait(jobs, return_when=FIRST_EXCEPTION).done:
                job.result()
        finally:
            # Also on Ctrl-C: the downloads at work end at their next piece.
            stopped.set()
            pool.shutdown(wait=True, cancel_futures=True)
