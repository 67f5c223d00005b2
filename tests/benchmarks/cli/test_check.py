"""What `strokebench check` says of a GPU."""

import pytest

from strokebench.benchmarks.cli import check
from strokebench.reports.tables.console import make_console


@pytest.mark.parametrize(
    ("method", "says"),
    [
        ("svm", "one by one, on the CPU: svm is no network"),
        ("table_net", "normalises batches"),
        ("concat", "as one stack"),
    ],
)
def test_it_says_whether_fits_are_stacked_and_why_not(method: str, says: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(check, "all_checks", dict)
    console = make_console(record=True, width=200)
    assert check.show_check(method, console)
    assert says in console.export_text()
