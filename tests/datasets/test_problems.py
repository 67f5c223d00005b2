import re

import pytest
import yaml

from strokebench.datasets.own.cohort_file import KEYS
from strokebench.datasets.problems import CODES, Problem


def test_remedies_name_keys_of_the_file():
    inner_keys = {word for key in ("columns", "features") for word in re.findall(r"\w+", KEYS[key].partition("{")[2])}
    quoted = [text for code in CODES.values() for text in re.findall("`([^`]+)`", code.remedy)]
    named = {key for text in quoted for key in re.findall(r"(?:^|[{ ])(\w+):", text)}
    assert {"banned", "columns", "censored", "missing", "time"} <= named
    assert named <= {*KEYS, *inner_keys, "NAME"}


def test_a_remedy_speaks_of_the_problems_own_column():
    assert "{sodium: {censored: bound}}" in Problem("censored", "what", where="sodium").remedy


@pytest.mark.parametrize(("column", "value"), [("age [years], all", "k.A."), ("NIHSS: sum", "n/a: none"), ("ef", "%")])
def test_a_remedy_can_be_written_into_the_file(column, value):
    remedy = Problem("missing_code", "what", where=column, value=value).remedy
    assert yaml.load(remedy.split("`")[1], yaml.BaseLoader) == {"columns": {column: {"missing": [value]}}}
