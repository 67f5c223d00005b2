"""SOOP, the Stroke Outcome Optimization Project: acute ischaemic strokes of one US centre, public domain.

Source: Absher et al., Sci Data 2024;11:839 (OpenNeuro ds004889). What is read is its clinical table and the
lesion masks in MNI space; `strokebench.datasets.images.rendering` lays each mask on the MNI template as the
patient's volume, and `strokebench.datasets.texts.writer` writes the diagnostic text from the measured lesion.
"""

import logging
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from strokebench.datasets.catalogue import MANIFESTS
from strokebench.datasets.cohort import ONLY, Cohort, Column, Kind
from strokebench.datasets.images import lesion, rendering
from strokebench.datasets.public.manifest import read_manifest
from strokebench.datasets.soop.build import ATLAS, LESIONS, PUBLISHED, build, find_atlas, masks_by_patient
from strokebench.datasets.texts import prompts
from strokebench.datasets.texts import writer as text_writer
from strokebench.errors import StrokebenchError
from strokebench.files import damaged_file, digest, file_digest, home, made_again, read_kept, write_json, write_manifest

TABLE = "participants.tsv"
IMPLAUSIBLE_ML = 700.0
"""A mask larger than this is left out: it is over half a brain, and two masks of the original (sub-1373 and
sub-1395, over 850 ml) are taken for faulty segmentations (our rule)."""

TOAST = {
    "1": "large-artery atherosclerosis",
    "2": "cardioembolism",
    "3": "small-vessel disease",
    "4": "other determined",
    "5": "cryptogenic",
}

COLUMNS = {
    "sex": Column(Kind.CATEGORICAL, description="F or M, as reported by the patient"),
    "age": Column(Kind.NUMERIC, "years", "age at the scan; over 89 is given as 89", 0, 89),
    "race": Column(Kind.CATEGORICAL, description="b: Black or African American, w: White"),
    "priorstroke": Column(Kind.NUMERIC, "", "1: evidence of an earlier stroke", 0, 1),
    "bmi": Column(Kind.NUMERIC, "kg/m2", "body mass index", 5, 150),
    "etiology": Column(Kind.CATEGORICAL, description="TOAST class"),
    "nihss": Column(Kind.NUMERIC, "points", "NIH Stroke Scale", 0, 42),
    "mrs": Column(Kind.NUMERIC, "points", "modified Rankin Scale at discharge, 6: died", 0, 6),
}

ABOUT = {
    "source": "OpenNeuro ds004889 v1.1.2, Stroke Outcome Optimization Project (SOOP)",
    "doi": "10.18112/openneuro.ds004889.v1.1.2",
    "licence": "CC0 (table and lesion masks); arterial atlas: Johns Hopkins University, CC BY-SA 4.0",
    "citation": (
        "Absher J, et al. The stroke outcome optimization project: Acute ischemic strokes from a "
        "comprehensive stroke center. Sci Data 2024;11:839. doi:10.1038/s41597-024-03667-5"
    ),
    "image": (
        "MNI152 T1 template at 3 mm with the patient's lesion mask blended in: the lesion is real, the brain "
        "around it is not"
    ),
    "text": (
        "written by rule from the measured lesion, with the mistakes of a language model; no language model was asked"
    ),
    "age": "an age of '89+' is read as 89",
    "etiology": (
        "the TOAST class is settled by the work-up in hospital, before discharge and hence before the mRS; "
        "it is kept as an input"
    ),
    "mrs": "missing for a third of the patients, and not at random; never an input",
}

_log = logging.getLogger(__name__)


def load(folder: Path | None = None) -> Cohort:
    """SOOP: real patients of one US stroke centre (public domain; fetched, or in the folder STROKEBENCH_SOOP).

    A table, and for each patient a volume with the lesion, its mask and five texts. Volumes and text are made
    once, below `home("cohorts")`, and found again by the content of the source files. Left out, and counted in
    `about["left_out"]`: patients without an acute ischaemic stroke, without a lesion mask, or with a lesion over
    700 ml. Patients without an NIHSS or an mRS stay; an outcome leaves them out where it needs one.

    Args:
        folder: holds `participants.tsv`, `lesions_mni1mm.zip` and `ArterialAtlas136.nii.gz`, or masks and atlas below
            `NIfTI/` as they are published; default: the environment variable `STROKEBENCH_SOOP`, else where
            `strokebench cohort fetch soop` puts them.

    Raises:
        StrokebenchError: nothing was fetched, a file is missing, a value or a mask that cannot be read (names the
            patient).
    """
    folder = _checked_folder(folder)
    table, left_out = take_acute(read_table(folder / TABLE))
    masks = masks_by_patient(folder)
    wanted = table.index[table.index.isin(masks)]

    built = _built(folder, {patient: masks[patient] for patient in wanted.unique()})
    volume = pd.Series({patient: built[patient]["volume_ml"] for patient in wanted.unique()}, dtype=float)
    plausible = [patient for patient in wanted if volume[patient] <= IMPLAUSIBLE_ML]
    left_out |= {
        "no lesion mask": len(table) - len(wanted),
        f"lesion over {IMPLAUSIBLE_ML:.0f} ml": len(wanted) - len(plausible),
    }
    table = table.loc[table.index.isin(plausible)]
    ids = pd.Index(plausible).unique()
    return Cohort(
        name="soop",
        title="SOOP (public cohort)",
        table=table,
        columns=COLUMNS,
        images=pd.Series({patient: built[patient]["image"] for patient in ids}, dtype=object).to_frame(ONLY),
        masks=pd.Series({patient: built[patient]["mask"] for patient in ids}, dtype=object),
        texts=pd.DataFrame.from_dict(
            {patient: built[patient]["texts"] for patient in ids}, orient="index", columns=list(prompts.PROMPTS)
        ),
        outcomes={"nihss": "nihss < 7", "dependent": "mrs > 2", "mrs": "mrs 0 to 6"},
        banned=("mrs",),
        roles={"age": "age", "nihss": "nihss"},
        about={
            **ABOUT,
            "left_out": "; ".join(f"{reason}: {n}" for reason, n in left_out.items()),
            "missing": "; ".join(f"{name}: {n}" for name, n in table.isna().sum().items() if n),
        },
    )


