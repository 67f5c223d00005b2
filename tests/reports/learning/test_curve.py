"""What a doubling of the training patients is worth, against two shares and a least-squares line, and what is said."""

import numpy as np
import pytest
from made_up import made_up, plan

from strokebench.reports.ablation.table import Entry
from strokebench.reports.learning.curve import FROM, curve_lead, doubling, draw_curve, slopes
from strokebench.reports.statistics.headline import Headline, headline_of
from strokebench.reports.statistics.intervals import Interval
from strokebench.reports.statistics.paired import UNTESTED, PairedTest

SHARES = {"share=0.2": 0.2, "share=0.4": 0.4, "share=0.8": 0.8, "": 1.0}
ENTRIES = [Entry("concat", variant, "complete", variant, complete=not variant) for variant in SHARES]


def results(signal, lost=None):
    return made_up(plan(("concat",), tuple(SHARES)), signal, lost)


@pytest.fixture(scope="module")
def rising():
    return results({"share=0.2": 0.0, "share=0.4": 0.5, "share=0.8": 2.0, "concat": 2.5})


def names(found, *variants):
    return {name: SHARES[s.variant] for name, s in found.settings.items() if s.variant in variants}


def test_of_two_shares_that_lie_a_doubling_apart_it_is_their_difference(rising):
    headline = Headline(rising)
    two = names(rising, "share=0.4", "share=0.8")
    slope, difference = doubling(headline, two), headline.difference(*reversed(two))
    for part in ("value", "low", "high", "se", "p", "runs"):
        assert getattr(slope, part) == pytest.approx(getattr(difference, part))


def test_of_more_it_is_the_mean_slope_of_lines_through_each_run(rising):
    found = doubling(Headline(rising), names(rising, *SHARES))
    runs = rising.metrics.pivot_table(index=["seed", "fold"], columns="variant", values="AUC")
    x = np.log2([SHARES[variant] for variant in runs])
    lines = np.polyfit(x, runs.to_numpy().T, 1)[0]
    assert found.value == pytest.approx(lines.mean()) and found.runs == 20


def test_it_is_measured_from_the_larger_shares_once_all_of_them_are_there(rising):
    [slope] = slopes(rising, headline_of(rising), ENTRIES, SHARES).values()
    larger = names(rising, *(variant for variant, share in SHARES.items() if share >= FROM))
    assert slope == doubling(Headline(rising), larger) and slope.low > 0
    assert "more patients like these would help" in curve_lead(rising, {"concat": slope})
    few = results(1.0, dict.fromkeys(plan(("concat",), ("share=0.8",))[4:], "missing"))
    assert slopes(few, headline_of(few), ENTRIES, SHARES) == {}
    assert curve_lead(few, {}).startswith("Too few runs")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((0.03, 0.01, 0.05), "so more patients like these would help."),
        ((0.01, 0.005, 0.015), "so more patients like these would help, by less than 2 points."),
        ((0.002, -0.01, 0.014), "so twice as many would move it by less than 2 points."),
        ((0.01, -0.01, 0.03), "so whether more patients would help is not shown."),
        ((-0.03, -0.05, -0.01), "so it does worse with more patients."),
    ],
)
def test_what_is_said_follows_the_interval(rising, given, said):
    lead = curve_lead(rising, {"concat": PairedTest(*given, se=0.01, p=0.5, runs=20)})
    assert said in lead and f"{100 * given[0]:+.1f} [" in lead


def test_the_picture_has_a_point_a_share_at_its_place(rising):
    figure = draw_curve(rising, headline_of(rising), ENTRIES, SHARES)
    [points] = figure.axes[0].containers
    line = points.lines[0]
    np.testing.assert_allclose(line.get_xdata(), [20, 40, 80, 100])
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["20 %", "40 %", "80 %", "100 %"]
    means = rising.metrics.groupby("variant")["AUC"].mean()
    np.testing.assert_allclose(line.get_ydata(), [100 * means[variant] for variant in SHARES])


def test_an_interval_of_no_width_is_drawn(rising, monkeypatch):
    """Two runs of equal AUC: an end came to lie a last digit inside, which Matplotlib refuses."""
    narrow = Interval(0.775, 0.775 + 1e-15, 0.775)
    monkeypatch.setattr(Headline, "auc", lambda *_: narrow)
    assert draw_curve(rising, headline_of(rising), ENTRIES, SHARES).axes


def test_four_hospitals_of_one_seed_are_enough():
    sites = {fold: (name, 60, 20) for fold, name in enumerate("ABCD")}
    loho = made_up(plan(("concat",), tuple(SHARES), seeds=(39,), folds=sites), sites=sites)
    assert slopes(loho, headline_of(loho), ENTRIES, SHARES)["concat"].runs == 4


@pytest.mark.parametrize("perfect", [True, False])
def test_predictions_that_are_perfect_or_all_the_same_show_nothing(perfect):
    alike = results(200.0)
    alike.predictions["p"] = alike.predictions["p"] if perfect else 0.5
    headline = headline_of(alike)
    slope = doubling(headline, names(alike, *SHARES))
    assert slope.value == 0 and slope.runs == 20 and np.isnan([slope.low, slope.high, slope.se, slope.p]).all()
    assert slopes(alike, headline, ENTRIES, SHARES) == {}
    assert UNTESTED in curve_lead(alike, {})
