"""Text cells read as numbers, as hospitals write them: decimal commas, thousands, units, `<3` and `89+`."""

import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

_PARTS = re.compile(
    r"(?P<below><=?|≤)?(?P<above>>=?|≥)?\s*"
    r"(?P<number>[+-]?(?:\d[\d.,'\u2019 \u00a0\u2009\u202f]*(?<=[\d.,])|[.,]\d+)(?:[eE][+-]?\d+)?)"
    r"(?P<more>\+)?\s*(?P<unit>(?!.*(?:19|20|25)\d\d)[^\d\s.,:;/+<>=\u00b7\u060c\u066b\u066c-].*)?",
    re.DOTALL,
)
UNSEEN = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff]")
"""Signs that nobody sees, such as marks of the direction of writing."""
_GROUPED = re.compile(r"(?<=\d)\u066c(?=\d\d)")
"""The Arabic sign between thousands: unlike a comma or a point it means nothing else."""
_SPACES = re.compile(r"(?<=\d)[ \u00a0\u2009\u202f](?=\d)")
_GROUPS = r"[+-]?[1-9]\d{{0,2}}(?:{0}\d\d\d?)*{0}\d{{3}}"
"""As `1,203,400`, and as `12,03,400` in India."""

MOSTLY = 0.6
"""A remark behind a number is a unit if so many of the column's remarks are the same (our choice)."""


@dataclass(frozen=True)
class Form:
    """How a column's numbers are written.

    Args:
        decimal: sign of the decimals, a point or a comma.
        thousands: sign between thousands; empty: none.
        unit: what may stand behind a number.
        censored: how a number with < or > is read, see `strokebench.datasets.own.cohort_file.CENSORED`; empty: not.
    """

    decimal: str = "."
    thousands: str = ""
    unit: str = ""
    censored: str = ""


Fault = Literal["", "bad", "comma", "thousands", "unit", "censored"]
"""Why a cell is not read: it is no number, has the other decimal sign, a sign between thousands that is not declared, a
unit or a remark behind the number, or a < or > before it or a + behind."""


class _Read(NamedTuple):
    value: float
    fault: Fault = ""
    remark: str = ""


@dataclass(frozen=True)
class Numbers:
    """Text cells read as numbers.

    Args:
        values: float64; NaN where the cell is empty or not read.
        faults: the `Fault` of each cell that is not read.
        remarks: what stands behind the numbers of the fault `unit`.
        bounds: how many cells were read by the rule for censored values.
    """

    values: pd.Series
    faults: pd.Series
    remarks: pd.Series
    bounds: int

    @property
    def share(self) -> float:
        """Share of the filled cells that are a number in some form; 1 where none is filled."""
        if self.faults.empty:
            return 1.0
        known = int(self.values.notna().sum()) + len(self.faults)
        counts = self.faults.value_counts()
        bad = counts.get("bad", 0)
        # `1a` and `2b` are codes: units are few.
        if len(self.remarks) and self.remarks.value_counts().iloc[0] < MOSTLY * len(self.remarks):
            bad += counts.get("unit", 0)
        return 1 - bad / known


def read_numbers(cells: pd.Series, form: Form) -> Numbers:
    """Read text cells (empty: missing) as finite numbers; each different one is read once."""
    codes, different = pd.factorize(cells)
    texts = np.asarray(different, dtype=object)
    values = _plain(texts, form)
    slow = np.flatnonzero(np.isnan(values) & np.array([bool(text.strip()) for text in texts]))
    read = {i: _read(_in_ascii(UNSEEN.sub("", texts[i]).strip(), form), form) for i in slow}
    # In a column that has 6,5 the cell 1,203 is no thousand.
    if any(one.fault == "comma" for one in read.values()):
        read = {i: one._replace(fault="comma") if one.fault == "thousands" else one for i, one in read.items()}
    faults, remarks = np.full(len(texts), "", dtype=object), np.full(len(texts), "", dtype=object)
    for i, one in read.items():
        values[i], faults[i], remarks[i] = one
    faulty, with_unit = ((faults != "")[codes], (faults == "unit")[codes])
    bounds = [i for i, one in read.items() if not one.fault and one.remark == _BOUND]
    return Numbers(
        values=pd.Series(values[codes], cells.index, dtype=float),
        faults=pd.Series(faults[codes[faulty]], cells.index[faulty], dtype=object),
        remarks=pd.Series(remarks[codes[with_unit]], cells.index[with_unit], dtype=object),
        bounds=int(np.isin(codes, bounds).sum()),
    )


_BOUND = "bound"


def _plain(texts: np.ndarray, form: Form) -> np.ndarray:
    """Values of the texts that are plain numbers, (n,); NaN for the others."""
    # An accessor of pandas costs more than the few different texts of a column.
    given = [text.strip() for text in texts]
    if form.decimal == ",":
        given = ["" if "." in text else text.replace(",", ".") for text in given]
    values = np.array(pd.to_numeric(np.array(given, dtype=object), errors="coerce"), dtype=float)
    values[~np.isfinite(values)] = np.nan
    return values


def ascii_digits(text: str) -> str:
    """A text whose digits, of whatever writing, and whose signs of full width are those of ASCII."""
    if text.isascii():
        return text
    narrow = (chr(ord(sign) - 0xFEE0) if "\uff01" <= sign <= "\uff5e" else sign for sign in text)
    return "".join(str(unicodedata.decimal(sign, sign)) for sign in narrow)


def _in_ascii(text: str, form: Form) -> str:
    if text.isascii():
        return text
    text = _GROUPED.sub("", ascii_digits(text)).replace("\u066b", form.decimal)
    return text.replace("\u2212", "-").replace("\u066a", "%")


def _read(text: str, form: Form) -> _Read:
    parts = _PARTS.fullmatch(text)
    if parts is None:
        return _Read(np.nan, "bad")
    value, fault = _number(parts["number"], form)
    if fault:
        return _Read(np.nan, fault)
    unit = (parts["unit"] or "").strip()
    if unit and same_unit(unit) != same_unit(form.unit):
        return _Read(np.nan, "unit", unit)
    if parts["below"] or parts["above"] or parts["more"]:
        return _censored(value, bool(parts["below"]), form.censored)
    return _Read(value)


def same_unit(unit: str) -> str:
    """A unit without case, spaces and raised digits: `mmol / l` is mmol/L, and mm³ is mm3."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", unit)).casefold()


def _censored(value: float, below: bool, rule: str) -> _Read:
    if not rule:
        return _Read(np.nan, "censored")
    if rule == "missing":
        return _Read(np.nan, "", _BOUND)
    return _Read(value / 2 if below and rule == "half" else value, "", _BOUND)


def _number(text: str, form: Form) -> tuple[float, Fault]:
    text = _SPACES.sub(" ", text).replace("\u2019", "'")
    other = "." if form.decimal == "," else ","
    whole, sign, decimals = text.partition(form.decimal)
    for thousands in (other, " ", "'"):
        if re.fullmatch(_GROUPS.format(re.escape(thousands)), whole):
            if thousands != form.thousands:
                return np.nan, "thousands"
            whole = whole.replace(thousands, "")
    if other not in whole + decimals:
        with suppress(ValueError):
            if np.isfinite(value := float(whole + ("." if sign else "") + decimals)):
                return value, ""
    return np.nan, "comma" if re.fullmatch(rf"[+-]?\d+{re.escape(other)}\d+", text) else "bad"
