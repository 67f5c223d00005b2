"""SOOP's original images in its public bucket: what there is, and what of it is wanted.

OpenNeuro keeps data set ds004889 in the public bucket `openneuro.org`; no account is needed. Files keep their
place in its BIDS layout. `strokebench.datasets.soop.fetched` writes the cohort's file beside them.
"""

import re
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from strokebench.datasets.public.bucket import list_bucket
from strokebench.datasets.public.plan import FetchPlan, at_mirror
from strokebench.datasets.public.remote import open_session
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


def plan_fetch(
    folder: Path,
    kinds: Collection[str] = ("trace", "masks"),
    patients: int | Sequence[str] | None = None,
    endpoint: str = "",
    on_page: Callable[[int], None] = lambda n: None,
) -> FetchPlan:
    """Read the bucket's listing and choose from it; fetches nothing.

    Args:
        kinds: of `PLACES`; the table comes along always.
        patients: ids; or a number: the first so many, by their number, that have every kind asked for; None:
            all that have any.
        endpoint: address of the bucket; default: OpenNeuro's, or that at a mirror.
        on_page: called with how many files of the bucket are known so far.

    Raises:
        StrokebenchError: an unknown kind or patient, or no listing.
    """
    kinds = [kind for kind in dict.fromkeys(kinds) if kind != "table"]
    for kind in kinds:
        if kind not in PLACES:
            raise unknown_name("kind of file", kind, ["table", *PLACES])
    endpoint = endpoint or at_mirror(ENDPOINT)
    with open_session(threading.Event()) as session:
        listing = list_bucket(endpoint, PREFIX, session, on_page)
    found = {key.removeprefix(PREFIX): file for key, file in listing.items()}
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
    lacking = {p: tuple(kind for kind in kinds if kind not in by_patient[p]) for p in chosen}
    incomplete = {patient: kinds for patient, kinds in lacking.items() if kinds}
    return FetchPlan(folder, {path: found[path] for path in paths}, tuple(chosen), incomplete)


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
