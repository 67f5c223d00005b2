import json
import os
import re
import resource
import subprocess
import sys
from dataclasses import fields
from importlib.metadata import version
from inspect import getdoc
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest
from small_cohort import make_cohort, make_embeddings
from typer.testing import CliRunner, Result

from strokebench.benchmarks.cli import doctor
from strokebench.benchmarks.cli import main as cli
from strokebench.benchmarks.experiments.find import EXPERIMENTS, all_experiments
from strokebench.benchmarks.running.settings import Settings, parse_names, parse_seeds
from strokebench.datasets import catalogue
from strokebench.datasets.cohort import Cohort
from strokebench.datasets.embeddings import Embeddings
from strokebench.datasets.encoders import encode
from strokebench.errors import StrokebenchError


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, list(arguments), env={"COLUMNS": "200"})


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, planted: None) -> None:
    """A dataset called `small`."""
    cohort = make_cohort(60, outcomes={"nihss": "nihss < 7", "severe": "nihss > 15"}, synthetic=True)
    monkeypatch.setitem(catalogue.COHORTS.own, "small", lambda: cohort)
    monkeypatch.setattr(encode, "encode_cohort", lambda cohort, *_: make_embeddings(cohort))
    # It takes longer than the runs do, and is tested with the alarms.
    monkeypatch.setattr("strokebench.benchmarks.run.warn_of_leaks", lambda *_: None)
    monkeypatch.setenv("DATASET", "small")
    monkeypatch.setenv("JOBS", "1")


