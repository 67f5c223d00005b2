import numpy as np
import pandas as pd
import pytest
from pandas.api.types import is_numeric_dtype

from strokebench.datasets.cohort import Column, Kind
from strokebench.tasks.inputs import Inputs
from strokebench.tasks.preparing import balancing
from strokebench.tasks.preparing.balancing import BALANCERS, smote
from strokebench.tasks.preparing.table import TablePreprocessor


def prepared(table: pd.DataFrame) -> tuple[Inputs, dict[str, TablePreprocessor]]:
    """Patients with this table and their own number as image."""
    kinds = {name: Kind.NUMERIC if is_numeric_dtype(table[name]) else Kind.CATEGORICAL for name in table}
    fitted = TablePreprocessor({name: Column(kind) for name, kind in kinds.items()}).fit(table)
    number = np.arange(len(table), dtype=np.float32)[:, None]
    return Inputs.complete({"image.vector": number, "table": fitted.transform(table)}), {"table": fitted}


def in_units(x: Inputs, tables: dict[str, TablePreprocessor]) -> pd.DataFrame:
    fitted = tables["table"]
    values = x.arrays["table"] * fitted.deviation_ + fitted.mean_
    return pd.DataFrame(values, columns=list(fitted.names_))


def clinic(n: int = 90) -> tuple[pd.DataFrame, np.ndarray]:
    random = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "glucose": random.normal(7, 2, n),
            "gcs": random.integers(3, 16, n),
            "diabetes": random.integers(0, 2, n),
            "side": random.choice(["left", "right"], n),
            "territory": random.choice(["MCA", "PCA", "ACA"], n),
        }
    )
    return table, (random.random(n) < 0.3).astype(np.int8)


def test_synthetic_patients_have_values_that_a_patient_can_have():
    table, y = clinic()
    x, tables = prepared(table)
    balanced, labels = smote(x, y, tables, 0)
    new = in_units(balanced, tables).iloc[len(x) :]
    assert len(new) == (y == 0).sum() - y.sum() and labels[len(x) :].all()
    assert sorted(new.round(4)["diabetes"].unique()) == sorted(new.round(4)["side = right"].unique()) == [0, 1]
    territories = new.filter(like="territory").round(4)
    assert set(territories.to_numpy().ravel()) == {0, 1}
    np.testing.assert_allclose(new["gcs"], new["gcs"].round(), atol=1e-4)
    assert (np.abs(new["glucose"] - new["glucose"].round()) > 0.01).any()
    assert not new["glucose"].round(3).isin(table["glucose"].round(3)).all()


def test_a_rounded_value_is_the_very_number_of_real_patients():
    table, y = clinic()
    x, tables = prepared(table)
    balanced, _ = smote(x, y, tables, 0)
    column = tables["table"].names_.index("gcs")
    known = TablePreprocessor({"gcs": Column(Kind.NUMERIC)}).fit(table[["gcs"]])
    points = known.transform(pd.DataFrame({"gcs": np.arange(3, 16)}))
    assert set(balanced.arrays["table"][:, column]) <= set(points[:, 0])


def test_real_patients_come_first_and_unchanged():
    table, y = clinic()
    x, tables = prepared(table)
    balanced, labels = smote(x, y, tables, 0)
    np.testing.assert_array_equal(balanced.arrays["table"][: len(x)], x.arrays["table"])
    np.testing.assert_array_equal(labels[: len(x)], y)


def test_a_table_of_yes_and_no_alone_gets_no_value_between():
    random = np.random.default_rng(1)
    x, tables = prepared(pd.DataFrame(random.integers(0, 2, (60, 5)), columns=list("abcde")))
    balanced, _ = smote(x, (np.arange(60) < 15).astype(np.int8), tables, 0)
    assert len(balanced) == 90
    assert set(in_units(balanced, tables).round(4).to_numpy().ravel()) == {0, 1}


@pytest.mark.parametrize("seed", [0, 1])
def test_the_search_in_a_dense_table_finds_the_same_records(seed: int, monkeypatch: pytest.MonkeyPatch):
    random = np.random.default_rng(seed)
    table = pd.DataFrame(random.standard_normal((300, 14)), columns=[f"number {n}" for n in range(14)])
    x, tables = prepared(table.assign(**{f"yes {n}": random.integers(0, 2, 300) for n in range(6)}))
    y = (random.random(300) < 0.3).astype(np.int8)
    sparse, labels = smote(x, y, tables, seed)
    monkeypatch.setattr(balancing, "SPARSE", 0)
    dense, dense_labels = smote(x, y, tables, seed)
    np.testing.assert_array_equal(dense.arrays["table"], sparse.arrays["table"])
    np.testing.assert_array_equal(dense.arrays["image.vector"], sparse.arrays["image.vector"])
    np.testing.assert_array_equal(dense_labels, labels)
    assert len(dense) == 2 * (y == 0).sum()


@pytest.mark.parametrize("balance", BALANCERS)
def test_who_has_a_patient_s_features_has_the_patient_as_source(balance: str):
    table, y = clinic()
    x, tables = prepared(table)
    balanced, _ = BALANCERS[balance](x, y, tables, 0)
    np.testing.assert_array_equal(balanced.sources, balanced.arrays["image.vector"][:, 0])


def test_copies_of_equal_tables_have_the_features_of_all_who_have_that_table():
    random = np.random.default_rng(1)
    pattern = np.repeat([[0, 0, 1], [1, 0, 0], [0, 1, 1], [1, 1, 0]], 25, axis=0)
    x, tables = prepared(pd.DataFrame(random.permutation(pattern), columns=list("abc")))
    y = (np.arange(100) < 24).astype(np.int8)
    balanced, _ = smote(x, y, tables, 3)
    new, own = np.arange(100, 152), np.flatnonzero(y)
    near = (balanced.arrays["table"][new, None] == x.arrays["table"][own]).all(axis=2)
    drawn = np.bincount(balanced.sources[new], minlength=100)
    for pattern in np.unique(near[near.any(axis=1)], axis=0):
        copies = drawn[own[pattern]]
        assert copies.max() <= max(0.6 * copies.sum(), 4), "not one patient's alone"
    assert (drawn > 0).sum() > 12
    np.testing.assert_array_equal(smote(x, y, tables, 3)[0].sources, balanced.sources)


@pytest.mark.parametrize("seed", range(3))
def test_where_no_two_are_equally_near_a_copy_has_the_features_of_the_nearest(seed: int):
    table, y = clinic(150)
    x, tables = prepared(table)
    balanced, _ = smote(x, y, tables, seed)
    real, new = x.arrays["table"].astype(float), balanced.arrays["table"][len(x) :].astype(float)
    distances = np.linalg.norm(new[:, None] - real[y == 1], axis=2)
    np.testing.assert_array_equal(balanced.sources[len(x) :], np.flatnonzero(y)[distances.argmin(axis=1)])
