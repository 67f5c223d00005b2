"""The JSON schema of a cohort's file, by which editors complete and check it; made from its keys and their readers."""

from functools import cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from strokebench.datasets.cohort import Kind, Time
from strokebench.datasets.own import cohort_file as own
from strokebench.datasets.own import values
from strokebench.datasets.own.feature_keys import FittedOn, feature_files
from strokebench.datasets.own.file_pattern import checked_path
from strokebench.datasets.own.sequences import by_sequence, one_sequence
from strokebench.datasets.problems import CODES, EVERY


def _block(name: str, **keys: Any) -> Any:
    """The type of a block that has no other keys than these, each of which may be absent."""
    types: dict[str, Any] = {key: (kind, None) for key, kind in keys.items()}
    return create_model(name, __config__=ConfigDict(extra="forbid"), **types)


# The file's reader takes every scalar as text, so numbers may stand wherever text may.
Text = str | float | bool
Texts = Text | list[Text]
Named = dict[str, Text]
Pattern = Annotated[str, Field(pattern=r"\{id\}")]
Acceptable: Any = Literal[tuple(code for code in CODES if CODES[code].acceptable)]
ColumnBlock: Any = _block(
    "Column",
    **dict.fromkeys(("unit", "description"), Text),
    **dict.fromkeys(("low", "high"), float),
    **dict.fromkeys(("categories", "missing"), Texts),
    kind=Kind,
    time=Time,
    censored=Literal[own.CENSORED],
)
TextBlock: Any = _block("Text", columns=Texts | Named, files=Pattern, prompts=Texts, **{"from": Literal["masks"]})
TextKey: Any = Texts | TextBlock
FeatureBlock: Any = _block("Features", image=str, text=str, fitted_on=FittedOn, source=Text)
ColumnKey: Any = Kind | ColumnBlock
Accepted: Any = Literal[EVERY] | Texts
TYPES: dict[Any, Any] = {
    values.one_text: Text,
    checked_path: str,
    own._name: Annotated[str, Field(pattern=r"^[\w-][\w.-]{0,99}$")],
    values.text_list: Texts,
    by_sequence: Pattern | dict[str, Pattern],
    one_sequence: Pattern | Annotated[dict[str, Pattern], Field(max_length=1)],
    values.texts_by_key: Named,
    own._outcomes: Texts | Named,
    own._exclude: Named,
    own._true: Literal[True, "true"],
    own._window: Annotated[list[float], Field(min_length=2, max_length=2)],
    own._decimal: Literal[".", ","],
    own._thousands: Literal[".", ",", " ", "'"],
    own._separator: str,
    own._columns: dict[str, ColumnKey],
    own._text_source: TextKey,
    feature_files: dict[str, FeatureBlock],
    own._accept: dict[Acceptable, Accepted],
}
"""What a reader of `cohort_file` takes; one that takes a single word says it itself."""


@cache
def cohort_form() -> type[BaseModel]:
    """A cohort's file as a form that YAML, read plainly, can be held against."""
    keys: dict[str, Any] = {}
    for key, reader in own._READERS.items():
        kind = TYPES[reader] if reader in TYPES else Literal[reader.args]
        keys[key] = (kind, Field(... if key in own.REQUIRED else None, description=own.KEYS[key]))
    return create_model("Cohort", __config__=ConfigDict(extra="forbid"), **keys)


def cohort_schema() -> dict[str, Any]:
    """The JSON schema of a cohort's file."""
    return plain(cohort_form().model_json_schema())


def plain(schema: Any) -> Any:
    """A schema without what Pydantic adds for programs: titles, and defaults that mean `absent`."""
    if isinstance(schema, list):
        return [plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    noise: dict[str, type] = {"title": str, "default": type(None)}
    return {key: plain(part) for key, part in schema.items() if type(part) is not noise.get(key)}
