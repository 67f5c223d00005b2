"""Which interval and which test stand in the headline. `docs/statistics.md` has the simulation that decided it."""

from strokebench.reports.results import Results, setting_names
from strokebench.reports.statistics.delong import DeLong, delong
from strokebench.reports.statistics.intervals import Interval
from strokebench.reports.statistics.paired import CorrectedT, combined_t, corrected_auc, is_corrected, test_share
from strokebench.reports.statistics.scores import arrange

FEWEST_RUNS = 5
"""One whole cross-validation of five folds."""


class Headline:
    """Intervals and tests of the AUCs of these results.

    Under cross-validation they know the chance of test patients and of training patients; under other protocols that of
    test patients alone, by DeLong's test with the patient as cluster.

    Args:
        results: of a binary endpoint, with predictions. analytic: their `delong`, if it is known.

    Attributes:
        corrects: whether training patients count.
    """

    def __init__(self, results: Results, analytic: DeLong | None = None) -> None:
        scores = arrange(results.judged, runs=results.runs, endpoint=results.endpoint)
        self.names, self.analytic = scores.names, analytic or delong(scores)
        self.corrects, self.share = is_corrected(results), test_share(results)

    def auc(self, name: str) -> Interval:
        """Mean AUC over the method's runs with its 95 % interval, symmetric on the logit scale."""
        number = self.names.index(name)
        if not self.corrects:
            return self.analytic.interval(number)
        return corrected_auc(self.analytic.aucs[number], self.share)

    def difference(self, first: str, second: str) -> CorrectedT:
        """First minus second on the runs that both have."""
        one, other = self.names.index(first), self.names.index(second)
        tested, differences = self.analytic.test(one, other), self.analytic.aucs[one] - self.analytic.aucs[other]
        if self.corrects:
            return combined_t(differences, self.share, tested.se)
        runs = int((differences == differences).sum())
        return CorrectedT(tested.value, tested.low, tested.high, tested.se, runs, tested.p)


def auc_intervals(results: Results) -> dict[str, Interval]:
    """The AUC of every setting by name; empty where settings are not compared by AUC, or one has too few runs yet.

    Under cross-validation the interval is made of the spread over runs: under `FEWEST_RUNS` it has any width by luck.
    """
    if "AUC" not in results.judged_by or results.compared_by != "AUC" or results.judged.empty:
        return {}
    headline = Headline(results)
    if headline.corrects and results.metrics.groupby(setting_names(results.metrics)).size().min() < FEWEST_RUNS:
        return {}
    return {name: headline.auc(name) for name in headline.names}
