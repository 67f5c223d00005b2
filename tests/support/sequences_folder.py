"""A hospital's folder whose patients have DWI, ADC and FLAIR, each in a grid of its own; some lack one."""

from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
from hospital_folder import clinical_table

GRIDS = {"dwi": ((40, 48, 32), 4.0, 0.0), "adc": ((40, 48, 32), 4.0, 0.0), "flair": ((34, 60, 26), 5.0, 0.2)}
"""Shape, edge in mm and turn about the vertical axis of each sequence."""
LACKS = {"adc": [1], "flair": [2, 5]}
LESION = np.array([30.0, 10.0, 5.0])
"""Where the lesion lies, in the scanner's millimetres."""

YAML = """\
title: Three sequences
table: patients.csv
id: id
outcome: none
columns: {mrs: {low: 0, high: 6}, age: numeric, sex: categorical, glucose: numeric}
banned: [hospital]
images:
  dwi: "sub-{id}/dwi/*_dwi.nii.gz"
  adc: "sub-{id}/dwi/*_adc.nii.gz"
  flair: "sub-{id}/anat/*_FLAIR.nii.gz"
masks: {dwi: "sub-{id}/dwi/*_mask.nii.gz"}
"""


def head(points: np.ndarray, lesion: float) -> np.ndarray:
    """Brightness at points (..., 3) in the scanner's millimetres: an ellipsoid, darker in the middle, with a lesion."""
    distance = np.linalg.norm((points - [3, -6, 4]) / [66, 80, 58], axis=-1)
    brightness = np.where(distance < 1, 500 + 300 * distance, 0)
    return np.where((np.linalg.norm(points - LESION, axis=-1) < 14) & (distance < 1), lesion, brightness)


def affine_of(sequence: str, moved: float = 0.0) -> np.ndarray:
    shape, edge, turn = GRIDS[sequence]
    rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = rotation * edge
    affine[:3, 3] = -affine[:3, :3] @ (np.array(shape) - 1) / 2 + [moved, 0, 0]
    return affine


def write_sequence(path: Path, sequence: str, number: int, moved: float = 0.0) -> None:
    """One volume; `moved` says how far its header is off, in mm."""
    shape, affine = GRIDS[sequence][0], affine_of(sequence)
    points = np.moveaxis(np.indices(shape), 0, -1) @ affine[:3, :3].T + affine[:3, 3]
    lesion = {"dwi": 1600, "adc": 150, "flair": 1300}[sequence]
    noise = np.random.default_rng([number, *map(ord, sequence)]).normal(0, 8, shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = np.abs(head(points, lesion) * (1 + number / 50) + noise).astype(np.float32)
    nibabel.Nifti1Image(data, affine_of(sequence, moved)).to_filename(path)


def write_mask(path: Path, number: int) -> None:
    """A lesion that is some voxels smaller in each patient."""
    shape, affine = GRIDS["dwi"][0], affine_of("dwi")
    points = np.moveaxis(np.indices(shape), 0, -1) @ affine[:3, :3].T + affine[:3, 3]
    inside = np.linalg.norm(points - LESION, axis=-1) < 14
    inside.flat[np.flatnonzero(inside)[:number]] = False
    nibabel.Nifti1Image(inside.astype(np.uint8), affine).to_filename(path)


def path_of(folder: Path, sequence: str, number: int) -> Path:
    where, ending = ("anat", "FLAIR") if sequence == "flair" else ("dwi", sequence)
    return folder / f"sub-p{number:02d}" / where / f"sub-p{number:02d}_{ending}.nii.gz"


def write_sequences(folder: Path, n: int = 10) -> Path:
    """The folder; returns the cohort's file."""
    for number in range(n):
        for sequence in GRIDS:
            if number not in LACKS.get(sequence, ()):
                write_sequence(path_of(folder, sequence, number), sequence, number)
        write_mask(path_of(folder, "mask", number), number)
    clinical_table(n).to_csv(folder / "patients.csv", index=False)
    path = folder / "sequences.yaml"
    path.write_text(YAML)
    return path


def named(folder: Path, sequence: str, n: int = 10) -> pd.Series:
    """The files of one sequence by patient."""
    paths = {f"p{i:02d}": path_of(folder, sequence, i) for i in range(n)}
    return pd.Series({id: path if path.exists() else None for id, path in paths.items()}, dtype=object)
