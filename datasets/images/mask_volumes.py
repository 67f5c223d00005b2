"""How large are the lesions? Measured from masks, once."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from strokebench.errors import StrokebenchError
from strokebench.files import digest, home, read_json, write_json

_log = logging.getLogger(__name__)


def lesion_volumes(masks: pd.Series) -> pd.Series:
    """Millilitres within each patient's lesion mask; NaN without one. Kept until a file changes.

    Args:
        masks: paths by patient id.

    Raises:
        StrokebenchError: a mask that cannot be read; names the patient.
    """
    paths = {str(patient): Path(path) for patient, path in masks.dropna().items()}
    files = [[patient, str(path), (found := path.stat()).st_size, found.st_mtime_ns] for patient, path in paths.items()]
    kept = home("cohorts", f"lesion-volumes-{digest(files)[:16]}.json")
    try:
        volumes = read_json(kept)
    except StrokebenchError:
        _log.info("Measuring %d lesion masks, once", len(paths))
        volumes = {patient: _millilitres(patient, path) for patient, path in paths.items()}
        write_json(kept, volumes)
    return pd.Series(volumes, dtype=float).reindex(masks.index)


def _millilitres(patient: str, path: Path) -> float:
    import nibabel

    try:
        image = nibabel.Nifti1Image.from_filename(path)
        voxels = np.count_nonzero(np.asarray(image.dataobj) > 0)
    # nibabel has no common error class; what a cut or foreign file raises depends on where it was cut.
    except Exception as error:
        raise StrokebenchError(f"Patient {patient}: the lesion mask {path} cannot be read ({error}).") from None
    return float(voxels * abs(np.linalg.det(image.affine[:3, :3])) / 1000)
