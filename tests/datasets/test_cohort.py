from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_cohort import make_cohort

from strokebench.datasets.cohort import Cohort, Column, Kind
from strokebench.errors import StrokebenchError


def test_parts_are_aligned_by_id():
    cohort = make_cohort(20)
    shuffled = replace(cohort, site=cohort.site.sample(frac=1, random_state=1))
    pd.testing.assert_series_equal(shuffled.site, cohort.site)


def test_a_notebook_that_shows_a_cohort_keeps_no_value_of_a_patient():
    cohort = make_cohort(20)
    assert repr(cohort) == f"<Cohort {cohort.name}: 20 patients, {len(cohort.columns)} columns>"


def test_numeric_ids_become_strings_once():
    table = pd.DataFrame({"age": [60.0, 70.0]}, index=[1, 2])
    cohort = Cohort("x", "x", table, {"age": Column(Kind.NUMERIC)}, site=pd.Series(["a", "b"], index=[2, 1]))
    assert list(cohort.ids) == ["1", "2"]
    assert cohort.site["2"] == "a"


def test_doubled_id_is_named():
    cohort = make_cohort(20)
    with pytest.raises(StrokebenchError, match="p003 stands 2 times"):
        replace(cohort, table=pd.concat([cohort.table, cohort.table.loc[["p003"]]]), site=None)


def test_missing_id_names_the_row():
    cohort = make_cohort(20)
    table = cohort.table.copy()
    table.index = [None if i == 4 else id for i, id in enumerate(table.index)]
    with pytest.raises(StrokebenchError, match="Row 5"):
        replace(cohort, table=table, site=None)


def test_unmatched_ids_are_named():
    cohort = make_cohort(20)
    with pytest.raises(StrokebenchError, match="p007"):
        replace(cohort, site=cohort.site.drop("p007"))
    with pytest.raises(StrokebenchError, match="stranger"):
        replace(cohort, site=pd.concat([cohort.site, pd.Series({"stranger": "north"})]))


def test_value_out_of_range_or_of_the_wrong_kind_names_patient_and_column():
    cohort = make_cohort(20)
    table = cohort.table.copy()
    table.loc["p011", "nihss"] = 51
    with pytest.raises(StrokebenchError, match=r"p011.*nihss.*51"):
        replace(cohort, table=table)
    table = cohort.table.astype({"nihss": object})
    table.loc["p012", "nihss"] = "twelve"
    with pytest.raises(StrokebenchError, match=r"p012.*nihss.*twelve"):
        replace(cohort, table=table)


def test_undescribed_column_and_absent_column():
    cohort = make_cohort(20)
    with pytest.raises(StrokebenchError, match="bmi"):
        replace(cohort, table=cohort.table.assign(bmi=22.0))
    with pytest.raises(StrokebenchError, match="smoker"):
        replace(cohort, table=cohort.table.drop(columns="smoker"))


def test_missing_image_file_is_named_and_a_missing_path_is_allowed(tmp_path):
    cohort = make_cohort(3)
    file = tmp_path / "p000.nii.gz"
    file.write_bytes(b"x")
    images = pd.Series({"p000": file, "p001": None, "p002": None})
    assert replace(cohort, images=images).images["image"].notna().sum() == 1
    with pytest.raises(StrokebenchError, match=r"p001.*nowhere"):
        replace(cohort, images=pd.Series({"p000": file, "p001": tmp_path / "nowhere", "p002": None}))


def test_empty_site_is_named():
    cohort = make_cohort(20)
    site = cohort.site.copy()
    site["p002"] = None
    with pytest.raises(StrokebenchError, match="p002 has no site"):
        replace(cohort, site=site)


def test_fingerprint_follows_content_and_not_row_order():
    cohort = make_cohort(20)
    shuffled = cohort.subset(cohort.ids[np.random.default_rng(0).permutation(20)])
    assert shuffled.fingerprint() == cohort.fingerprint()
    table = cohort.table.copy()
    table.loc["p001", "age"] = 61.5
    assert replace(cohort, table=table).fingerprint() != cohort.fingerprint()
