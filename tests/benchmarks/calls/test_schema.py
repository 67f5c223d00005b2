"""The schemas that ship are those of the code."""

import json
from dataclasses import fields
from pathlib import Path

import pytest

from strokebench.benchmarks.calls.run_file import TYPED, read_run_file
from strokebench.benchmarks.calls.schema import SCHEMAS, run_schema
from strokebench.benchmarks.running.settings import Settings


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_a_schema_is_what_the_code_says(path: Path):
    # `python -m strokebench.benchmarks.calls.schema` writes it.
    assert json.loads(path.read_text()) == SCHEMAS[path]()


def test_a_run_s_schema_has_every_setting_with_its_help(tmp_path: Path):
    properties = run_schema()["properties"]
    allowed = [each for each in fields(Settings) if each.name != TYPED]
    assert list(properties) == ["experiment", *(each.name for each in allowed)]
    assert all(properties[each.name]["description"] == each.metadata["option"].help for each in allowed)
    chosen = {name: about["enum"][-1] for name, about in properties.items() if "enum" in about}
    chosen["backend"] = "auto"
    (tmp_path / "run.yaml").write_text(json.dumps({"experiment": "table1", **chosen}))
    assert read_run_file(tmp_path / "run.yaml") == ("table1", chosen) and {"protocol", "device"} <= chosen.keys()
