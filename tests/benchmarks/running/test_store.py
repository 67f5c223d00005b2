import errno
import os
import time
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pandas as pd
import pytest

from strokebench.benchmarks.running.store import Busy, Store
from strokebench.errors import StrokebenchError

KEY = "ab" * 32
PREDICTIONS = pd.DataFrame({"patient_id": ["a", "b"], "y": np.array([0, 1], np.int8), "p": [0.1, 1 / 3]})
RECORD = {"method": "coin", "facts": {"parameters": 3}, "history": {"loss": [2.0, 1.0]}}


@pytest.fixture
def store() -> Store:
    return Store()


def test_a_run_is_read_as_it_was_written(store: Store):
    assert store.status(KEY) == "missing"
    store.write(KEY, PREDICTIONS, RECORD)
    predictions, record = store.read(KEY)
    pd.testing.assert_frame_equal(predictions, PREDICTIONS)
    assert record == RECORD
    assert store.status(KEY) == "done"


def test_success_forgets_the_failure(store: Store):
    store.write_failure(KEY, {"error": "no"})
    assert store.status(KEY) == "failed"
    assert store.failure(KEY) == {"error": "no"}
    store.write(KEY, PREDICTIONS, RECORD)
    assert store.status(KEY) == "done"
    assert not store.failure_path(KEY).exists()


def test_one_file_a_run_and_nothing_half_written(store: Store):
    store.write(KEY, PREDICTIONS, RECORD)
    assert [path.name for path in store.path(KEY).parent.iterdir()] == [f"{KEY}.parquet"]


@pytest.mark.parametrize("left", [b"", b"PAR1", b"PAR1PAR", b"PAR1 nothing", b"nothing PAR1"])
def test_what_is_left_of_a_file_that_was_cut_is_removed_before_it_is_asked_for(store: Store, left: bytes):
    store.write(KEY, PREDICTIONS, RECORD)
    store.drop_damaged([KEY])
    assert store.status(KEY) == "done"
    store.path(KEY).write_bytes(left)
    store.drop_damaged([KEY])
    assert store.status(KEY) == "missing"


@pytest.mark.parametrize("damage", [b"", b"PAR1 nothing"])
def test_a_damaged_file_is_named(store: Store, damage: bytes):
    store.write(KEY, PREDICTIONS, RECORD)
    store.path(KEY).write_bytes(damage)
    with pytest.raises(StrokebenchError, match=KEY):
        store.read(KEY)


@pytest.mark.parametrize("error", [OSError(errno.EMFILE, "Too many open files"), MemoryError()])
def test_a_run_that_cannot_be_read_just_now_is_not_lost(store: Store, error: Exception, monkeypatch):
    store.write(KEY, PREDICTIONS, RECORD)

    def read_bytes(path: Path) -> bytes:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", read_bytes)
        for read in (lambda: store.read(KEY), lambda: store.drop_damaged([KEY])):
            with pytest.raises(type(error)):
                read()
    assert store.read(KEY)[1] == RECORD


def test_a_lock_is_held_once(store: Store):
    with store.lock(KEY), pytest.raises(Busy), store.lock(KEY):
        pass
    with store.lock(KEY):
        assert store.lock_path(KEY).exists()
    assert not store.lock_path(KEY).exists()


def test_a_lock_is_waited_for_as_long_as_it_takes(store: Store):
    held, order = Event(), []

    def work() -> None:
        with store.lock(KEY):
            held.set()
            time.sleep(1.2)
            order.append("let go")

    other = Thread(target=work)
    other.start()
    assert held.wait(60)
    with store.lock(KEY, wait=True):
        order.append("had")
    other.join()
    assert order == ["let go", "had"]


def test_only_old_remains_are_tidied(store: Store):
    store.write(KEY, PREDICTIONS, RECORD)
    folder = store.path(KEY).parent
    old, new = folder / ".x.parquet.1.part", folder / ".x.parquet.2.part"
    for path in (old, new):
        path.touch()
    os.utime(old, (time.time() - 7200,) * 2)
    store.tidy()
    assert not old.exists()
    assert new.exists()
    assert store.status(KEY) == "done"
