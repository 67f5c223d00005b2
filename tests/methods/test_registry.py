"""Which methods exist, ours and others'."""

import subprocess
import sys

import pytest
from guest_package import install

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
    monkeypatch.setattr(registry.METHODS, "own", dict(registry.METHODS.own))


def ours() -> list[type[Method]]:
    return [method for method in registry.all_methods().values() if method.paper_row is not None]


def test_the_paper_s_twelve_rows_are_there_in_its_order():
    assert [method.name for method in ours()] == ROWS
    assert [method.label for method in ours()] == LABELS
    assert [method.paper_row for method in ours()] == list(range(1, 13))


def test_families_come_in_the_paper_s_order():
    families = [method.family for method in registry.all_methods().values()]
    assert families == sorted(families, key=list(Family).index)


@pytest.mark.parametrize("name", ["earthmind", "fusion", "sparsemm", "modality_dropout"])
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


def test_a_class_that_no_table_could_name_is_refused_by_its_place():
    class Nameless(Method): ...

    with pytest.raises(StrokebenchError, match=r"test_registry.*Nameless.*no 'name'"):
        registry.register(Nameless)


def test_registering_the_same_class_again_is_harmless():
    assert registry.register(Concat) is Concat


GUEST = """
from strokebench.methods.concat import Concat
class Guest(Concat):
    name, label = {name!r}, "Guest"
"""


def test_another_package_s_method_joins_by_entry_point(tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, "guest", GUEST.format(name="guest"), {"methods": {"guest": "Guest"}})
    assert registry.find_method("guest").label == "Guest"
    assert "concat" in registry.all_methods()


def test_another_package_may_not_take_a_name_of_ours(tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, "guest", GUEST.format(name="vdafm"), {"methods": {"vdafm": "Guest"}})
    assert registry.all_methods()["vdafm"].label == registry.find_method("vdafm").label == "VDAFM"


WHOLE = GUEST.format(name="guest")


@pytest.mark.parametrize(
    "source",
    [
        *("import no_such_module", GUEST.format(name="another"), "class Guest: ..."),
        *(f"{WHOLE}    {more}" for more in ("label = ' '", "family = 'Mine'", "reads = 'table'")),
        f"import dataclasses{WHOLE}    hidden: tuple = (64, 32)\nGuest = dataclasses.dataclass(kw_only=True)(Guest)",
    ],
)
def test_another_package_that_is_broken_stops_only_who_asks_for_its_method(tmp_path, monkeypatch, source):
    install(tmp_path, monkeypatch, "guest", source, {"methods": {"guest": "Guest"}})
    assert "vdafm" in registry.all_methods() and "guest" not in registry.all_methods()
    with pytest.raises(StrokebenchError, match=r"'guest' of the package guest 1.0 cannot be used"):
        registry.find_method("guest")


def test_a_method_of_its_own_file_is_found_without_the_libraries_of_the_others():
    script = "import sys; from strokebench.methods.registry import find_method; find_method('svm'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "strokebench.methods.svm" in done.stdout.split()
    assert not {"torch", "xgboost"} & set(done.stdout.split())
