"""What the public bucket holds of SOOP, in its layout, with five invented patients and small volumes."""

import gzip

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
