import numpy as np
import pytest

from strokebench.tasks.inputs import Inputs
from strokebench.tasks.preparing import balancing
from strokebench.tasks.preparing.balancing import BALANCERS, smote


@pytest.mark.parametrize("seed", [0, 1])
def test_the_search_in_a_dense_table_finds_the_same_records(seed: int, monkeypatch: pytest.MonkeyPatch):
    random = np.random.default_rng(seed)
    categorical = np.arange(20) >= 14
    table = np.where(categorical, random.integers(0, 2, (300, 20)), random.standard_normal((300, 20)))
    number = np.arange(300, dtype=np.float32)[:, None]
    x = Inputs.complete({"image.vector": number, "table": table.astype(np.float32)})
    y = (random.random(300) < 0.3).astype(np.int8)
    sparse, labels = smote(x, y, {"table": categorical}, seed)
    monkeypatch.setattr(balancing, "SPARSE", 0)
    dense, dense_labels = smote(x, y, {"table": categorical}, seed)
    np.testing.assert_array_equal(dense.arrays["table"], sparse.arrays["table"])
    np.testing.assert_array_equal(dense.arrays["image.vector"], sparse.arrays["image.vector"])
    np.testing.assert_array_equal(dense_labels, labels)
    assert len(dense) == 2 * (y == 0).sum()


@pytest.mark.parametrize("balance", BALANCERS)
def test_who_has_a_patient_s_features_has_the_patient_as_source(balance: str):
    random = np.random.default_rng(0)
    table = random.standard_normal((60, 4)).astype(np.float32)
    x = Inputs.complete({"image.vector": np.arange(60, dtype=np.float32)[:, None], "table": table})
    y = (np.arange(60) < 15).astype(np.int8)
    balanced, _ = BALANCERS[balance](x, y, {"table": np.zeros(4, bool)}, 0)
    np.testing.assert_array_equal(balanced.sources, balanced.arrays["image.vector"][:, 0])
