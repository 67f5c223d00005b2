"""Makes a cohort of what was fetched from SOOP: licence, citation, a table that reads, and its YAML file.

The fetched volumes and masks are the originals, in the space of each scan. That differs from the built-in
`soop` cohort (`strokebench.datasets.soop.load`), which reads the same patients' masks after normalisation to MNI
space and lays them on a template: there, the image is the template with a real lesion; here, it is the scan.
The masks are drawn on TRACE, so they belong to the images only where the images are TRACE.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from strokebench.datasets.cohort import Column, Kind
from strokebench.datasets.own.cohort_file import SCHEMA
from strokebench.datasets.soop.fetch import PLACES, PREFIX, patient_of
from strokebench.datasets.soop.load import ABOUT, COLUMNS, read_table, take_acute
from strokebench.errors import StrokebenchError, unknown_name
from strokebench.files import atomic_path, write_text

TITLE = "Stroke Outcome Optimization Project (SOOP)"
LICENCE = "CC0 1.0 (public domain)"
IMAGES = tuple(kind for kind in PLACES if kind != "masks")
"""Kinds of image; preferred in this order where as many patients have each."""

NOTICE = f"""{TITLE}
Source:   OpenNeuro {PREFIX.rstrip("/")}, doi:{ABOUT["doi"]}
Licence:  {LICENCE}
Citation: {ABOUT["citation"]}
"""
"""Shown before the download and kept beside the data."""


def write_notice(folder: Path) -> None:
    """Write `CITATION.txt`: source, licence and citation."""
    write_text(folder / "CITATION.txt", NOTICE)


@dataclass(frozen=True)
class CohortFiles:
    """What was written.

    Args:
        path: of the YAML file.
        patients: how many it has.
        image: kind of its images; empty where there are none.
        left_out: reason -> number of patients of the fetched table that are not in it.
    """

    path: Path
    patients: int
    image: str
    left_out: Mapping[str, int]


def write_cohort_file(folder: Path, image: str = "") -> CohortFiles:
    """Write `soop.yaml` and its table `soop.csv` for what lies in a folder.

    In the table are the acute ischaemic strokes that have an image of the chosen kind (all, where there is no
    image at all), read as the built-in cohort reads them: `89+` years is 89, the mRS is called `mrs`.

    Args:
        folder: holds `participants.tsv` and, in the bucket's layout, images and masks.
        image: kind of the images (`trace`, `flair`, `adc`, `t1`); empty: the one that most patients have.

    Raises:
        StrokebenchError: no table, an unknown kind, or no patient is left.
    """
    if image and image not in IMAGES:
        raise unknown_name("kind of image", image, IMAGES)
    if not (folder / "participants.tsv").is_file():
        raise StrokebenchError(f"{folder}: no participants.tsv.", "Fetch the table.")
    table, left_out = take_acute(read_table(folder / "participants.tsv"))
    having = {kind: _patients_with(folder, kind) & set(table.index) for kind in PLACES}
    image = image or max(IMAGES, key=lambda kind: len(having[kind]))
    described: dict[str, Any] = {
        "name": "soop-fetched",
        "title": TITLE,
        "source": f"OpenNeuro {PREFIX.rstrip('/')}, doi:{ABOUT['doi']}",
        "licence": LICENCE,
        "citation": ABOUT["citation"],
        "table": "soop.csv",
        "id": "participant_id",
        "outcome": {"nihss": "nihss < 7", "dependent": "mrs > 2", "mrs": "mrs 0 to 6"},
        "banned": ["mrs"],
        "columns": {name: _described(column) for name, column in COLUMNS.items()},
    }
    if having[image]:
        left_out[f"no {image} image here"] = int((~table.index.isin(having[image])).sum())
        table = table[table.index.isin(having[image])]
        described["images"] = PLACES[image]
        if image == "trace" and having["masks"]:
            described["masks"] = PLACES["masks"]
            if unmarked := sorted(set(table.index) - having["masks"]):
                described["accept"] = {"mask_missing": unmarked}
    if table.empty:
        raise StrokebenchError(f"{folder}: no acute ischaemic stroke among the patients.", "Fetch more patients.")
    with atomic_path(folder / "soop.csv") as path:
        table.to_csv(path)
    text = yaml.safe_dump(described, sort_keys=False, allow_unicode=True, width=100)
    reasons = "; ".join(f"{reason}: {n}" for reason, n in left_out.items())
    head = f"# yaml-language-server: $schema={SCHEMA}\n"
    write_text(folder / "soop.yaml", f"{head}# Left out of the fetched table: {reasons}.\n{text}")
    return CohortFiles(folder / "soop.yaml", len(table), image if "images" in described else "", left_out)


def _patients_with(folder: Path, kind: str) -> set[str]:
    start = "derivatives/lesion_masks/sub-*" if kind == "masks" else "sub-*"
    paths = (path.relative_to(folder).as_posix() for path in folder.glob(f"{start}/*/*.nii.gz"))
    return {patient for path in paths if (patient := patient_of(path, kind))}


def _described(column: Column) -> dict[str, Any]:
    described: dict[str, Any] = {"kind": str(column.kind), "description": column.description}
    if column.kind is Kind.NUMERIC:
        described |= {"unit": column.unit, "low": column.low, "high": column.high}
    return {key: value for key, value in described.items() if value not in ("", None)}
