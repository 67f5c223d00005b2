import csv
import errno
import hashlib
import io
import os
import pickle
from pathlib import Path
from typing import NoReturn

import pandas as pd
import pytest

from strokebench.errors import StrokebenchError
from strokebench.files import (
    CONTROLS,
    MANIFEST_FILE,
    atomic_folder,
    atomic_path,
    csv_text,
    damaged_file,
    digest,
    file_lock,
    home,
    is_plain_json,
    read_json,
    refuse_taken,
    write_json,
    write_manifest,
    write_text,
)


def test_home_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path))
    assert home("runs", "a") == tmp_path / "runs" / "a"
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STROKEBENCH_HOME")
    assert home() == tmp_path / "work"
    monkeypatch.setenv("STROKEBENCH_HOME", "")
    assert home() == tmp_path / "work", "an empty variable counts as none"


def test_a_disk_without_locks_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> NoReturn:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(OSError, match="not implemented"), file_lock(tmp_path / "lock"):
        pass


def test_a_name_that_no_disk_takes_is_cut_and_still_tells_two_apart():
    one, other = (home("splits", f"{'退院先' * 60}{n}{'在宅' * 60}-cv5.json") for n in (1, 2))
    assert one != other and one.name.startswith("退院先") and one.suffix == ".json"
    write_text(one, "written")
    assert one.read_text() == "written" and home("a" * 200, "b").parent.name == "a" * 200


def test_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "sub" / "a.json"
    write_json(path, {"b": 1})
    with pytest.raises(KeyboardInterrupt), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert read_json(path) == {"b": 1}
    assert list(path.parent.iterdir()) == [path]


def test_a_drive_without_permissions_is_written_to_all_the_same(tmp_path, monkeypatch):
    """As WSL gives those of Windows."""

    def refuse(*_):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    write_text(tmp_path / "a.txt", "a")
    with atomic_folder(tmp_path / "b") as temporary:
        (temporary / "c").touch()
    assert (tmp_path / "a.txt").read_text() == "a" and (tmp_path / "b" / "c").is_file()


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_only_what_lies_in_the_house_s_own_folder_is_the_user_s_alone(tmp_path, monkeypatch, umask):
    """Elsewhere a file is shared as any other of the user's."""
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path / "home"))
    before = os.umask(umask)
    try:
        for folder in ("home", "elsewhere"):
            write_text(tmp_path / folder / "a.txt", "a")
            with atomic_folder(tmp_path / folder / "b") as temporary:
                (temporary / "c").touch()
    finally:
        assert os.umask(before) == umask
    modes = {path: (tmp_path / path).stat().st_mode & 0o777 for path in ("home/a.txt", "home/b", "elsewhere/a.txt")}
    assert modes == {"home/a.txt": 0o600, "home/b": 0o700, "elsewhere/a.txt": 0o666 & ~umask}
    assert (tmp_path / "elsewhere" / "b").stat().st_mode & 0o777 == 0o777 & ~umask
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_is_taken_is_left_as_it_is(tmp_path):
    refuse_taken(tmp_path / "new")
    (tmp_path / "empty").mkdir()
    refuse_taken(tmp_path / "empty")
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").touch()
    for name in ("file", "full"):
        with pytest.raises(StrokebenchError, match=f"{name} is there already"), atomic_folder(tmp_path / name):
            pass
    with pytest.raises(StrokebenchError, match="file is there already"):
        refuse_taken(tmp_path / "file" / "new")


def test_any_flipped_bit_of_sealed_json_is_found_or_changes_nothing(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"auc": 0.8338})
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        try:
            assert read_json(path)["auc"] == 0.8338
        except StrokebenchError:
            continue


def test_a_folder_s_manifest_names_the_file_that_changed_or_went(tmp_path, monkeypatch):
    def unreadable(path: Path) -> str:
        raise OSError(errno.EIO, "Input/output error", str(path))

    for name in ("a/one.txt", "two.txt"):
        write_text(tmp_path / name, name)
    assert damaged_file(tmp_path) is None, "no manifest promises nothing"
    write_manifest(tmp_path)
    assert damaged_file(tmp_path) is None
    with monkeypatch.context() as patch:
        # Nobody is to make a cohort anew because a disk was away.
        patch.setattr("strokebench.files.file_digest", unreadable)
        with pytest.raises(OSError, match="Input/output"):
            damaged_file(tmp_path)
    assert set(read_json(tmp_path / MANIFEST_FILE)) == {"a/one.txt", "two.txt"}
    write_text(tmp_path / "two.txt", "2")
    assert damaged_file(tmp_path) == tmp_path / "two.txt"
    (tmp_path / "a" / "one.txt").unlink()
    assert damaged_file(tmp_path) == tmp_path / "a" / "one.txt"
    (tmp_path / MANIFEST_FILE).write_text('{"two.txt": "x"}')
    assert damaged_file(tmp_path) == tmp_path / MANIFEST_FILE
    for outside in ("/dev/null", f"{'../' * 40}dev/null"):
        write_json(tmp_path / MANIFEST_FILE, {outside: hashlib.sha256().hexdigest()})
        assert damaged_file(tmp_path) == tmp_path / MANIFEST_FILE


@pytest.mark.parametrize(
    ("value", "plain"),
    [({"a": [1, None, "x", True]}, True), ((1, 2), False), ({1: 2}, False), ({1, 2}, False), (float("nan"), False)],
)
def test_only_what_comes_back_from_json_as_it_was_is_plain(value, plain):
    assert is_plain_json(value) is plain


def test_damaged_or_absent_json_is_named(tmp_path):
    with pytest.raises(StrokebenchError, match="no such file"):
        read_json(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(StrokebenchError, match=r"bad\.json"):
        read_json(tmp_path / "bad.json")


def test_digest_ignores_key_order():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})


def test_a_digest_is_the_same_in_every_version():
    """Finished runs, caches and splits lie under it: of `{"größe":[1,"x"]}` as UTF-8, without spaces."""
    expected = hashlib.sha256('{"gr\u00f6\u00dfe":[1,"x"]}'.encode()).hexdigest()
    assert digest({"gr\u00f6\u00dfe": [1, Path("x")]}) == expected


def test_an_error_is_one_line_also_where_it_quotes_several():
    error = StrokebenchError("t.xlsx: cannot be read (no style.\r\n  See above.)", "Save it\nagain.")
    assert str(error) == "t.xlsx: cannot be read (no style. See above.) Save it again."


def test_an_error_tells_no_password_of_an_address():
    assert "secret" not in str(StrokebenchError("no weights from https://me:secret@mirror/a: [Errno 111]"))


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
        ("\x07=1+1", "'=1+1"),
        ("\n=1+1", "'\n=1+1"),
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
