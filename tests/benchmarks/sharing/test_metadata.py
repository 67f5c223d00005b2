"""A package's descriptions hold to the rules of RO-Crate 1.2 and Croissant 1.1, and to what the package holds."""

import hashlib
import io
import json
from datetime import date
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pytest
from shared_packages import NAME, SALT, compute

from strokebench.benchmarks.sharing.export import export_results
from strokebench.benchmarks.sharing.files import read_files


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    compute("random_forest", "svm")
    export_results(tmp_path / "package.zip", ["table1"], SALT)
    return read_files(tmp_path / "package.zip")


def references(value) -> set[str]:
    """What the objects that are an `@id` and nothing else name."""
    if isinstance(value, list):
        return set().union(*map(references, value))
    if not isinstance(value, dict):
        return set()
    return {value["@id"]} if set(value) == {"@id"} else set().union(*map(references, value.values()))


def test_the_crate_describes_every_file_of_the_package(files):
    crate = json.loads(files["ro-crate-metadata.json"])
    assert crate["@context"] == "https://w3id.org/ro/crate/1.2/context"
    entities = {entity["@id"]: entity for entity in crate["@graph"]}
    assert len(entities) == len(crate["@graph"]), "flattened: one entity an id"
    descriptor = entities["ro-crate-metadata.json"]
    assert descriptor["@type"] == "CreativeWork" and descriptor["about"] == {"@id": "./"}
    assert descriptor["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.2"}
    root = entities["./"]
    assert root["@type"] == "Dataset" and root["name"] and "invented" in root["description"]
    assert date.fromisoformat(root["datePublished"]) == date(2026, 1, 1), "of the newest run"
    assert {"name", "description"} <= set(entities[root["license"]["@id"]])
    maker = entities[root["mentions"]["@id"]]
    # Of a SoftwareApplication it requires `url` too, and there is no page to name.
    assert maker["@type"] == "CreativeWork" and maker["version"] == version("strokebench")
    described = {part["@id"] for part in root["hasPart"]}
    assert described == set(files) - {"ro-crate-metadata.json", "croissant.json", "SHA256SUMS"}
    for name in described:
        assert entities[name]["@type"] == "File" and int(entities[name]["contentSize"]) == len(files[name])
    assert references(crate["@graph"]) - {"https://w3id.org/ro/crate/1.2"} <= set(entities)


def test_croissant_s_fields_are_the_columns_of_the_predictions(files):
    croissant = json.loads(files["croissant.json"])
    required = {"@context", "name", "description", "url", "license", "creator", "datePublished"}
    assert croissant["@type"] == "sc:Dataset" and required <= set(croissant)
    assert croissant["conformsTo"] == "http://mlcommons.org/croissant/1.1"
    [source], [record_set] = croissant["distribution"], croissant["recordSet"]
    table = files[source["contentUrl"]]
    assert source["@type"] == "cr:FileObject" and source["encodingFormat"] == "text/csv"
    assert source["@id"] == f"{NAME}/predictions.csv" and source["sha256"] == hashlib.sha256(table).hexdigest()
    fields = record_set["field"]
    frame = pd.read_csv(io.BytesIO(table), keep_default_na=False)
    assert [field["source"]["extract"]["column"] for field in fields] == list(frame)
    kinds = {"sc:Text": "O", "sc:Integer": "i", "sc:Float": "f"}
    for field in fields:
        kind = frame[field["name"]].dtype.kind
        assert kinds[field["dataType"]] == ("O" if kind in "OUT" else kind), field["name"]
        assert field["source"]["fileObject"] == {"@id": source["@id"]} and field["description"]
    ids = [source["@id"], record_set["@id"], *(field["@id"] for field in fields)]
    assert len(set(ids)) == len(ids) and references(croissant) <= set(ids)
    key = [one["@id"].rpartition("/")[2] for one in record_set["key"]]
    assert not frame.duplicated(key).any()
    terms = {*record_set, *fields[0], *fields[0]["source"]} - {"@id", "@type", "name", "description"}
    assert terms <= set(croissant["@context"]), "each with a meaning in Croissant's vocabulary"
