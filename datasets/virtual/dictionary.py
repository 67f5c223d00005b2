"""The virtual cohort's data dictionary: each column's meaning, distribution, causes, and who published it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from strokebench.datasets.cohort import Column, Kind

CITATIONS: Mapping[str, str] = {
    "HeadPoST": "11,083 acute strokes of nine countries, Table 1; J Hypertens 2021;39:273-279 (PMC7810418)",
    "PRoFESS": "20,332 ischaemic strokes, Table 1; the PRoFESS trial of telmisartan, 2008 (PMC2714258)",
    "ENOS": "2,023 ischaemic strokes, Table 1; Appleton et al., Stroke Vasc Neurol 2019;4:28-35",
    "GWTG-2019": "552,476 ischaemic strokes, US national estimate from Get With The Guidelines-Stroke (PMC9613506)",
    "ATM-2021": "494 ischaemic strokes, Table 1; Ann Transl Med 2021 (PMC8350705)",
    "TOAST": "the five causes of ischaemic stroke; Adams et al., Stroke 1993;24:35-41",
    "Payabvash": "infarct place against NIHSS and NIHSS/volume, 238 patients; AJNR 2021 (PMC7963653)",
    "SOOP": "infarct volumes; Absher et al., Sci Data 2024;11:839",
    "choice": "our choice, near the clinical reference range as acute illness shifts it; not from a registry",
}
"""Where means and prevalences come from."""

TOAST = ("large-artery atherosclerosis", "cardioembolism", "small-artery occlusion", "other determined", "undetermined")


@dataclass(frozen=True)
class Variable:
    """One column of the clinical table and how it is drawn.

    A latent standard normal is made of shared factors and a rest of its own (a Gaussian copula), and is then
    given the marginal distribution. `severity` among the loads makes a column follow the stroke's severity.

    Args:
        column: kind, unit, description, plausible range.
        marginal: `("normal", mean, sd)`, `("lognormal", median, sd of the logarithm)`, `("flag", prevalence)`,
            `("ordinal", values, probabilities)` from the lowest to the highest latent, or `("drawn",)` where
            the column has its own rule in `patients`.
        source: key of `CITATIONS` for the mean or prevalence.
        loads: factor -> correlation of the latent with it; the sum of squares stays below 1.
        decimals: as a laboratory would print it.
        missing: share missing at random.
        missing_severe: how much likelier a gap becomes with one standard deviation of severity (log odds):
            values missing not at random.
    """

    column: Column
    marginal: tuple
    source: str
    loads: Mapping[str, float] = field(default_factory=dict)
    decimals: int = 0
    missing: float = 0.01
    missing_severe: float = 0.0


def _number(unit: str, description: str, low: float, high: float) -> Column:
    return Column(Kind.NUMERIC, unit, description, low, high)


def _flag(prevalence: float, source: str, description: str, missing: float = 0.01, **loads: float) -> Variable:
    return Variable(
        _number("0/1", description, 0, 1), ("flag", prevalence), source, loads, missing=missing, missing_severe=0.2
    )


def _laboratory(
    unit: str, text: str, limits: tuple, marginal: tuple, source: str, decimals: int, missing: float, **loads: float
) -> Variable:
    return Variable(_number(unit, text, *limits), marginal, source, loads, decimals, missing, missing_severe=0.35)


_SMOKING = ("ordinal", ("never", "former", "current"), (0.423, 0.365, 0.212))
_PREMORBID = ("ordinal", (0, 1, 2, 3, 4, 5), (0.70, 0.197, 0.055, 0.033, 0.012, 0.003))
_GCS = (
    "ordinal",
    tuple(range(3, 16)),
    (0.006, 0.003, 0.004, 0.008, 0.013, 0.021, 0.030, 0.045, 0.050, 0.060, 0.080, 0.170, 0.510),
)

# One entry a variable, as in a table: the formatter would give each argument a line.
# fmt: off
VARIABLES: Mapping[str, Variable] = {
    # Demographics.
    "age": Variable(_number("years", "age at admission", 18, 110), ("normal", 68.0, 13.8), "HeadPoST", {"age": 1.0}, 0,
        0.0),
    "sex": Variable(Column(Kind.CATEGORICAL, "", "female or male"), ("ordinal", ("female", "male"), (0.399, 0.601)),
        "HeadPoST", {"male": 0.97, "age": -0.15}, missing=0.0),
    "bmi": Variable(_number("kg/m2", "body mass index", 10, 70), ("normal", 26.8, 4.6), "PRoFESS",
        {"metabolic": 0.5, "age": -0.2}, 1, 0.05, 0.5),
    # History.
    "smoking": Variable(Column(Kind.CATEGORICAL, "", "tobacco: never, former or current"), _SMOKING, "PRoFESS",
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
    # Vital signs on admission.
    "onset_to_admission": Variable(_number("hours", "time from onset to admission", 0.1, 400), ("lognormal", 7.5, 1.5),
        "HeadPoST", {"severity": -0.22}, 1, 0.04, 0.3),
    "systolic_pressure": Variable(_number("mmHg", "systolic blood pressure on admission", 60, 280),
        ("normal", 153.0, 26.0), "HeadPoST", {"pressure": 0.75, "age": 0.1, "severity": 0.18}, 0, 0.01),
    "diastolic_pressure": Variable(_number("mmHg", "diastolic blood pressure on admission", 30, 160),
        ("normal", 86.5, 15.5), "HeadPoST", {"pressure": 0.70, "age": -0.25}, 0, 0.01),
    "heart_rate": Variable(_number("1/min", "heart rate on admission", 25, 220), ("normal", 75.0, 13.0), "PRoFESS",
        {"cardiac": 0.3, "inflammation": 0.2, "severity": 0.27}, 0, 0.01),
    "temperature": Variable(_number("degree Celsius", "body temperature on admission", 32, 42), ("normal", 36.7, 0.45),
        "choice", {"inflammation": 0.4, "severity": 0.30}, 1, 0.06, -0.3),
    "gcs": Variable(_number("points", "Glasgow Coma Scale on admission", 3, 15), _GCS, "choice",
        {"severity": -0.63, "frailty": -0.1}, 0, 0.02),
    # Laboratory.
    "glucose": _laboratory("mmol/L", "blood glucose", (1, 60), ("lognormal", 6.5, 0.40), "ATM-2021", 1, 0.02,
        metabolic=0.5, severity=0.38),
    "hba1c": _laboratory("%", "glycated haemoglobin", (3, 20), ("lognormal", 6.1, 0.16), "choice", 1, 0.15,
        metabolic=0.6),
    "white_cells": _laboratory("10^9/L", "white blood cells", (0.5, 60), ("lognormal", 8.2, 0.30), "choice", 1, 0.03,
        inflammation=0.55, severity=0.42),
    "neutrophil_lymphocyte_ratio": _laboratory("", "neutrophils by lymphocytes", (0.1, 120), ("lognormal", 4.15, 0.76),
        "ATM-2021", 2, 0.05, inflammation=0.55, severity=0.42, age=0.1),
    "crp": _laboratory("mg/L", "C-reactive protein", (0, 500), ("lognormal", 5.0, 1.2), "choice", 1, 0.12,
        inflammation=0.6, severity=0.30, age=0.1),
    "platelets": _laboratory("10^9/L", "platelets", (5, 1500), ("lognormal", 171.0, 0.38), "ATM-2021", 0, 0.03,
        inflammation=0.15, age=-0.1),
    "creatinine": _laboratory("umol/L", "creatinine", (10, 1500), ("lognormal", 68.0, 0.40), "ATM-2021", 0, 0.03,
        age=0.25, male=0.3, cardiac=0.15),
    "ldl": _laboratory("mmol/L", "low-density lipoprotein cholesterol", (0.1, 12), ("normal", 2.9, 0.9), "choice", 2,
        0.10, metabolic=0.15, age=-0.15),
    "fibrinogen": _laboratory("g/L", "fibrinogen", (0.3, 14), ("normal", 3.5, 0.8), "choice", 2, 0.12, inflammation=0.5,
        severity=0.27, age=0.1),
    "albumin": _laboratory("g/L", "albumin", (10, 65), ("normal", 39.0, 4.3), "choice", 0, 0.08, inflammation=-0.35,
        age=-0.25, frailty=-0.25, severity=-0.30),
    # Cause.
    "toast": Variable(Column(Kind.CATEGORICAL, "", "cause by the TOAST classification"), ("drawn",), "ATM-2021",
        missing=0.03),
}
# fmt: on
"""The 30 inputs, in the order of `clinical.csv`."""

FACTORS = ("age", "male", "metabolic", "pressure", "cardiac", "inflammation", "frailty", "severity")
"""Shared causes, independent standard normals; severity comes from the infarct and the patient."""

COLUMNS: Mapping[str, Column] = {
    **{name: variable.column for name, variable in VARIABLES.items()},
    "nihss": _number("points", "NIH Stroke Scale on admission: the source of the outcome", 0, 42),
}
"""Every column of the cohort's table."""
