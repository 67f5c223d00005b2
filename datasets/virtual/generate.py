"""Writing the virtual cohort to disk, once for each seed and setting, and loading it from there."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Hashable
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from strokebench.datasets.cohort import ONLY, Cohort
from strokebench.datasets.images import lesion as lesion_rules
from strokebench.datasets.roles import ROLES
from strokebench.datasets.texts import prompts
from strokebench.datasets.texts import writer as text_writer
from strokebench.datasets.virtual import settings
from strokebench.datasets.virtual.dictionary import CITATIONS, COLUMNS, VARIABLES
from strokebench.datasets.virtual.settings import MEASURED, OUTCOME, PATIENTS, SITES, Control, Strengths
from strokebench.errors import StrokebenchError
from strokebench.files import damaged_file, digest, home, made_again, read_json, write_json, write_manifest

# To draw patients takes SciPy; to read those that were drawn does not.
if TYPE_CHECKING:
    from strokebench.datasets.virtual.anatomy import Anatomy
    from strokebench.datasets.virtual.lesions import Lesion
    from strokebench.datasets.virtual.patients import VirtualPatients

_BATCH = 16
_STALE_SECONDS = 3600

STRANGERS = 1_000_000
"""Is added to the seed of a cohort for the patients whose images it shows in place of its own."""

ATTAINABLE = "AUC {table, true volume and place:.3f} by the table, true volume and place of the infarct, on seed 11"


@dataclass(frozen=True)
class Recipe:
    """What decides a cohort on disk, beside the versions of what makes it.

    Args:
        strangers: whether images and texts are those of other patients. sequences: whether DWI, ADC and FLAIR are
            drawn, else DWI alone.
    """

    seed: int
    n: int
    strengths: Strengths
    strangers: bool = False
    sequences: bool = False


def load(
    seed: int = 0,
    n: int = PATIENTS,
    *,
    strengths: Strengths | None = None,
    control: Control | None = None,
    sequences: bool = False,
    jobs: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> Cohort:
    """Virtual cohort: 729 invented patients of four invented hospitals, made from a seed.

    It is generated on first use below `home("cohorts")`.

    On disk: `clinical.csv`, `dwi/ID.nii.gz` (and `adc`, `flair`), `masks/ID.nii.gz`, `texts.csv`,
    `truth.csv`, `cohort.json`.
    The patients are the same whatever `jobs` is. An interrupted generation leaves no cohort behind.

    Args:
        seed: 0 to 4 are the official ones, each a draw: 0 is `virtual`, the others `virtual-1` to `virtual-4`.
        n: patients, 12 or more; other than 729 for tests and demonstrations.
        strengths: what drives severity and how well it shows; default the control's, or the tuned `Strengths()`.
        control: a cohort of which it is known what image and text add.
        sequences: ADC and FLAIR beside DWI, of the same patients.
        jobs: worker processes of one thread each.
        progress: called with the patients done and all.

    Raises:
        StrokebenchError: n is too small.
    """
    strengths = strengths or (control.strengths if control else Strengths())
    recipe = Recipe(seed, n, strengths, control is not None and control.strangers, sequences)
    folder = folder_of(recipe)
    if damaged := damaged_file(folder):
        made_again(f"{damaged} of the virtual cohort is damaged.")
        shutil.rmtree(folder)
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        for left in folder.parent.glob(f".{folder.name}.*.part"):
            # Killed generations cannot tidy up; one that runs is younger than this.
            if time.time() - left.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(".part", f".{folder.name}.", folder.parent, True) as temporary:
            made = Path(temporary, folder.name)
            made.mkdir()
            _write(made, recipe, jobs, progress)
            try:
                made.rename(folder)
            except OSError:
                # Another process may have made the same cohort meanwhile; its files are the same.
                if not folder.is_dir():
                    raise
    cohort = _read(folder)
    return replace(cohort, name=control.name, title=control.title) if control else cohort


def load_sequences() -> Cohort:
    """The virtual patients with three sequences that agree: DWI, ADC and FLAIR."""
    title = "virtual cohort with three sequences"
    return replace(load(sequences=True), name="virtual-sequences", title=title)


def load_null() -> Cohort:
    """Control: the virtual patients with the images and texts of strangers, which add nothing to the table."""
    return load(control=settings.NULL)


def load_fusion() -> Cohort:
    """Control: virtual patients whose images and texts add 8 points of AUC or more to the table for a good reader."""
    return load(control=settings.FUSION)


def _official(seed: int) -> Cohort:
    return replace(load(seed), name=f"virtual-{seed}", title=f"virtual cohort of seed {seed}")


def load_1() -> Cohort:
    """The virtual cohort drawn anew, by official seed 1."""
    return _official(1)


def load_2() -> Cohort:
    """The virtual cohort drawn anew, by official seed 2."""
    return _official(2)


def load_3() -> Cohort:
    """The virtual cohort drawn anew, by official seed 3."""
    return _official(3)


def load_4() -> Cohort:
    """The virtual cohort drawn anew, by official seed 4."""
    return _official(4)


def folder_of(recipe: Recipe) -> Path:
    """Where a cohort of this recipe lies, whether it is there or not."""
    decisive: dict[str, Any] = {
        "version": settings.VERSION,
        **{name: value for name, value in asdict(recipe).items() if value is not False},
        "sites": [asdict(site) for site in SITES],
        "more": {"lesion": lesion_rules.VERSION, "prompts": prompts.VERSION, "text": text_writer.VERSION},
    }
    return home("cohorts", f"virtual-{digest(decisive)[:12]}")


def pictured(
    patients: VirtualPatients, seed: int, strengths: Strengths, strangers: bool
) -> tuple[VirtualPatients, int]:
    """Whose images and texts a cohort shows, and from which seed they are drawn: the patients' own, or strangers'."""
    from strokebench.datasets.virtual.patients import draw_patients

    if not strangers:
        return patients, seed
    seed += STRANGERS
    return draw_patients(seed, len(patients.table), strengths), seed


def _write(folder: Path, recipe: Recipe, jobs: int, progress: Callable[[int, int], None] | None) -> None:
    from joblib import Parallel, delayed, parallel_config

    from strokebench.datasets.virtual.anatomy import anatomy
    from strokebench.datasets.virtual.patients import draw_patients

    n = recipe.n
    patients = draw_patients(recipe.seed, n, recipe.strengths)
    for kind in ("masks", *_sequences(recipe)):
        (folder / kind).mkdir()
    atlas = anatomy()
    ids = patients.table.index
    shown, image_seed = pictured(patients, recipe.seed, recipe.strengths, recipe.strangers)
    everyone = zip(range(n), ids, shown.site, shown.lesions, shown.extra.to_dict("records"), strict=True)
    drawn = [one for one in everyone if one[-1]["scanned"]]
    answers: dict[str, dict[str, str]] = {}
    # A worker needs its own patients only, and the atlas as one memory-mapped block.
    with parallel_config("loky", n_jobs=jobs, inner_max_num_threads=1):
        made = Parallel(return_as="generator_unordered")(
            delayed(_draw_batch)(folder, replace(recipe, seed=image_seed), atlas, drawn[start : start + _BATCH])
            for start in range(0, len(drawn), _BATCH)
        )
        for written in made:
            answers.update(written)
            if progress:
                progress(len(answers), len(drawn))
    patients.table.assign(site=patients.site).to_csv(folder / "clinical.csv")
    texts = pd.DataFrame.from_dict(answers, orient="index").reindex(ids)[list(prompts.PROMPTS)]
    texts.rename_axis("patient_id").to_csv(folder / "texts.csv")
    patients.truth.rename("p_nihss_below_7").to_csv(folder / "truth.csv")
    write_json(folder / "cohort.json", _description(recipe, patients))
    write_manifest(folder)


def _draw_batch(
    folder: Path,
    recipe: Recipe,
    atlas: Anatomy,
    patients: list[tuple[int, str, str, Lesion, dict[Hashable, float]]],
) -> dict[str, dict[str, str]]:
    """Draw and write the volumes of some patients; give back their texts by id."""
    import nibabel

    from strokebench.datasets.virtual.patients import SEQUENCE, TEXT, VOLUME, stream
    from strokebench.datasets.virtual.sequences import draw_sequences
    from strokebench.datasets.virtual.texts import answer
    from strokebench.datasets.virtual.volumes import draw_volume

    sites = {site.name: site for site in SITES}
    answers, seed, strengths = {}, recipe.seed, recipe.strengths
    for i, patient, site, lesion, extra in patients:
        volume = draw_volume(
            lesion,
            sites[site],
            atlas,
            stream(seed, i, VOLUME),
            strengths,
            age_factor=extra["age_factor"],
            onset_hours=extra["onset"],
            prior_stroke=bool(extra["prior_stroke"]),
        )
        drawn = {"masks": volume.mask, "dwi": volume.image}
        if recipe.sequences:
            drawn |= draw_sequences(volume, extra["onset"], sites[site], stream(seed, i, SEQUENCE))
        for kind, data in drawn.items():
            image = nibabel.Nifti1Image(data, volume.affine)
            image.header.set_xyzt_units("mm")
            image.header["descrip"] = b"virtual cohort: an invented patient"
            nibabel.save(image, folder / kind / f"{patient}.nii.gz")
        answers[patient] = answer(volume, stream(seed, i, TEXT), strengths)
    return answers


def _description(recipe: Recipe, patients: VirtualPatients) -> dict[str, Any]:
    positive = patients.table["nihss"] < 7
    return {
        "title": "virtual cohort",
        "note": "Invented patients of invented hospitals; nothing here was measured on a person.",
        "seed": recipe.seed,
        "patients": recipe.n,
        "positives": int(positive.sum()),
        "outcome": OUTCOME,
        "sites": [asdict(site) for site in SITES],
        "strengths": asdict(recipe.strengths),
        "images_of_strangers": recipe.strangers,
        "sequences": _sequences(recipe),
        "oracle_auc": round(oracle_auc(patients), 4),
        # Measured at the default strengths alone.
        **({} if recipe.strangers or recipe.strengths != Strengths() else {"measured": dict(MEASURED)}),
        "generator_version": settings.VERSION,
        "versions": {name: version(name) for name in ("numpy", "scipy", "pandas", "nilearn", "nibabel")},
        "citations": dict(CITATIONS),
        "columns": {
            name: {
                "kind": str(column.kind),
                "unit": column.unit,
                "description": column.description,
                "time": str(column.time),
                "source": VARIABLES[name].source if name in VARIABLES else "choice",
            }
            for name, column in COLUMNS.items()
        },
    }


def _sequences(recipe: Recipe) -> tuple[str, ...]:
    return ("dwi", "adc", "flair") if recipe.sequences else ("dwi",)


def oracle_auc(patients: VirtualPatients) -> float:
    """AUC of the true probabilities: no method can be expected to pass it."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(patients.table["nihss"] < 7, patients.truth))


