"""Makes the figures, numbers and words of `virtual_cohort.md`: `.venv/bin/python docs/virtual_cohort.py`."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from strokebench.datasets.virtual.anatomy import anatomy
from strokebench.datasets.virtual.dictionary import LACUNE
from strokebench.datasets.virtual.patients import SEQUENCE, TEXT, VOLUME, VirtualPatients, draw_patients, stream
from strokebench.datasets.virtual.sequences import draw_sequences
from strokebench.datasets.virtual.settings import SITES, Strengths
from strokebench.datasets.virtual.texts import answer
from strokebench.datasets.virtual.volumes import draw_volume

PAGE = Path(__file__).with_suffix(".md")
SEED = 0
LARGE = ("ICA", "M1", "M2", "basilar")
SHOWN = {"A lacune": "V0006", "A thrombectomy in time": "V0011", "A malignant infarct": "V0105"}
"""The first patients of their kind."""


def table_one(patients: VirtualPatients) -> str:
    """Our marginals beside those that were published; the sources are numbered on the page."""
    table = patients.table
    treated = table[table["thrombectomy"] == 1]
    known, after = table["mrs90"].dropna(), treated["mrs90"].dropna()
    lacunar = table.loc[table["toast"] == LACUNE, "nihss"]
    rows = {
        "Age, years": (_mean(table["age"]), "72.1 (15.1) [1], 62.2 (11.3) [2]"),
        "Women": (_share(table["sex"] == "female"), "45.9 % [1], 31.7 % [2]"),
        "Hypertension": (_share(table["hypertension"]), "63.7 % [1]"),
        "Diabetes": (_share(table["diabetes"]), "26.3 % [1]"),
        "Atrial fibrillation": (_share(table["atrial_fibrillation"]), "24.3 % [1]"),
        "Heart failure": (_share(table["heart_failure"]), "4.7 % [1]"),
        "Previous stroke": (_share(table["prior_stroke"]), "17.9 % [1]"),
        "NIHSS on admission": (_median(table["nihss"]), "8 (4 to 15) [3], 13 (8 to 19) in the lysed [4]"),
        "Lacunes": (_share(table["toast"] == LACUNE), "16.8 % [5]"),
        "NIHSS of a lacune": (_median(lacunar), "5 (4 to 8) [6]"),
        "ICA, M1, M2 or basilar occluded": (_share(table["occlusion_site"].dropna().isin(LARGE)), "31 % [7], 46 % [8]"),
        "Thrombolysis": (_share(table["thrombolysis"]), "18.1 % [1], 22.9 % [4]"),
        "Thrombectomy": (_share(table["thrombectomy"]), "7.5 % [1]"),
        "of these: NIHSS": (_median(treated["nihss"]), "15 (10 to 19) [9]"),
        "of these: artery opened": (_share(treated["recanalised"]), "83 % [9]"),
        "of these: mRS 0 to 2 at 90 days": (_share(after <= 2), "37 % [9]"),
        "of these: died": (_share(after == 6), "29 % [9]"),
        "Pneumonia": (_share(table["pneumonia"]), "15.8 % [10]"),
        "mRS 4 to 6 at 90 days": (_share(known >= 4), "32.7 % [10]"),
        "Died within 90 days": (_share(known == 6), ""),
    }  # fmt: skip
    lines = ["| | Virtual cohort | Published |", "|:--|:-:|:--|"]
    return "\n".join([*lines, *(f"| {name} | {ours} | {theirs} |" for name, (ours, theirs) in rows.items())])


def three_patients(patients: VirtualPatients, picture: Path | None) -> str:
    """What the table and the language model say of each; their sequences are drawn to `picture`."""
    figure = Figure(figsize=(8, 8.8), facecolor="white")
    sites = {site.name: site for site in SITES}
    told = []
    for row, (title, patient) in enumerate(SHOWN.items()):
        i = patients.table.index.get_loc(patient)
        facts, extra, site = patients.table.loc[patient], patients.extra.loc[patient], sites[patients.site[patient]]
        volume = draw_volume(
            patients.lesions[i], site, anatomy(), stream(SEED, i, VOLUME), Strengths(), extra["age_factor"],
            extra["onset"], bool(extra["prior_stroke"]),
        )  # fmt: skip
        images = {"dwi": volume.image, **draw_sequences(volume, extra["onset"], site, stream(SEED, i, SEQUENCE))}
        z = int(volume.mask.sum(axis=(0, 1)).argmax())
        for column, (name, image) in enumerate({**images, "infarct": volume.mask}.items()):
            axes = figure.add_subplot(3, 4, 4 * row + column + 1, title=name.upper() if name != "infarct" else name)
            # As everywhere else: the patient's right is on the left.
            axes.imshow(np.rot90(image[::-1, :, z]), cmap="gray", vmin=0, vmax=np.percentile(image[image > 0], 99.5))
            axes.set(xticks=[], yticks=[], xlabel="R" + 20 * " " + "L" if row == len(SHOWN) - 1 else "")
            if not column:
                axes.set_ylabel(f"{title}\n{patient}", fontsize=10)
        answers = answer(volume, stream(SEED, i, TEXT), Strengths())
        told += [f"### {title}", "", _in_words(facts, extra["onset"], patients.lesions[i].volume_ml), ""]
        told += [f"- *{prompt}*: {text}" for prompt, text in answers.items()] + [""]
    if picture:
        figure.suptitle("Virtual cohort: three invented patients", fontsize=11)
        figure.tight_layout()
        FigureCanvasAgg(figure).print_png(picture)
    return "\n".join(told).strip()


def write(picture: Path | None = None) -> str:
    """The page with what is made anew."""
    patients = draw_patients(SEED)
    made = {"Table One": table_one(patients), "three patients": three_patients(patients, picture)}
    page = PAGE.read_text(encoding="utf-8")
    for name, text in made.items():
        before, after = f"<!-- {name}: made by virtual_cohort.py -->", f"<!-- end of {name} -->"
        head, rest = page.split(before)
        page = f"{head}{before}\n\n{text}\n\n{after}{rest.split(after)[1]}"
    return page


def _in_words(facts: pd.Series, onset: float, volume_ml: float) -> str:
    given = " and ".join(name for name in ("thrombolysis", "thrombectomy") if facts[name]) or "no reperfusion therapy"
    opened = {1.0: ", the artery opened", 0.0: ", the artery stayed shut"}.get(facts["recanalised"], "")
    complications = ("malignant_oedema", "intracerebral_haemorrhage", "pneumonia")
    worse = ", ".join(name.replace("_", " ") for name in complications if facts[name]) or "no complication"
    end = "lost to follow-up" if pd.isna(facts["mrs90"]) else f"mRS {facts['mrs90']:.0f} at 90 days"
    delay = facts["onset_to_admission"]
    admitted = "admission time missing" if pd.isna(delay) else f"admitted after {delay:.1f} h"
    return "\n".join(
        (
            f"{facts['sex'].capitalize()}, {facts['age']:.0f} years, premorbid mRS {facts['premorbid_mrs']:.0f};",
            f"{facts['toast']}; {admitted} with NIHSS {facts['nihss']}, GCS {facts['gcs']:.0f};",
            f"occluded: {facts['occlusion_site']}; MRI after {onset:.1f} h, infarct of {volume_ml:.1f} ml, grown by",
            f"{facts['infarct_growth']:.1f} ml; {given}{opened}; {worse}; {end}.",
        )
    )


def _share(values: pd.Series) -> str:
    return f"{100 * values.mean():.1f} %"


def _mean(values: pd.Series) -> str:
    return f"{values.mean():.1f} ({values.std():.1f})"


def _median(values: pd.Series) -> str:
    low, middle, high = values.quantile([0.25, 0.5, 0.75])
    return f"{middle:g} ({low:g} to {high:g})"


if __name__ == "__main__":
    PAGE.write_text(write(PAGE.with_suffix(".png")), encoding="utf-8")
