"""What a piece of work reaches, on a small package of others."""

import ast
import importlib
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from house_copy import forget

from strokebench.benchmarks.keys import reach, sources
from strokebench.benchmarks.keys.reach import Reached
from strokebench.errors import StrokebenchError

FILES = {
    "__init__.py": "",
    "net.py": '''"""A method."""
from __future__ import annotations
import json
from typing import TYPE_CHECKING
import other_party.layers as parts
from other_party import sizes
from other_party.face import depth
from other_party.lazy_face import height
from other_party.patients import Patients
from strokebench.methods.registry import register
from numpy import mean
import other_party.patch
try:
    from other_party.fast import chosen
except ImportError:
    pass
if TYPE_CHECKING:
    from other_party.unused import x

WAYS = {"one": parts.one, "two": parts.two}
WAYS.update(three=sizes.small)


@register
class Net(parts.Base):
    """What it is."""

    hidden: int = 3  # a comment

    def fit(self, patients: Patients, how: x = None):
        """Fit."""
        from other_party.late import rate
        if len(patients.table) < depth:
            raise ValueError(f"too few: {len(patients.table)}")
        said = f"{self.width} wide"
        return self.width * rate * WAYS[how](height) * getattr(patients, "age") * mean([1]) * chosen * len(said)

    def save(self):
        return json.dumps(self.hidden)
''',
    "layers.py": """
import functools
def one(x): return x
def two(x): return 2 * x
@functools.cache
def unused(x): return 3 * x
class Base:
    width = 4
    @staticmethod
    def helper(x=sizes.small): return x
from other_party import sizes
""",
    "face.py": "from other_party.deep import depth\n",
    "lazy_face.py": "def __getattr__(name):\n    import other_party.deep\n    return getattr(other_party.deep, name)\n",
    "deep.py": "depth = 1\nunread = 2\ndef height(): return 1\n",
    "late.py": "rate = 0.1\n",
    "patients.py": """
class Patients:
    table: list = []
    age = 1
    weight = 1
    def __init__(self): self.made = 1
    def __len__(self): return 1
    def heavy(self): return 1
""",
    "patch.py": "import math\nmath.tau2 = 2 * math.tau\n",
    "fast.py": "chosen = 1\nother = 2\n",
    "sizes.py": "small = 1\nlarge = 2\n",
    "unused.py": "x = 1\n",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "other_party"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "other_party"]:
        del sys.modules[name]
    forget()


def reached(*more: str) -> Reached:
    forget()
    return Reached(["other_party.net.Net", *more])


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("net.py", "# a comment", "# another comment"),
        ("net.py", "What it is.", "What it really is."),
        ("net.py", '        """Fit."""\n', ""),
        ("net.py", "    hidden: int = 3", "\n\n    hidden: float = (3)"),
        ("net.py", "too few", "not enough"),
        ("net.py", "json.dumps(self.hidden)", "json.dumps([self.hidden])"),
        ("net.py", "@register\n", ""),
        ("net.py", "how: x = None", "how = None"),
        ("layers.py", "3 * x", "4 * x"),
        ("deep.py", "unread = 2", "unread = 3"),
        ("sizes.py", "large = 2", "large = 3\nhuge = 4"),
        ("unused.py", "1", "2"),
        ("fast.py", "other = 2", "other = 3"),
        ("net.py", "too few: {len(patients.table)}", "{len(patients.table)} is too few"),
        ("patients.py", "weight = 1", "weight = 2\n    height = 3"),
        ("patients.py", "def heavy(self): return 1", "def heavy(self): return 2"),
        ("patients.py", "self.made = 1", "self.made = 2"),
    ],
)
def test_what_is_not_reached_or_does_nothing_costs_nothing(package: Path, file: str, old: str, new: str):
    before = reached().sha256
    edit(package / file, old, new)
    assert reached().sha256 == before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("net.py", "hidden: int = 3", "hidden: int = 4"),
        ("net.py", "raise ValueError", "raise KeyError"),
        ("net.py", "hidden: int = 3", "hidden: ClassVar[int] = 3"),
        ("net.py", "from numpy import mean", "from numpy import median as mean"),
        ("net.py", "import depth", "import unread as depth"),
        ("layers.py", "def one(x): return x", "def one(x): return -x"),
        ("net.py", 'f"{self.width} wide"', 'f"{self.width} thin"'),
        ("net.py", 'f"{self.width} wide"', 'f"{self.hidden} wide"'),
        ("fast.py", "chosen = 1", "chosen = 2"),
        ("layers.py", "width = 4", "width = 5"),
        ("deep.py", "depth = 1", "depth = 2"),
        ("deep.py", "def height(): return 1", "def height(): return 2"),
        ("late.py", "rate = 0.1", "rate = 0.2"),
        ("sizes.py", "small = 1", "small = 2"),
        ("patch.py", "2 * math", "3 * math"),
        ("patients.py", "table: list = []", "table: list = [1]"),
        ("patients.py", "age = 1", "age = 2"),
        ("patients.py", "def __len__(self): return 1", "def __len__(self): return 2"),
    ],
)
def test_what_is_reached_decides_wherever_it_stands(package: Path, file: str, old: str, new: str):
    if file == "net.py" and old == "import depth":
        edit(package / "face.py", "import depth", "import depth, unread")
    before = reached().sha256
    edit(package / file, old, new)
    assert reached().sha256 != before


