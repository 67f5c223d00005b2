import json
import sys

import nibabel
import numpy as np
import pandas as pd
import pytest
from chat_server import ChatServer
from typer.testing import CliRunner

from strokebench.benchmarks.cli.text import app
from strokebench.errors import StrokebenchError

KEY = "sk-very-secret-0123456789"
SAID = "There is an acute infarct of the left hemisphere. The expected NIHSS is 8-12. The patient is a man."


@pytest.fixture
def cohort(tmp_path, monkeypatch):
    for name in ("STROKEBENCH_TEXT_ENDPOINT", "STROKEBENCH_TEXT_KEY", "DATASET", "OUTCOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path / "home"))
    random = np.random.default_rng(0)
    for i in range(3):
        volume = np.zeros((40, 44, 36), np.int16)
        volume[8:32, 8:36, 4:32] = random.integers(80, 120, (24, 28, 28))
        nibabel.Nifti1Image(volume, np.diag([4.0, 4, 4, 1])).to_filename(tmp_path / f"q{i}.nii.gz")
    table = pd.DataFrame({"id": ["q0", "q1", "q2"], "nihss": [3, 9, 20], "age": [61, 70, 82]})
    table.to_csv(tmp_path / "table.csv", index=False)
    (tmp_path / "own.yaml").write_text("table: table.csv\nid: id\noutcome: nihss < 7\nimages: '{id}.nii.gz'\n")
    return tmp_path / "own.yaml"


def write(cohort, *options, answer=None):
    arguments = ["write", "--dataset", str(cohort), "--slices", "2", "--pixels", "32", "--per-minute", "0", *options]
    return CliRunner().invoke(app, arguments, input=answer)


def test_nothing_is_sent_before_it_is_said_where_to_and_agreed(cohort):
    with ChatServer() as server:
        result = write(cohort, "--endpoint", server.url, answer="n\n")
        assert result.exit_code != 0 and not server.requests
        for word in (server.url, "15 are to be asked", "30 in all", "3 patients"):
            assert word in " ".join(result.output.split())
        assert write(cohort, "--endpoint", server.url, answer="").exit_code != 0
        assert not server.requests
    assert isinstance(write(cohort, "--yes").exception, StrokebenchError)
    far = write(cohort, "--endpoint", "http://service.example.org/v1", answer="n\n")
    assert "leave this machine for service.example.org" in far.output
    assert "not encrypted" in far.output


def test_a_dry_run_says_what_would_be_sent_and_asks_nothing(cohort):
    with ChatServer() as server:
        result = write(cohort, "--endpoint", server.url, "--dry-run")
    assert result.exit_code == 0 and "Estimate" in result.output and "Send them?" not in result.output
    assert not server.requests


def test_answers_cost_texts_and_report(cohort, monkeypatch):
    monkeypatch.setenv("STROKEBENCH_TEXT_KEY", KEY)
    folder = cohort.parent / "out"
    options = ("--to", str(folder), "--yes", "--price-in", "1000", "--price-out", "10000")
    with ChatServer(lambda n, e: "status:429:retry-after=0" if n == 2 else f"text:{SAID}") as server:
        first = write(cohort, "--endpoint", server.url, *options)
        assert first.exit_code == 0, first.output
        cost = (server.tokens[0] * 1000 + server.tokens[1] * 10000) / 1e6
        assert f"{cost:,.2f} at these prices" in first.output
        assert len(server.requests) == 16
        second = write(cohort, "--endpoint", server.url, *options)
        assert second.exit_code == 0 and len(server.requests) == 16
    texts = pd.read_csv(folder / "texts.csv", index_col=0)
    assert texts.shape == (3, 5) and (texts == SAID).all(axis=None)
    report = json.loads((folder / "report.json").read_text())
    assert report["reasons"] == {"states the outcome": 15, "who the patient is": 15}
    assert report["sentences_kept"] == 15 and report["texts"] == {"used in part": 15}
    assert len(pd.read_csv(folder / "sentences.csv")) == 45
    written = b"".join(path.read_bytes() for path in cohort.parent.rglob("*") if path.is_file())
    assert KEY.encode() not in written and KEY not in first.output

    with_text = cohort.with_name("with_text.yaml")
    lines = first.output[first.output.index("text:\n") :].splitlines()[:3]
    with_text.write_text(cohort.read_text() + "\n".join(lines) + "\n")
    assert CliRunner().invoke(app, ["report", "--dataset", str(with_text)]).exit_code == 0
    again = json.loads(next((cohort.parent / "home/texts").glob("with_text-*/report/report.json")).read_text())
    assert again == report


def test_an_incomplete_collection_keeps_what_it_has_and_says_what_to_do(cohort):
    with ChatServer(lambda n, e: "ok" if n < 4 else "status:401") as server:
        result = write(cohort, "--endpoint", server.url, "--yes", "--at-once", "1", "--to", str(cohort.parent / "out"))
    assert isinstance(result.exception, StrokebenchError) and result.exit_code == 1
    assert "401" in result.exception.message and "STROKEBENCH_TEXT_KEY" in result.exception.hint
    assert pd.read_csv(cohort.parent / "out" / "texts.csv").notna().sum().sum() == 3 + 4


def test_a_trial_with_one_patient(cohort):
    with ChatServer() as server:
        result = write(cohort, "--endpoint", server.url, "--yes", "--patients", "1", "--answers", "2")
        assert result.exit_code == 0 and len(server.requests) == 10


def test_without_the_package_the_error_says_how_to_get_it(cohort, monkeypatch):
    monkeypatch.setitem(sys.modules, "openai", None)
    with ChatServer() as server:
        error = write(cohort, "--endpoint", server.url, "--yes").exception
    assert isinstance(error, StrokebenchError) and "pip install" in error.hint and not server.requests


def test_texts_of_somebody_else_are_not_replaced(cohort):
    own = cohort.parent / "texts" / "report" / "q0.txt"
    own.parent.mkdir(parents=True)
    own.write_text("Infarct of the left hemisphere, by a radiologist.")
    with ChatServer() as server:
        result = write(cohort, "--endpoint", server.url, "--to", str(cohort.parent), "--yes")
        assert "not of this command" in result.exception.message and not server.requests
    assert own.is_file()


def test_a_trial_keeps_the_texts_of_those_it_does_not_ask_about(cohort):
    folder = cohort.parent / "out"
    with ChatServer() as server:
        for further in ((), ("--patients", "1")):
            assert write(cohort, "--endpoint", server.url, "--to", str(folder), "--yes", *further).exit_code == 0
    assert len(list((folder / "texts").glob("*/*.txt"))) == 15


@pytest.mark.parametrize("option", ["--at-once=0", "--per-minute=-1", "--patients=-1"])
def test_a_number_that_makes_no_sense_is_refused(cohort, option):
    result = write(cohort, "--endpoint", "http://localhost:9/v1", "--dry-run", option)
    assert result.exit_code == 2 and option.partition("=")[0] in result.output