def test_windows_is_told_of_wsl(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(SystemExit, match="WSL2"):
        cli.main()


def processor_seconds(*arguments: str) -> float:
    """Of Python with these arguments, the least of three: other processes may be busy."""
    seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return min(seconds)


def test_help_is_quick_and_light():
    # 1.3 times what Typer takes alone, on a slow machine too; pandas would make it 4 times.
    assert processor_seconds("-m", "strokebench", "--help") < 2 * processor_seconds("-c", "import typer.rich_utils")
    command = [sys.executable, "-m", "strokebench", "--help"]
    told = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "COLUMNS": "80"})
    assert max(map(len, told.stdout.splitlines())) <= 80 and all(verb in told.stdout for verb in cli.VERBS)
    code = (
        "import sys, strokebench.benchmarks.cli.main\n"
        "print([name for name in ('torch', 'pandas', 'mlflow', 'sklearn', 'numpy') if name in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_help_names_the_experiments_as_they_are():
    assert list(cli.EXPERIMENTS) == [name for name in all_experiments() if name in EXPERIMENTS.own]


def test_paper_says_which_experiments_it_leaves_to_their_names():
    left = {name for name, kind in all_experiments().items() if not kind.in_paper}
    said = getdoc(resolve_name("strokebench.benchmarks.cli.paper:paper"))
    assert left == {name for name in all_experiments() if re.search(rf"\b{name}\b", said.partition("\n\n")[2])}


def test_make_has_every_experiment_as_a_target_and_knows_its_variables():
    makefile = (Path(__file__).parents[3] / "Makefile").read_text()
    targets = next(line for line in makefile.splitlines() if line.startswith("EXPERIMENTS :=")).split()[2:]
    # `make paper` is everything; the experiment of that name has a target of its own.
    assert {*targets, "paper"} == set(cli.EXPERIMENTS) and "strokebench run paper" in makefile.replace("$(BIN)/", "")
    known = next(line for line in makefile.splitlines() if line.startswith("VARIABLES :=")).split()[2:]
    assert {each.name.upper() for each in fields(Settings) if each.metadata["option"].env} < set(known)


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", *arguments], capture_output=True, text=True, cwd=Path(__file__).parents[3])


def test_make_lists_its_targets_within_80_columns():
    told = make("help").stdout
    assert max(map(len, told.splitlines())) <= 80 and "cohort-fetch" in told
    assert [name for name in cli.EXPERIMENTS if name not in told] == []


def test_make_names_the_nearest_target():
    assert "No target is called tabel1. Did you mean table1?" in make("tabel1").stderr
    assert make("nothing-of-the-kind").stderr.startswith("No target is called nothing-of-the-kind.\n")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("run figure", "figure2 figure3 figure4 figure5"),
        ("run table1 --protocol h", "holdout"),
        ("check conc", "concat"),
        ("cohort desc", "describe"),
    ],
)
def test_a_shell_completes_names(typed: str, offered: str):
    words = ["strokebench", *typed.split()]
    variables = {"_STROKEBENCH_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(words)}
    told = CliRunner().invoke(cli.app, env={**variables, "COMP_CWORD": str(len(words) - 1)}, prog_name="strokebench")
    assert told.output.split() == offered.split()


@pytest.mark.parametrize("verb", cli.VERBS)
def test_a_verb_s_line_of_help_is_how_its_own_help_begins(verb: str):
    told = " ".join(call(verb, "--help").output.split())
    assert cli.VERBS[verb][1].rstrip(".") in told


@pytest.mark.parametrize("verb", cli.VERBS)
def test_help_is_whole_on_80_columns(verb: str):
    found = resolve_name(f"strokebench.benchmarks.cli.{cli.VERBS[verb][0]}")
    parts = {one.name or one.callback.__name__: one.callback for one in getattr(found, "registered_commands", [])}
    for part, function in parts.items() or {"": found}.items():
        told = CliRunner().invoke(cli.app, [verb, *part.split(), "--help"], env={"COLUMNS": "80"}).output
        assert "Usage" in told and "…" not in told
        # Typer keeps the line breaks of all paragraphs but the first.
        assert not any("\n" in paragraph for paragraph in getdoc(function).split("\n\n")[1:])


def test_version():
    assert call("--version").output.strip() == f"strokebench {version('strokebench')}"


def test_encode_says_how_fast_it_was(small: None, monkeypatch: pytest.MonkeyPatch):
    assert "Encoded" not in call("encode").output

    def encodes(cohort: Cohort, *rest: Any) -> Embeddings:
        progress = rest[3]
        progress("images", 0, 60)
        progress("images", 60, 60)
        return make_embeddings(cohort)

    monkeypatch.setattr(encode, "encode_cohort", encodes)
    result = call("encode")
    assert result.exit_code == 0, result.output
    assert "60 images in 0 s" in result.output and "1 process" in result.output


def test_run_then_report_then_status(small: None, home: Path):
    ran = call("run", "table1", "--methods", "coin", "--seeds", "39", "--no-tracking")
    assert ran.exit_code == 0, ran.output
    assert "60 patients" in ran.output and "Coin" in ran.output and "5/5" in ran.output
    folder = home / "results" / "small-nihss_lt_7-cv5-seeds_39" / "table1"
    assert (folder / "table1.md").is_file()
    assert list((home / "splits").glob("small-nihss_lt_7-cv5-*.json"))
    table = (folder / "table1.md").read_bytes()
    shown = call("report", "table1", "--methods", "coin", "--seeds", "39")
    assert shown.exit_code == 0 and "5/5" in shown.output
    assert (folder / "table1.md").read_bytes() == table
    status = call("status")
    assert "coin" in status.output and "5/5" in status.output


def as_json(*arguments: str, status: int = 0) -> Any:
    result = CliRunner().invoke(cli.app, [*arguments, "--json"])
    assert result.exit_code == status, result.output
    return json.loads(result.stdout)


def test_a_script_gets_json(small: None, home: Path, tmp_path: Path):
    assert as_json("status") == {"methods": [], "failed": []}
    call("run", "table1", "--methods", "coin,broken", "--seeds", "39", "--no-tracking")
    told = as_json("status")
    done = {"results": "small-nihss_lt_7-cv5-seeds_39", "experiment": "table1", "method": "coin", "setting": ""}
    assert {**done, "planned": 5, "done": 5, "failed": 0, "missing": 0} in told["methods"]
    assert [run["method"] for run in told["failed"]] == ["broken"] and "planted" in told["failed"][0]["error"]
    assert {"table1", "figure5"} <= {row["Name"] for row in as_json("list", "experiments")}
    assert {"Python", "Memory"} <= {row["what"] for row in as_json("doctor")}
    assert as_json("audit", "metrics", "--output", str(tmp_path))["rows"]
    assert as_json("audit", "leaks", "--quick").keys() == {"full", "findings", "broken"}
    exported = as_json("results", "export", str(tmp_path / "out.zip"), "table1")
    assert any("seeds_39" in name for name in exported)
    imported = as_json("results", "import", str(tmp_path / "out.zip"))
    assert all(Path(about["folder"]).is_dir() for about in imported.values())
    checks = as_json("check", "coin", status=1)
    assert {True, False} == {check["passed"] for check in checks}, "a coin keeps some promises"


def test_a_saved_call_is_made_again(small: None, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "run.yaml"
    first = call("run", "table1", "--methods", "coin", "--seeds", "39", "--no-tracking", "--save", str(file))
    assert first.exit_code == 0, first.output
    assert file.read_text().startswith("# yaml-language-server: $schema=")
    monkeypatch.setenv("SEEDS", "40")
    again = call("run", str(file), "--no-tracking")
    assert again.exit_code == 0 and "5 already done, 0 to compute" in again.output, again.output
    assert "seeds_39" in call("report", str(file)).output
    other = call("run", str(file), "--no-tracking", "--seeds", "41")
    assert "5 planned, 5 to compute" in other.output
    assert "Did you mean table1?" in call("run", "tabel1", "--save", str(tmp_path / "none.yaml")).output
    assert not (tmp_path / "none.yaml").exists()


def test_status_is_right_while_runs_go_on(small: None, home: Path):
    """As after a kill: the tables on disk are older than the runs."""
    call("run", "table1", "--methods", "coin", "--seeds", "39", "--no-tracking")
    lost = sorted((home / "runs").glob("*/*.parquet"))[:2]
    for path in lost:
        path.unlink()
    assert "3/5" in call("status").output


def test_failed_runs_are_told(small: None, home: Path, caplog: pytest.LogCaptureFixture):
    ran = call("run", "table1", "--methods", "broken", "--seeds", "39", "--no-tracking")
    assert ran.exit_code == 1
    assert "1 run failed" in ran.output
    status = call("status")
    assert "the planted error" in status.output and "Traceback" in status.output
    # What a full disk or a lost connection left behind hides nothing else.
    damaged = home / "results" / "another" / "table1" / "runs.parquet"
    damaged.parent.mkdir(parents=True)
    damaged.touch()
    for path in (home / "runs").glob("*/*.failed.json"):
        path.write_bytes(b"")
    status = call("status")
    assert status.exit_code == 0 and "4/5" in status.output and "not valid JSON" in status.output
    assert f"{damaged} cannot be read" in caplog.text


def test_shuffled_labels_are_said_everywhere(small: None, home: Path):
    ran = call("run", "table1", "--methods", "coin", "--seeds", "39", "--no-tracking", "--shuffle-labels", "3")
    assert ran.exit_code == 0, ran.output
    folder = home / "results" / "small-nihss_lt_7-cv5-shuffled_3-seeds_39" / "table1"
    for name in ("table1.md", "table1.csv", "table1.tex", "table1.html", "results.json"):
        assert "labels shuffled" in (folder / name).read_text()
    assert "labels shuffled" in ran.output


def test_a_choice_that_the_environment_made_is_told_as_that(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DEVICE", "cuda:0")
    assert "Your environment has DEVICE=cuda:0." in call("run", "table1").output
    assert "Your environment" not in call("run", "table1", "--device", "gpu").output


def test_choices_come_from_the_environment_as_make_gives_them(small: None, monkeypatch: pytest.MonkeyPatch):
    for name, value in (("OUTCOME", "severe"), ("PROTOCOL", "holdout"), ("SEEDS", "1,2"), ("QUICK", "")):
        monkeypatch.setenv(name, value)
    ran = call("run", "table1", "--methods", "coin", "--no-tracking")
    assert ran.exit_code == 0, ran.output
    assert "nihss > 15" in ran.output and "holdout" in ran.output and "2/2" in ran.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "table99"], "table99"),
        (["run", "table1", "--dataset", "nowhere"], "nowhere"),
        (["run", "table1", "--outcome", "shoe < 42"], "shoe"),
        (["run", "table1", "--protocol", "cv99"], "cv99"),
        (["run", "table1", "--methods", "no_such"], "no_such"),
        (["run", "table1", "--balance", "smot"], "Did you mean smote?"),
        (["run", "table1", "--encoders", "papr"], "Did you mean paper?"),
        (["run", "table1", "--device", "cud"], "Did you mean cuda?"),
        (["run", "table1", "--backend", "dusk"], "Did you mean dask?"),
        (["run", "tabel1"], "Did you mean table1?"),
        (["page", "--protocol", "cv"], "Did you mean cv5?"),
        (["list", "method"], "Did you mean methods?"),
        (["run", "table1", "--seeds", "a,b"], "a,b"),
        (["run", "table1", "--jobs", "-3"], "-3"),
        (["list", "shoes"], "shoes"),
        (["encode", "--outcome", "shoe"], "needs a column 'shoe'"),
        (["text", "report", "--outcome", "shoe"], "needs a column 'shoe'"),
        (["run", "table1", "--params", "none.yaml"], "none.yaml: no such file."),
        (["audit", "metrics", "none.csv"], "none.csv: no such file."),
    ],
)
def test_an_error_is_one_line_and_a_hint(small: None, arguments: list[str], said: str):
    result = call(*arguments)
    assert result.exit_code == 1
    line, hint, *rest = result.stderr.strip().splitlines()
    assert line.startswith("Error:") and said in line
    assert hint and not rest
    assert "Traceback" not in result.output


