"""Is a column of text cells numeric or categorical, and which of its values cannot be what they claim?"""

from __future__ import annotations

import difflib
import re
import unicodedata
from dataclasses import dataclass

import numpy as np
import pandas as pd

from strokebench.datasets.cohort import Kind

NUMERIC_SHARE = 0.8
"""A column is inferred as numeric if so many of its known values are numbers (our choice)."""

MANY_CATEGORIES = 20
"""A text column of more distinct values, over half of them distinct, is free text, not a category."""

UNIT_FACTORS = (10.0, 18.016, 38.67, 88.42, 100.0, 1000.0)
"""Ratios that a mix-up of units leaves: tens, glucose (mg/dl to mmol/l), cholesterol, creatinine."""

_COMMA = re.compile(r"[+-]?\d+,\d+")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[ T].*)?")


@dataclass(frozen=True)
class Numbers:
    """Text cells read as numbers.

    Args:
        values: float64; NaN where the cell is empty or no number.
        bad: cells that are no number, as they stand.
        commas: cells that would be numbers with a decimal point.
    """

    values: pd.Series
    bad: pd.Series
    commas: pd.Series


def read_numbers(cells: pd.Series, decimal: str = ".") -> Numbers:
    """Read text cells (empty: missing) as finite numbers.

    Args:
        decimal: sign of the decimals; with ',' a point is not taken for one.
    """
    stripped = cells.str.strip()
    text = stripped if decimal == "." else stripped.str.replace(",", ".", regex=False)
    values = pd.to_numeric(text.where(text != ""), errors="coerce").astype(float)
    values = values.where(np.isfinite(values))
    wrong = values.isna() & (stripped != "")
    is_comma = wrong & stripped.str.fullmatch(_COMMA.pattern)
    return Numbers(values, stripped[wrong & ~is_comma], stripped[is_comma])


def infer_kind(cells: pd.Series, decimal: str = ".") -> Kind:
    """Numeric if most known values are numbers (with a point or a comma), or if none is known."""
    known = int((cells.str.strip() != "").sum())
    numbers = read_numbers(cells, decimal)
    n_numbers = int(numbers.values.notna().sum()) + len(numbers.commas)
    return Kind.NUMERIC if n_numbers >= NUMERIC_SHARE * known else Kind.CATEGORICAL


def looks_like_free_text(cells: pd.Series) -> str:
    """`dates` or `free text` if a categorical column is none that a method could use, else empty."""
    known = cells[cells.str.strip() != ""].str.strip()
    if len(known) and known.str.fullmatch(_DATE.pattern).mean() > NUMERIC_SHARE:
        return "dates"
    many = known.nunique() > max(MANY_CATEGORIES, 0.5 * len(known))
    return "free text" if many else ""


def mixed_units(values: pd.Series) -> pd.Series:
    """For each value that seems to be in another unit, the factor by which it is off.

    A value is suspected if it lies far from the bulk, with a gap between, dividing it by a common conversion
    factor brings it there, and the bulk itself is narrower than that factor, so that the two cannot overlap.
    Scores of few steps and values that span decades are never suspected (our rule).
    """
    positive = values[values > 0].dropna()
    none = pd.Series(dtype=float)
    if len(positive) < 10 or positive.nunique() < 8:
        return none
    log = np.log(positive)
    centre = log.median()
    # The floor keeps a column of nearly equal values from making outliers of its ordinary ones.
    spread = max(1.4826 * float((log - centre).abs().median()), 0.05)
    far = (log - centre).abs() > 5 * spread
    bulk = log[~far]
    if not far.any() or far.mean() > 0.4:
        return none
    width = float(bulk.max() - bulk.min())
    off = {}
    for patient, value in log[far].items():
        ratio = value - centre
        # A tail reaches out step by step; another unit leaves a gap.
        between = log[(log >= min(value, centre)) & (log <= max(value, centre))]
        gap = float(np.diff(np.sort(between.to_numpy()), append=np.nan)[:-1].max(initial=0.0))
        factors = [f for f in UNIT_FACTORS if width < np.log(f) and gap > np.log(f) / 2]
        fits = [f for f in factors if abs(abs(ratio) - np.log(f)) <= 3 * spread]
        if fits:
            best = min(fits, key=lambda f: abs(abs(ratio) - np.log(f)))
            off[patient] = best if ratio > 0 else 1 / best
    return pd.Series(off, dtype=float)


def same_spelling(text: str) -> str:
    """A spelling without case, accents of width, and the number of spaces, hyphens and underscores."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"[\s_\-]+", " ", plain).strip()


def other_spellings(cells: pd.Series) -> dict[str, str]:
    """Spelling as it stands -> the more frequent spelling of the same name."""
    counts = cells[cells.str.strip() != ""].value_counts()
    norm: dict[str, str] = {}
    # The most frequent first; among equals the one without spaces around it.
    for spelling in sorted(counts.index, key=lambda s: (-counts[s], s != s.strip(), s)):
        norm.setdefault(same_spelling(spelling), spelling)
    return {s: norm[same_spelling(s)] for s in counts.index if norm[same_spelling(s)] != s}


def likely_typos(cells: pd.Series) -> dict[str, str]:
    """Rare name -> the frequent name that it differs from by a slip in one long word.

    Words with digits and short words are left alone: `Site 1` and `Site 2` are two sites.
    """
    counts = cells[cells.str.strip() != ""].value_counts()
    found = {}
    for rare in counts.index:
        for frequent in counts.index:
            if counts[rare] > max(1, 0.05 * counts[frequent]) or counts[frequent] < 3 or rare == frequent:
                continue
            a, b = same_spelling(rare).split(), same_spelling(frequent).split()
            unlike = [(x, y) for x, y in zip(a, b, strict=False) if x != y]
            if len(a) != len(b) or len(unlike) != 1 or min(map(len, unlike[0])) < 4:
                continue
            if any(c.isdigit() for c in "".join(unlike[0])):
                continue
            if difflib.SequenceMatcher(None, *unlike[0]).ratio() >= 0.8:
                found[rare] = frequent
    return found
