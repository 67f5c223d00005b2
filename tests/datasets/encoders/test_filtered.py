"""A filter works once on each answer, and no answer is written down."""

from pathlib import Path

import pytest

from strokebench.datasets.encoders.filtered import FilteredTexts


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path))
    return tmp_path


class Filter:
    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, text: str) -> str:
        self.asked.append(text)
        return "" if text == "nothing" else f" {text.split(',')[0]} "


def test_keys_are_those_of_the_filtered_text(home: Path):
    filtered = FilteredTexts(Filter())
    whole = FilteredTexts(None)
    assert filtered.key("an infarct, severe") == filtered.key("an infarct, mild") == whole.key("an infarct")
    assert filtered.key("nothing") is None and whole.key("  ") is None
    key = filtered.key("an infarct, mild")
    assert filtered.texts([key]) == {key: "an infarct"}


def test_a_second_call_filters_only_what_is_new_or_to_be_encoded(home: Path):
    first, second = Filter(), Filter()
    filtered = FilteredTexts(first, "name")
    keys = [filtered.key(text) for text in ("a, b", "nothing", "a, b")]
    filtered.remember()
    assert first.asked == ["a, b", "nothing"]
    filtered = FilteredTexts(second, "name")
    assert [filtered.key(text) for text in ("a, b", "nothing", "a, b")] == keys and second.asked == []
    assert filtered.texts([keys[0]]) == {keys[0]: "a"} and second.asked == ["a, b"]
    filtered.key("new")
    assert second.asked == ["a, b", "new"]


def test_another_filter_begins_anew_and_no_text_is_kept(home: Path):
    filtered = FilteredTexts(Filter(), "name")
    filtered.key("the patient of bed nine")
    filtered.remember()
    [path] = (home / "embeddings").iterdir()
    assert "bed" not in path.read_text()
    other = Filter()
    FilteredTexts(other, "other name").key("the patient of bed nine")
    assert other.asked


def test_without_a_name_nothing_is_written(home: Path):
    filtered = FilteredTexts(Filter())
    filtered.key("a")
    filtered.remember()
    assert not list(home.iterdir())
