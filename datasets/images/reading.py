"""What the owner of a cohort declares of its volumes."""

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from strokebench.files import digest, file_digest

Files = tuple[Path, Path | None]
"""An image, and its brain mask where there is one."""


@dataclass(frozen=True)
class Reading:
    """How files are to be read that could mean several things.

    Args:
        nan_is_background: NaN marks what lies outside the brain, as SPM writes it.
        resample_masks: masks lie in the space of their image, perhaps on another grid.
        window: Hounsfield units from black to white, for the images are CT; None: MRI.
    """

    nan_is_background: bool = False
    resample_masks: bool = False
    window: tuple[float, float] | None = None

    def decides(self) -> dict[str, Any]:
        """What of it decides how a volume is read; of an MRI as it was before there was CT."""
        return {name: value for name, value in asdict(self).items() if value is not None}


PLAIN = Reading()


def pair_of(path: Path) -> tuple[Path, Path]:
    """Where header and voxels of a volume lie: in one file, or in two, of which either names both."""
    if not (ending := re.search(r"\.(hdr|img)(\.gz)?$", path.name, re.IGNORECASE)):
        return path, path
    stem, zipped = path.name[: ending.start()], ending[2] or ""
    header, voxels = ("HDR", "IMG") if ending[1].isupper() else ("hdr", "img")
    return path.with_name(f"{stem}.{header}{zipped}"), path.with_name(f"{stem}.{voxels}{zipped}")


def volume_digest(path: Path) -> str:
    """Hash of a volume's file; of a pair, of both: the headers of all patients of a scanner may be equal.

    Raises:
        OSError: it cannot be read; a half of a pair may be missing, which whoever reads the volume says.
    """
    if len({*pair_of(path)}) == 1:
        return file_digest(path)
    return digest([file_digest(part) for part in pair_of(path) if part.is_file()])


def volume_state(path: Path) -> list[Any]:
    """Path, size and times of a volume's file, or of both: by which a change is noticed. Who unpacks or copies a file
    may set its time of writing back, but not that of the change."""
    stats = [part.stat() for part in dict.fromkeys(pair_of(path)) if part.is_file()]
    return [str(path), *(number for stat in stats for number in (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns))]