def read_table(path: Path) -> pd.DataFrame:
    """The clinical table by patient id; `n/a` is missing, `89+` years is 89, the mRS is called `mrs`.

    Numbers stay text: a `Cohort` reads them, and names the patient where it cannot.

    Raises:
        StrokebenchError: a column is missing, or a cause of the stroke is no TOAST class (names the patient).
    """
    raw = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False).map(str.strip)
    raw = raw.rename(columns={"gs_rankin_6isdeath": "mrs"})
    missing = {"participant_id", "acuteischaemicstroke", *COLUMNS} - set(raw.columns)
    if missing:
        name = {"mrs": "gs_rankin_6isdeath"}.get(first := min(missing), first)
        raise StrokebenchError(f"{path}: no column {name!r}.", "Use the table of OpenNeuro ds004889.")
    raw = raw.set_index("participant_id").replace({"n/a": None, "": None})
    table = raw[list(COLUMNS)].assign(acuteischaemicstroke=pd.to_numeric(raw["acuteischaemicstroke"], errors="coerce"))
    table["age"] = table["age"].replace({"89+": "89"})
    table["etiology"] = [_toast(path, patient, value) for patient, value in raw["etiology"].items()]
    return table


def take_acute(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """The acute ischaemic strokes of what `read_table` gives; reason -> how many rows are left out for it."""
    stated = table["acuteischaemicstroke"]
    table = table.drop(columns="acuteischaemicstroke")
    # The public table has rows of an id alone: nothing is known of them, not even that they had no stroke.
    empty, acute = table.isna().all(axis=1) & stated.isna(), stated == 1
    reasons = {"no clinical values": int(empty.sum()), "no acute ischaemic stroke": int((~acute & ~empty).sum())}
    return table[acute], {reason: n for reason, n in reasons.items() if n}


def _toast(path: Path, patient: Any, value: str | None) -> str | None:
    if value is None or pd.isna(value):
        return None
    if value[0] not in TOAST:
        raise StrokebenchError(
            f"{path}: patient {patient}, column 'etiology': {value!r} is not a TOAST class.",
            "It should begin with 1 to 5; write n/a if it is unknown.",
        )
    return TOAST[value[0]]


def source_folder() -> Path:
    """Where SOOP's files are: the folder that `STROKEBENCH_SOOP` names, else where they are fetched to."""
    return read_manifest(MANIFESTS["soop"]).folder


def _checked_folder(folder: Path | None) -> Path:
    manifest = read_manifest(MANIFESTS["soop"])
    advice = f"`strokebench cohort fetch soop` gets it, or set {manifest.variable} to a folder that holds it."
    folder = Path(folder or manifest.folder).expanduser()
    archive = folder / LESIONS
    if not archive.is_file():
        manifest.check_whole(manifest.cohorts["soop"], folder)
    for name, here in (
        (TABLE, (folder / TABLE).is_file()),
        (f"{LESIONS} or {PUBLISHED}/", archive.is_file() or (folder / PUBLISHED).is_dir()),
        (ATLAS, find_atlas(folder).is_file()),
    ):
        if not here:
            raise StrokebenchError(f"{folder}: no {name}.", advice)
    if archive.is_file() and not zipfile.is_zipfile(archive):
        raise StrokebenchError(f"{archive}: not a zip archive.", "Fetch it again; it may be cut short.")
    return folder


def _built(folder: Path, masks: dict[str, tuple[Path, str]]) -> dict[str, dict[str, Any]]:
    """Volume, paths and texts of each patient, with absolute paths; made on the first call."""
    key = digest(
        {
            "files": [
                file_digest(path) for path in (*dict.fromkeys(path for path, _ in masks.values()), find_atlas(folder))
            ],
            "patients": sorted(masks),
            "versions": [lesion.VERSION, prompts.VERSION, rendering.VERSION, text_writer.VERSION],
        }
    )
    cache = home("cohorts", f"soop-{key[:16]}")
    what = f"the volumes and the text of {len(masks)} SOOP patients"
    built = kept(cache, what, lambda: build(folder, masks, cache))
    for entry in built.values():
        entry["image"], entry["mask"] = str(cache / entry["image"]), str(cache / entry["mask"])
    return built


def kept(cache: Path, what: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `make` gave when it filled a folder, by patient; made again where the folder is damaged or unfinished."""
    index = cache / "patients.json"
    if damaged := damaged_file(cache):
        made_again(f"{damaged} is damaged.")
    built = None if damaged else read_kept(index)
    if built is None:
        _log.info("Making %s, once, in %s", what, cache)
        built = make()
        write_json(index, built)
        write_manifest(cache)
    return dict(built)
