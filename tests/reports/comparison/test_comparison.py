"""The comparison's numbers, and that its paragraph says what the tests say, whatever the tests say."""

import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from made_up import made_up, plan

from strokebench.errors import StrokebenchError
from strokebench.reports.comparison.compare import compare
from strokebench.reports.comparison.figures import draw_forest, draw_ranks
from strokebench.reports.comparison.section import comparison_section, ranks_over_hospitals
from strokebench.reports.comparison.table import comparison_table, effects_table, pairs_frame
from strokebench.reports.comparison.words import cliques, join, lead, p_value
from strokebench.reports.statistics import paired
from strokebench.reports.statistics.delong import delong
from strokebench.reports.statistics.discordance import WIDENING, discordance
from strokebench.reports.statistics.paired import UNTESTED, corrected_t
from strokebench.reports.statistics.scores import arrange
from strokebench.reports.summary import summarise
from strokebench.reports.table1.table import table1_lead
from strokebench.reports.tables.render import to_csv, to_markdown
from strokebench.reports.tables.section import publish, read_section
from strokebench.reports.tables.style import save_figure


@pytest.fixture(scope="module")
def compared(results):
    return compare(results, n_resamples=200)


@pytest.fixture(scope="module")
def part(incomplete):
    return compare(incomplete, n_resamples=200)


def only(results, *methods):
    keep = lambda frame: frame[frame["method"].isin(methods)]  # noqa: E731
    return replace(results, predictions=keep(results.predictions), runs=keep(results.runs))


def decided(comparison, winners):
    """The same comparison with made-up verdicts: `winners` are (better, worse)."""
    pairs = {}
    for (first, second), pair in comparison.pairs.items():
        if (second, first) in winners and pair.tested.value > 0:
            pair = replace(pair, tested=replace(pair.tested, value=-pair.tested.value))
        real = (first, second) in winners or (second, first) in winners
        pairs[first, second] = replace(pair, real=real, p_holm=0.01 if real else 0.5)
    return replace(comparison, pairs=pairs)


def test_the_auc_is_that_of_table_1(results, compared):
    table = summarise(results).set_index("method")["AUC"]
    assert {name: interval.value for name, interval in compared.values.items()} == pytest.approx(table.to_dict())
    assert list(compared.names) == list(table.sort_values(ascending=False).index)
    assert all(interval.low < interval.value < interval.high for interval in compared.values.values())


def test_equal_results_give_equal_comparisons(results, compared):
    pd.testing.assert_frame_equal(pairs_frame(compare(results, n_resamples=200)), pairs_frame(compared))


def test_a_pair_turned_round_changes_signs_only(compared):
    first, second = compared.names[0], compared.names[-1]
    one, other = compared.pair(first, second), compared.pair(second, first)
    assert other.drawn.value == -one.drawn.value and other.drawn.low == -one.drawn.high
    assert other.tested.low == -one.tested.high and other.p_holm == one.p_holm
    assert other.better == one.better and other.superiority == 1 - one.superiority
    assert other.turned() == one


def test_the_reference_is_vdafm_or_the_best_by_validation_or_as_asked(results, compared):
    assert compared.reference == "vdafm"
    rest = only(results, "mlp", "svm", "concat")
    runs = rest.runs.assign(validation_score=rest.runs["method"].map({"mlp": 0.6, "svm": 0.8, "concat": 0.7}))
    assert compare(replace(rest, runs=runs), n_resamples=20).reference == "svm"
    assert compare(rest, reference="mlp", n_resamples=20).reference == "mlp"
    with pytest.raises(StrokebenchError, match="vdafm"):
        compare(rest, reference="vdafm", n_resamples=20)


def test_of_a_reference_at_two_sizes_the_one_of_every_table_counts(results):
    two = only(results, "vdafm", "mlp")
    both = {
        part: pd.concat([frame, frame[frame["method"] == "vdafm"].assign(variant="width=256", variant_label="wide")])
        for part, frame in {"predictions": two.predictions, "runs": two.runs}.items()
    }
    sized = replace(two, **both)
    comparison = compare(sized, n_resamples=20)
    assert comparison.labels[comparison.reference] == "VDAFM" and len(comparison.names) == 3
    assert compare(sized, reference="vdafm", n_resamples=20).reference == comparison.reference


def test_pairs_are_compared_on_common_runs(part):
    assert part.pair("vdafm", "mlp").runs == 17
    assert part.pair("vdafm", "concat").runs == 18
    assert part.pair("concat", "xgboost").runs == 20
    assert "svm" not in part.names and part.left_out == ("SVM",)


