"""What results say of the machine that made them."""

from pathlib import Path

import pytest

from strokebench.benchmarks.running.provenance import processor

INFO = "processor\t: {0}\nmodel name\t: An EPYC\nflags\t\t: fpu {1}\n\n"


@pytest.mark.parametrize(
    ("flags", "shown"),
    [("avx2 avx512f", "An EPYC, AVX-512"), ("avx avx2", "An EPYC, AVX2"), ("sse2", "An EPYC")],
)
def test_the_processor_is_named_with_its_widest_vectors(flags, shown, monkeypatch):
    info = "".join(INFO.format(core, flags) for core in range(2))
    monkeypatch.setattr(Path, "read_text", lambda path: info)
    assert processor.__wrapped__() == shown
