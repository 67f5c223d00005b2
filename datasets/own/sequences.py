"""Patterns of images and masks by sequence, as a cohort's file gives them, and what is wrong with them."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from strokebench.datasets.cohort import ONLY, SEQUENCE, SEQUENCE_HINT
from strokebench.datasets.own.file_pattern import checked_pattern


def by_sequence(value: Any) -> dict[str, str]:
    """Sequence -> pattern; a lone pattern is that of `ONLY`.

    Raises:
        ValueError: it is neither a pattern nor patterns by name.
    """
    if isinstance(value, str):
        return {ONLY: checked_pattern(value)}
    if not isinstance(value, dict):
        raise ValueError("give a pattern, or `sequence: pattern` pairs")
    for name in value:
        if not SEQUENCE.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a sequence; {SEQUENCE_HINT}")
    return {name: checked_pattern(pattern) for name, pattern in value.items()}


def one_sequence(value: Any) -> dict[str, str]:
    """Likewise, of one sequence; errors as `by_sequence`."""
    patterns = by_sequence(value)
    if len(patterns) > 1:
        raise ValueError("give the masks of one sequence")
    return patterns


def sequence_faults(parts: dict[str, Any]) -> Iterator[str]:
    """What images and masks have wrong together. The masks of a lone image are called after it."""
    images = parts.get("images", {})
    for one, other in combinations(images, 2):
        if images[one] == images[other]:
            yield f"images: {one} and {other} have the same pattern"
    for key in ("masks", "brain_masks"):
        if len(images) == 1 and [*parts.get(key, {})] == [ONLY]:
            parts[key] = dict(zip(images, parts[key].values(), strict=True))
        for name in parts.get(key, {}) if images else ():
            if name not in images:
                example = f"`{key}: {{{next(iter(images))}: ...}}`"
                whose = f"say in which grid they lie, e.g. {example}"
                yield f"{key}: " + (whose if name == ONLY else f"no image is called {name!r}, but {', '.join(images)}")


def mask_faults(parts: Mapping[str, Any]) -> Iterator[str]:
    """Masks are asked of, and cannot answer."""
    text = parts.get("text")
    wanted = ["text"] * bool(text and text.from_masks) + ["lesion_columns"] * ("lesion_columns" in parts)
    for key in wanted or ["atlas"] * ("atlas" in parts):
        if not wanted:
            yield "atlas: nothing is measured by it; it wants `text: {from: masks}` or `lesion_columns: true`"
        elif "masks" not in parts:
            yield f"{key}: it is made of lesion masks, and there are no `masks:`"
        elif "atlas" not in parts and "images" not in parts:
            yield f"{key}: the side is found in the head of the image, and there are no `images:`"