def test_a_method_against_its_copy_shows_no_difference(results):
    two = only(results, "mlp", "svm")
    copied = two.predictions[two.predictions["method"] == "mlp"]
    twins = replace(two, predictions=pd.concat([copied, copied.assign(method="svm")]))
    pair = next(iter(compare(twins, n_resamples=50).pairs.values()))
    assert (pair.tested.value, pair.drawn.p, pair.tested.p, pair.p_holm) == (0, 1, 1, 1)
    assert not pair.real and pair.superiority == 0.5
    assert "are practically equal" in lead(compare(twins, n_resamples=50)).replace("is practically", "are practically")


def test_the_headline_is_delong_s_widened_and_of_a_difference_the_mean_of_two_variances(results, compared):
    scores = arrange(results.predictions)
    analytic, share = delong(scores), paired.test_share(results)
    first, second = (scores.names.index(name) for name in ("vdafm", "mlp"))
    widened = 1 + WIDENING * discordance(scores, first)
    assert widened > 1 and compared.values["vdafm"] == analytic.interval(first, widened)
    tested = compared.pair("vdafm", "mlp").tested
    se = np.hypot(corrected_t(analytic.aucs[first] - analytic.aucs[second], share).se, analytic.test(first, second).se)
    assert tested.se == pytest.approx(se / np.sqrt(2)) and tested.runs == 20
    assert [pair.real for pair in compared.pairs.values()] == [pair.p_holm < 0.05 for pair in compared.pairs.values()]


def test_delong_decides_where_all_runs_share_one_test_part(results):
    held = replace(results, provenance={**results.provenance, "protocol": "holdout"})
    comparison, scores = compare(held, n_resamples=20), arrange(results.predictions)
    analytic, names = delong(scores), scores.names
    for (first, second), pair in comparison.pairs.items():
        assert pair.tested.p == analytic.test(names.index(first), names.index(second)).p
    assert comparison.values["mlp"] == analytic.interval(names.index("mlp"))
    assert "corrected" not in lead(comparison) and "DeLong" in lead(comparison)
    assert "models as they are" in to_markdown(comparison_table(held, comparison))


def test_of_two_hospitals_no_mean_over_hospitals_is_made_nor_told_of(results):
    leaves = replace(results, provenance={**results.provenance, "protocol": "loho"})
    two = replace(leaves, **{part: frame[frame["fold"] < 2] for part, frame in vars(leaves).items()
                             if part in ("runs", "predictions")})  # fmt: skip
    over = [to_markdown(comparison_table(each, compare(each, n_resamples=20))) for each in (leaves, two)]
    assert "AUC: mean over hospitals" in over[0] and "AUC: mean over runs" in over[1]


def test_the_words_when_no_difference_is_real(compared):
    said = lead(decided(compared, set()))
    assert "None of the 28 differences" in said and "better" not in said and "not shown to be equal" in said


def test_the_words_when_one_difference_is_real(compared):
    said = lead(decided(compared, {("vdafm", "mlp")}))
    assert "1 of the 28 differences in AUC between 8 methods is real" in said
    assert "VDAFM is better than MLP by" in said and said.count("better than") == 1
    pair = compared.pair("vdafm", "mlp")
    assert f"by {100 * pair.tested.value:.1f} points" in said


def test_the_words_when_many_differences_are_real(compared):
    losers = ("mlp", "svm")
    winners = {(better, worse) for better in ("vdafm", "concat") for worse in losers} | {("xgboost", "svm")}
    said = lead(decided(compared, winners))
    labels = {name: compared.labels[name] for name in compared.names}
    order = [labels[name] for name in compared.names]
    both = " and ".join(sorted(("VDAFM", "Concat"), key=order.index))
    beaten = " and ".join(sorted(("MLP", "SVM"), key=order.index))
    assert (
        "5 of the 28" in said
        and f"{both} are each better than {beaten}" in said
        and "XGBoost is better than SVM" in said
    )


def test_the_words_when_all_differences_are_real(compared):
    names = compared.names
    said = lead(decided(compared, {(a, b) for i, a in enumerate(names) for b in names[i + 1 :]}))
    assert "All of the 28" in said and "told apart" not in said


def test_the_better_method_is_the_one_of_the_pair_not_of_the_whole_ranking(compared):
    first, second = compared.names[0], compared.names[1]
    said = lead(decided(compared, {(second, first)}))
    assert f"{compared.labels[second]} is better than {compared.labels[first]}" in said


