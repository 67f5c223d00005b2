"""Which images and masks each patient of a cohort's file has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from strokebench.datasets.cohort import ONLY
from strokebench.datasets.own.cohort_file import CohortFile
from strokebench.datasets.own.file_pattern import resolve
from strokebench.datasets.problems import Problem


@dataclass(frozen=True)
class ImageFiles:
    """Paths by patient and sequence, None where there is none.

    Args:
        images, brain_masks: one column a sequence; None without any. masks: of lesions, likewise.
        problems: as `strokebench.datasets.own.file_pattern.resolve`. Of several sequences a patient may lack some, and
            the masks in their grid, but not all.
        unmatched: what they are -> files of no patient.
    """

    images: pd.DataFrame | None
    masks: pd.Series | None
    brain_masks: pd.DataFrame | None
    problems: list[Problem]
    unmatched: Mapping[str, list[Path]]

    def lacking(self) -> dict[str, list[str]]:
        """What it is -> patients who have none, where some do."""
        parts = {} if self.images is None else {_called(str(name)): paths for name, paths in self.images.items()}
        parts |= {} if self.masks is None else {"mask": self.masks}
        if self.brain_masks is not None:
            several = len(self.brain_masks.columns) > 1
            parts |= {"brain mask" + f" of {name}" * several: paths for name, paths in self.brain_masks.items()}
        return {what: list(map(str, paths.index[paths.isna()])) for what, paths in parts.items() if paths.isna().any()}


def find_images(file: CohortFile, ids: Sequence[str]) -> ImageFiles:
    """The files that the patterns of a cohort's file name for these patients."""
    problems: list[Problem] = []
    unmatched: dict[str, list[Path]] = {}

    several = len(file.images) > 1

    def found(key: str, patterns: Mapping[str, str], beside: pd.DataFrame | None = None) -> pd.DataFrame | None:
        columns: dict[str, pd.Series] = {}
        for name, pattern in patterns.items():
            kind = "image" if key == "image" else "mask"
            may_lack = ids if beside is None else beside.index[beside[name].isna()]
            one = resolve(file.folder, pattern, ids, kind, file.exclude, may_lack if several else ())
            problems.extend(one.problems)
            unmatched[f"{name} {key}" if len(patterns) > 1 else kind] = one.unmatched
            columns[name] = one.paths
        return pd.DataFrame(columns, index=pd.Index(ids), dtype=object) if columns else None

    images = found("image", file.images)
    if images is not None and several:
        named = {problem.patient for problem in problems}
        nobody = images.index[images.isna().all(axis=1)].difference(list(named), sort=False)
        where = ", ".join(file.images)
        problems += [Problem("image_missing", f"no file of {where}", str(id), where) for id in nobody]
    masks = found("mask", file.masks, images)
    brain_masks = found("brain mask", file.brain_masks, images)
    return ImageFiles(images, None if masks is None else masks.iloc[:, 0], brain_masks, problems, unmatched)


def _called(sequence: str) -> str:
    return "image" if sequence == ONLY else f"{sequence} image"
