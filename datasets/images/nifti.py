"""A NIfTI file, opened: what its header claims is held against the file before any memory is taken."""

import gzip
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any

import nibabel
import numpy as np
from nibabel.arrayproxy import ArrayProxy
from nibabel.spm2analyze import Spm2AnalyzeHeader
from numpy.typing import NDArray

from strokebench.datasets.foreign import HEAD, Foreign, foreign_kind
from strokebench.datasets.images.reading import pair_of
from strokebench.errors import StrokebenchError

MOST_VOXELS = 100_000_000
"""A claim of more is a broken header: a head at 0.5 mm has 60 million voxels."""
DEFLATE = 1032
"""Bytes that one byte of a gzip file can hold at most."""
MOST_EXTENSIONS = 2**26
"""Bytes between header and voxels, at most."""

_GZIP = b"\x1f\x8b"
_BLOCK = 2**20
_COLOUR = Foreign("a colour image (RGB)", "Give the grey-scale series, not a colour map or screenshots.")
_COMPLEX = Foreign("a complex image", "Give the magnitude image.")
_OPPOSITE = {
    frozenset("LR"): "left and right",
    frozenset("AP"): "front and back",
    frozenset("IS"): "top and bottom",
}
_silent = logging.Logger("nifti", logging.CRITICAL + 1)