def test_the_words_of_incomplete_runs(part, incomplete):
    said = lead(part)
    assert "SVM has no finished run" in said and "VDAFM 18/20" in said and "MLP 17/20" in said
    alone = lead(compare(only(incomplete, "vdafm", "svm")))
    assert "Only VDAFM has finished runs" in alone and "better" not in alone
    nothing = lead(compare(only(incomplete, "svm")))
    assert nothing.startswith("No run is finished yet")


def test_two_methods_without_a_common_run(make_results):
    results = only(make_results(), "mlp", "svm")
    cut = lambda frame: frame[(frame["seed"] < 41) == (frame["method"] == "mlp")]  # noqa: E731
    runs = results.runs.copy()
    runs.loc[~runs.index.isin(cut(runs).index), "status"] = "missing"
    comparison = compare(replace(results, predictions=cut(results.predictions), runs=runs), n_resamples=20)
    assert not next(iter(comparison.pairs.values())).real
    assert "no run in common" in lead(comparison)
    assert "nan" not in to_markdown(comparison_table(results, comparison)).lower()


def test_sets_that_cannot_be_told_apart_are_maximal(compared):
    small = replace(compared, names=("vdafm", "concat", "mlp"))
    kept = {key: pair for key, pair in compared.pairs.items() if set(key) <= set(small.names)}
    chain = decided(replace(small, pairs=kept), {("vdafm", "mlp")})
    assert {frozenset(group) for group in cliques(chain)} == {
        frozenset({"vdafm", "concat"}),
        frozenset({"concat", "mlp"}),
    }


def test_the_tables_print_what_was_computed(results, compared):
    table = comparison_table(results, compared)
    text = to_csv(table)
    interval = compared.values["mlp"]
    assert f"{100 * interval.value:.2f} [{100 * interval.low:.1f}, {100 * interval.high:.1f}]" in text
    assert "synthetic" in text and "VDAFM (reference)" in text
    assert [row.key for row in table.rows] == list(compared.names)
    effects = effects_table(results, compared)
    assert "vdafm" not in [row.key for row in effects.rows] and len(effects.rows) == 7
    assert "% of 20 runs" in to_csv(effects)


def test_the_section_is_written_at_every_stage(incomplete, results, tmp_path):
    for number, some in enumerate((incomplete, only(results, "mlp"), only(incomplete, "svm"))):
        folder = tmp_path / str(number)
        publish(comparison_section(some, compare(some, n_resamples=20), "Comparison"), folder)
        section = read_section(folder)
        assert section["lead"] and len(section["panels"]) == (4, 2, 0)[number]
        for panel in section["panels"]:
            assert panel["shows"] and panel["does_not_show"]
            file = folder / f"{panel['name']}.{'html' if panel['kind'] == 'table' else 'svg'}"
            text = " ".join(ElementTree.parse(file).getroot().itertext()) if file.suffix == ".svg" else ""
            assert file.is_file() and (not text or "outcome nihss < 7, protocol cv5" in " ".join(text.split()))


def test_mean_ranks_only_over_hospitals(results, compared):
    ranks, refusal = ranks_over_hospitals(results, compared)
    assert ranks is None and "share their patients" in refusal
    leaves = replace(results, provenance={**results.provenance, "protocol": "loho"})
    comparison = compare(leaves, n_resamples=20)
    ranks, refusal = ranks_over_hospitals(leaves, comparison)
    assert refusal == "" and ranks.n_blocks == 5 and len(ranks.ranks) == 8
    assert "comparison_ranks" in [panel.name for panel in comparison_section(leaves, comparison, "x").panels]


def test_the_pictures_tell_no_end_of_a_bar_as_a_value_and_nothing_is_cut_off(results, tmp_path):
    leaves = replace(results, provenance={**results.provenance, "protocol": "loho"})
    comparison = compare(leaves, n_resamples=20)
    ranks, _ = ranks_over_hospitals(leaves, comparison)
    figure = draw_ranks(ranks, comparison, "x")
    figure.draw_without_rendering()
    assert all(
        text.get_window_extent().x1 <= figure.bbox.x1 for text in (*figure.axes[0].texts, figure.axes[0].xaxis.label)
    )
    assert (
        f"critical difference {ranks.distance:.2f}; no difference at all: Friedman's p" in figure.axes[0].get_xlabel()
    )
    titles = re.findall("<title>(.*?)</title>", save_figure(figure, tmp_path / "a.svg").read_text())
    assert len(titles) == 9 and f"critical difference {ranks.distance:.2f}" in titles
    forest = save_figure(draw_forest(comparison, "x"), tmp_path / "b.svg").read_text()
    assert all(": " in title for title in re.findall("<title>(.*?)</title>", forest) if title != "chance")


