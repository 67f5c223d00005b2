"""The virtual cohort's data dictionary: each column's meaning, distribution, causes, and who published it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from strokebench.datasets.cohort import Column, Kind, Time

CITATIONS: Mapping[str, str] = {
    "HeadPoST": "11,083 acute strokes of nine countries, Table 1; J Hypertens 2021;39:273-279 (PMC7810418)",
    "PRoFESS": "20,332 ischaemic strokes, Table 1; the PRoFESS trial of telmisartan, 2008 (PMC2714258)",
    "ENOS": "2,023 ischaemic strokes, Table 1; Appleton et al., Stroke Vasc Neurol 2019;4:28-35",
    "GWTG-2019": "552,476 ischaemic strokes, US national estimate from Get With The Guidelines-Stroke (PMC9613506)",
    "ATM-2021": "494 ischaemic strokes, Table 1; Ann Transl Med 2021 (PMC8350705)",
    "STOP-Stroke": "578 strokes with CT angiography, 46 % with a large artery shut; Smith et al., Stroke 2009;40:3834",
    "TOAST": "the five causes of ischaemic stroke; Adams et al., Stroke 1993;24:35-41",
    "Payabvash": "infarct place against NIHSS and NIHSS/volume, 238 patients; AJNR 2021 (PMC7963653)",
    "SOOP": "infarct volumes; Absher et al., Sci Data 2024;11:839",
    "choice": "our choice, near the clinical reference range as acute illness shifts it; not from a registry",
}
"""Where means and prevalences come from; `docs/virtual_cohort.md` sets the cohort beside further registries."""

TOAST = ("large-artery atherosclerosis", "cardioembolism", "small-artery occlusion", "other determined", "undetermined")
LACUNE = TOAST[2]

PANELS: Mapping[str, tuple[float, float]] = {
    "blood count": (0.02, 0.35),
    "chemistry": (0.02, 0.35),
    "inflammation": (0.08, 0.35),
    "metabolism": (0.10, 0.35),
}
"""Laboratory values that one tube or one order gives, and that are missing together: share of patients without the
panel, and by how much the log odds of that rise with one standard deviation of severity (our choice)."""


@dataclass(frozen=True)
class Variable:
    """One column of the clinical table and how it is drawn.

    A latent standard normal is made of shared factors and a rest of its own (a Gaussian copula), and is then
    given the marginal distribution. `severity` among the loads makes a column follow the stroke's severity.

    Args:
        column: kind, unit, description, plausible range.
        marginal: `("normal", mean, sd)`, `("lognormal", median, sd of the logarithm)`, `("flag", prevalence)`,
            `("ordinal", values, probabilities)` from the lowest to the highest latent, `("by", flag, marginal without,
            marginal with it)`, or `("drawn",)` where the column has its own rule in `patients`.
        source: key of `CITATIONS` for the mean or prevalence.
        loads: factor -> correlation of the latent with it; the sum of squares stays below 1.
        decimals: as a laboratory would print it.
        missing: share missing at random, beside what is missing with its panel.
        missing_severe: how much likelier a gap becomes with one standard deviation of severity (log odds):
            values missing not at random.
        panel: a key of `PANELS`, for laboratory values.
    """

    column: Column
    marginal: tuple
    source: str
    loads: Mapping[str, float] = field(default_factory=dict)
    decimals: int = 0
    missing: float = 0.01
    missing_severe: float = 0.0
    panel: str = ""


def _number(unit: str, description: str, low: float, high: float, time: Time = Time.BEFORE) -> Column:
    return Column(Kind.NUMERIC, unit, description, low, high, time)


def _flag(prevalence: float, source: str, description: str, missing: float = 0.01, **loads: float) -> Variable:
    return Variable(
        _number("0/1", description, 0, 1), ("flag", prevalence), source, loads, missing=missing, missing_severe=0.2
    )


def _vital(
    unit: str, text: str, limits: tuple[float, float], marginal: tuple, source: str, decimals: int = 0, **loads: float
) -> Variable:
    return Variable(_number(unit, text, *limits, time=Time.ADMISSION), marginal, source, loads, decimals)


def _laboratory(
    unit: str,
    text: str,
    limits: tuple[float, float],
    marginal: tuple,
    source: str,
    decimals: int,
    panel: str,
    **loads: float,
) -> Variable:
    column = _number(unit, text, *limits, time=Time.ADMISSION)
    return Variable(column, marginal, source, loads, decimals, 0.01, 0.35, panel)


def _after(unit: str, description: str, low: float, high: float) -> Column:
    return _number(unit, description, low, high, Time.AFTER)


def _category(description: str, time: Time) -> Column:
    return Column(Kind.CATEGORICAL, "", description, time=time)


_SMOKING = ("ordinal", ("never", "former", "current"), (0.423, 0.365, 0.212))
_PREMORBID = ("ordinal", (0, 1, 2, 3, 4, 5), (0.70, 0.197, 0.055, 0.033, 0.012, 0.003))

# One entry a variable, as in a table: the formatter would give each argument a line.
# fmt: off
VARIABLES: Mapping[str, Variable] = {
    # Demographics.
    "age": Variable(_number("years", "age at admission", 18, 110), ("normal", 68.0, 13.8), "HeadPoST", {"age": 1.0}, 0,
        0.0),
    "sex": Variable(_category("female or male", Time.BEFORE), ("ordinal", ("female", "male"), (0.399, 0.601)),
        "HeadPoST", {"male": 0.97, "age": -0.15}, missing=0.0),
    "bmi": Variable(_number("kg/m2", "body mass index", 10, 70), ("normal", 26.8, 4.6), "PRoFESS",
        {"metabolic": 0.5, "age": -0.2}, 1, 0.05, 0.5),
    # History.
    "smoking": Variable(_category("tobacco: never, former or current", Time.BEFORE), _SMOKING, "PRoFESS",
        {"male": 0.35, "age": -0.25}, missing=0.03, missing_severe=0.6),
    "alcohol_heavy": _flag(0.087, "ENOS", "more than 21 units of alcohol a week", 0.04, male=0.35, age=-0.15),
    "premorbid_mrs": Variable(_number("points", "modified Rankin Scale before the stroke", 0, 5), _PREMORBID, "ENOS",
        {"age": 0.4, "frailty": 0.5}, 0, 0.02, 0.3),
    "hypertension": _flag(0.647, "HeadPoST", "known or treated hypertension", age=0.25, metabolic=0.35, pressure=0.3),
    "diabetes": _flag(0.240, "HeadPoST", "known diabetes mellitus", metabolic=0.6),
    "dyslipidaemia": _flag(0.467, "PRoFESS", "known dyslipidaemia", metabolic=0.45),
    "atrial_fibrillation": _flag(0.226, "GWTG-2019", "known or new atrial fibrillation", age=0.4, cardiac=0.5),
    "coronary_disease": _flag(0.140, "HeadPoST", "known coronary artery disease", age=0.25, male=0.2, metabolic=0.25,
        cardiac=0.3),
    "heart_failure": _flag(0.038, "HeadPoST", "known heart failure", age=0.3, cardiac=0.55),
    "prior_stroke": _flag(0.236, "HeadPoST", "previous stroke", age=0.2, metabolic=0.2, frailty=0.25),
    # On admission.
    "onset_to_admission": Variable(_number("hours", "time from onset to admission", 0.1, 168, Time.ADMISSION),
        ("drawn",), "choice", {"severity": -0.22}, 1, 0.04, 0.3),
    "systolic_pressure": _vital("mmHg", "systolic blood pressure on admission", (60, 280), ("normal", 153.0, 26.0),
        "HeadPoST", pressure=0.75, age=0.1, severity=0.1),
    "diastolic_pressure": _vital("mmHg", "diastolic blood pressure on admission", (30, 160), ("drawn",), "HeadPoST",
        age=0.4),
    "heart_rate": _vital("1/min", "heart rate on admission", (25, 220),
        ("by", "atrial_fibrillation", ("normal", 74.0, 13.0), ("normal", 89.0, 21.0)), "PRoFESS",
        cardiac=0.2, inflammation=0.2, severity=0.15),
    "temperature": _vital("degree Celsius", "body temperature on admission", (32, 42), ("normal", 36.7, 0.45), "choice",
        1, inflammation=0.4, severity=0.15),
    "gcs": _vital("points", "Glasgow Coma Scale on admission", (3, 15), ("drawn",), "choice"),
    "occlusion_site": Variable(_category("occluded artery on admission: none, ACA, M2, M1, ICA, PCA or basilar",
        Time.ADMISSION), ("drawn",), "STOP-Stroke", missing=0.06),
    # Laboratory.
    "glucose": _laboratory("mmol/L", "blood glucose", (1, 60),
        ("by", "diabetes", ("lognormal", 6.1, 0.20), ("lognormal", 9.3, 0.36)), "ATM-2021", 1, "chemistry",
        metabolic=0.2, severity=0.25),
    "hba1c": _laboratory("%", "glycated haemoglobin", (3, 20),
        ("by", "diabetes", ("lognormal", 5.6, 0.065), ("lognormal", 7.3, 0.19)), "choice", 1, "metabolism",
        metabolic=0.3),
    "white_cells": _laboratory("10^9/L", "white blood cells", (0.5, 60), ("lognormal", 8.2, 0.30), "choice", 1,
        "blood count", inflammation=0.55, severity=0.25),
    "neutrophil_lymphocyte_ratio": _laboratory("", "neutrophils by lymphocytes", (0.1, 120), ("lognormal", 4.15, 0.76),
        "ATM-2021", 2, "blood count", inflammation=0.55, severity=0.3, age=0.1),
    "platelets": _laboratory("10^9/L", "platelets", (5, 1500), ("lognormal", 171.0, 0.38), "ATM-2021", 0,
        "blood count", inflammation=0.15, age=-0.1),
    "crp": _laboratory("mg/L", "C-reactive protein", (0, 500), ("lognormal", 5.0, 1.2), "choice", 1, "inflammation",
        inflammation=0.6, severity=0.2, age=0.1),
    "fibrinogen": _laboratory("g/L", "fibrinogen", (0.3, 14), ("normal", 3.5, 0.8), "choice", 2, "inflammation",
        inflammation=0.5, severity=0.15, age=0.1),
    "creatinine": _laboratory("umol/L", "creatinine", (10, 1500), ("lognormal", 68.0, 0.40), "ATM-2021", 0,
        "chemistry", age=0.25, male=0.3, cardiac=0.15),
    "albumin": _laboratory("g/L", "albumin", (10, 65), ("normal", 39.0, 4.3), "choice", 0, "chemistry",
        inflammation=-0.35, age=-0.25, frailty=-0.25, severity=-0.15),
    "ldl": _laboratory("mmol/L", "low-density lipoprotein cholesterol", (0.1, 12), ("normal", 2.9, 0.9), "choice", 2,
        "metabolism", metabolic=0.15, age=-0.15),
}
# fmt: on
"""The 30 inputs, in the order of `clinical.csv`."""

FACTORS = ("age", "male", "metabolic", "pressure", "cardiac", "inflammation", "frailty", "severity")
"""Shared causes, independent standard normals; the last one is at first the collateral supply, and becomes the severity
once that is known from infarct and patient."""

COURSE: Mapping[str, Column] = {
    "nihss": _number("points", "NIH Stroke Scale on admission", 0, 42, Time.ADMISSION),
    "toast": _category("cause by the TOAST classification, settled by the work-up", Time.AFTER),
    "onset_to_mri": _after("hours", "time from onset to the MRI; empty without one", 0.1, 240),
    "thrombolysis": _after("0/1", "intravenous thrombolysis", 0, 1),
    "onset_to_needle": _after("hours", "time from onset to thrombolysis", 0.1, 4.5),
    "thrombectomy": _after("0/1", "mechanical thrombectomy", 0, 1),
    "onset_to_groin": _after("hours", "time from onset to the puncture for thrombectomy", 0.1, 24),
    "recanalised": _after("0/1", "the occluded artery is open within a day; empty where none was occluded", 0, 1),
    "infarct_growth": _after("ml", "growth of the infarct after the MRI", 0, 500),
    "intracerebral_haemorrhage": _after("0/1", "symptomatic intracerebral haemorrhage", 0, 1),
    "malignant_oedema": _after("0/1", "malignant swelling of the hemisphere", 0, 1),
    "pneumonia": _after("0/1", "pneumonia in hospital", 0, 1),
    "mrs90": _after("points", "modified Rankin Scale at 90 days, 6: died; empty where lost to follow-up", 0, 6),
}
"""Severity, what happens afterwards, and how it ends. Only the NIHSS is ever an input, of what is known at 90 days."""

COLUMNS: Mapping[str, Column] = {**{name: variable.column for name, variable in VARIABLES.items()}, **COURSE}
"""Every column of the cohort's table."""
