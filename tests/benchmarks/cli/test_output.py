"""What is said where there is no modern terminal: other encodings, log files, disks that take nothing."""

import errno
import io
import sys
import time
from pathlib import Path

import pytest
import torch
from rich.console import Console

from strokebench.benchmarks.cli import errors
from strokebench.benchmarks.running import progress
from strokebench.errors import StrokebenchError
from strokebench.files import write_text


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_the_terminal_cannot_show_is_replaced(monkeypatch: pytest.MonkeyPatch, encoding: str):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    errors.show_in_any_encoding()
    sys.stdout.write("AUC 83 – 84 ± 2, M\u00fcnchen, \u8111\n")
    sys.stdout.flush()
    sign, city = (b"+/-", b"M?nchen") if encoding == "ascii" else (b"\xb1", b"M\xfcnchen")
    assert raw.getvalue() == b"AUC 83 - 84 " + sign + b" 2, " + city + b", ?\n"


def test_a_log_file_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(progress, "LINE_EVERY", 0.05)
    log = io.StringIO()
    with progress.RunProgress(Console(file=log, width=80), {"a": 60.0, "b": 60.0, "c": 60.0}) as runs:
        runs.advance("a", "done")
        time.sleep(0.2)
        runs.advance("b", "failed")
        limit = time.monotonic() + 30
        while "2/3, 1 failed runs ended, about" not in log.getvalue():
            assert time.monotonic() < limit, log.getvalue()
            time.sleep(0.05)
        runs.advance("c", "done")
        while "3/3, 1 failed runs ended\n" not in log.getvalue():
            assert time.monotonic() < limit, log.getvalue()
            time.sleep(0.05)
    assert "left" in log.getvalue() and max(map(len, log.getvalue().splitlines())) <= 80


def test_what_is_still_to_come_is_expected_to_take_what_its_like_took():
    with progress.RunProgress(Console(file=io.StringIO(), width=80), {"a": 10.0, "b": 10.0, "c": 10.0}) as runs:
        runs.expect({"a": 0.1, "b": 0.1})
        runs.advance("a", "done")
        (bar,) = runs.bar.tasks
        assert bar.completed == pytest.approx(0.1) and bar.remaining == pytest.approx(10.1)


def test_the_time_left_is_known_while_expectations_change():
    with progress.RunProgress(Console(file=io.StringIO(), width=80), {"a": 9.0, "b": 9.0, "c": 9.0}) as runs:
        for key, seconds in {"a": 8.0, "b": 7.0}.items():
            runs.expect({key: seconds, "c": seconds})
            runs.advance(key, "done")
            time.sleep(0.01)
        assert runs.bar.tasks[0].time_remaining is not None


def test_two_runs_that_end_together_do_not_promise_that_all_end_soon():
    keys = [str(number) for number in range(10)]
    with progress.RunProgress(Console(file=io.StringIO(), width=80), dict.fromkeys(keys, 5.0)) as runs:
        time.sleep(0.5)
        runs.advance("0", "done")
        runs.advance("1", "done")
        # A fifth is done in half a second or more: the rest takes four times as long.
        assert runs.bar.tasks[0].time_remaining >= 2


def test_long_work_that_had_nothing_to_do_prints_nothing():
    log = io.StringIO()
    with progress.StepProgress(Console(file=log, width=80)):
        pass
    assert log.getvalue() == ""


@pytest.mark.parametrize(
    "number",
    [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT, errno.ENOLCK, errno.ENOSYS, errno.EFBIG],
)
def test_a_disk_that_takes_nothing_is_one_line_with_the_folder(home: Path, number: int, capsys):
    errors._show(OSError(number, "whatever"))
    errors._show(OSError(number, "whatever", "/data/x"))
    first, hint, second, _ = capsys.readouterr().err.splitlines()
    assert first.startswith(f"Error: {home}: ") and second.startswith("Error: /data/x: ")
    assert "STROKEBENCH_HOME" in hint


def test_a_file_where_a_folder_is_wanted_is_named_and_the_other_way_round(tmp_path: Path, capsys):
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "x.csv"):
        with pytest.raises(OSError) as raised:
            write_text(path, "")
        errors._show(raised.value)
    first, _, second, _ = capsys.readouterr().err.splitlines()
    assert first == f"Error: {tmp_path}: a folder lies there, and a file is wanted."
    assert second == f"Error: {tmp_path / 'file'}: a file lies there, and a folder is wanted."


def test_no_memory_is_one_line(capsys):
    errors._show(MemoryError())
    line, hint = capsys.readouterr().err.splitlines()
    assert "not enough memory" in line and "--jobs" in hint


@pytest.mark.parametrize("kind", [torch.OutOfMemoryError, torch.AcceleratorError])
def test_no_memory_on_a_gpu_says_how_to_do_without(kind, capsys):
    errors._show(kind("CUDA out of memory. Tried to allocate 2.00 GiB."))
    line, hint = capsys.readouterr().err.splitlines()
    assert "not enough memory on the GPU" in line and "--device cpu" in hint


def test_other_errors_stay_what_they_are(capsys):
    errors._show(OSError(errno.EIO, "whatever"))
    errors._show(torch.AcceleratorError("CUDA error: an illegal memory access was encountered"))
    errors._show(StrokebenchError("a line.", "a hint."))
    said = capsys.readouterr().err
    assert "unexpected" in said and "a line." in said
