"""The lesion masks of a cohort, measured once: each in its own grid, or in MNI space against an atlas."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas as pd

from strokebench.datasets.images import lesion
from strokebench.datasets.images.facts import head_of
from strokebench.datasets.images.lesion import LesionFindings, Territories, measure_lesion, read_territories
from strokebench.datasets.images.mask import largest_piece, read_mask, same_voxels
from strokebench.datasets.images.mri import read_volume
from strokebench.datasets.images.nifti import VolumeError, open_nifti
from strokebench.datasets.images.reading import PLAIN, Reading, volume_digest, volume_state
from strokebench.datasets.problems import Problem
from strokebench.errors import StrokebenchError
from strokebench.files import digest, file_digest, home, read_kept, write_json

VERSION = 2
"""Raised whenever masks are measured otherwise here, so that kept findings are measured again."""

OUTSIDE = 0.5
"""Share of a lesion outside all territories from which its mask is taken to lie in another space (our choice)."""

LARGEST_ML = 1000.0
"""Volume beyond which a mask is taken for that of a brain or a head (our choice)."""

_log = logging.getLogger(__name__)


def measure_lesions(
    masks: pd.Series, images: pd.Series | None, atlas: Path | None, reading: Reading = PLAIN
) -> tuple[dict[str, LesionFindings], list[Problem]]:
    """What the mask of each patient shows who has one, and whose cannot be measured. Kept until a file changes.

    Without an atlas the sides are those of the middle of the head in the image, and no territories are looked at.

    Args:
        masks: paths by patient id. images: likewise, in whose grid the masks lie; read where there is no atlas.
        atlas: file of the arterial atlas, in MNI space as the masks.

    Raises:
        StrokebenchError: the atlas cannot be read.
    """
    if atlas and not atlas.is_file():
        raise StrokebenchError(f"{atlas}: no such file.", "`strokebench cohort fetch soop` fetches the atlas.")
    image_of = pd.Series(dtype=object) if images is None or atlas else images.dropna()
    paths = {str(id): (Path(mask), image_of.get(id)) for id, mask in masks.dropna().items()}
    stated = [[id, *(volume_state(Path(path)) for path in both if path)] for id, both in paths.items()]
    decides = [lesion.VERSION, VERSION, stated, atlas and file_digest(atlas), reading.decides()]
    kept = home("cohorts", f"lesions-{digest(decides)[:16]}.json")
    if (found := read_kept(kept)) is not None:
        return {id: _findings(facts) for id, facts in found.items()}, []
    _log.info("Measuring %d lesion masks, once", len(paths))
    territories = read_territories(atlas) if atlas else None
    measured: dict[str, LesionFindings] = {}
    problems: list[Problem] = []
    owners: dict[str, str] = {}
    for id, (mask, image) in paths.items():
        try:
            if territories is not None:
                measured[id] = _in_template(mask, territories)
            elif image is not None:
                measured[id] = _in_own_grid(mask, Path(image), reading)
            else:
                what, remedy = "has no image in whose head its side could be found", "Add the image."
                problems.append(Problem("mask_grid", f"the mask {mask.name} {what}", id, remedy=remedy))
                continue
        except StrokebenchError as error:
            fault = getattr(error, "fault", "")
            code = f"mask_{fault if fault in ('grid', 'values') else 'unreadable'}"
            problems.append(Problem(code, error.message.rstrip("."), id, mask.name, error.hint))
            continue
        if territories is not None and (outside := _outside(measured[id], territories)) > OUTSIDE:
            what = f"{100 * outside:.0f}% of the lesion lies outside the atlas"
            problems.append(Problem("mask_space", what, id, mask.name))
        if (volume := measured[id].volume_ml) > LARGEST_ML:
            problems.append(Problem("mask_doubtful", f"the mask {mask.name} marks {volume:.0f} ml", id, mask.name))
        if volume and (owner := owners.setdefault(volume_digest(mask), id)) != id:
            what = f"the mask {mask.name} is that of patient {owner}, byte by byte"
            problems.append(Problem("mask_doubtful", what, id, mask.name))
    if not problems:
        write_json(kept, {id: _facts(findings) for id, findings in measured.items()})
    return measured, problems


def _in_own_grid(path: Path, image: Path, reading: Reading) -> LesionFindings:
    from scipy.ndimage import binary_fill_holes

    volume = read_volume(image, reading=reading)
    mask = read_mask(path, volume.shape, volume.affine, reading.resample_masks)
    turned: Any = nibabel.as_closest_canonical(nibabel.Nifti1Image(mask.astype(np.uint8), volume.affine))
    head = head_of(volume.data)
    if not head.any():
        raise VolumeError(f"{image} shows no head.", "Look at it; export it again.")
    across = head.sum(axis=(1, 2))
    # Filled, for a lesion may be as dark as the air.
    if mask.any() and not (np.asarray(turned.dataobj, bool) & binary_fill_holes(largest_piece(head))).any():
        raise VolumeError(f"{path} lies outside the head of its image.", "Register the mask to its image.", "grid")
    affine = np.diag([*volume.spacing, 1.0])
    # The head's middle is where x is 0.
    affine[0, 3] = -volume.spacing[0] * np.average(np.arange(len(across)), weights=across)
    found = np.asarray(turned.dataobj)
    nifti = open_nifti(path)
    if not same_voxels(nifti.shape[:3], nifti.affine, volume.shape, volume.affine):
        # As it was drawn: voxels of another size would make a lacune half as large, or twice.
        found = read_mask(path, nifti.shape[:3], nifti.affine)
        affine = affine @ np.linalg.inv(volume.to_world) @ nifti.affine
    return measure_lesion(found, affine, Territories(np.zeros(found.shape, np.int16), {}))


def _in_template(path: Path, territories: Territories) -> LesionFindings:
    nifti = open_nifti(path)
    return measure_lesion(read_mask(path, nifti.shape[:3], nifti.affine), nifti.affine, territories)


def _outside(findings: LesionFindings, territories: Territories) -> float:
    """Share of a lesion in no territory."""
    assert territories.affine is not None
    whole = dict(
        zip(territories.names.values(), territories.whole_ml(territories.affine)[[*territories.names]], strict=True)
    )
    inside = sum(share * whole[name] for name, share in findings.territories.items())
    return 1 - inside / findings.volume_ml if findings.volume_ml else 0.0


def _facts(findings: LesionFindings) -> dict[str, Any]:
    return {**vars(findings), "territories": [[*name, share] for name, share in findings.territories.items()]}


def _findings(facts: Mapping[str, Any]) -> LesionFindings:
    territories = {(name, side): share for name, side, share in facts["territories"]}
    return LesionFindings(**{**facts, "territories": territories})
