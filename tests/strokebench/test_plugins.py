"""Things join by entry point; what is broken is one line of warning and stops only who asks for it."""

import logging
from pathlib import Path

import pytest
from guest_package import install

from strokebench import plugins
from strokebench.errors import StrokebenchError, unknown_name
from strokebench.plugins import Registry

GUEST = "class Green: pass\nclass Colourless: pass\n"


@pytest.fixture
def colours(monkeypatch: pytest.MonkeyPatch) -> Registry[type]:
    """A registry of two, which takes classes whose name is their own."""
    plugins.warn_once.cache_clear()
    registry = Registry("colour", lambda name, thing: isinstance(thing, type) and thing.__name__.lower() == name)
    registry.add("red", type("Red", (), {}))
    registry.own["path"] = "pathlib:Path"
    return registry


def test_the_house_s_own_and_a_guest_are_found(colours, tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, "palette", GUEST, {"colours": {"green": "Green"}})
    assert colours.names() == ["red", "path", "green"]
    assert colours.find("green").__name__ == "Green" and colours.find("path") is Path
    assert list(colours.all()) == ["red", "path", "green"]
    [plugin] = colours.plugins()
    assert (plugin.package, plugin.problem) == ("palette 1.0", "")


@pytest.mark.parametrize(
    ("source", "point", "why"),
    [
        ("import no_such_module", {"green": "Green"}, "no_such_module"),
        ("1 / 0", {"green": "Green"}, "ZeroDivisionError"),
        ("raise SystemExit(3)", {"green": "Green"}, "SystemExit"),
        ("", {"green": "Green"}, "AttributeError"),
        (GUEST, {"green": "Colourless"}, "is no colour of that name"),
        ("class Red: pass", {"red": "Red"}, "strokebench has a colour of that name"),
    ],
)
def test_a_broken_guest_is_one_line_and_stops_no_other(colours, tmp_path, monkeypatch, caplog, source, point, why):
    install(tmp_path, monkeypatch, "palette", source, {"colours": point})
    with caplog.at_level(logging.WARNING):
        assert list(colours.all()) == list(colours.all()) == ["red", "path"]
    [record] = caplog.records
    assert "palette 1.0" in record.getMessage() and why in record.getMessage() and "\n" not in record.getMessage()
    assert colours.find("red").__name__ == "Red"
    if "green" in point:
        with pytest.raises(StrokebenchError, match=why):
            colours.find("green")


def test_what_needs_a_library_that_is_not_installed_is_left_out_by_name(tmp_path, monkeypatch, caplog):
    (tmp_path / "hues").mkdir()
    (tmp_path / "hues" / "blue.py").write_text("import no_such_library.part")
    (tmp_path / "hues" / "black.py").write_text("")
    (tmp_path / "hues" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry("hue", lambda name, thing: True, {"path": "pathlib:Path"}, ("hues",))
    assert list(registry.all()) == ["path"] and registry.find("path") is Path
    assert "Hues are left out: no_such_library is not installed." in caplog.text
    with pytest.raises(StrokebenchError, match="no hue 'blue' here: no_such_library is not installed"):
        registry.find("blue")


def test_a_module_of_our_own_that_is_missing_is_a_fault(tmp_path, monkeypatch):
    (tmp_path / "tints").mkdir()
    (tmp_path / "tints" / "__init__.py").touch()
    (tmp_path / "tints" / "pale.py").write_text("import strokebench.no_such_module")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        Registry("tint", lambda name, thing: True, folders=("tints",)).all()


def test_two_guests_of_one_name_are_both_refused(colours, tmp_path, monkeypatch):
    for name in ("palette", "easel"):
        install(tmp_path / name, monkeypatch, name, GUEST, {"colours": {"green": "Green"}})
    assert "green" not in colours.all()
    with pytest.raises(StrokebenchError, match="brings one of that name too"):
        colours.find("green")


def test_a_guest_is_not_loaded_for_what_is_the_house_s_own(colours, tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, "palette", "raise AssertionError", {"colours": {"green": "Green"}})
    assert colours.find("red") and "green" in colours.names()


def test_two_of_our_own_may_not_share_a_name(colours):
    with pytest.raises(StrokebenchError, match="Two colours are called 'red'"):
        colours.add("red", type("Ruby", (), {}))


@pytest.mark.parametrize(("name", "guess"), [("vdafn", "vdafm"), ("XGBOST", "xgboost"), ("zzz", None)])
def test_an_unknown_name_brings_the_nearest_known_one(name, guess):
    error = unknown_name("method", name, ["vdafm", "xgboost", "svm"])
    assert (f"Did you mean {guess}?" in error.message) == (guess is not None)
    assert error.message.startswith(f"No method is called {name!r}.") and "svm" in error.hint
