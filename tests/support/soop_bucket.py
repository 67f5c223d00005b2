"""What the public bucket holds of SOOP, in its layout, with five invented patients and small volumes."""

import csv
import gzip
import hashlib
from pathlib import Path

import nibabel
import numpy as np

IDS = ("sub-2", "sub-3", "sub-10", "sub-11", "sub-30")
TABLE = """participant_id\tsex\tage\trace\tacuteischaemicstroke\tpriorstroke\tbmi\tnihss\tgs_rankin_6isdeath\tetiology
sub-2\tF\t87\tw\t1\t1\t19.2\t15\t6\t5: Cryptogenic Stroke
sub-3\tM\t58\tw\t1\t0\t37.3\t1\tn/a\t3: Small-vessel disease
sub-10\tF\t89+\tb\t1\t0\tn/a\t4\t2\t1: Large artery
sub-11\tM\t66\tw\t1\t0\t28\t9\t3\t2: Cardioembolism
sub-30\tM\t71\tn/a\t0\t0\t30\t2\t1\tn/a
"""


def nifti(seed, ones=False):
    """A small volume, as a gzip whose bytes do not depend on the time."""
    random = np.random.default_rng(seed)
    volume = (random.random((20, 20, 9)) < 0.1) if ones else random.integers(0, 900, (20, 20, 9))
    image = nibabel.Nifti1Image(volume.astype(np.int16), np.diag([9.0, 9, 12, 1]))
    return gzip.compress(image.to_bytes(), mtime=0)


def bucket():
    files = {
        "ds004889/participants.tsv": TABLE.encode(),
        "ds004889/participants.json": b"{}",
        "ds004889/dataset_description.json": b'{"License": "CC0"}',
        "ds004889/derivatives/lesion_masks/dataset_description.json": b"{}",
        "ds0048890/sub-2/anat/sub-2_FLAIR.nii.gz": b"of another data set",
    }
    for i, id in enumerate(IDS):
        files[f"ds004889/{id}/anat/{id}_T1w.nii.gz"] = nifti(i)
        files[f"ds004889/{id}/anat/{id}_FLAIR.nii.gz"] = nifti(10 + i)
        files[f"ds004889/{id}/anat/{id}_FLAIR.json"] = b"{}"
        files[f"ds004889/{id}/dwi/{id}_rec-TRACE_dwi.nii.gz"] = nifti(20 + i)
        files[f"ds004889/{id}/dwi/{id}_rec-ADC_dwi.nii.gz"] = nifti(30 + i)
        mask = f"derivatives/lesion_masks/{id}/dwi/{id}_space-TRACE_desc-lesion"
        files[f"ds004889/{mask}_mask.nii.gz"] = nifti(40 + i, ones=True)
        files[f"ds004889/{mask}Acute_mask.nii.gz"] = nifti(50 + i, ones=True)
    # The second patient has no mask.
    del files["ds004889/derivatives/lesion_masks/sub-3/dwi/sub-3_space-TRACE_desc-lesion_mask.nii.gz"]
    return files


def published(folder, pictures=()):
    """A manifest as SOOP's with a list of small masks, and all files that its addresses give, by the mirror's key.

    Args:
        pictures: patient -> bytes of a picture.
    """
    from strokebench.datasets.catalogue import MANIFESTS
    from strokebench.datasets.public.manifest import read_manifest

    affine = np.diag([-3.0, 3, 3, 1])
    affine[:3, 3] = 78, -112, -50
    listed = {"LICENSE": b"BSD", "NIfTI/ArterialAtlas136.txt": b"names"}
    labels = np.ones((53, 63, 46), np.int16)
    for i, id in enumerate((*IDS, "sub-77")):
        mask = np.zeros(labels.shape, np.uint8)
        mask[5 + i : 9 + i, 20:30, 20:30] = 1
        listed[f"NIfTI/bwsr{id}_lesion.nii.gz"] = gzip.compress(nibabel.Nifti1Image(mask, affine).to_bytes(), mtime=0)
    listed["NIfTI/ArterialAtlas136.nii.gz"] = gzip.compress(nibabel.Nifti1Image(labels, affine).to_bytes(), mtime=0)
    listed |= {f"PNG/r{id}_lesion.nii.png": data for id, data in dict(pictures).items()}
    with (folder / "soop_sha256.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "bytes", "sha256"])
        writer.writerows([path, len(data), hashlib.sha256(data).hexdigest()] for path, data in listed.items())
    path = Path(folder / "soop.yaml")
    path.write_text(MANIFESTS["soop"].read_text())
    web = read_manifest(path).sources["demo"].url.removeprefix("https:/")
    return path, bucket() | {f"{web}/{name}": data for name, data in listed.items()}
