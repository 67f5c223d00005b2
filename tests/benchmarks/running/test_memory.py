import math
import time

import numpy as np
import pytest

from strokebench.benchmarks.running import memory as memory_module
from strokebench.benchmarks.running.memory import PeakMemory, held, in_use


def use(megabytes: int) -> None:
    block = np.ones(megabytes * 125_000)
    # A moment that is longer than from one look to the next, on a busy machine too.
    time.sleep(0.2)
    assert block[-1] == 1


@pytest.mark.parametrize("read", [in_use, lambda: held("RssAnon")])
def test_peak_memory_sees_what_is_there_for_a_moment(read):
    with PeakMemory(read) as memory:
        use(160)
    assert 150 < memory.megabytes < 200


@pytest.mark.skipif(memory_module._mallinfo2 is None, reason="the allocator does not tell what it gave out")
def test_what_earlier_work_has_freed_hides_nothing_and_is_not_counted():
    # Small pieces stay with the process when they are freed.
    pieces = [bytearray(60_000) for _ in range(3000)]
    del pieces
    with PeakMemory() as small:
        use(8)
    with PeakMemory() as large:
        kept = [bytearray(60_000) for _ in range(2000)]
    assert len(kept) == 2000
    assert small.megabytes < 20
    assert 115 < large.megabytes < 150


def test_where_the_allocator_does_not_tell_nothing_is_shown_as_a_measurement(monkeypatch):
    """On macOS, and before version 2.33 of the GNU C library."""
    monkeypatch.setattr(memory_module, "_mallinfo2", None)
    with PeakMemory() as memory:
        use(16)
    assert math.isnan(memory.megabytes)


def test_a_line_that_the_system_does_not_tell_is_the_largest_that_was_ever_held():
    assert held("NoSuchLine") >= held("VmRSS") * 0.99
