import csv
import io
import pickle

import pandas as pd
import pytest

from strokebench.errors import StrokebenchError
from strokebench.files import CONTROLS, atomic_path, csv_text, digest, home, read_json, write_json, write_text


def test_home_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path))
    assert home("runs", "a") == tmp_path / "runs" / "a"
    monkeypatch.delenv("STROKEBENCH_HOME")
    monkeypatch.chdir(tmp_path)
    assert home() == tmp_path / "work"


def test_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "sub" / "a.json"
    write_json(path, {"b": 1})
    with pytest.raises(KeyboardInterrupt), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert read_json(path) == {"b": 1}
    assert list(path.parent.iterdir()) == [path]


def test_damaged_or_absent_json_is_named(tmp_path):
    with pytest.raises(StrokebenchError, match="no such file"):
        read_json(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(StrokebenchError, match=r"bad\.json"):
        read_json(tmp_path / "bad.json")


def test_digest_ignores_key_order():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})


def test_an_error_is_one_line_also_where_it_quotes_several():
    error = StrokebenchError("t.xlsx: cannot be read (no style.\r\n  See above.)", "Save it\nagain.")
    assert str(error) == "t.xlsx: cannot be read (no style. See above.) Save it again."


def test_errors_survive_the_way_between_processes():
    error = pickle.loads(pickle.dumps(StrokebenchError("what", "do")))  # noqa: S301
    assert (error.message, error.hint) == ("what", "do")


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(1)", "'@SUM(1)"),
        ("-1+cmd|' /C calc'!A0", "'-1+cmd|' /C calc'!A0"),
        ("+49 30 1234 ext", "'+49 30 1234 ext"),
        ("\t=1", "'\t=1"),
        ("＝1+1", "'＝1+1"),
        ("- left insula", "'- left insula"),
        ("-0.52", "-0.52"),
        ("-1.8 (-3.2 to -0.4)", "-1.8 (-3.2 to -0.4)"),
        ("-1+SUM(A1)", "'-1+SUM(A1)"),
        ("+3 (1–5) %", "+3 (1–5) %"),
        ("a=b", "a=b"),
        (-1.5, "-1.5"),
        ("\x1b[31mred\x9b", "[31mred"),
    ],
)
def test_no_spreadsheet_takes_a_cell_for_a_formula(cell, written):
    frame = pd.DataFrame({"x": [cell], cell: [1]}, index=[cell])
    header, row = csv.reader(io.StringIO(csv_text(frame)))
    assert header == ["", "x", written] and row == [written, written, "1"]


def test_control_characters_come_back_from_json_and_stand_in_no_file(tmp_path):
    value = {"title\x9b": "\x1b]0;x\x07 \x85\x7f\ud800"}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value
    assert not CONTROLS.search((tmp_path / "a.json").read_text())
    write_text(tmp_path / "a.tex", "a\x1b[31m\tb\r\n\ud800")
    assert (tmp_path / "a.tex").read_bytes() == b"a[31m\tb\r\n"
