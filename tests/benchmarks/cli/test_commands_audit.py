"""The command line of the audit."""

from pathlib import Path

from typer.testing import CliRunner

from strokebench.benchmarks.cli import main as cli


def call(*arguments: str):
    return CliRunner().invoke(cli.app, ["audit", *arguments], env={"COLUMNS": "200"})


def test_the_shipped_numbers_are_audited(home: Path):
    done = call("metrics")
    assert done.exit_code == 0, done.output
    assert "2.44" in done.output
    assert {path.suffix for path in (home / "results" / "audit").iterdir()} == {".md", ".csv", ".tex", ".html"}


def test_another_table_into_another_folder(tmp_path: Path):
    file = tmp_path / "mine.csv"
    # Runs (5, 9) and (7, 8) of 10 and 10.
    file.write_text("method,ACC,Recall,Specificity\nmine,72.5 (2.5),60 (10),85 (5)\n")
    done = call(
        "metrics", str(file), "--positives", "10", "--negatives", "10", "--runs", "2", "--output", str(tmp_path)
    )
    assert done.exit_code == 0, done.output
    assert "5/9 7/8" in (tmp_path / "audit.csv").read_text()


def test_bad_input_is_one_line_and_no_traceback(tmp_path: Path):
    file = tmp_path / "bad.csv"
    file.write_text("method,ACC\nmine,high\n")
    done = call("metrics", str(file))
    assert done.exit_code == 1
    assert "Traceback" not in done.output and "line 2" in done.output
