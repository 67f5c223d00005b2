"""An outcome as the cohort's file or the command line writes it: a column, and perhaps what its values have to be."""

import csv
import re
from dataclasses import dataclass

_RULE = re.compile(
    r"\s*(?P<column>[^<>=!]+?)\s*(?:(?P<sign>[<>]=?|==|!=|(?<=\s)in(?=\s*[\[(]))\s*(?P<value>[^<>=!]+?)\s*)?"
)
_GRADES = re.compile(r"\s*(?P<column>\S.*?)\s+(?P<low>\d+)\s+to\s+(?P<high>\d+)\s*")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Rule:
    """`column sign value`.

    Args:
        sign: `<`, `<=`, `>`, `>=`, `==`, `!=`, `in`, or `to` between two grades; empty where there is but a column.
        values: numbers or texts that it is compared with: several for `in`, the lowest and the highest grade for `to`,
            none without a sign, else one.
    """

    column: str
    sign: str = ""
    values: tuple[float | str, ...] = ()

    @property
    def of_texts(self) -> bool:
        """Whether the column's values are compared as texts."""
        return any(isinstance(value, str) for value in self.values)


def read_rule(text: str) -> Rule | None:
    """The rule that a text states, or None.

    >>> read_rule("nihss < 7")
    Rule(column='nihss', sign='<', values=(7.0,))
    >>> read_rule("status in [dead, moved]").values
    ('dead', 'moved')
    >>> read_rule('status in ["dead, at home", moved]').values
    ('dead, at home', 'moved')
    >>> read_rule("mrs 0 to 6")
    Rule(column='mrs', sign='to', values=(0.0, 6.0))
    """
    text = text.replace("≤", "<=").replace("≥", ">=").replace("≠", "!=")
    if grades := _GRADES.fullmatch(text):
        return Rule(grades["column"], "to", (float(grades["low"]), float(grades["high"])))
    match = _RULE.fullmatch(text)
    if match is None:
        return None
    column, sign, value = match["column"], match["sign"] or "", match["value"] or ""
    if not sign:
        return Rule(column)
    given = [value]
    if sign == "in":
        if not re.fullmatch(r"\[.*\]|\(.*\)", value):
            return None
        quote = '"' if '"' in value else "'"
        given = next(csv.reader([value[1:-1]], quotechar=quote, skipinitialspace=True)) or [""]
    texts = [one.strip().strip("'\"") for one in given]
    if all(_NUMBER.fullmatch(one) for one in texts):
        return Rule(column, sign, tuple(map(float, texts)))
    return Rule(column, sign, tuple(texts)) if sign in ("==", "!=", "in") and all(texts) else None
