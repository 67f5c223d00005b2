"""The interval of an AUC, and when there is none; which test holds differences under which protocol."""

from dataclasses import replace

import numpy as np
import pytest
from made_up import made_up, plan

from strokebench.reports.statistics import paired
from strokebench.reports.statistics.delong import delong
from strokebench.reports.statistics.headline import Headline, auc_intervals, differences_of
from strokebench.reports.statistics.scores import arrange


def key_of(results, method):
    [setting] = [each for each in results.settings.values() if each.key[0] == method]
    return setting.key


def test_of_one_seed_which_has_no_discordance_the_corrected_t_stands(make_results):
    headline = Headline(make_results(seeds=(39,)))
    assert headline.auc("vdafm") == paired.corrected_auc(
        headline.analytic.aucs[headline.names.index("vdafm")], headline.share
    )


def test_of_one_seed_whose_runs_happen_to_agree_delong_s_interval_stands(make_results):
    results = make_results(seeds=(39,))
    found = Headline(results)
    agreeing = replace(found.analytic, aucs=np.full_like(found.analytic.aucs, 0.8))
    narrow = Headline(results, found.scores, agreeing).auc("vdafm")
    assert narrow == agreeing.interval(found.names.index("vdafm")) and narrow.low < 0.79 < 0.81 < narrow.high


def test_an_interval_needs_a_whole_cross_validation(make_results):
    whole = auc_intervals(make_results(seeds=(39,)))
    assert whole and all(each.low < each.value < each.high for each in whole.values())
    assert auc_intervals(make_results(seeds=(39,), missing={next(iter(whole)): 1})) == {}, "four runs of five"


@pytest.mark.parametrize("hospitals", [2, 3, 4])
def test_of_hospitals_left_out_three_are_enough_whatever_their_runs(make_results, hospitals):
    results = make_results(seeds=(39,))
    runs, told = (frame[frame["fold"] < hospitals] for frame in (results.runs, results.predictions))
    loho = replace(results, runs=runs, predictions=told, provenance={**results.provenance, "protocol": "loho"})
    found = auc_intervals(loho)
    assert found and all(each.low < each.value < each.high for each in found.values())
    one = next(iter(found))
    runs, told = (frame[(frame["method"] != one) | (frame["fold"] == 0)] for frame in (runs, told))
    lacking = auc_intervals(replace(loho, runs=runs, predictions=told))
    assert (lacking == {}) == (hospitals > 2), "of two the models are taken as given"


def test_under_cross_validation_a_difference_is_the_headline_s_as_it_is(results):
    pairs = {key_of(results, "mlp"): key_of(results, "vdafm"), key_of(results, "svm"): key_of(results, "vdafm")}
    headline = Headline(results)
    for (method, *_), found in differences_of(results, pairs).items():
        assert found == headline.difference(method, "vdafm")


def test_elsewhere_delong_s_p_are_adjusted_over_those_that_are_held_against_one_other(results):
    holdout = replace(results, provenance={**results.provenance, "protocol": "holdout"})
    names, best = ("concat", "xgboost", "sparsemm"), "vdafm"
    pairs = {key_of(results, name): key_of(results, best) for name in names}
    pairs[key_of(results, "mlp")] = key_of(results, "svm")
    scores = arrange(results.predictions)
    place, analytic = scores.names.index, delong(scores)
    tests = {name: analytic.test(place(name), place(best)) for name in names}
    smallest, middle, largest = sorted(names, key=lambda name: tests[name].p)
    adjusted = {smallest: 3 * tests[smallest].p}
    adjusted[middle] = max(adjusted[smallest], 2 * tests[middle].p)
    adjusted[largest] = max(adjusted[middle], tests[largest].p)
    assert adjusted[middle] > tests[middle].p, "or nothing would be adjusted"
    found = {key[0]: test for key, test in differences_of(holdout, pairs).items()}
    for name, p in adjusted.items():
        assert found[name].p == pytest.approx(min(p, 1)) and found[name].value == pytest.approx(tests[name].value)
    # Alone against another: as it is.
    assert found["mlp"].p == pytest.approx(analytic.test(place("mlp"), place("svm")).p)


def test_with_hospitals_left_out_their_spread_counts_and_seeds_are_no_further_hospitals(results):
    """Five folds stand for five hospitals: the corrected variance is over their means, not over 20 runs."""
    loho = replace(results, provenance={**results.provenance, "protocol": "loho"})
    headline, scores = Headline(loho), arrange(results.predictions)
    analytic, names = delong(scores), scores.names
    fold = np.array([fold for _, fold in scores.groups])
    first, second = names.index("vdafm"), names.index("mlp")
    means = [(analytic.aucs[first] - analytic.aucs[second])[fold == number].mean() for number in range(5)]
    over_patients = analytic.test(first, second).se
    found = headline.difference("vdafm", "mlp")
    assert found.se == pytest.approx(np.sqrt((np.var(means, ddof=1) * (1 / 5 + 1 / 4) + over_patients**2) / 2))
    assert found.value == pytest.approx(np.mean(means)) and found.runs == 20
    auc = headline.auc("vdafm")
    assert auc.low < auc.value < auc.high and auc.value == pytest.approx(np.nanmean(analytic.aucs[first]))
    two = replace(
        loho, predictions=loho.predictions[loho.predictions["fold"] < 2], runs=loho.runs[loho.runs["fold"] < 2]
    )
    assert not Headline(two).corrects, "two hospitals tell nothing of their spread"


def test_what_has_no_predictions_yet_has_no_difference(incomplete):
    found = differences_of(incomplete, {key_of(incomplete, "svm"): key_of(incomplete, "vdafm")})
    [none] = found.values()
    assert none.runs == 0 and np.isnan([none.value, none.p]).all()


def test_hospitals_that_are_left_out_of_every_number_are_no_test_parts():
    """They are learnt from all the same."""
    sites = {0: ("A", 100, 40), 1: ("B", 100, 40), 2: ("C", 90, 40), 3: ("D", 10, 1)}
    assert paired.test_share(made_up(plan(folds=sites), sites=sites)) == pytest.approx((290 / 3) / (300 - 290 / 3))
