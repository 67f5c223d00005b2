"""SOOP's volumes and texts, made of the public lesion masks and the arterial atlas."""

import gzip
import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from strokebench.datasets.images.lesion import Territories, measure_lesion, read_territories
from strokebench.datasets.images.rendering import AFFINE, render
from strokebench.datasets.texts.writer import write_answers
from strokebench.errors import StrokebenchError
from strokebench.files import digest, write_bytes

LESIONS = "lesions_mni1mm.zip"
ATLAS = "ArterialAtlas136.nii.gz"
PUBLISHED = "NIfTI"
"""Folder of the public repository that holds masks and atlas, one file each."""
MASK_NAME = re.compile(r"(?:.*/)?bwsr(sub-[A-Za-z0-9]+)_lesion\.nii\.gz")
Place = tuple[Path, str]
"""A file, and the name of the mask within it; its own where it is no archive."""
CHUNK = 25
"""Patients a task: enough that reading the atlas does not count, few enough to share the work evenly."""


def masks_by_patient(folder: Path) -> dict[str, Place]:
    """Patient id -> where the lesion mask is: in an archive, or where there is none a file of its own.

    Raises:
        StrokebenchError: two masks of one patient.
    """
    archive = folder / LESIONS
    if archive.is_file():
        with zipfile.ZipFile(archive) as file:
            places = [(archive, name) for name in file.namelist()]
    else:
        places = [(path, path.name) for path in sorted((folder / PUBLISHED).iterdir())]
    found: dict[str, Place] = {}
    for path, name in places:
        if match := MASK_NAME.fullmatch(name):
            if match[1] in found:
                raise StrokebenchError(f"{path}: two masks of patient {match[1]}.", "Keep one.")
            found[match[1]] = path, name
    return found


def find_atlas(folder: Path) -> Path:
    """Where the atlas is, or should be: beside the table, or where it is published."""
    beside = folder / ATLAS
    return beside if beside.is_file() else folder / PUBLISHED / ATLAS


def build(folder: Path, masks: Mapping[str, Place], cache: Path) -> dict[str, dict[str, Any]]:
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


def _build_chunk(folder: Path, items: list[tuple[str, Place]], cache: Path) -> dict[str, dict[str, Any]]:
    territories = read_territories(find_atlas(folder))
    built = {}
    for patient, (path, name) in items:
        try:
            built[patient] = _build_patient(patient, _read(path, name), territories, cache)
        except StrokebenchError as error:
            raise StrokebenchError(f"Patient {patient} ({name} in {path.name}): {error.message}", error.hint) from None
    return built


def _read(path: Path, name: str) -> bytes:
    if path.name != LESIONS:
        return path.read_bytes()
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read(name)
    except (zipfile.BadZipFile, zlib.error) as error:
        raise StrokebenchError(f"the archive is damaged ({error}).", "Fetch it again.") from None


def _build_patient(patient: str, data: bytes, territories: Territories, cache: Path) -> dict[str, Any]:
    mask, affine = _read_mask(data)
    findings = measure_lesion(mask, affine, territories)
    image, coarse = render(mask, affine)
    paths = {"image": f"images/{patient}.nii.gz", "mask": f"masks/{patient}.nii.gz"}
    write_volume(cache / paths["image"], image)
    write_volume(cache / paths["mask"], coarse)
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


def write_volume(path: Path, array: np.ndarray) -> None:
    """Write a volume (53, 64, 53) on the grid of `strokebench.datasets.images.rendering`."""
    import nibabel

    # A gzip header without time and name: equal volumes are equal files, which the embedding cache relies on.
    write_bytes(path, gzip.compress(nibabel.Nifti1Image(array, AFFINE).to_bytes(), compresslevel=4, mtime=0))
