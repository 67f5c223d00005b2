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


def test_a_narrow_terminal_gets_whole_words(monkeypatch: pytest.MonkeyPatch):
    def promise(subject: object) -> None:
        """It says at some length what is held, so that a line of eighty columns does not hold the whole of this [b]."""
        raise AssertionError(
            "it is broken, and what is wrong is a sentence as long as the other was, or somewhat longer"
        )

    monkeypatch.setattr(check, "all_checks", lambda: {"promise": promise})
    console = make_console(record=True, width=80)
    assert not check.show_check("concat", console)
    said = console.export_text()
    assert max(map(len, said.splitlines())) <= 80 and "\n       " in said
    for text in (
        promise.__doc__,
        "broken promise (",
        "it is broken, and what is wrong is a sentence as long as the other",
    ):
        assert text in " ".join(said.split())
