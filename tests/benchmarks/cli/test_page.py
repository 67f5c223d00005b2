"""The page gathers what was computed by its facts, whatever the folders are called."""

from pathlib import Path

import pytest
from made_up import made_up, plan
from small_cohort import make_cohort
from typer.testing import CliRunner

from strokebench.benchmarks.cli import main as cli
from strokebench.benchmarks.cli.page import page_of
from strokebench.benchmarks.running.settings import Settings
from strokebench.files import home
from strokebench.reports.tables.section import Section, publish

USUAL = {"dataset": "small", "outcome": "nihss < 7", "protocol": "cv5", "encoder_pair": "embedded", "balance": "smote"}
USUAL |= {"quick": False, "scale_text": False}


@pytest.fixture(autouse=True)
def cohort(monkeypatch: pytest.MonkeyPatch) -> None:
    small = make_cohort(outcomes={"nihss_lt_7": "nihss < 7"})
    monkeypatch.setattr("strokebench.benchmarks.cli.page.load_cohort", lambda name: small)
    monkeypatch.setattr("strokebench.benchmarks.cli.page.write_page", lambda found, *_: found)


def written(name: str, **facts: object) -> None:
    results = made_up(plan(("concat",), seeds=(39,), folds=[0]))
    results.provenance.clear()
    results.provenance.update({**USUAL, **facts})
    results.write(home("results", name, "table1"))


def found(protocol: str = "", **settings: object) -> set[str]:
    return {folder.name for folder in page_of(Settings(**settings), protocol)}


def test_folders_are_chosen_by_what_lies_in_them():
    written("one")
    written("two", protocol="holdout")
    written("three", tuned={"concat": "concat tuned on another cohort"})
    written("small-nihss_lt_7-cv5", quick=True)
    written("four", imported=True)
    written("five", labels_shuffled=0)
    publish(Section("leaks", "Leak alarms", "small", [], provenance=USUAL), home("results", "six", "leaks"))
    assert found() == {"one", "two", "three", "six"}
    assert found("holdout") == {"two"}
    assert found(quick=True) == {"small-nihss_lt_7-cv5"}
    assert found(shuffle_labels=0) == {"five"}
    assert found(balance="none") == set()


def test_what_would_choose_says_nothing_of_a_folder_of_results(tmp_path: Path):
    called = CliRunner().invoke(cli.app, ["page", "--results", str(tmp_path), "--protocol", "cv5"])
    assert called.exit_code == 1 and "--results takes all that is there" in called.output
    asked = ["--outcome", "mrs", "--encoders", "paper", "--quick"]
    called = CliRunner().invoke(cli.app, ["page", "--results", str(tmp_path), *asked])
    assert called.exit_code == 1 and "Leave out --outcome, --encoders, --quick." in called.output
