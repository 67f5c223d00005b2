"""How large are the lesions? Measured from masks, once."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from strokebench.datasets.images.reading import volume_state
from strokebench.files import digest, home, read_kept, write_json

_log = logging.getLogger(__name__)


def lesion_volumes(masks: pd.Series) -> pd.Series:
    """Millilitres within the lesion mask of each patient, by its path; NaN without one. Kept until a file changes.

    Raises:
        StrokebenchError: a mask that cannot be read; names the patient.
    """
    paths = {str(patient): Path(path) for patient, path in masks.dropna().items()}
    files = [[patient, *volume_state(path)] for patient, path in paths.items()]
    kept = home("cohorts", f"lesion-volumes-{digest(files)[:16]}.json")
    volumes = read_kept(kept)
    if volumes is None:
        _log.info("Measuring %d lesion masks, once", len(paths))
        volumes = {patient: _millilitres(patient, path) for patient, path in paths.items()}
        write_json(kept, volumes)
    return pd.Series(volumes, dtype=float).reindex(masks.index)


def _millilitres(patient: str, path: Path) -> float:
    # What reads volumes is imported only where a mask is measured.
    from strokebench.datasets.images.mask import REMEDY
    from strokebench.datasets.images.nifti import check_invertible, of_patient, open_nifti

    with of_patient(patient):
        mask = open_nifti(path)
        check_invertible(mask.affine, str(path), REMEDY)
        return float(np.count_nonzero(mask.voxels() > 0) * abs(np.linalg.det(mask.affine[:3, :3])) / 1000)
