"""What lesion masks tell methods: a text, and columns of the table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from strokebench.datasets.cohort import Column, Kind, Time
from strokebench.datasets.images.lesion import TERRITORY_NAMES, LesionFindings
from strokebench.datasets.images.measured import measure_lesions
from strokebench.datasets.own.cohort_file import CohortFile
from strokebench.datasets.own.image_files import ImageFiles
from strokebench.datasets.problems import Problem
from strokebench.datasets.texts.writer import write_measured

PROMPT = "lesion"
"""What the text is called."""


@dataclass(frozen=True)
class Lesions:
    """What was made of the masks.

    Args:
        table: columns by patient id, empty where the file does not ask for any. columns: what they are.
        texts: one column; None where the file does not ask for it.
        said: what is from the masks, for captions; empty: nothing.
        problems: masks that cannot be measured.
    """

    table: pd.DataFrame
    columns: Mapping[str, Column] = field(default_factory=dict)
    texts: pd.DataFrame | None = None
    said: str = ""
    problems: Sequence[Problem] = ()


def read_lesions(file: CohortFile, header: Sequence[str], ids: Sequence[str], files: ImageFiles) -> Lesions:
    """Text and columns that the file wants made of masks; a patient without a mask has neither.

    Args:
        header: columns that the table has.

    Raises:
        StrokebenchError: the atlas cannot be read.
    """
    from_masks = bool(file.text and file.text.from_masks)
    patients = pd.Index([*ids], dtype="object")
    if files.masks is None or not (from_masks or file.lesion_columns):
        return Lesions(pd.DataFrame(index=patients))
    masked = next(iter(file.masks))
    images = None if files.images is None else files.images[masked]
    findings, problems = measure_lesions(files.masks, images, file.atlas, file.reading)
    said, texts, table, columns = [], None, pd.DataFrame(index=patients), {}
    in_template = file.atlas is not None
    measures = "volume, side, " + ("territories, ASPECTS" if in_template else "foci")
    if from_masks:
        written = {id: write_measured(found, in_template) for id, found in findings.items()}
        texts = pd.DataFrame({PROMPT: pd.Series(written, dtype=object).reindex(patients)}).replace({float("nan"): None})
        said.append(f"the text, written by rule and without mistakes ({measures})")
    if file.lesion_columns:
        columns = _columns(in_template)
        rows = {id: _row(found, in_template) for id, found in findings.items()}
        table = pd.DataFrame.from_dict(rows, orient="index", columns=[*columns]).reindex(patients)
        said.append(f"{len(columns)} columns of the table ({', '.join(columns)})")
        if doubled := [name for name in columns if name in header]:
            what = f"`lesion_columns` makes columns that the table has: {', '.join(doubled)}"
            problems.append(Problem("column_doubled", what, where="lesion_columns"))
    return Lesions(table, columns, texts, "; ".join(said), problems)


def _columns(in_template: bool) -> dict[str, Column]:
    def numeric(unit: str, what: str, high: float | None) -> Column:
        return Column(Kind.NUMERIC, unit, what, 0, high, Time.ADMISSION)

    columns = {
        "lesion_volume": numeric("ml", "measured from the mask", None),
        "lesion_side": Column(Kind.CATEGORICAL, description="left, right, both or none", time=Time.ADMISSION),
    }
    if in_template:
        columns["lesion_aspects"] = numeric("", "missing where the score does not apply", 10)
        share = numeric("", "damaged share of the territory on the worse side", 1)
        columns |= dict.fromkeys(("lesion_" + name.lower().replace(" ", "_") for name in TERRITORY_NAMES), share)
    return columns


def _row(found: LesionFindings, in_template: bool) -> list[float | str | None]:
    row: list[float | str | None] = [round(found.volume_ml, 3), found.side if found.volume_ml else "none"]
    if in_template:
        row.append(found.aspects)
        sides = ("left", "right")
        row += [max(found.territories.get((name, side), 0.0) for side in sides) for name in TERRITORY_NAMES]
    return row
