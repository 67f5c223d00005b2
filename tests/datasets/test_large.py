"""Arrays that do not fit into memory are the same arrays."""

import numpy as np
import pytest

from strokebench.datasets import large
from strokebench.datasets.large import blocks, room, take


@pytest.fixture
def small_memory(monkeypatch, tmp_path):
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path))
    monkeypatch.setattr(large, "HELD", 400)
    monkeypatch.setattr(large, "BLOCK", 100)
    return tmp_path


@pytest.mark.usefixtures("small_memory")
@pytest.mark.parametrize("rows", [np.arange(49, -1, -1), np.arange(50) % 3 == 0, slice(3, 40), [7], np.arange(0)])
def test_rows_are_those_of_numpy(rows):
    x = np.random.default_rng(0).standard_normal((50, 3, 2), dtype=np.float32)
    np.testing.assert_array_equal(take(x, rows), x[rows])


def test_a_large_array_is_on_disk_and_leaves_nothing(small_memory):
    large_one = room((50, 6))
    large_one[:] = 1
    assert isinstance(large_one, np.memmap) and large_one.sum() == 300
    assert not any((small_memory / "scratch").iterdir())
    assert not isinstance(room((10, 10)), np.memmap)


@pytest.mark.usefixtures("small_memory")
@pytest.mark.parametrize(("rows", "width"), [(0, 3), (7, 3), (50, 3), (1000, 1), (5, 0), (3, 10_000)])
def test_blocks_are_all_rows_once(rows, width):
    parts = list(blocks(rows, (rows, width)))
    assert [row for part in parts for row in range(part.start, part.stop)] == list(range(rows))
    if rows * width * 4 > large.HELD:
        assert all(part.stop - part.start <= max(large.BLOCK // (4 * width), 1) for part in parts)