def test_debug_shows_where_it_happened(small: None):
    result = call("--debug", "run", "table99")
    assert isinstance(result.exception, StrokebenchError)


def test_an_unexpected_error_is_one_line_too(small: None, monkeypatch: pytest.MonkeyPatch):
    def fails(*_: object) -> None:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(encode, "encode_cohort", fails)
    result = call("run", "table1")
    assert result.exit_code == 1
    assert "ZeroDivisionError: by nothing" in result.stderr and "--debug" in result.stderr


def test_ctrl_c_that_a_library_wraps_is_no_fault(small: None, monkeypatch: pytest.MonkeyPatch):
    def stopped(*_: object) -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as stop:
            raise ValueError("could not serialise") from stop

    monkeypatch.setattr(encode, "encode_cohort", stopped)
    result = call("run", "table1")
    assert result.exit_code == 130 and "serialise" not in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        *(
            (["run"], "experiment"),
            (["rn"], "Did you mean 'run'?"),
            (["run", "table1", "--protcol", "cv5"], "--protocol"),
        ),
        (["run", "table1", "--seeds"], "Option '--seeds' requires an argument."),
    ],
)
def test_wrong_usage_has_its_own_status(small: None, arguments: list[str], said: str):
    result = call(*arguments)
    assert result.exit_code == 2
    line, hint = result.stderr.strip().splitlines()
    assert said.lower() in line.lower() and "--help" in hint