class VolumeError(StrokebenchError):
    """A volume that cannot be used.

    Args:
        fault: which of `unreadable`, `4d`, `affine`, `few_slices`, `nan`, `empty`, `grid`, `values`, `apart`, `no_ct`.
    """

    def __init__(self, message: str, hint: str = "", fault: str = "unreadable") -> None:
        super().__init__(message, hint)
        self.fault = fault

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors cross process borders; all parts must survive."""
        return type(self), (self.message, self.hint, self.fault)


@contextmanager
def of_patient(patient: str) -> Iterator[None]:
    """Whatever is wrong with a volume within names its patient, if there is a name."""
    try:
        yield
    except VolumeError as error:
        who = f"Patient {patient}: " if patient else ""
        raise VolumeError(f"{who}{error.message}", error.hint, error.fault) from None


@dataclass(frozen=True)
class Nifti:
    """What a header says; the voxels are still in the file.

    Args:
        path: of the voxels.
        shape: all axes that the file has, three or more.
        affine: voxel to world millimetres (4, 4), as it is in the file; may be nonsense.
        side: why left and right are a guess; empty where the header says which is which.
        proxy: number type, offset and scaling, as nibabel's `ArrayProxy` takes them.
    """

    path: Path
    shape: tuple[int, ...]
    affine: NDArray[np.float64]
    side: str
    proxy: tuple[Any, ...]

    def voxels(self) -> NDArray[np.float32]:
        """The first volume of the file, (x, y, z), scaled by the header's slope.

        Raises:
            VolumeError: the file is damaged or cut short.
        """
        with _reading(self.path), _stream(self.path) as file:
            voxels = np.asarray(ArrayProxy(file, (self.shape[:3], *self.proxy)), dtype=np.float32)
            # The checksum stands at the end, and is looked at by whoever reads that far.
            while file.read(_BLOCK):
                pass
            return voxels


def open_nifti(path: Path) -> Nifti:
    """Read the header of a `.nii` or `.nii.gz` file, compressed or not whatever its name, or of a pair `.hdr`, `.img`.

    Raises:
        VolumeError: no such file; another kind of file (with what to do about it); colours or complex numbers; a
            header that makes no sense, or claims more voxels than the file can hold or a head can have.
    """
    header_path, data_path = pair_of(path)
    with _reading(path):
        with header_path.open("rb") as plain:
            head = plain.read(HEAD)
        if head.startswith(_GZIP):
            with gzip.open(header_path) as file:
                head = file.read(HEAD)
        if kind := foreign_kind(head):
            raise VolumeError(f"{path} is {kind.what}.", kind.advice)
        header = _header(head)
        dtype, shape = header.get_data_dtype(), tuple(int(n) for n in header.get_data_shape())
        if dtype.fields or dtype.kind == "c":
            kind = _COLOUR if dtype.fields else _COMPLEX
            raise VolumeError(f"{path} is {kind.what}.", kind.advice)
        offset = int(header.get_data_offset())
        _check_size(data_path, shape, dtype, offset)
        slope, intercept = (
            default if one is None else one for one, default in zip(header.get_slope_inter(), (1.0, 0.0), strict=True)
        )
        affine = np.asarray(header.get_best_affine(), dtype=np.float64)
        shape += (1,) * (3 - len(shape))
        return Nifti(data_path, shape, affine, _side(header), (dtype, offset, slope, intercept))


def check_invertible(affine: NDArray[np.float64], what: str, hint: str) -> None:
    """An affine (4, 4) must tell three directions apart.

    Raises:
        VolumeError: `affine`.
    """
    edges = np.linalg.norm(affine[:3, :3], axis=0)
    # The volume of a unit cell against that of a box with its edges: 1 for right angles, 0 for a flat cell.
    upright = np.isfinite(affine).all() and edges.min() > 0
    if not upright or abs(np.linalg.det(affine[:3, :3] / edges)) < 0.2:
        raise VolumeError(f"{what} has a singular affine.", hint, "affine")


@contextmanager
def _stream(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as plain:
        is_gzip = plain.read(2) == _GZIP
        plain.seek(0)
        if not is_gzip:
            yield plain
            return
        with gzip.GzipFile(fileobj=plain) as file:
            yield file  # type: ignore[misc]


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """nibabel lets through whatever gzip, zlib, NumPy and its own parsers raise on a damaged file."""
    try:
        yield
    except VolumeError:
        raise
    except FileNotFoundError as error:
        # Of a pair, the half that is missing.
        raise VolumeError(f"no image at {error.filename or path}.", "Check the path.") from None
    except Exception as error:
        said = " ".join(str(error).split())[:160].rstrip(".") or type(error).__name__
        hint = "The file is damaged or cut short; copy or export it again."
        raise VolumeError(f"{path} cannot be read: {said}.", hint) from None


def _header(head: bytes) -> Any:
    kind: Any
    sizes = {int.from_bytes(head[:4], order) for order in ("little", "big")}
    if 540 in sizes:
        kind = nibabel.Nifti2Header if head[4:7] == b"n+2" else nibabel.nifti2.Nifti2PairHeader
    elif 348 in sizes:
        kinds = {b"n+1": nibabel.Nifti1Header, b"ni1": nibabel.nifti1.Nifti1PairHeader}
        kind = kinds.get(head[344:347], Spm2AnalyzeHeader)
    else:
        raise ValueError("it is no NIfTI file")
    header: Any = kind(head[: kind.template_dtype.itemsize], check=False)
    header.check_fix(logger=_silent)
    return header


def _check_size(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], offset: int) -> None:
    claim = " x ".join(map(str, shape))
    if not shape or min(shape) < 1 or prod(shape[:3]) > MOST_VOXELS:
        raise ValueError(f"its header claims {claim} voxels; up to {MOST_VOXELS / 1e6:g} million are read")
    with path.open("rb") as file:
        times = DEFLATE if file.read(2) == _GZIP else 1
    if not 0 <= offset <= MOST_EXTENSIONS or offset + prod(shape) * dtype.itemsize > times * path.stat().st_size:
        raise ValueError(f"its header claims {claim} voxels, more than the file can hold")


def _side(header: Any) -> str:
    if isinstance(header, Spm2AnalyzeHeader):
        return "is in Analyze format, which does not say which side is left"
    qform, sform = _form(header.get_qform), _form(header.get_sform)
    if not header["qform_code"] and not header["sform_code"]:
        return "has no orientation code (sform and qform are 0), so which side is left is a guess"
    if qform is None or sform is None:
        return ""
    codes = zip(nibabel.aff2axcodes(qform), nibabel.aff2axcodes(sform), strict=True)
    swapped = [_OPPOSITE[pair] for pair in map(frozenset, codes) if pair in _OPPOSITE]
    if not swapped and np.linalg.det(qform[:3, :3]) * np.linalg.det(sform[:3, :3]) < 0:
        swapped = ["mirror images"]
    return f"sform and qform disagree ({' and '.join(swapped)} exchanged)" if swapped else ""


def _form(read: Any) -> NDArray[np.float64] | None:
    """An affine that is declared and makes sense."""
    try:
        affine, _ = read(coded=True)
    except (ValueError, nibabel.spatialimages.HeaderDataError):
        return None
    usable = affine is not None and np.isfinite(affine).all() and abs(np.linalg.det(affine[:3, :3])) > 1e-9
    return affine if usable else None
