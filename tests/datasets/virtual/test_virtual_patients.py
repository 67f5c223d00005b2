"""The virtual patients' table, NIHSS and true probabilities: no image is drawn here."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr
from scipy.stats import rankdata

from strokebench.datasets.cohort import Kind, Time
from strokebench.datasets.virtual import severity
from strokebench.datasets.virtual.dictionary import CITATIONS, COLUMNS, COURSE, LACUNE, PANELS, VARIABLES
from strokebench.datasets.virtual.generate import oracle_auc
from strokebench.datasets.virtual.patients import draw_patients, shares
from strokebench.datasets.virtual.settings import SITES, Strengths
from strokebench.errors import StrokebenchError


@pytest.fixture(scope="module")
def cohort():
    return draw_patients(0)


@pytest.fixture(scope="module")
def many():
    return [draw_patients(seed) for seed in range(8)]


@pytest.fixture(scope="module")
def everyone(many):
    return pd.concat([patients.table for patients in many], ignore_index=True)


def auc(score, positive):
    ranks, k = rankdata(score), int(positive.sum())
    return (ranks[positive].sum() - k * (k + 1) / 2) / (k * (len(positive) - k))


def test_counts_are_exact(cohort):
    positive = cohort.table["nihss"] < 7
    assert len(cohort.table) == 729
    assert positive.sum() == 232
    by_site = positive.groupby(cohort.site).agg(["size", "sum"])
    assert len(by_site) == 4
    assert (167, 36) in set(by_site.itertuples(index=False, name=None))


@pytest.mark.parametrize("n", [12, 24, 100, 731])
def test_other_sizes_keep_the_proportions(n):
    plan = shares(n)
    assert sum(size for _, size, _ in plan) == n
    assert sum(count for _, _, count in plan) == round(n * 232 / 729)
    assert all(abs(size - site.patients * n / 729) < 1 for site, size, _ in plan)
    assert all(0 <= count <= size for _, size, count in plan)


def test_too_few_patients_are_refused():
    with pytest.raises(StrokebenchError, match="too small"):
        draw_patients(0, 5)


def test_a_seed_is_a_cohort(cohort):
    again = draw_patients(0)
    pd.testing.assert_frame_equal(cohort.table, again.table)
    pd.testing.assert_series_equal(cohort.truth, again.truth)
    assert cohort.lesions == again.lesions
    assert not draw_patients(1).table["nihss"].equals(cohort.table["nihss"])


def test_nihss_is_plausible(many):
    scores = pd.concat([patients.table["nihss"] for patients in many])
    assert scores.min() >= 0
    assert scores.max() <= 42
    assert (scores == scores.round()).all()
    assert 8 <= scores.median() <= 12
    assert 22 <= scores.quantile(0.95) <= 32
    assert set(range(25)) <= set(scores.astype(int))


def test_true_probabilities_are_calibrated(many):
    """Over many seeds, patients whose probability is said to be p are positive with frequency p."""
    truth = np.concatenate([patients.truth for patients in many])
    positive = np.concatenate([patients.table["nihss"] < 7 for patients in many])
    for low, high in zip(np.linspace(0, 0.9, 10), np.linspace(0.1, 1, 10), strict=True):
        inside = (truth >= low) & (truth <= high)
        error = 4 * np.sqrt(truth[inside] @ (1 - truth[inside])) / inside.sum()
        assert abs(positive[inside].mean() - truth[inside].mean()) < error


def test_truth_sums_to_the_positives_of_each_site(cohort):
    sums = cohort.truth.groupby(cohort.site).sum()
    for site in SITES:
        assert sums[site.name] == pytest.approx(site.positives)


def test_the_oracle_is_well_above_what_methods_reach(many):
    values = [oracle_auc(patients) for patients in many]
    assert 0.90 < np.mean(values) < 0.94
    assert oracle_auc(many[0]) == pytest.approx(auc(many[0].truth, (many[0].table["nihss"] < 7).to_numpy()))


def test_nothing_adds_to_the_oracle(many):
    """Given the true probability, nothing says more: vital signs follow causes, and the coma scale is known to it."""
    truth = np.concatenate([patients.truth for patients in many])
    positive = np.concatenate([patients.table["nihss"] < 7 for patients in many])
    residual = (positive - truth) / np.sqrt(np.maximum(truth * (1 - truth), 1e-3))
    for name in ("gcs", "glucose", "white_cells", "age"):
        value = np.concatenate([patients.table[name] for patients in many])
        known = ~np.isnan(value)
        assert abs(np.corrcoef(residual[known], value[known])[0, 1]) < 4 / np.sqrt(known.sum())


def test_no_column_gives_the_outcome_away(everyone):
    table = everyone[[*VARIABLES, "nihss"]].copy()
    positive = (table.pop("nihss") < 7).to_numpy()
    found = {}
    for name, column in table.items():
        if COLUMNS[name].kind is Kind.CATEGORICAL:
            column = column.map(pd.Series(positive).groupby(column).mean())
        known = column.notna().to_numpy()
        value = auc(column[known], positive[known])
        found[name] = max(value, 1 - value)
    # The coma scale, of the same hour, is the nearest.
    assert max(found.values()) < 0.78
    # The signal is there, and spread over many columns.
    assert sum(value > 0.54 for value in found.values()) >= 8, found


def test_means_and_prevalences_are_the_cited_ones(everyone):
    table = everyone
    checked = 0
    for name, variable in VARIABLES.items():
        value = table[name].dropna()
        match variable.marginal:
            case ("flag", prevalence):
                assert abs(value.mean() - prevalence) < 0.025, name
            case ("normal", mean, sd):
                assert abs(value.mean() - mean) < 0.12 * sd, name
            case ("lognormal", median, sd):
                assert abs(np.log(value.median() / median)) < 0.12 * sd, name
            case ("ordinal", levels, probabilities):
                for level, probability in zip(levels, probabilities, strict=True):
                    assert abs((value == level).mean() - probability) < 0.03, (name, level)
            case _:
                continue
        checked += 1
    assert checked >= 22


def test_every_source_is_cited():
    assert {variable.source for variable in VARIABLES.values()} <= set(CITATIONS)
    assert 25 <= len(VARIABLES) <= 30


def test_correlations_are_the_ones_of_a_clinic(everyone):
    table = everyone
    numbers = table.select_dtypes("number").corr(method="spearman")
    assert numbers.loc["systolic_pressure", "diastolic_pressure"] > 0.3
    assert numbers.loc["diabetes", "hba1c"] > 0.5
    assert numbers.loc["age", "atrial_fibrillation"] > 0.15
    assert -0.85 < numbers.loc["gcs", "nihss"] < -0.65
    assert 0.5 < numbers.loc["nihss", "mrs90"] < 0.75
    assert 0.25 < numbers.loc["age", "mrs90"] < 0.5
    embolic = (table["toast"] == "cardioembolism").groupby(table["atrial_fibrillation"]).mean()
    assert embolic[1.0] > 4 * embolic[0.0]


def test_a_neurologist_does_not_laugh_at_the_admission(everyone):
    table = everyone
    grave = table["nihss"] >= 20
    assert (table["gcs"][grave] == 15).mean() < 0.04
    assert (table["nihss"][table["gcs"] <= 8] >= 12).all()
    lacunar = table["nihss"][table["toast"] == LACUNE]
    assert 3 <= lacunar.median() <= 6 and lacunar.quantile(0.95) <= 11 and lacunar.max() <= 20
    assert (table.loc[table["toast"] == LACUNE, "occlusion_site"].dropna() == "none").all()
    sweet = (table["hba1c"].dropna() >= 6.5).groupby(table["diabetes"]).mean()
    assert sweet[0.0] < 0.04 < 0.6 < sweet[1.0]
    rate = table["heart_rate"].groupby(table["atrial_fibrillation"])
    assert rate.mean()[1] > rate.mean()[0] + 10 and rate.std()[1] > 1.3 * rate.std()[0]
    pulse = table["systolic_pressure"] - table["diastolic_pressure"]
    assert pulse.min() >= 20 and 55 <= pulse.median() <= 75
    assert table["onset_to_admission"].max() <= 168 and 3 <= table["onset_to_admission"].median() <= 8


def test_treatment_follows_time_and_artery(everyone):
    table = everyone
    lysed, treated = table["thrombolysis"] == 1, table["thrombectomy"] == 1
    assert 0.18 < lysed.mean() < 0.32 and 0.1 < treated.mean() < 0.2
    assert table["onset_to_needle"].max() <= 4.5 and table["onset_to_needle"].notna().equals(lysed)
    assert (table["onset_to_needle"] > table["onset_to_admission"])[lysed & table["onset_to_admission"].notna()].all()
    assert table["onset_to_groin"].notna().equals(treated)
    assert set(table.loc[treated, "occlusion_site"].dropna()) == {"M2", "M1", "ICA", "basilar"}
    assert table["recanalised"][table["occlusion_site"] == "none"].isna().all()
    opened = table["recanalised"].groupby(treated).mean()
    assert opened[True] > 0.7 > 0.35 > opened[False]
    growth = table["infarct_growth"].groupby(table["recanalised"]).median()
    assert growth[0.0] > 2 * growth[1.0]


def test_the_mrs_at_90_days_is_that_of_such_a_cohort(everyone):
    table = everyone
    known = table["mrs90"].dropna()
    assert 0.03 < table["mrs90"].isna().mean() < 0.08
    assert set(known) == set(range(7))
    assert known.value_counts(normalize=True).min() > 0.03
    assert 0.4 < (known > 2).mean() < 0.6 and 0.1 < (known == 6).mean() < 0.2
    assert (table["mrs90"] >= table["premorbid_mrs"])[table[["mrs90", "premorbid_mrs"]].notna().all(axis=1)].all()
    for worse in ("malignant_oedema", "intracerebral_haemorrhage", "pneumonia"):
        mean = table["mrs90"].groupby(table[worse]).mean()
        assert mean[1] > mean[0] + 0.8, worse
    # Of two alike before treatment, the one whose artery was opened fares better.
    alike = table[table["occlusion_site"].isin(["M1", "ICA"]) & table["nihss"].between(12, 22)]
    mean = alike["mrs90"].groupby(alike["recanalised"]).mean()
    assert mean[1] < mean[0] - 0.4


def test_what_is_known_only_afterwards_is_no_input():
    assert [*COLUMNS] == [*VARIABLES, *COURSE]
    assert {COLUMNS[name].time for name in VARIABLES} == {Time.BEFORE, Time.ADMISSION}
    assert {name for name in COURSE if COLUMNS[name].time is not Time.AFTER} == {"nihss"}


def test_values_are_missing_at_random_and_not_at_random(many, everyone):
    table = everyone
    gaps = table.isna()
    assert gaps["age"].sum() == gaps["sex"].sum() == gaps["nihss"].sum() == 0
    assert 0.005 < gaps["systolic_pressure"].mean() < 0.02
    site = pd.concat([patients.site for patients in many], ignore_index=True)
    panels = {
        panel: gaps[[name for name, variable in VARIABLES.items() if variable.panel == panel]] for panel in PANELS
    }
    for panel, missing in panels.items():
        # Where most values of a tube are missing, all of them are.
        assert missing.all(axis=1).sum() > 0.7 * (missing.mean(axis=1) >= 0.5).sum(), panel
    rare = panels["inflammation"].all(axis=1) | panels["metabolism"].all(axis=1)
    assert rare[table["nihss"] >= 15].mean() > 1.2 * rare[table["nihss"] < 7].mean()
    by_site = rare.groupby(site).mean()
    assert by_site.max() > 1.4 * by_site.min()


def test_some_patients_have_no_mri(many):
    scanned = pd.concat([patients.extra["scanned"] for patients in many], ignore_index=True)
    mri = pd.concat([patients.table["onset_to_mri"] for patients in many], ignore_index=True)
    assert 0.02 < 1 - scanned.mean() < 0.08
    assert mri.notna().equals(scanned > 0)
    admitted = pd.concat([patients.table["onset_to_admission"] for patients in many], ignore_index=True)
    assert (mri > admitted)[mri.notna() & admitted.notna()].all()


def test_stronger_causes_raise_the_ceiling():
    weak = oracle_auc(draw_patients(0, 300, Strengths(volume=0.3, perfusion=0.3)))
    strong = oracle_auc(draw_patients(0, 300, Strengths(volume=1.5, perfusion=1.5)))
    assert weak + 0.05 < strong


def test_positives_given_their_number_have_exact_probabilities():
    """Against all outcomes of a small cohort, written out."""
    p, count = np.array([0.1, 0.5, 0.7, 0.9, 0.3]), 2
    patterns = np.array([[(i >> j) & 1 for j in range(5)] for i in range(32)])
    weight = np.prod(np.where(patterns == 1, p, 1 - p), axis=1) * (patterns.sum(axis=1) == count)
    expected = weight @ patterns / weight.sum()
    rng = np.random.default_rng(0)
    draws = np.array([severity.draw_positives(p, count, rng) for _ in range(4000)])
    np.testing.assert_allclose(severity.given_count(p, count), expected, atol=1e-12)
    assert (draws.sum(axis=1) == count).all()
    np.testing.assert_allclose(draws.mean(axis=0), expected, atol=0.035)


@pytest.mark.parametrize("count", [0, 4])
def test_none_or_all_positive(count):
    p = np.full(4, 0.3)
    assert severity.draw_positives(p, count, np.random.default_rng(0)).sum() == count
    np.testing.assert_allclose(severity.given_count(p, count), count / 4)


def test_noise_lands_on_its_side_and_the_score_follows():
    rng = np.random.default_rng(0)
    causes = rng.normal(size=500)
    threshold = severity.calibrate(causes, 160)
    labels = severity.draw_positives(np.full(500, 0.32), 160, rng)
    noise = severity.draw_noise(threshold - causes, labels, rng)
    excess = causes + noise - threshold
    assert np.isfinite(noise).all()
    assert ((excess < 0) == labels).all()
    assert ((severity.nihss(excess) < 7) == labels).all()


def test_the_probabilities_of_scores_are_their_frequencies():
    distance, noise = np.array([-1.0, 0.5]), np.array([1.0, 0.5])
    expected = severity.nihss_probabilities(distance, noise)
    np.testing.assert_allclose(expected.sum(axis=1), 1)
    np.testing.assert_allclose(expected[:, :7].sum(axis=1), ndtr(distance / noise))
    draws = severity.nihss(np.random.default_rng(0).normal(size=(20000, 2)) * noise - distance)
    for k, share in enumerate(expected.T):
        np.testing.assert_allclose((draws == k).mean(axis=0), share, atol=0.012)


def test_the_coma_scale_changes_the_probability_as_bayes_says():
    """Frequencies of simulated patients, who all had the same probability before."""
    rng = np.random.default_rng(1)
    one = severity.nihss_probabilities(np.array([0.3]), np.array([1.0]))
    scores = rng.choice(43, size=60000, p=one[0])
    gcs = severity.draw_gcs(scores, rng.random(60000))
    assert gcs.min() >= 3 and gcs.max() == 15
    for value in (15, 14, 13):
        known = severity.given_gcs(one, np.array([value]))[0]
        assert (scores[gcs == value] < 7).mean() == pytest.approx(known, abs=0.03)
