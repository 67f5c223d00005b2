"""A YAML file of plain text values, read within bounds: whatever it nests or repeats, it stays small."""

import unicodedata
from pathlib import Path
from typing import Any

import yaml

from strokebench.errors import StrokebenchError
from strokebench.files import CONTROLS

LARGEST = 1_000_000
"""Bytes of a file: some twenty thousand excluded patients."""
DEEPEST = 20
MOST_VALUES = 100_000
"""Values of a file, each alias counted as all that it stands for."""


class _Loader(yaml.BaseLoader):
    """Every scalar stays text (`007` is not 7, `no` is not False); a doubled key is an error, no silent loss."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = self.values = 0
        self.sizes: dict[int, int] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        """See PyYAML; counts what is composed."""
        is_alias, before = self.check_event(yaml.AliasEvent), self.values
        self.depth += 1
        if self.depth > DEEPEST:
            raise yaml.YAMLError(f"it nests deeper than {DEEPEST} levels")
        node: Any = super().compose_node(parent, index)
        if is_alias and id(node) not in self.sizes:
            raise yaml.YAMLError("an alias stands within what it stands for")
        self.values += self.sizes[id(node)] if is_alias else 1
        if self.values > MOST_VALUES:
            raise yaml.YAMLError(f"it holds more than {MOST_VALUES:,} values, each alias counted in full")
        if isinstance(node, yaml.ScalarNode) and (found := CONTROLS.search(node.value)):
            raise yaml.YAMLError(f"line {node.start_mark.line + 1} holds the control character {found[0]!r}")
        self.sizes.setdefault(id(node), self.values - before)
        self.depth -= 1
        return node


def _mapping(loader: Any, node: Any) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        line = key_node.start_mark.line + 1
        if not isinstance(key, str):
            raise yaml.YAMLError(f"the key in line {line} is a list or block")
        if key in values:
            raise yaml.YAMLError(f"key {key!r} stands twice in one block, again in line {line}")
        values[key] = loader.construct_object(value_node, deep=True)
    return values


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_yaml(path: Path) -> Any:
    """Read a YAML file: dictionaries, lists and texts.

    Raises:
        StrokebenchError: no such file; not UTF-8; not YAML; a key that stands twice; a control character; larger than
            `LARGEST`, deeper than `DEEPEST`, or of more than `MOST_VALUES`.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise StrokebenchError(f"{path}: larger than {LARGEST / 1e6:g} MB, so no file that describes a cohort.")
        return yaml.load(unicodedata.normalize("NFC", content.decode("utf-8-sig")), _Loader)
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise StrokebenchError(f"{path}: {reason}.") from None
    except UnicodeDecodeError as error:
        raise StrokebenchError(f"{path}: not UTF-8 text (byte {error.start}).") from None
    except (yaml.YAMLError, ValueError) as error:
        said = " ".join(str(error).split())[:300]
        hint = "Write `/` between folders, not a backslash." if "escape character" in said else ""
        raise StrokebenchError(
            f"{path}: not valid YAML: {said}.", hint or ("\\t" in said) * "Indent by spaces."
        ) from None
