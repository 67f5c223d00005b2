"""What somebody sees who opens the contact sheet."""

import nibabel
import numpy as np
from PIL import Image

from strokebench.datasets.images.contact_sheet import CAPTION, GAP, TILE, Card, write_contact_sheet


def test_a_sheet_shows_three_slices_a_card_as_radiologists_have_them(tmp_path):
    x, y, z = np.indices((24, 24, 24)) - 11.5
    # Brighter to the right, front and top.
    head = (x**2 + y**2 + z**2 < 100) * (300.0 + 200 * (x > 0) + 200 * (y > 0) + 200 * (z > 0))
    nibabel.Nifti1Image(head.astype(np.float32), np.eye(4)).to_filename(tmp_path / "p1.nii.gz")
    cards = [Card("p1", "brighter on the patient's right", tmp_path / "p1.nii.gz"), Card("p2", "is not there", None)]
    write_contact_sheet(cards, tmp_path / "sheet.png", "Two patients", columns=2)
    page = np.asarray(Image.open(tmp_path / "sheet.png").convert("L"), float) / 255
    top, half = page.shape[0] - CAPTION - TILE, TILE // 2
    # Matplotlib 3.10 rounds down what 3.11 rounds.
    assert page.shape[1] - GAP - 2 * (3 * TILE + GAP) in (-1, 0)
    for number, slice_ in enumerate(("axial", "coronal", "sagittal")):
        tile = page[top : top + TILE, GAP + number * TILE : GAP + (number + 1) * TILE]
        assert tile[half, half] > 0.2 and tile[:3, :3].max() == 0, f"{slice_}: a head in the middle of a black square"
        assert tile[:, :half].mean() > 1.1 * tile[:, half:].mean(), f"{slice_}: right (or front) is on the left"
        assert tile[:half].mean() > 1.1 * tile[half:].mean(), f"{slice_}: front (or top) is up"
    absent = page[top : top + TILE, 2 * GAP + 3 * TILE : 2 * GAP + 6 * TILE]
    assert 0.1 < np.median(absent) < 0.2 and absent.max() > 0.9, "a grey card that says that it cannot be shown"
    assert page[:top].min() < 0.5 and page[top + TILE :].min() < 0.5, "a heading, and captions below"
