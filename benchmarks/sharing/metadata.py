"""A package described for other programs: as an RO-Crate, and its predictions as Croissant's tables."""

import hashlib
from collections.abc import Mapping
from typing import Any

from strokebench.benchmarks.running.provenance import strokebench_version
from strokebench.reports.results import Results

CRATE, CROISSANT = "ro-crate-metadata.json", "croissant.json"
FILES = {
    "manifest.json": "Version of the package's form, and which experiments there are.",
    "README.txt": "What each file is.",
    "about.json": "Cohort, outcome, settings, hashes of data and split, versions, descriptions of the methods.",
    "predictions.csv": "One line a test patient and run: label and probabilities.",
    "runs.csv": "One line a planned run: what became of it, its cost, hashes of its key and its code.",
    "split.json": "Who was in training, validation and test.",
    "patient_facts.csv": "Numbers that methods tell of a test patient beside the probability.",
    "oracle.csv": "The true probability of each invented patient.",
}
"""File of a package, or of an experiment in it -> what it holds."""
COLUMNS = {
    "method": ("Text", "The method's registered name."),
    "variant": ("Text", "Hyper-parameters that an experiment gave the method; empty for its own."),
    "condition": ("Text", "What was taken from its inputs; empty for nothing."),
    "seed": ("Integer", "Of the repetition."),
    "fold": ("Integer", "Number of the test part."),
    "patient_id": ("Text", "The patient's pseudonym, a keyed hash."),
    "site": ("Text", "The hospital: a pseudonym unless the sender kept its name."),
    "y": ("Integer", "The patient's label."),
}
"""Column of the predictions, the endpoint's own left out -> its type at schema.org, and what it holds."""
LICENCE = {
    "@id": "#licence",
    "@type": "CreativeWork",
    "name": "No licence stated",
    "description": "The package says nothing of its use: ask who sent it.",
}
CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "key": "cr:key",
} | {name: f"cr:{name}" for name in ("column", "extract", "field", "fileObject", "recordSet", "source")}
"""Terms of Croissant that are used here."""


def described(files: Mapping[str, bytes], experiments: Mapping[str, Results]) -> dict[str, dict[str, Any]]:
    """The two files that describe a package; they say nothing of a patient.

    Args:
        files: of the package, by name. experiments: `FOLDER/NAME` -> its results, as they stay here.

    Returns:
        Name -> JSON-LD: `ro-crate-metadata.json` (RO-Crate 1.2) and `croissant.json` (Croissant 1.1).
    """
    about = {
        "name": f"Results of strokebench: {', '.join(sorted(experiments))}",
        "description": " ".join(f"{name}: {_words(results)}" for name, results in sorted(experiments.items())),
        # The day of the newest result: equal results make an equal package.
        "datePublished": max(results.provenance["created"] for results in experiments.values())[:10],
    }
    return {CRATE: _crate(files, about), CROISSANT: _croissant(files, experiments, about)}


def _words(results: Results) -> str:
    said = results.provenance
    invented = " These patients are invented." if said.get("synthetic") else ""
    return (
        f"Predictions of {said['outcome']} in {said['title']} by {len(results.methods)} methods, "
        f"test parts by {said['protocol']}.{invented}"
    )


def _crate(files: Mapping[str, bytes], about: Mapping[str, str]) -> dict[str, Any]:
    listed = [
        {
            "@id": name,
            "@type": "File",
            "name": name,
            "description": FILES[name.rpartition("/")[2]],
            "contentSize": str(len(content)),
            "encodingFormat": _format(name),
        }
        for name, content in sorted(files.items())
    ]
    maker = {
        "@id": "#strokebench",
        # RO-Crate wants the address of a home page of what it calls an application.
        "@type": "CreativeWork",
        "name": "strokebench",
        "description": "The benchmark suite that computed the results.",
        "version": strokebench_version(),
    }
    root = {
        "@id": "./",
        "@type": "Dataset",
        **about,
        "license": {"@id": LICENCE["@id"]},
        "hasPart": [{"@id": one["@id"]} for one in listed],
        "mentions": {"@id": maker["@id"]},
    }
    descriptor = {
        "@id": CRATE,
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.2"},
    }
    graph = [descriptor, root, *listed, LICENCE, maker]
    return {"@context": "https://w3id.org/ro/crate/1.2/context", "@graph": graph}


def _croissant(
    files: Mapping[str, bytes], experiments: Mapping[str, Results], about: Mapping[str, str]
) -> dict[str, Any]:
    tables = {f"{name}/predictions.csv": results for name, results in sorted(experiments.items())}
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        **about,
        "url": "./",
        "license": {name: value for name, value in LICENCE.items() if name != "@id"},
        "creator": {"@type": "Organization", "name": "Who sent the package"},
        "distribution": [
            {
                "@id": table,
                "@type": "cr:FileObject",
                "name": table,
                "contentUrl": table,
                "contentSize": f"{len(files[table])} B",
                "encodingFormat": _format(table),
                "sha256": hashlib.sha256(files[table]).hexdigest(),
            }
            for table in tables
        ],
        "recordSet": [_record_set(table, results) for table, results in tables.items()],
    }


def _record_set(table: str, results: Results) -> dict[str, Any]:
    name = table.removesuffix(".csv")
    probability = ("Float", f"Predicted probability; the outcome is {results.endpoint.expression}.")
    columns = COLUMNS | dict.fromkeys(results.endpoint.prediction_columns, probability)
    return {
        "@id": name,
        "@type": "cr:RecordSet",
        "name": name,
        "description": FILES["predictions.csv"],
        "key": [{"@id": f"{name}/{one}"} for one in ("method", "variant", "condition", "seed", "fold", "patient_id")],
        "field": [
            {
                "@id": f"{name}/{column}",
                "@type": "cr:Field",
                "name": column,
                "description": description,
                "dataType": f"sc:{kind}",
                "source": {"fileObject": {"@id": table}, "extract": {"column": column}},
            }
            for column, (kind, description) in columns.items()
        ],
    }


def _format(name: str) -> str:
    kinds = {"csv": "text/csv", "json": "application/json", "txt": "text/plain"}
    return kinds[name.rpartition(".")[2]]
