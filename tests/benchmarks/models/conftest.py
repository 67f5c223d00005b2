from collections.abc import Iterator

import pytest

from strokebench.benchmarks.models import seen


@pytest.fixture(scope="session", autouse=True)
def quick_marks() -> Iterator[None]:
    """What is slow on purpose need not be so in tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seen, "ROUNDS", 1)
        yield
