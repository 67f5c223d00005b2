"""The JSON schemas of a run's file and of a cohort's, made from the code; called as a program it writes them anew."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import TypeAdapter

from strokebench.benchmarks.calls import run_file
from strokebench.benchmarks.running.settings import EXPERIMENTS, Settings
from strokebench.datasets.own import cohort_file
from strokebench.datasets.own.schema import cohort_schema, plain
from strokebench.files import json_text, write_text


def run_schema() -> dict[str, Any]:
    """The JSON schema of a run's file: the experiment, and each field of `Settings` that it may give, with its help."""
    # Editors offer the names that are listed, and other packages may bring further ones.
    experiment = {"anyOf": [{"enum": list(EXPERIMENTS)}, {"type": "string"}], "description": "What is computed."}
    properties = {"experiment": experiment}
    for each in fields(Settings):
        if each.name == run_file.TYPED:
            continue
        option, kind = each.metadata["option"], get_type_hints(Settings)[each.name]
        properties[each.name] = plain(TypeAdapter(kind).json_schema()) | {"description": option.help}
        if listed := option.listed():
            properties[each.name]["enum"] = list(listed)
        if option.least is not None:
            properties[each.name]["minimum"] = option.least
    return {"type": "object", "properties": properties, "required": ["experiment"], "additionalProperties": False}


SCHEMAS: dict[Path, Callable[[], dict[str, Any]]] = {run_file.SCHEMA: run_schema, cohort_file.SCHEMA: cohort_schema}
"""Where each lies, and what it holds."""

if __name__ == "__main__":
    for path, make in SCHEMAS.items():
        write_text(path, json_text(make()) + "\n")