def test_of_a_neutral_table_the_entry_in_use_decides(package: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(reach.NEUTRAL, "other_party.net.WAYS", "finds by name")
    ways = ("other_party.layers.one", "other_party.layers.two")
    one, two = (reached(way).sha256 for way in ways)
    assert one != two
    edit(package / "layers.py", "2 * x", "3 * x")
    assert reached(ways[0]).sha256 == one and reached(ways[1]).sha256 != two
    edit(package / "net.py", '"two": parts.two', '"two": parts.two, "three": parts.unused')
    assert reached(ways[0]).sha256 == one


def test_a_member_that_is_left_out_counts_where_it_is_named(package: Path):
    edit(package / "net.py", "return self.width", "self.save()\n        return self.width")
    before = reached().sha256
    edit(package / "net.py", "json.dumps(self.hidden)", "json.dumps([self.hidden])")
    assert reached().sha256 != before


def test_a_module_that_is_handed_on_counts_as_a_whole(package: Path):
    edit(package / "net.py", "from other_party.late import rate", "rate = vars(sizes)")
    before = reached().sha256
    edit(package / "sizes.py", "large = 2", "large = 3")
    assert reached().sha256 != before


def test_what_an_error_carries_counts_and_what_it_says_does_not(package: Path):
    edit(package / "net.py", "raise ValueError(f", "raise StopIteration(self.width, f")
    before = reached().sha256
    edit(package / "net.py", "self.width, f", "self.width + 1, f")
    changed = reached().sha256
    assert changed != before
    edit(package / "net.py", "too few", "not enough")
    assert reached().sha256 == changed


def test_names_of_a_star_are_found(package: Path):
    edit(package / "net.py", "from other_party.face import depth", "from other_party.deep import *")
    before = reached().sha256
    edit(package / "deep.py", "depth = 1", "depth = 2")
    assert reached().sha256 != before


def test_a_class_that_a_function_makes_counts_with_its_module(package: Path):
    forget()
    before = Reached(["other_party.layers"]).sha256
    edit(package / "layers.py", "3 * x", "4 * x")
    forget()
    assert Reached(["other_party.layers"]).sha256 != before


def test_libraries_are_those_that_are_named(package: Path):
    assert reached().packages == {"numpy", "other_party"}
    edit(package / "layers.py", "def one(x): return x", "def one(x):\n    import yaml\n    return yaml.dump(x)")
    assert reached().packages == {"numpy", "other_party", "yaml"}


def test_what_has_a_version_counts_by_its_source_unless_it_is_installed(package: Path, tmp_path: Path, monkeypatch):
    """An editable install has a version that stays while its files change."""
    monkeypatch.setattr(sources, "distribution", lambda name: "other-party")
    installed = tmp_path / "site-packages" / "third_party_of_all"
    installed.mkdir(parents=True)
    (installed / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(installed.parent))
    forget()
    assert not sources.is_library("other_party") and sources.is_library("third_party_of_all")
    monkeypatch.setattr(sources, "plugins", lambda: {"third_party_of_all"})
    forget()
    assert not sources.is_library("third_party_of_all"), "a plugin counts by its source too"
    monkeypatch.setattr(sources, "distribution", lambda name: None)
    monkeypatch.setattr(sources, "plugins", dict)
    forget()
    assert not sources.is_library("third_party_of_all"), "copied there, without a version"


def test_a_folder_without_an_init_file_counts_by_its_source_unless_it_is_installed(
    package: Path, tmp_path: Path, monkeypatch
):
    (package / "__init__.py").unlink()
    before = reached().sha256
    edit(package / "layers.py", "def one(x): return x", "def one(x): return -x")
    assert reached().sha256 != before
    monkeypatch.setattr(sources, "distribution", lambda name: "other-party")
    (tmp_path / "site-packages" / "party_of_many" / "one").mkdir(parents=True)
    monkeypatch.syspath_prepend(str(tmp_path / "site-packages"))
    forget()
    assert not sources.is_library("other_party") and sources.is_library("party_of_many")


def test_an_import_that_nothing_names_may_be_meant_for_its_effects(package: Path):
    forget()
    assert set(sources.find_module("other_party.net").silent) == {"other_party", "other_party.patch"}


def test_code_without_source_is_refused():
    with pytest.raises(StrokebenchError, match="nowhere_to_be_found"):
        Reached(["nowhere_to_be_found.Method"])


def test_a_base_of_python_s_own_has_no_source(package: Path):
    before = reached()
    edit(package / "layers.py", "class Base:", "class Base(dict):")
    after = reached()
    assert after.sha256 != before.sha256
    assert after.packages == before.packages


class TakesTurns:
    """A ring of references, which only the collection of garbage ends; then another thread may have its turn."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        time.sleep(0)


def test_sources_are_read_while_another_thread_writes_a_traceback():
    stop = threading.Event()

    def deeper(levels: int) -> None:
        while levels == 0 and not stop.is_set():
            # By this Python finds the part of the line that it underlines.
            with suppress(SystemError):
                ast.parse("a + b * (c + d)")
        if levels:
            deeper(levels - 1)

    thread = threading.Thread(target=deeper, args=(40,), daemon=True)
    thread.start()
    source = Path(reach.__file__).read_text()
    for _ in range(5):
        rings = [TakesTurns() for _ in range(50)]
        del rings
        assert ast.dump(sources.parsed(source)) == ast.dump(sources.parsed(source))
    stop.set()
    thread.join(10)
