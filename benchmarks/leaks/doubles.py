"""Is one patient there under two ids: the same image, the same text, the same row of the table?"""

import re
from collections.abc import Collection, Iterable, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from strokebench.benchmarks.leaks.finding import Finding
from strokebench.benchmarks.leaks.nearness import near_pairs
from strokebench.benchmarks.leaks.patients import Separated
from strokebench.benchmarks.running.context import Context
from strokebench.errors import named
from strokebench.tasks.inputs import modality_of

IMAGE_NEAR = 0.25
"""A saved copy of an image (shifted, rescaled, slightly noisy) lies nearer than this, other patients never did in
the cohorts that we know, where the nearest two lie at 0.40 of the local distance."""
FEW_NUMBERS = 16
"""Of images that are fewer numbers than this (six radiomic ones, say) some lie as near by chance: equal ones count."""
IMAGE_AND_TEXT_NEAR = (0.35, 0.5)
LONG_TEXT = 40
"""Words from which two equal texts are no accident, if nearly all texts of the cohort differ."""
COMMON = 0.05
"""Share of patients with a shared text above which texts come from a template."""
BY_CHANCE = 1e-3
"""Equal rows of the table count if so few equal pairs are expected from the columns' values alone."""

REMEDY = "If they are one patient or one scan, keep one row of it; the split must not put its copies into both parts."


def doubled_images(context: Context) -> list[Finding]:
    """Equal or nearly equal images in different parts; less near ones where the texts are near too."""
    embeddings = context.embeddings
    images = [array for name, array in embeddings.arrays.items() if modality_of(name) == "image"]
    if not images:
        return []
    near = near_pairs(images, IMAGE_AND_TEXT_NEAR[0])
    text = embeddings.arrays.get("text")
    texts = near_pairs([text], IMAGE_AND_TEXT_NEAR[1]) if text is not None and near else {}
    wide = sum(int(np.prod(array.shape[1:])) for array in images) >= FEW_NUMBERS
    doubled = {
        pair: share for pair, share in near.items() if share == 0 or (wide and (share < IMAGE_NEAR or pair in texts))
    }
    pairs = _apart(context, {(embeddings.ids[i], embeddings.ids[j]): share for (i, j), share in doubled.items()})
    equal = sum(share == 0 for share in pairs.values())
    return _found("doubled_images", pairs, f"the same image ({equal} equal, the rest nearly)")


def doubled_texts(context: Context) -> list[Finding]:
    """Long texts that are equal, word by word, in different parts. Short or common ones come from templates."""
    texts = context.cohort.texts
    if texts is None:
        return []
    whole = texts.loc[context.labels.index].fillna("").astype(str).agg(" ".join, axis=1)
    words = whole.map(lambda text: re.findall(r"\w+", text.casefold()))
    long = words[words.map(len) >= LONG_TEXT].map(" ".join)
    shared = long[long.duplicated(keep=False)]
    pairs = _apart(context, _within(shared.groupby(shared).groups))
    if not pairs:
        return []
    common = len(shared) > max(4, COMMON * len(whole))
    message = f"{len(shared)} patients share a long text with a patient of another part, word by word."
    advice = "Texts written from a template may be equal; if these are not, one patient was entered twice. "
    return [Finding("doubled_texts", "warning" if common else "alarm", message, advice + REMEDY, _pairs(pairs))]


def doubled_rows(context: Context) -> list[Finding]:
    """Equal rows of the clinical table in different parts, where the columns' values make that no accident."""
    # Columns that are no inputs stay aside: a number of the case or a date differs where one patient was entered twice.
    aside = set(context.banned_columns) - {context.endpoint.column}
    table = context.cohort.table.drop(columns=list(aside)).loc[context.labels.index]
    if table.shape[1] == 0:
        return []
    codes = table.apply(lambda column: pd.Series(pd.factorize(column, use_na_sentinel=False)[0], index=column.index))
    known = table.notna().mean(axis=1) >= 0.5
    codes = codes[known]
    twice = codes[codes.duplicated(keep=False)]
    if twice.empty:
        return []
    n = len(codes)
    # If columns were independent, so many pairs would be equal.
    agree = [float(np.square(codes[name].value_counts(normalize=True)).sum()) for name in codes]
    if n * (n - 1) / 2 * float(np.prod(agree)) > BY_CHANCE:
        return []
    pairs = _apart(context, _within(twice.groupby(list(twice.columns)).groups))
    return _found("doubled_rows", pairs, "the same row in the clinical table")


def _within(groups: Mapping[Any, Iterable[str]]) -> dict[tuple[str, str], float]:
    """All pairs of ids that stand in one group."""
    return {pair: 0.0 for ids in groups.values() for pair in combinations(sorted(ids), 2)}


def _apart(context: Context, pairs: dict[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    """The pairs that some fold separates, nearest first; patients without the outcome are in no part."""
    separated = Separated(context)
    there = set(separated.ids)
    kept = {pair: share for pair, share in pairs.items() if there >= set(pair) and separated.apart(*pair)}
    return dict(sorted(kept.items(), key=lambda item: (item[1], item[0])))


def _found(alarm: str, pairs: Collection[tuple[str, str]], what: str) -> list[Finding]:
    message = f"{len(pairs)} pair(s) of patients in different parts have {what}."
    return [Finding(alarm, "alarm", message, REMEDY, _pairs(pairs))] if pairs else []


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    return f"They are {named(f'{one} and {other}' for one, other in pairs)}."
