"""Masks of the brain by deepbet, for images that show the skull: files that can be looked at before they are used."""

import gzip
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas as pd

from strokebench.datasets.images.mri import read_volume
from strokebench.datasets.images.reading import PLAIN, Reading
from strokebench.errors import StrokebenchError
from strokebench.files import atomic_path


def make_brain_masks(
    images: pd.DataFrame,
    folder: Path,
    jobs: int = 2,
    progress: Callable[[int, int], None] | None = None,
    reading: Reading = PLAIN,
) -> pd.Series:
    """Write a mask for each image that has none in the folder yet, and measure them all.

    deepbet (Fisch et al., Computers in Biology and Medicine 2024) has learnt from T1 images of healthy adults; its
    weights are in its package.

    Args:
        images: paths, one column a sequence, one row a patient; None where there is none.
        folder: gets `{id}.nii.gz`, or `{id}_{sequence}.nii.gz` of several sequences.
        jobs: processes, one thread each.
        progress: called with the number of masks done and of all.

    Returns:
        Millilitres within each mask, by patient and sequence.

    Raises:
        StrokebenchError: as `strokebench.datasets.images.mri.read_volume`; images are CT; no brain is found in one; the
            package is not installed.
    """
    from joblib import Parallel, delayed, parallel_config

    if reading.window:
        raise StrokebenchError("deepbet knows MRI, and these images are CT.", "Make brain masks of CT elsewhere.")
    several = len(images.columns) > 1
    paths = {(str(id), str(name)): Path(path) for name in images for id, path in images[name].dropna().items()}
    tasks = (
        delayed(_make)(path, folder / f"{id}{f'_{sequence}' * several}.nii.gz", id, reading)
        for (id, sequence), path in paths.items()
    )
    volumes: list[float] = []
    with parallel_config("loky", inner_max_num_threads=1):
        for volume in Parallel(n_jobs=min(jobs, max(1, len(paths))), return_as="generator")(tasks):
            volumes.append(volume)
            if progress:
                progress(len(volumes), len(paths))
    return pd.Series(volumes, pd.MultiIndex.from_tuples(paths, names=["patient", "sequence"]), dtype=float)


def _make(path: Path, to: Path, patient: str, reading: Reading) -> float:
    if not to.exists():
        volume = read_volume(path, patient, reading)
        try:
            _, mask, _ = _deepbet().run(nibabel.Nifti1Image(volume.data, volume.to_world))
        except (AssertionError, ValueError):
            # By these it says that nothing is brighter than the rest, or no piece is brain.
            raise StrokebenchError(
                f"Patient {patient}: deepbet finds no brain in {path}.", "Look at it, or exclude the patient."
            ) from None
        inside = (np.asarray(mask.dataobj) > 0).astype(np.uint8)
        with atomic_path(to) as temporary:
            temporary.write_bytes(gzip.compress(nibabel.Nifti1Image(inside, volume.to_world).to_bytes()))
    made: Any = nibabel.load(to)
    return float((np.asarray(made.dataobj) > 0).sum() * abs(np.linalg.det(made.affine[:3, :3])) / 1000)


@lru_cache(maxsize=1)
def _deepbet() -> Any:
    try:
        from deepbet import BrainExtraction
    except ModuleNotFoundError:
        raise StrokebenchError(
            "The package deepbet, which makes brain masks, is not installed.",
            "Run `pip install 'strokebench[brain]'`, or name masks of another program as `brain_masks:`.",
        ) from None
    return BrainExtraction(no_gpu=True)