def _read(folder: Path) -> Cohort:
    description = read_json(folder / "cohort.json")
    text_types = {name: "str" for name, column in COLUMNS.items() if column.kind == "categorical"}
    try:
        clinical = pd.read_csv(folder / "clinical.csv", index_col="patient_id", dtype=text_types)
        texts = pd.read_csv(folder / "texts.csv", index_col="patient_id", dtype="str")
        truth = pd.read_csv(folder / "truth.csv", index_col="patient_id")["p_nihss_below_7"]
    except (OSError, ValueError, KeyError) as error:
        raise StrokebenchError(
            f"{folder}: a table of the virtual cohort cannot be read ({error}).",
            "Delete the folder; it will be generated again.",
        ) from None
    paths = {
        kind: pd.Series(
            {id: str(path) if (path := folder / kind / f"{id}.nii.gz").is_file() else None for id in clinical.index},
            dtype=object,
        )
        for kind in ("masks", *description["sequences"])
    }
    several = len(description["sequences"]) > 1
    images = pd.DataFrame({name if several else ONLY: paths[name] for name in description["sequences"]})
    return Cohort(
        name="virtual",
        title="virtual cohort",
        table=clinical.drop(columns="site"),
        columns=COLUMNS,
        images=images,
        texts=texts,
        site=clinical["site"],
        masks=paths["masks"],
        oracle=truth,
        oracle_outcome=OUTCOME,
        synthetic=True,
        outcomes={"nihss": OUTCOME, "dependent": "mrs90 > 2", "mrs90": "mrs90 0 to 6"},
        roles={role: role for role in ROLES if role in COLUMNS},
        about={
            "source": "strokebench's generator, version {generator_version}, seed {seed}".format(**description),
            "patients": "invented patients of invented hospitals",
            "oracle": f"AUC of the true probabilities {description['oracle_auc']:.3f}",
            **({"attainable": ATTAINABLE.format(**measured)} if (measured := description.get("measured")) else {}),
            "licence": "the generator's (Apache-2.0); templates: MNI ICBM 152, as nilearn carries them",
            "citations": "; ".join(f"{key}: {text}" for key, text in description["citations"].items()),
            "folder": str(folder),
        },
    )
