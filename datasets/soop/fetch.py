"""The real SOOP from its public bucket: what there is, what of it is wanted, and how it gets here.

OpenNeuro keeps data set ds004889 in the public bucket `openneuro.org`; no account is needed. Files keep their
place in its BIDS layout. `strokebench.datasets.soop.fetched` writes the cohort's file beside them.
"""

import re
import shutil
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from strokebench.datasets.soop.bucket import (
    BucketObject,
    Stopped,
    download,
    is_whole,
    list_bucket,
    object_url,
    open_session,
    part_path,
)
from strokebench.errors import StrokebenchError, unknown_name

ENDPOINT = "https://s3.amazonaws.com/openneuro.org"
PREFIX = "ds004889/"

TABLE_FILES = ("participants.tsv", "participants.json", "dataset_description.json", "README", "README.md", "CHANGES")
"""Always fetched: the table, and what the data set says of itself."""

PLACES: Mapping[str, str] = {
    "trace": "{id}/dwi/{id}_rec-TRACE_dwi.nii.gz",
    "flair": "{id}/anat/{id}_FLAIR.nii.gz",
    "adc": "{id}/dwi/{id}_rec-ADC_dwi.nii.gz",
    "t1": "{id}/anat/{id}_T1w.nii.gz",
    "masks": "derivatives/lesion_masks/{id}/dwi/{id}_space-TRACE_desc-lesion_mask.nii.gz",
}
"""Kind of file -> its place below the data set. Masks lie in the grid of TRACE."""


def patient_of(path: str, kind: str) -> str | None:
    """The patient whose file of this kind a path below the data set is; None if it is none."""
    found = re.search(r"sub-[A-Za-z0-9]+", path)
    return found[0] if found and path == PLACES[kind].format(id=found[0]) else None


@dataclass(frozen=True)
class FetchPlan:
    """Which files are wanted.

    Args:
        endpoint: address of the bucket.
        folder: where they go.
        files: path below the folder -> what the bucket lists.
        patients: whose files, in numeric order.
        incomplete: patient -> kinds that were asked for and are not in the bucket.
        here: files that are there and whole already.
    """

    endpoint: str
    folder: Path
    files: Mapping[str, BucketObject]
    patients: tuple[str, ...]
    incomplete: Mapping[str, tuple[str, ...]]
    here: frozenset[str]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files.values())

    @property
    def missing(self) -> dict[str, BucketObject]:
        """Files that are still to be fetched."""
        return {path: file for path, file in self.files.items() if path not in self.here}

    @property
    def missing_size(self) -> int:
        """Bytes that are still to come, less what interrupted downloads left."""
        parts = [part_path(self.folder / path, file) for path, file in self.missing.items()]
        return sum(file.size for file in self.missing.values()) - sum(p.stat().st_size for p in parts if p.is_file())


def plan_fetch(
    folder: Path,
    kinds: Collection[str] = ("trace", "masks"),
    patients: int | Sequence[str] | None = None,
    endpoint: str = ENDPOINT,
    on_step: Callable[[str, int, int], None] = lambda what, done, of: None,
) -> FetchPlan:
    """Read the bucket's listing and choose from it; fetches nothing.

    Args:
        kinds: of `PLACES`; the table comes along always.
        patients: ids; or a number: the first so many, by their number, that have every kind asked for; None:
            all that have any.
        on_step: called with how far it is: (`listing` or `checking`, files so far, of how many or 0).

    Raises:
        StrokebenchError: an unknown kind or patient, or no listing.
    """
    kinds = [kind for kind in dict.fromkeys(kinds) if kind != "table"]
    for kind in kinds:
        if kind not in PLACES:
            raise unknown_name("kind of file", kind, ["table", *PLACES])
    with open_session(threading.Event()) as session:
        listing = list_bucket(endpoint, PREFIX, session, lambda n: on_step("listing", n, 0))
    found = {file.key.removeprefix(PREFIX): file for file in listing}
    if "participants.tsv" not in found:
        raise StrokebenchError(f"{endpoint}: no {PREFIX}participants.tsv.", "Is this a mirror of OpenNeuro's bucket?")
    by_patient: dict[str, dict[str, str]] = {}
    for path in found:
        for kind in kinds:
            if patient := patient_of(path, kind):
                by_patient.setdefault(patient, {})[kind] = path
    chosen = _choose(by_patient, kinds, patients, endpoint)
    paths = [path for path in TABLE_FILES if path in found]
    paths += [by_patient[patient][kind] for patient in chosen for kind in kinds if kind in by_patient[patient]]
    here = set()
    for done, path in enumerate(paths, 1):
        if is_whole(folder / path, found[path]):
            here.add(path)
        on_step("checking", done, len(paths))
    lacking = {p: tuple(kind for kind in kinds if kind not in by_patient[p]) for p in chosen}
    return FetchPlan(
        endpoint,
        folder,
        {path: found[path] for path in paths},
        tuple(chosen),
        {patient: kinds for patient, kinds in lacking.items() if kinds},
        frozenset(here),
    )


def _choose(
    by_patient: Mapping[str, Mapping[str, str]],
    kinds: Sequence[str],
    patients: int | Sequence[str] | None,
    endpoint: str,
) -> list[str]:
    everyone = sorted(by_patient, key=lambda patient: (len(patient), patient))
    if patients is None or not kinds:
        return everyone
    if isinstance(patients, int):
        if patients < 0:
            raise StrokebenchError(f"{patients} patients.", "Give a number, ids, or nothing for all.")
        return [patient for patient in everyone if len(by_patient[patient]) == len(kinds)][:patients]
    wanted = list(dict.fromkeys(p if p.startswith("sub-") else f"sub-{p}" for p in patients))
    for patient in wanted:
        if patient not in by_patient:
            raise StrokebenchError(f"{endpoint}: no {' or '.join(kinds)} of patient {patient}.", "Check the id.")
    return wanted


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

    def one(path: str, wanted: BucketObject) -> None:
        try:
            download(object_url(plan.endpoint, wanted.key), plan.folder / path, wanted, session, advance)
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
