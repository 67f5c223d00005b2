"""The virtual patients' table, NIHSS and true probabilities: no image is drawn here."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

from strokebench.datasets.cohort import Kind
from strokebench.datasets.virtual.dictionary import CITATIONS, COLUMNS, VARIABLES
from strokebench.datasets.virtual.generate import oracle_auc
from strokebench.datasets.virtual.patients import calibrate, draw_noise, draw_patients, draw_positives, nihss, shares
from strokebench.datasets.virtual.settings import SITES, Strengths
from strokebench.errors import StrokebenchError


@pytest.fixture(scope="module")
def cohort():
    return draw_patients(0)


@pytest.fixture(scope="module")
def many():
    return [draw_patients(seed) for seed in range(8)]


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
    assert 0.87 < np.mean(values) < 0.92
    assert oracle_auc(many[0]) == pytest.approx(auc(many[0].truth, (many[0].table["nihss"] < 7).to_numpy()))


def test_nothing_adds_to_the_oracle(many):
    """Given the true probability, a vital sign says nothing more: it follows causes, never the NIHSS itself."""
    truth = np.concatenate([patients.truth for patients in many])
    positive = np.concatenate([patients.table["nihss"] < 7 for patients in many])
    residual = (positive - truth) / np.sqrt(np.maximum(truth * (1 - truth), 1e-3))
    for name in ("gcs", "glucose", "white_cells", "age"):
        value = np.concatenate([patients.table[name] for patients in many])
        known = ~np.isnan(value)
        assert abs(np.corrcoef(residual[known], value[known])[0, 1]) < 4 / np.sqrt(known.sum())


def test_no_column_gives_the_outcome_away(many):
    table = pd.concat([patients.table for patients in many], ignore_index=True)
    positive = (table.pop("nihss") < 7).to_numpy()
    found = {}
    for name, column in table.items():
        if COLUMNS[name].kind is Kind.CATEGORICAL:
            column = column.map(pd.Series(positive).groupby(column).mean())
        known = column.notna().to_numpy()
        value = auc(column[known], positive[known])
        found[name] = max(value, 1 - value)
    assert max(found.values()) < 0.75
    # The signal is there, and spread over many columns.
    assert sum(value > 0.58 for value in found.values()) >= 6


def test_means_and_prevalences_are_the_cited_ones(many):
    table = pd.concat([patients.table for patients in many], ignore_index=True)
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
    assert checked >= 25
    assert table["toast"].value_counts(normalize=True)["cardioembolism"] == pytest.approx(0.245, abs=0.025)


def test_every_source_is_cited():
    assert {variable.source for variable in VARIABLES.values()} <= set(CITATIONS)
    assert 25 <= len(VARIABLES) <= 30


def test_correlations_are_the_ones_of_a_clinic(many):
    table = pd.concat([patients.table for patients in many], ignore_index=True)
    numbers = table.select_dtypes("number").corr(method="spearman")
    assert numbers.loc["systolic_pressure", "diastolic_pressure"] > 0.3
    assert numbers.loc["diabetes", "hba1c"] > 0.2
    assert numbers.loc["age", "atrial_fibrillation"] > 0.15
    assert numbers.loc["gcs", "nihss"] < -0.3
    embolic = (table["toast"] == "cardioembolism").groupby(table["atrial_fibrillation"]).mean()
    assert embolic[1.0] > 4 * embolic[0.0]


def test_values_are_missing_at_random_and_not_at_random(many):
    table = pd.concat([patients.table for patients in many], ignore_index=True)
    gaps = table.isna()
    assert gaps["age"].sum() == gaps["sex"].sum() == gaps["nihss"].sum() == 0
    assert 0.005 < gaps["systolic_pressure"].mean() < 0.02
    laboratory = gaps[["hba1c", "crp", "fibrinogen", "albumin", "ldl"]].mean(axis=1)
    assert laboratory[table["nihss"] >= 15].mean() > 1.2 * laboratory[table["nihss"] < 7].mean()
    site = pd.concat([patients.site for patients in many], ignore_index=True)
    by_site = laboratory.groupby(site).mean()
    assert by_site.max() > 1.4 * by_site.min()


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
    draws = np.array([draw_positives(p, count, rng)[0] for _ in range(4000)])
    np.testing.assert_allclose(draw_positives(p, count, rng)[1], expected, atol=1e-12)
    assert (draws.sum(axis=1) == count).all()
    np.testing.assert_allclose(draws.mean(axis=0), expected, atol=0.035)


@pytest.mark.parametrize("count", [0, 4])
def test_none_or_all_positive(count):
    labels, p = draw_positives(np.full(4, 0.3), count, np.random.default_rng(0))
    assert labels.sum() == count
    np.testing.assert_allclose(p, count / 4)


def test_noise_lands_on_its_side_and_the_score_follows():
    rng = np.random.default_rng(0)
    causes = rng.normal(size=500)
    threshold = calibrate(causes, 160)
    labels, _ = draw_positives(np.full(500, 0.32), 160, rng)
    noise = draw_noise(threshold - causes, labels, rng)
    excess = causes + noise - threshold
    assert np.isfinite(noise).all()
    assert ((excess < 0) == labels).all()
    assert ((nihss(excess, 1.7) < 7) == labels).all()
