"""The schema of a cohort's file takes what the reader takes, and refuses what it refuses."""

import re
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from strokebench.datasets.own.cohort_file import KEYS, REQUIRED, read_cohort_file
from strokebench.datasets.own.schema import cohort_form, cohort_schema
from strokebench.errors import StrokebenchError

BASE = "table: t.csv\nid: id\noutcome: mrs > 2\n"
DOCS = Path(__file__).parents[3] / "docs" / "bring_your_cohort.md"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL)
GOOD = [
    "{sites: North, site: ward}",
    "missing: [999, unknown]",
    "id: 1",
    "outcome: [mrs > 2, nihss < 7]",
    "outcome: {good: mrs < 3}",
    "columns: {age: {kind: numeric, low: 18, high: '110', missing: 9, time: before, censored: half}}",
    "columns: {age: {low: 18, high: 18}}",
    "text: none",
    "text: [a, b]",
    "text: {columns: {aspects: a}}",
    "text: {files: 't/{id}_{prompt}.txt', prompts: [a]}",
    "accept: {motion: all, outcome_missing: [p1, 2]}".replace("motion", "image_motion"),
    "{image_nan: background, images: 'i/{id}.nii'}",
    "decimal: ','",
    "{window: [0, 80], images: 'i/{id}.nii'}",
    "features: {r: {image: r.csv, fitted_on: none}, c: {text: c.npz, source: a net}}",
    "{masks: 'm/{id}.nii', images: 'i/{id}.nii', lesion_columns: true, text: {from: masks}}",
    "exclude: {p1: moved, p2: 3}",
]
BAD = [
    "imagse: x/{id}.nii",
    "images: x/",
    "name: ../up",
    "decimal: ';'",
    "window: 80",
    "window: [0, 40, 80]",
    "features: {r: r.csv}",
    "text: {from: images}",
    "lesion_columns: no",
    "thousands: _",
    "mask_grid: yes",
    "columns: {age: numerical}",
    "columns: {age: {unti: years}}",
    "columns: {age: {low: young}}",
    "columns: {age: {time: befor}}",
    "text: {file: x}",
    "accept: {not_a_number: all}",
    "exclude: [p1]",
    "banned: {a: b}",
]


def merged(text: str) -> str:
    """A whole file of the base and further keys."""
    return yaml.safe_dump({**yaml.safe_load(BASE), **yaml.safe_load(text)})


@pytest.mark.parametrize("text", [*map(merged, GOOD), *EXAMPLES])
def test_what_the_reader_takes_fits(tmp_path: Path, text: str):
    (tmp_path / "c.yaml").write_text(text)
    read_cohort_file(tmp_path / "c.yaml")
    cohort_form().model_validate(yaml.safe_load(text))


@pytest.mark.parametrize("text", [*map(merged, BAD), "table: t.csv\nid: id\n"])
def test_what_the_reader_refuses_does_not(tmp_path: Path, text: str):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(StrokebenchError):
        read_cohort_file(tmp_path / "c.yaml")
    with pytest.raises(ValidationError):
        cohort_form().model_validate(yaml.safe_load(text))


def test_every_key_stands_in_it_with_its_meaning():
    schema = cohort_schema()
    assert {key: part["description"] for key, part in schema["properties"].items()} == KEYS
    assert set(schema["required"]) == set(REQUIRED) and schema["additionalProperties"] is False
