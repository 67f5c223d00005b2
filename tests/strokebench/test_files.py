import pickle

import pytest

from strokebench.errors import StrokebenchError
from strokebench.files import atomic_path, digest, home, read_json, write_json


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


def test_errors_survive_the_way_between_processes():
    error = pickle.loads(pickle.dumps(StrokebenchError("what", "do")))  # noqa: S301
    assert (error.message, error.hint) == ("what", "do")
