"""The page on the virtual cohort shows the cohort that is made today."""

import importlib.util
from pathlib import Path

from strokebench.datasets.virtual.patients import draw_patients

ROOT = Path(__file__).parents[3]


def test_the_numbers_of_the_page_are_the_generators_and_its_patients_of_their_kind():
    spec = importlib.util.spec_from_file_location("virtual_cohort_page", ROOT / "docs" / "virtual_cohort.py")
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    patients = draw_patients(page.SEED)
    assert page.table_one(patients) in page.PAGE.read_text(encoding="utf-8"), "run docs/virtual_cohort.py"
    lacune, treated, malignant = (patients.table.loc[patient] for patient in page.SHOWN.values())
    assert patients.extra.loc[list(page.SHOWN.values()), "scanned"].all()
    assert lacune["toast"] == page.LACUNE and treated["thrombectomy"] == 1 and malignant["malignant_oedema"] == 1
