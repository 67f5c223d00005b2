"""Arrays that do not fit into memory are the same arrays."""

import errno
import os

import numpy as np
import pytest

from strokebench import large
from strokebench.errors import StrokebenchError
from strokebench.large import blocks, room, take


@pytest.fixture
def small_memory(monkeypatch, tmp_path):
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path))
    monkeypatch.setattr(large, "HELD", 400)
    monkeypatch.setattr(large, "WHOLE", 400)
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
    assert large_one.base is not None and large_one.flags.writeable and large_one.sum() == 300
    assert not any((small_memory / "scratch").iterdir())
    assert room((10, 10)).base is None


@pytest.mark.usefixtures("small_memory")
@pytest.mark.slow
def test_a_large_array_reaches_another_process_by_its_values():
    from joblib import Parallel, delayed

    large_one = room((50, 6))
    large_one[:] = 1
    (total,) = Parallel(n_jobs=2, max_nbytes=100)([delayed(np.sum)(large_one)])
    assert total == 300


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="no room is taken beforehand on this system")
def test_a_full_disk_is_said_before_anything_is_written(small_memory, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(StrokebenchError, match="No space left") as said:
        room((50, 6))
    assert str(small_memory / "scratch") in said.value.message and said.value.hint


@pytest.mark.usefixtures("small_memory")
@pytest.mark.parametrize(("rows", "width"), [(0, 3), (7, 3), (50, 3), (1000, 1), (5, 0), (3, 10_000)])
def test_blocks_are_all_rows_once(rows, width):
    parts = list(blocks(rows, (rows, width)))
    assert [row for part in parts for row in range(part.start, part.stop)] == list(range(rows))
    if rows * width * 4 > large.WHOLE:
        assert all(part.stop - part.start <= max(large.BLOCK // (4 * width), 1) for part in parts)