def test_p_values_are_never_zero():
    assert [p_value(p) for p in (0.5, 0.034, 1e-9, np.nan)] == ["0.50", "0.034", "< 0.001", "–"]


def test_methods_of_grades_are_compared_by_c_with_the_same_test(graded):
    compared = compare(graded, n_resamples=200)
    means = graded.metrics.groupby("method")["c"].mean()
    assert {name: interval.value for name, interval in compared.values.items()} == pytest.approx(means.to_dict())
    pair = compared.pair("vdafm", "svm")
    assert pair.tested.value == pytest.approx(means["vdafm"] - means["svm"])
    assert pair.drawn.value == pytest.approx(pair.tested.value)
    scores = arrange(graded.predictions, endpoint=graded.endpoint)
    place, analytic = scores.names.index, delong(scores)
    runs = corrected_t(analytic.aucs[place("vdafm")] - analytic.aucs[place("svm")], paired.test_share(graded))
    over_patients = analytic.test(place("vdafm"), place("svm")).se
    assert pair.tested.se == pytest.approx(np.sqrt((runs.se**2 + over_patients**2) / 2))
    # The one knows the truth.
    assert pair.real and pair.better == "vdafm"


def test_of_grades_no_word_speaks_of_an_auc(graded, tmp_path):
    compared = compare(graded, n_resamples=200)
    publish(comparison_section(graded, compared, "Comparison"), tmp_path)
    section = read_section(tmp_path)
    table = comparison_table(graded, compared)
    assert table.columns[0].title == "c [95 % CI]" and "difference in c" in section["lead"]
    assert "AUC" not in json.dumps([section["lead"], [panel | {"name": ""} for panel in section["panels"]]])


def test_words_with_commas_are_told_apart():
    assert join(["MLP"]) == "MLP" and join(["MLP", "SVM", "VDAFM"], "or") == "MLP, SVM or VDAFM"
    assert join(["XGBoost, all", "MLP", "SVM"]) == "XGBoost, all; MLP and SVM"


def test_the_words_of_a_single_pair(results):
    two = only(results, "mlp", "svm")
    copied = two.predictions[two.predictions["method"] == "mlp"]
    twins = replace(two, predictions=pd.concat([copied, copied.assign(method="svm")]))
    comparison = compare(twins, n_resamples=20)
    assert lead(comparison).endswith(
        "The two that cannot be told apart are practically equal: the whole interval lies within 2 points of AUC."
    )
    assert "adjustment is over 1 pair." in to_markdown(comparison_table(twins, comparison))
    first = [frame[(frame["seed"] == 39) & (frame["fold"] == 0)] for frame in (twins.predictions, twins.runs)]
    once = replace(twins, predictions=first[0], runs=first[1])
    assert "have a single run in common yet" in lead(compare(once, n_resamples=20))
    assert "50 % of 1 run " in to_markdown(effects_table(once, compare(once, n_resamples=20)))


@pytest.mark.parametrize("protocol", ["holdout", "cv5"])
def test_two_methods_without_a_mistake_are_not_shown_to_be_equal(protocol):
    """Sixteen patients whom both rank rightly: nothing varies, and nothing is known for sure."""
    sites = dict.fromkeys(range(5 if protocol == "cv5" else 1), ("A", 16, 6))
    found = made_up(plan(("vdafm", "concat"), seeds=(39,), folds=sites), sites=sites)
    p = found.predictions["y"] * 0.5 + 0.1 * found.predictions["p"]
    found = replace(
        found, predictions=found.predictions.assign(p=p), provenance=found.provenance | {"protocol": protocol}
    )
    for said in (lead(compare(found, n_resamples=20)), table1_lead(found)):
        assert UNTESTED in said and "equal:" not in said and "within" not in said


def test_a_single_event_in_a_test_part_is_not_called_too_few_runs():
    """As own folds may have it: DeLong's variance is undefined there."""
    sites = {0: ("A", 40, 14), 1: ("A", 40, 1), 2: ("A", 40, 12)}
    found = made_up(plan(("vdafm", "concat"), seeds=(39,), folds=sites), sites=sites)
    own = replace(found, provenance=found.provenance | {"protocol": "own"})
    for said in (lead(compare(own, n_resamples=20)), table1_lead(own)):
        assert UNTESTED in said and "too few" not in said
