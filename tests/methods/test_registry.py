"""Which methods exist, ours and others'."""

import sys

import pytest

from strokebench.errors import StrokebenchError
from strokebench.methods import registry
from strokebench.methods.base import Family, Method
from strokebench.methods.concat import Concat

ROWS = [
    "xgboost", "random_forest", "svm", "mlp", "table_net", "image_net",
    "concat", "cross_attention", "earthmind", "fusion", "sparsemm", "vdafm",
]  # fmt: skip
LABELS = [
    "XGBoost", "Random Forest", "SVM", "MLP", "TableNet", "ImageNet",
    "Concat", "Cross-attention", "EarthMind", "FUSION", "SparseMM", "VDAFM",
]  # fmt: skip


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch):
    """Whatever a test registers is gone afterwards."""
    registry.all_methods()
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))


def ours() -> list[type[Method]]:
    return [method for method in registry.all_methods().values() if method.paper_row is not None]


def test_the_paper_s_twelve_rows_are_there_in_its_order():
    assert [method.name for method in ours()] == ROWS
    assert [method.label for method in ours()] == LABELS
    assert [method.paper_row for method in ours()] == list(range(1, 13))


def test_families_come_in_the_paper_s_order():
    families = [method.family for method in registry.all_methods().values()]
    assert families == sorted(families, key=list(Family).index)


@pytest.mark.parametrize("name", ["earthmind", "fusion", "sparsemm", "cross_attention"])
def test_adapted_methods_say_what_is_original_kept_ours_and_lost(name):
    notes = registry.find_method(name).notes()
    assert list(notes) == ["Source", "Original", "Kept", "Ours", "Lost"]
    assert all(len(note) > 20 and "\n" not in note for note in notes.values())


def test_unknown_method_is_answered_with_those_that_exist():
    with pytest.raises(StrokebenchError, match=r"transformer.*vdafm"):
        registry.find_method("transformer")


def test_two_methods_of_one_name_are_refused():
    class Other(Concat):
        name = "concat"

    with pytest.raises(StrokebenchError, match="concat"):
        registry.register(Other)


def test_registering_the_same_class_again_is_harmless():
    assert registry.register(Concat) is Concat


def add_package(folder, monkeypatch, module: str, value: str) -> None:
    """A package with an entry point, as an installer would leave it on the path."""
    (folder / "guest_method.py").write_text(module)
    info = folder / "guest-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: guest\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[strokebench.methods]\nguest = {value}\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "guest_method", raising=False)
    registry._discover.cache_clear()


GUEST = """
from strokebench.methods.concat import Concat
class Guest(Concat):
    name, label = {name!r}, "Guest"
"""


def test_another_package_s_method_joins_by_entry_point(tmp_path, monkeypatch):
    add_package(tmp_path, monkeypatch, GUEST.format(name="guest"), "guest_method:Guest")
    assert registry.find_method("guest").label == "Guest"
    assert "concat" in registry.all_methods()


def test_another_package_may_not_take_a_name_of_ours(tmp_path, monkeypatch):
    add_package(tmp_path, monkeypatch, GUEST.format(name="vdafm"), "guest_method:Guest")
    with pytest.raises(StrokebenchError, match="Two methods are called 'vdafm'"):
        registry.all_methods()


@pytest.mark.parametrize(
    ("module", "value"),
    [("import no_such_module", "guest_method:Guest"), ("", "guest_method:Guest"), ("1 / 0", "guest_method:Guest")],
)
def test_another_package_that_cannot_be_loaded_is_named(tmp_path, monkeypatch, module, value):
    add_package(tmp_path, monkeypatch, module, value)
    with pytest.raises(StrokebenchError, match=r"'guest'.*cannot be loaded"):
        registry.all_methods()
