"""What a file is that is not what it should be, by its first bytes, and what to do with it."""

from dataclasses import dataclass

HEAD = 1024
"""Bytes that are enough to tell."""


@dataclass(frozen=True)
class Foreign:
    """A kind of file that is not read here.

    Args:
        what: continues `FILE is ...`. advice: what to do about it.
    """

    what: str
    advice: str


_FETCH = "Fetch its content"
_SAVE = "Save it as plain text (UTF-8)."
_UNPACK = "Unpack it; a volume may be compressed by gzip again."
_SERIES = "Convert the series to NIfTI, for example with dcm2niix."
_KINDS = (
    (
        0,
        b"version https://git-lfs",
        Foreign("a Git LFS pointer whose content was not fetched", f"{_FETCH}: `git lfs pull`."),
    ),
    (0, b"/annex/objects/", Foreign("a git-annex pointer whose content was not fetched", f"{_FETCH}: `datalad get`.")),
    (128, b"DICM", Foreign("a DICOM file", _SERIES)),
    (0, b"\x08\x00\x00\x00", Foreign("a DICOM file", _SERIES)),
    (0, b"\x08\x00\x05\x00", Foreign("a DICOM file", _SERIES)),
    (0, b"\x1f\x8b", Foreign("compressed (gzip)", "Unpack it; a volume that is compressed twice, once.")),
    (0, b"\xfd7zXZ", Foreign("compressed (xz)", _UNPACK)),
    (0, b"BZh", Foreign("compressed (bzip2)", _UNPACK)),
    (0, b"\x28\xb5\x2f\xfd", Foreign("compressed (zstd)", _UNPACK)),
    (257, b"ustar", Foreign("an archive (tar)", "Unpack it.")),
    (0, b"NRRD", Foreign("an NRRD file", "Save it as NIfTI, for example in 3D Slicer.")),
    (0, b"ObjectType", Foreign("a MetaImage file", "Save it as NIfTI, for example in 3D Slicer.")),
    (0, b"\x00\x00\x00\x01\x00\x00", Foreign("a FreeSurfer volume (MGH)", "Convert it: `mri_convert X.mgz X.nii.gz`.")),
    (0, b"\x89HDF", Foreign("an HDF5 file (MINC?)", "Convert it to NIfTI.")),
    (0, b"CDF", Foreign("a NetCDF file (MINC?)", "Convert it to NIfTI.")),
    (0, b"\x89PNG", Foreign("a picture (PNG)", _SERIES)),
    (0, b"\xff\xd8\xff", Foreign("a picture (JPEG)", _SERIES)),
    (0, b"{\\rtf", Foreign("an RTF document", _SAVE)),
    (0, b"%PDF", Foreign("a PDF document", _SAVE)),
    (
        0,
        b"PK\x03\x04",
        Foreign("a ZIP archive or an Office document (.docx, .odt)", "Unpack it, or save it in plain form."),
    ),
    (0, b"\xd0\xcf\x11\xe0", Foreign("an old Office document (.doc)", _SAVE)),
    (0, b"\xff\xfe", Foreign("UTF-16 text", _SAVE)),
    (0, b"\xfe\xff", Foreign("UTF-16 text", _SAVE)),
)


def foreign_kind(head: bytes) -> Foreign | None:
    """Which foreign kind of file begins with these bytes; None: none that is known here."""
    text = head.lstrip(b" \t\r\n\xef\xbb\xbf")
    for start, mark, kind in _KINDS:
        if head[start : start + len(mark)] == mark or (mark == b"{\\rtf" and text.startswith(mark)):
            return kind
    if text.startswith(b"<?xml"):
        return Foreign("an XML file", _SAVE)
    if text[:9].lower().startswith((b"<!doctype", b"<html")):
        return Foreign("a web page", "Download the file itself.")
    return None
