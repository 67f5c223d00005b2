"""A hospital's folder on disk: a table, NIfTI volumes as scanners leave them, texts, and the cohort's YAML."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import nibabel
import numpy as np
import pandas as pd
from nibabel.orientations import axcodes2ornt, inv_ornt_aff, io_orientation, ornt_transform
from nilearn.datasets import load_mni152_template
from scipy.ndimage import affine_transform

ORIENTATIONS = ("RAS", "LPS", "LAS", "PSR", "ASL", "SRP", "IPL")
SPACINGS = ((4, 4, 4), (3, 3, 6), (3.5, 3.5, 5), (5, 4, 4), (4, 5, 3))


@cache
def template() -> np.ndarray:
    brain = load_mni152_template(resolution=2).get_fdata().clip(0)[::2, ::2, ::2]
    return (brain / np.percentile(brain, 99.5)).astype(np.float32)


def brain(number: int, spacing: tuple[float, ...], noise: float = 0.03) -> np.ndarray:
    """A brain of its own size and lesion, with Rician noise, on a grid of this spacing (RAS)."""
    rng = np.random.default_rng(number)
    fine = template()
    scale = np.array(spacing) / 4.0 * rng.uniform(0.95, 1.05)
    shape = np.ceil(np.array(fine.shape) * 4.0 / spacing).astype(int)
    volume = affine_transform(fine, scale, output_shape=tuple(shape), order=1)
    centre = np.array(shape) * rng.uniform(0.35, 0.65, 3)
    distance = np.linalg.norm((np.indices(shape).T - centre) * spacing, axis=-1).T
    volume = np.where((distance < rng.uniform(8, 20)) & (volume > 0.2), 1.3, volume)
    real, imaginary = rng.normal(0, noise, (2, *shape))
    return (rng.uniform(400, 1500) * np.hypot(volume + real, imaginary)).astype(np.float32)


def save(path: Path, data: np.ndarray, spacing: tuple[float, ...], orientation: str = "RAS", dtype=np.int16) -> None:
    """Write an RAS volume in another orientation, so that it lies in the same place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = -np.array(data.shape[:3]) * spacing / 2
    turn = ornt_transform(io_orientation(affine), axcodes2ornt(orientation))
    turned = nibabel.apply_orientation(data, turn)
    affine = affine @ inv_ornt_aff(turn, data.shape[:3])
    nibabel.save(nibabel.Nifti1Image(turned.astype(dtype), affine), path)


def clinical_table(n: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "id": [f"p{i:02d}" for i in range(n)],
            "age": rng.normal(70, 9, n).round().clip(40, 95).astype(int),
            "sex": rng.choice(["female", "male"], n),
            "glucose": rng.normal(6.5, 0.8, n).round(1),
            "hospital": rng.choice(["North", "South", "West"], n),
            "mrs": rng.integers(0, 7, n),
        },
        dtype=object,
    )


YAML = """\
title: Three hospitals
licence: for this study only
table: patients.csv
id: id
outcome: mrs > 2
site: hospital
columns:
  age: {unit: years, low: 18, high: 110}
  sex: categorical
  glucose: {unit: mmol/L, low: 1, high: 200}
  mrs: {low: 0, high: 6}
images: images/{id}.nii.gz
text: {files: "texts/{id}.txt"}
"""


def write_hospital(folder: Path, n: int = 40) -> Path:
    """A clean cohort; returns its YAML."""
    for i in range(n):
        write_image(folder, i)
        (folder / "texts").mkdir(exist_ok=True)
        side = "left" if i % 2 else "right"
        text = f"Infarct of {10 + i} ml in the {side} middle cerebral artery territory. No midline shift."
        (folder / "texts" / f"p{i:02d}.txt").write_text(text)
    clinical_table(n).to_csv(folder / "patients.csv", index=False)
    path = folder / "three.yaml"
    path.write_text(YAML)
    return path


def image(folder: Path, number: int) -> Path:
    return folder / "images" / f"p{number:02d}.nii.gz"


def write_image(folder: Path, number: int, **changes) -> None:
    path = image(folder, number)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(image_file(number, **changes))


@cache
def image_file(number: int, **changes) -> bytes:
    """The bytes of a patient's image: many tests write the same ones."""
    spacing = SPACINGS[number % len(SPACINGS)]
    dtype = (np.int16, np.float32, np.uint16)[number % 3]
    with TemporaryDirectory() as folder:
        path = image(Path(folder), number)
        save(path, brain(number, spacing, **changes), spacing, ORIENTATIONS[number % 7], dtype)
        return path.read_bytes()


def edit_table(folder: Path, edit) -> None:
    path = folder / "patients.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    edit(table).to_csv(path, index=False)
