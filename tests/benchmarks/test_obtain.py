"""A public cohort that is not on this machine, from a server on this machine in the public layout."""

import io
from pathlib import Path

import pytest
from bucket_server import BucketServer
from rich.console import Console
from rich.prompt import Confirm
from soop_bucket import published

from strokebench.benchmarks import obtain as obtaining
from strokebench.benchmarks.obtain import obtain
from strokebench.datasets.catalogue import MANIFESTS, load_cohort
from strokebench.errors import StrokebenchError


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    manifest, files = published(tmp_path)
    monkeypatch.setitem(MANIFESTS, "soop", manifest)
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("STROKEBENCH_SOOP", raising=False)
    with BucketServer(files) as running:
        monkeypatch.setenv("STROKEBENCH_MIRROR", running.mirror)
        yield running


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=200)


def answer(monkeypatch: pytest.MonkeyPatch, yes: bool) -> list[str]:
    """A terminal that gives this answer; what it was asked."""
    asked: list[str] = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(Confirm, "ask", lambda question, **_: bool(asked.append(question)) or yes)
    return asked


def test_says_what_from_where_licence_and_size_and_asks_once(server, console, monkeypatch, tmp_path):
    asked = answer(monkeypatch, yes=True)
    obtain("soop", console)
    said = console.file.getvalue()
    for words in (
        "lesion masks",
        "openneuro.org",
        "raw.githubusercontent.com",
        "CC BY-SA 4.0",
        "BSD-2",
        "bytes",
        "Cite",
    ):
        assert words in said
    assert len(asked) == 1 and "Fetch up to" in asked[0]
    obtain("soop", console)
    assert len(asked) == 1, "what is here is not asked for again"
    cohort = load_cohort("soop")
    assert list(cohort.ids) == ["sub-2", "sub-3", "sub-10", "sub-11"] and len(cohort.texts.dropna()) == 4
    assert not any("sub-77" in key for key in server.asked), "no row, no file"
    assert (tmp_path / "home/fetched/soop/CITATION.txt").read_text().count("CC") > 2


def test_a_no_fetches_nothing(server, console, monkeypatch, tmp_path):
    answer(monkeypatch, yes=False)
    with pytest.raises(StrokebenchError, match="STROKEBENCH_SOOP"):
        obtain("soop", console)
    assert not server.asked and not server.pages and not (tmp_path / "home" / "cohorts").exists()


def test_where_nobody_can_be_asked_a_line_says_what_to_do(server, console):
    with pytest.raises(StrokebenchError, match=r"no terminal.*FETCH=1"):
        obtain("soop", console)
    assert not server.asked
    obtain("soop", console, yes=True)
    assert len(load_cohort("soop")) == 4


def test_a_half_fetched_cohort_is_not_taken_for_a_whole_one(server, console, monkeypatch):
    server.behave = lambda key, n: "status:404" if "sub-3_" in key else "ok"
    with pytest.raises(StrokebenchError, match="sub-3"):
        obtain("soop", console, yes=True)
    with pytest.raises(StrokebenchError, match=r"still to be fetched.*cohort fetch soop"):
        load_cohort("soop")
    server.behave = lambda key, n: "ok"
    before = dict(server.sent)
    obtain("soop", console, yes=True)
    again = [key for key, n in before.items() if server.sent[key] != n]
    assert again == [] and len(load_cohort("soop")) == 4


def test_a_folder_that_the_variable_names_and_other_cohorts_are_left_alone(server, console, monkeypatch):
    obtain("virtual", console)
    monkeypatch.setenv("STROKEBENCH_SOOP", "somewhere")
    obtain("soop", console)
    assert not server.asked and console.file.getvalue() == ""


def test_a_log_file_has_lines_with_the_time_left(console, monkeypatch):
    monkeypatch.setattr(obtaining, "LINE_EVERY", -1.0)
    with obtaining.bar(console, 3_000_000) as advance:
        advance(1_000_000)
        advance(1_000_000)
    assert "2.0 MB of 3.0 MB fetched" in console.file.getvalue()
