"""The interval of an AUC, and when there is none."""

from strokebench.reports.statistics.headline import auc_intervals


def test_an_interval_needs_a_whole_cross_validation(make_results):
    whole = auc_intervals(make_results(seeds=(39,)))
    assert whole and all(each.low < each.value < each.high for each in whole.values())
    assert auc_intervals(make_results(seeds=(39,), missing={next(iter(whole)): 1})) == {}, "four runs of five"
