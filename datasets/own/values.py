"""What may stand at a key of a cohort's file: texts, lists and pairs, and what is said of anything else."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def nearest(name: str, known: Any) -> str:
    """`; did you mean X?` where something known is spelled alike, else empty."""
    names = {str(one).strip().casefold(): str(one) for one in known}
    found = difflib.get_close_matches(name.strip().casefold(), names, 1, 0.6)
    return f"; did you mean {names[found[0]]!r}?" if found else ""


MEANT = {"min": "low", "max": "high", "type": "kind", "values": "categories", "levels": "categories", "when": "time"}
"""What others call a key."""


def unknown_key(key: str, known: Any) -> str:
    """What is said of a key that is not among the known ones."""
    meant = f"; did you mean {MEANT[key]!r}?" if MEANT.get(key) in known else nearest(key, known)
    return f"unknown key {key!r}{meant or '; known: ' + ', '.join(known)}"


def one_text(value: Any) -> str:
    """A single value as it is; a `ValueError` of anything else, as of all readers here."""
    if not isinstance(value, str):
        raise ValueError("give one value, not a list or block")
    return value


def text_list(value: Any) -> tuple[str, ...]:
    """A list of texts, or one of them alone."""
    if isinstance(value, dict):
        raise ValueError("give a list")
    return tuple(one_text(one) for one in ([value] if isinstance(value, str) else value))


def texts_by_key(value: Any) -> dict[str, str]:
    """Pairs of a name and a text."""
    if not isinstance(value, dict):
        raise ValueError("give `name: value` pairs")
    return {key: one_text(one) for key, one in value.items()}


NEEDS = {
    "sites": ("site",),
    "window": ("images",),
    "image_nan": ("images",),
    "brain_masks": ("images",),
    "mask_grid": ("masks", "brain_masks"),
}
"""Keys of a cohort's file that say something of another: one of these."""


def useless_keys(parts: Mapping[str, Any]) -> Iterator[str]:
    """What is said of keys by which nothing would be read."""
    for key, others in NEEDS.items():
        if key in parts and not any(other in parts for other in others):
            yield f"{key}: there are no {' or '.join(f'`{other}:`' for other in others)} for it"
    if "sheet" in parts and not str(parts.get("table", ".xlsx")).lower().endswith((".xlsx", ".xlsm")):
        yield f"sheet: {parts['table']} has no sheets"


def check_word(what: str, value: Any, known: Iterable[str]) -> None:
    """Refuse what is none of the known words.

    Args:
        what: at which key it stands.
    """
    if value not in (words := tuple(known)):
        raise ValueError(f"{what} {value!r} is not one of {', '.join(words)}{nearest(str(value), words)}")
