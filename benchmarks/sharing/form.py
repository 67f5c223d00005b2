"""What a package's JSON and tables must look like; whatever else is there is refused in one line."""

import io
import math
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from typing import Any, Literal, get_type_hints

import pandas as pd

from strokebench.benchmarks.sharing.export import PROVENANCE
from strokebench.errors import first_fault
from strokebench.reports.results import MethodInfo, Provenance
from strokebench.tasks.fold import Split

TEXT = (
    *("method", "variant", "condition", "patient_id", "site", "key", "status", "error", "code"),
    *("variant_label", "condition_label", "keep", "when", "fill", "balance", "params"),
)
"""Columns that hold no numbers."""
MOST = 2**53
"""No seed, fold or count is larger: beyond it a number loses digits on its way through other programs."""


@cache
def _forms() -> dict[str, Any]:
    """The form of each JSON file; made when it is asked for, since pydantic takes a tenth of a second to load."""
    from pydantic import ConfigDict, Field, create_model

    strict = ConfigDict(strict=True, extra="forbid")
    types = get_type_hints(Provenance)
    optional: dict[str, Any] = {name: (types[name], None) for name in PROVENANCE if name in types}
    needed: dict[str, Any] = {name: (types[name], ...) for name in ("dataset", "outcome", "protocol", "split_sha256")}
    method: dict[str, Any] = {name: (kind, ...) for name, kind in get_type_hints(MethodInfo).items()}
    method |= {"notes": (list[tuple[str, str]], ...)}
    about: dict[str, Any] = {
        "experiment": (str, ...),
        "provenance": (create_model("Provenance", __config__=strict, **(optional | needed)), ...),
        "methods": (list[create_model("Method", __config__=strict, **method)], Field(min_length=1)),  # type: ignore[misc]
        "pseudonyms": (str, ...),
        "sites": (Literal["names", "pseudonyms"], ...),
    }
    manifest: dict[str, Any] = {
        "version": (int, Field(alias="schema")),
        "strokebench": (str, ...),
        "experiments": (list[str], Field(min_length=1)),
    }
    return {
        "about": create_model("About", __config__=strict, **about),
        # Of another schema it may hold anything more.
        "manifest": create_model("Manifest", __config__=ConfigDict(strict=True), **manifest),
    }


def read_form(content: bytes, form: Literal["about", "manifest"]) -> dict[str, Any]:
    """A JSON file of this form.

    Raises:
        ValueError: it is not JSON, or of another form; one line that names the place.
    """
    return _checked(_forms()[form].model_validate_json, content).model_dump(exclude_unset=True, by_alias=True)


def read_split(content: bytes) -> dict[str, Any]:
    """A split, as `dataclasses.asdict` gives it.

    Raises:
        ValueError: see `read_form`.
    """
    from pydantic import TypeAdapter

    return asdict(_checked(TypeAdapter(Split).validate_json, content, strict=True))


def _checked(validate: Any, content: bytes, **how: Any) -> Any:
    from pydantic import ValidationError

    try:
        return validate(content, **how)
    except ValidationError as error:
        raise ValueError(first_fault(error)) from None


def read_table(content: bytes, columns: Sequence[str], more: bool = False) -> pd.DataFrame:
    """A CSV file with just these columns, in any order; `seed` and `fold` are integers, others numbers or text.

    Args:
        more: whether there may be other columns, of numbers.

    Raises:
        ValueError: another column, one twice or one too few, or a cell that is no such number.
    """
    frame = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False, na_filter=False)
    if wrong := sorted(set(columns) - set(frame.columns) if more else set(columns) ^ set(frame.columns)):
        raise ValueError(f"{'lacks' if wrong[0] in columns else 'should not have'} the column {wrong[0]!r}")
    for column in frame.columns.difference(list(TEXT)):
        whole = column in ("seed", "fold")
        try:
            # By Python's own reading of numbers, which gives back every digit.
            frame[column] = frame[column].map(_whole) if whole else frame[column].replace("", "nan").map(_finite)
        except ValueError as error:
            raise ValueError(f"column {column!r}: {str(error)[:100]}") from None
    for column in frame.columns.intersection(["site", "error"]):
        frame[column] = frame[column].replace("", None)
    return frame


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:20]!r} is infinite")
    return number


def _whole(text: str) -> int:
    number = int(text)
    if not 0 <= number <= MOST:
        raise ValueError(f"{text[:20]!r}... is out of range")
    return number
