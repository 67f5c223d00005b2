import re

from strokebench.datasets.own.cohort_file import KEYS
from strokebench.datasets.problems import CODES, Problem


def test_remedies_name_keys_of_the_file():
    column_keys = set(re.findall(r"\w+", KEYS["columns"].partition("{")[2]))
    quoted = [text for code in CODES.values() for text in re.findall("`([^`]+)`", code.remedy)]
    named = {key for text in quoted for key in re.findall(r"(?:^|[{ ])(\w+):", text)}
    assert {"banned", "columns", "censored", "missing", "time"} <= named
    assert named <= {*KEYS, *column_keys, "NAME"}


def test_a_remedy_speaks_of_the_problems_own_column():
    assert "{sodium: {censored: bound}}" in Problem("censored", "what", where="sodium").remedy
