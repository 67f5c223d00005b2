"""From SOOP's lesion masks to volumes on disk, measurements and diagnostic text, one patient at a time."""

from __future__ import annotations

import gzip
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from strokebench.datasets.images.lesion import JHU_NAMES, Territories, measure_lesion
from strokebench.datasets.images.rendering import AFFINE, render
from strokebench.datasets.texts.writer import write_answers
from strokebench.errors import StrokebenchError
from strokebench.files import atomic_path, digest

LESIONS = "lesions_mni1mm.zip"
ATLAS = "ArterialAtlas136.nii.gz"
MASK_NAME = re.compile(r"(?:.*/)?bwsr(sub-[A-Za-z0-9]+)_lesion\.nii\.gz")
CHUNK = 25
"""Patients a task: enough that reading the atlas does not count, few enough to share the work evenly."""


def masks_by_patient(archive: Path) -> dict[str, str]:
    """Patient id -> name of the lesion mask inside the archive.

    Raises:
        StrokebenchError: two masks of one patient.
    """
    found: dict[str, str] = {}
    with zipfile.ZipFile(archive) as file:
        for name in file.namelist():
            if match := MASK_NAME.fullmatch(name):
                if match[1] in found:
                    raise StrokebenchError(f"{archive}: two masks of patient {match[1]}.", "Keep one.")
                found[match[1]] = name
    return found


def build(folder: Path, masks: Mapping[str, str], cache: Path) -> dict[str, dict[str, Any]]:
    """Write `images/ID.nii.gz` and `masks/ID.nii.gz` below `cache`; return volume, paths and texts a patient.

    Two processes: about half a minute for 600 patients.

    Raises:
        StrokebenchError: a mask that cannot be read or measured; names the patient.
    """
    from joblib import Parallel, delayed

    items = list(masks.items())
    chunks = [items[i : i + CHUNK] for i in range(0, len(items), CHUNK)]
    parts = Parallel(n_jobs=min(2, max(1, len(chunks))))(
        delayed(_build_chunk)(folder, chunk, cache) for chunk in chunks
    )
    return {patient: entry for part in parts for patient, entry in part.items()}


def read_territories(path: Path) -> Territories:
    """The Johns Hopkins arterial atlas.

    Raises:
        StrokebenchError: the file cannot be read.
    """
    import nibabel

    try:
        image = nibabel.Nifti1Image.from_filename(path)
        labels = np.asarray(image.dataobj).astype(np.int16)
    except (OSError, EOFError, nibabel.filebasedimages.ImageFileError) as error:
        raise StrokebenchError(f"{path}: cannot be read ({error}).", "Fetch it again.") from None
    return Territories(labels, JHU_NAMES, image.affine)


def _build_chunk(folder: Path, items: list[tuple[str, str]], cache: Path) -> dict[str, dict[str, Any]]:
    territories = read_territories(folder / ATLAS)
    built = {}
    with zipfile.ZipFile(folder / LESIONS) as archive:
        for patient, name in items:
            try:
                built[patient] = _build_patient(patient, archive.read(name), territories, cache)
            except StrokebenchError as error:
                raise StrokebenchError(
                    f"Patient {patient} ({name} in {LESIONS}): {error.message}", error.hint
                ) from None
    return built


def _build_patient(patient: str, data: bytes, territories: Territories, cache: Path) -> dict[str, Any]:
    mask, affine = _read_mask(data)
    findings = measure_lesion(mask, affine, territories)
    image, coarse = render(mask, affine)
    paths = {"image": f"images/{patient}.nii.gz", "mask": f"masks/{patient}.nii.gz"}
    _write(cache / paths["image"], image)
    _write(cache / paths["mask"], coarse)
    # Python's own hash differs from process to process.
    rng = np.random.default_rng(int(digest(["soop text", patient])[:16], 16))
    return {"volume_ml": findings.volume_ml, **paths, "texts": write_answers(findings, rng)}


def _read_mask(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    import nibabel

    try:
        image = nibabel.Nifti1Image.from_bytes(gzip.decompress(data))
        mask = np.asarray(image.dataobj)
    # nibabel has no common error class; what a cut or foreign file raises depends on where it was cut.
    except Exception as error:
        raise StrokebenchError(f"the mask cannot be read ({error}).", "Fetch it again.") from None
    if mask.ndim == 4 and mask.shape[3] == 1:
        mask = mask[..., 0]
    return mask, image.affine


def _write(path: Path, array: np.ndarray) -> None:
    import nibabel

    # A gzip header without time and name: equal volumes are equal files, which the embedding cache relies on.
    data = gzip.compress(nibabel.Nifti1Image(array, AFFINE).to_bytes(), compresslevel=4, mtime=0)
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)