def test_lists(small: None):
    assert "vdafm" in call("list", "methods").output
    assert "table1" in call("list", "experiments").output
    assert "small" in call("list", "datasets").output
    assert "medicalnet+biobert" in call("list", "encoders").output


def test_status_before_anything(home: Path):
    result = call("status")
    assert result.exit_code == 0 and "No results" in result.output


def test_doctor_looks_and_finds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    healthy = call("doctor")
    for word in ("Python", "Packages", "Memory", "Folder", "MLflow", "SOOP"):
        assert word in healthy.output
    assert healthy.exit_code == 0, healthy.output
    monkeypatch.setenv("STROKEBENCH_SOOP", str(tmp_path / "nowhere"))
    monkeypatch.setitem(sys.modules, "xgboost", None)
    ill = call("doctor")
    assert ill.exit_code == 1 and "no such folder" in ill.output and "XGBoost" in ill.output


def test_doctor_ends_its_round_in_a_home_of_another_user(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.delenv("STROKEBENCH_SOOP", raising=False)
    monkeypatch.setattr(Path, "is_dir", refuse)
    assert [state for state, *_ in doctor._soop()] == [doctor.NOTE]


def test_names_and_seeds():
    assert parse_seeds("39, 40") == (39, 40)
    assert parse_names("a, b, a,") == ("a", "b")
    assert parse_names("") is None
    for wrong in ("", "39,39", "-1", "x"):
        with pytest.raises(StrokebenchError):
            parse_seeds(wrong)
