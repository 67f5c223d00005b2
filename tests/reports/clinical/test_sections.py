"""The section on made-up results: subgroups, small ones, unfinished runs, thresholds."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from strokebench.benchmarks.experiments.clinical import Clinical
from strokebench.reports.clinical import figures
from strokebench.reports.clinical.fairness import gaps
from strokebench.reports.clinical.pooled import headline, of_patients, pool, resample_patients, shown_methods
from strokebench.reports.clinical.sections import clinical_lead
from strokebench.reports.clinical.subgroups import Subgroup, all_groupings, all_subgroups, pooled_aucs, worst
from strokebench.reports.clinical.tables import balance_note, scores_table, thresholds_table
from strokebench.reports.statistics.intervals import Interval, auc_interval
from strokebench.reports.tables.section import read_section
from strokebench.tasks.endpoints.binary import BINARY
from strokebench.tasks.metrics.evaluate import evaluate
from strokebench.tasks.metrics.selection import auc


def known(results, **changes):
    """With two hospitals, age bands and a group of one class."""
    patients = results.predictions.drop_duplicates("patient_id")
    sex = np.where(patients["y"] == 1, "F", "M")
    age = pd.Categorical(
        np.where(np.arange(len(patients)) < 8, "under 60", "60-69"), ["under 60", "60-69"], ordered=True
    )
    groups = pd.DataFrame({"patient_id": patients["patient_id"], "age": age, "sex": sex})
    number = results.predictions["patient_id"].str[1:].astype(int)
    predictions = results.predictions.assign(site=np.where(number % 3 > 0, "North", "South"))
    return replace(results, predictions=predictions, groups=groups, **changes)


@pytest.fixture(scope="module")
def some(make_results):
    """Three methods, one of which waits for runs."""
    results = make_results(missing={"svm": 3}, seeds=(39, 40))
    chosen = ("vdafm", "concat", "svm")
    part = replace(
        results,
        predictions=results.predictions[results.predictions["method"].isin(chosen)],
        runs=results.runs[results.runs["method"].isin(chosen)],
        provenance={**results.provenance, "balance": "smote"},
    )
    return known(part)


@pytest.fixture(scope="module")
def published(some, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("clinical")
    with pytest.MonkeyPatch.context() as patch:
        # What is made once for a module is made before tests have their one format.
        patch.setattr("strokebench.reports.tables.section.FIGURE_FORMATS", ("svg",))
        Clinical().report(some, folder)
    return folder


def test_everything_is_written(published):
    names = {path.name for path in published.iterdir()}
    tables = (
        "clinical_scores",
        "calibration",
        "thresholds",
        "net_benefit",
        "subgroups",
        "worst_hospital",
        "instability",
        "fairness",
        "by_group",
    )
    # Of two groups each has a row, and no others; its warning is its own.
    own = pd.read_csv(published / "by_group.csv", dtype=str, keep_default_na=False).set_index("key")
    assert [key for key in own.index if key.startswith("vdafm/")] == [
        f"vdafm/{group}"
        for group in ("age/under 60", "age/60-69", "sex/F", "sex/M", "hospital/North", "hospital/South")
    ]
    assert "n < 30" in own.loc["vdafm/age/under 60", "warning"] and own.loc["vdafm/age/60-69", "warning"] == ""
    assert own.loc["vdafm/sex/F", "sensitivity"] != own.loc["vdafm/sex/F", "specificity"] == "–"
    [*_, nobody] = pd.read_csv(published / "net_benefit.csv").itertuples()
    assert nobody.key == "everybody" and nobody.runs_planned == 0
    assert (published / "net_benefit.md").read_text().split("Act on everybody")[1].split("\n")[0].endswith("| – |")
    pictures = ("reliability", "instability_picture", "decision_curves", "subgroups_forest", "hospitals_forest")
    assert {f"{table}.csv" for table in tables} | {f"{picture}.svg" for picture in pictures} <= names


@pytest.mark.parametrize(("most", "one_picture"), [(10, True), (100_000, False)])
def test_many_points_become_one_picture_in_the_drawing(some, monkeypatch: pytest.MonkeyPatch, most, one_picture):
    monkeypatch.setattr(figures, "MOST_DRAWN", most)
    scores = pool(some)
    assert scores is not None
    [points, *_] = figures.draw_instability(some, scores, ["vdafm"]).axes[0].lines
    assert bool(points.get_rasterized()) is one_picture


def test_the_curve_of_one_method_stands_above_numbers_of_its_own_width(some):
    scores = pool(some)
    assert scores is not None
    upper, lower = figures.draw_reliability(some, scores, ["vdafm"]).axes
    upper.figure.draw_without_rendering()
    assert upper.get_position().width < lower.get_position().width
    assert any(label.get_visible() and label.get_text() for label in upper.get_xticklabels())


def test_a_pointer_is_told_the_group_and_the_method_and_of_a_curve_the_method(published):
    found = {
        name: re.findall("<title>(.*?)</title>", (published / f"{name}.svg").read_text())
        for name in ("subgroups_forest", "reliability")
    }
    assert any(title.startswith("60-69, VDAFM: ") for title in found["subgroups_forest"])
    assert any(title.startswith("All patients, Concat: ") for title in found["subgroups_forest"])
    assert any(re.fullmatch(r"VDAFM: [\d.]+ % observed, [\d.]+ % predicted", title) for title in found["reliability"])
    assert "on hover" not in (published / "reliability.svg").read_text()


def test_a_picture_of_groups_names_those_that_are_there(some, tmp_path):
    for there, title in (["age", "sex"], "AUC by age and sex"), (["sex"], "AUC by sex"):
        Clinical().report(replace(some, groups=some.groups[["patient_id", *there]]), tmp_path / title)
        assert title in [panel["title"] for panel in read_section(tmp_path / title)["panels"]]


def test_small_and_one_class_groups_are_warned_of(published):
    table = pd.read_csv(published / "subgroups.csv", keep_default_na=False).set_index("key")
    assert "n < 30" in table.loc["age/under 60", "warning"]
    assert table.loc["sex/F", "warning"] == "one class only"
    assert table.loc["sex/F", "auc_vdafm"] == "–"
    assert table.loc["hospital/North", "warning"] == ""
    assert list(table.index) == ["age/under 60", "age/60-69", "sex/F", "sex/M", "hospital/North", "hospital/South"]


@pytest.mark.parametrize(
    ("n", "events", "warning"),
    [
        (30, 10, ""),
        (29, 10, "n < 30"),
        (100, 9, "< 10 events"),
        (100, 95, "< 10 without event"),
        (29, 9, "n < 30; < 10 events"),
        (50, 0, "one class only"),
        (50, 50, "one class only"),
    ],
)
def test_warnings(n, events, warning):
    assert Subgroup("sex", "F", n, events, {}).warning == warning


def test_a_subgroup_is_scored_on_its_own_patients(some):
    scores = pool(some, raw=True)
    north = next(group for group in all_subgroups(all_groupings(some, scores), scores) if group.name == "North")
    mine = some.predictions[(some.predictions["method"] == "vdafm") & (some.predictions["site"] == "North")]
    expected = np.mean([auc(part["y"], part["p"]) for _, part in mine.groupby("seed")])
    assert north.auc["vdafm"].value == pytest.approx(expected)
    assert (north.n, north.events) == (mine["patient_id"].nunique(), mine.drop_duplicates("patient_id")["y"].sum())
    assert north.auc["vdafm"].low < expected < north.auc["vdafm"].high


def test_a_group_that_is_ranked_without_a_mistake_is_not_certain(some):
    scores = pool(some, raw=True)
    perfect = replace(scores, p=np.where(np.isnan(scores.p), np.nan, scores.y))
    groupings = all_groupings(some, perfect)
    north = next(group for group in all_subgroups(groupings, perfect) if group.name == "North")
    n, events = len(perfect.y), int(perfect.y.sum())
    for found, interval in (
        (north.auc["vdafm"], auc_interval(1, north.events, north.n - north.events)),
        (pooled_aucs(perfect, 20)["vdafm"], auc_interval(1, events, n - events)),
    ):
        assert found.value == found.high == 1 and found.low == interval.low < 1
    gap = next(gap for gap in gaps(perfect, perfect, "vdafm", groupings) if gap.group == "North")
    assert gap.auc.value == 0 and gap.auc.low < 0 < gap.auc.high


def test_a_method_is_pooled_from_whole_seeds_only(some):
    scores = pool(some)
    assert list(scores.tested[scores.names.index("svm")]) == [False, True]


def test_the_worst_hospital_is_not_a_small_one():
    def group(name, n, value):
        return Subgroup("hospital", name, n, n // 2, {"m": Interval(value, 0, 1)})

    found = [group("tiny", 10, 0.2), group("low", 60, 0.6), group("high", 60, 0.8)]
    assert worst(found, "m").name == "low"
    assert worst(found[:1], "m") is None and worst(found[:2], "m") is None, "one alone is not the worst of several"


def test_empty_groups_are_left_out_and_order_is_kept(some):
    patients = some.predictions["patient_id"].unique()
    ages = pd.Categorical(["old", "young"] * (len(patients) // 2), ["young", "middle", "old"], ordered=True)
    groups = pd.DataFrame({"patient_id": patients, "age": ages}).iloc[10:]
    scores = pool(some)
    (_, membership, names), *_ = all_groupings(replace(some, groups=groups), scores)
    assert names == ["young", "old", "unknown"]
    assert len(of_patients(scores, membership == "unknown").y) == 10


def test_thresholds_are_applied_run_by_run(some):
    row = next(row for row in thresholds_table(some).rows if row.key == "concat/validation")
    mine = some.predictions[some.predictions["method"] == "concat"]
    recalls = [evaluate(BINARY, part["y"], part["p"], 0.4)["Recall"] for _, part in mine.groupby(["seed", "fold"])]
    assert row.cells["Recall"].value == pytest.approx(np.mean(recalls))
    assert "0.40" in row.label


def test_a_hospital_left_out_of_every_number_is_in_no_threshold_either(some):
    by_hospital = replace(some, provenance=some.provenance | {"protocol": "loho"})
    large = replace(
        by_hospital,
        predictions=some.predictions[some.predictions["fold"] != 4],
        runs=some.runs[some.runs["fold"] != 4],
    )
    one_class = replace(by_hospital, predictions=some.predictions.query("fold != 4 or y == 0"))
    assert set(one_class.too_small) == {4}
    assert thresholds_table(one_class).rows == thresholds_table(large).rows


def test_folds_are_called_ranked_together_where_there_are_several(some):
    """The one test part of `holdout` is a fold of cv5, and not its first."""
    parts = [frame[frame["fold"] == 2] for frame in (some.predictions, some.runs)]
    held = replace(some, predictions=parts[0], runs=parts[1], provenance=some.provenance | {"protocol": "holdout"})
    for results, said in ((some, True), (held, False)):
        scores = pool(results)
        aucs = pooled_aucs(scores, n_resamples=20)
        assert ("folds ranked together" in clinical_lead(results, scores, aucs, [])) is said
        weights = resample_patients(len(scores.y), 20)
        assert any("ranks within a fold" in note for note in scores_table(results, scores, aucs, weights).notes) is said


def test_a_single_run_has_no_deviation(some):
    part = [frame[(frame["fold"] == 2) & (frame["seed"] == 39)] for frame in (some.predictions, some.runs)]
    once = thresholds_table(replace(some, predictions=part[0], runs=part[1]))
    assert all(cell.std is None for row in once.rows for cell in row.cells.values())


def test_results_without_thresholds_have_a_dash(some):
    table = thresholds_table(replace(some, runs=some.runs.assign(threshold=np.nan)))
    assert [bool(row.cells) for row in table.rows] == [True, False] * 3


def test_balanced_training_is_said_and_undone(some):
    raw, undone = pool(some, raw=True), pool(some)
    assert np.nanmean(undone.p) < np.nanmean(raw.p)
    note = balance_note(some)
    mean = 100 * np.nanmean(raw.p[raw.names.index("vdafm")])
    assert "SMOTE" in note and f"VDAFM {mean:.1f} %" in note
    unbalanced = replace(some, runs=some.runs.assign(balance="none"))
    np.testing.assert_array_equal(pool(unbalanced).p, raw.p)
    assert balance_note(unbalanced) == "Training classes were not balanced."


def test_pictures_show_few_methods_chosen_without_the_test_parts(make_results):
    results = make_results(seeds=(39,))
    validation = {"mlp": 0.9, "svm": 0.6, "xgboost": 0.7}
    runs = results.runs.assign(validation_score=[validation.get(name, 0.5) for name in results.runs["method"]])
    results = replace(results, runs=runs)
    assert shown_methods(results, pool(results)) == ["vdafm", "mlp", "xgboost"]


def test_pictures_begin_with_the_method_that_the_finding_speaks_of(some):
    predictions, runs = [
        pd.concat([frame, frame[frame["method"] == "vdafm"].assign(variant="sizes=paper")], ignore_index=True)
        for frame in (some.predictions, some.runs.assign(validation_score=0.5))
    ]
    for better in ("", "sizes=paper"):
        chosen = runs.assign(validation_score=np.where(runs["variant"] == better, 0.9, 0.5))
        results = replace(some, predictions=predictions, runs=chosen)
        scores = pool(results)
        assert shown_methods(results, scores)[0] == headline(results, scores)[0]
        assert len(shown_methods(results, scores)) == 4


def test_the_headline_names_its_method_by_a_rule_and_says_when_it_is_chance(make_results):
    results = make_results(seeds=(39,))
    assert headline(results, pool(results)) == ("vdafm", "the proposed method")
    others = replace(
        results,
        predictions=results.predictions[results.predictions["method"] != "vdafm"],
        runs=results.runs[results.runs["method"] != "vdafm"].assign(
            validation_score=lambda runs: np.where(runs["method"] == "mlp", 0.9, 0.6)
        ),
    )
    name, why = headline(others, pool(others))
    assert (name, why) == ("mlp", "the best on the validation parts")
    assert "MLP (the best on the validation parts) tells patients apart" in lead_of(others)
    # Of models that are validated no validation part is known.
    unknown = replace(others, runs=others.runs.assign(validation_score=np.nan))
    assert headline(unknown, pool(unknown))[1] == "the first of the table"
    frames = [frame[frame["method"] == "svm"] for frame in (unknown.predictions, unknown.runs)]
    alone = replace(unknown, predictions=frames[0], runs=frames[1])
    assert headline(alone, pool(alone)) == ("svm", "the only one")
    noise = np.random.default_rng(0).random(len(others.predictions))
    assert "does not discriminate" in lead_of(replace(others, predictions=others.predictions.assign(p=noise)))


def test_probabilities_that_call_everybody_are_no_better_than_to_act_on_everybody(make_results):
    results = make_results(seeds=(39,))
    alike = replace(
        results,
        predictions=results.predictions.assign(p=0.3),
        runs=results.runs.assign(balance="none"),
    )
    assert "at no threshold looked at" in lead_of(alike)


def lead_of(results):
    scores = pool(results)
    return clinical_lead(results, scores, pooled_aucs(scores, n_resamples=200), [])


def test_groups_that_no_column_makes_are_named(some, tmp_path):
    for groups, said in (
        (some.groups, ""),
        (some.groups[["patient_id", "age"]], "No subgroups by sex: no column of that role; name it under `roles:`."),
        (None, "No subgroups by age and sex: no column"),
    ):
        lead = Clinical().report(replace(some, groups=groups), tmp_path / f"{said:.24}").lead
        assert ("No subgroups" in lead) is bool(said) and said in lead


def test_two_patients_or_a_class_of_one_have_no_narrow_interval(some):
    scores = pool(some)
    first = np.flatnonzero(scores.y)[:1].tolist() + np.flatnonzero(~scores.y)[:39].tolist()
    race = np.where(np.isin(np.arange(len(scores.y)), first), "rare", "common")
    rare = next(group for group in all_subgroups([("race", race, ["rare", "common"])], scores) if group.name == "rare")
    assert rare.warning == "< 10 events"
    found = rare.auc["vdafm"]
    assert found == auc_interval(found.value, 1, 39) and found.high - found.low > 0.4

    race = np.where(np.arange(len(scores.y)) < 2, "rare", "common")
    [gap] = gaps(scores, scores, "vdafm", [("race", race, ["rare", "common"])])
    p = np.nanmean(scores.p[scores.names.index("vdafm")], axis=0)
    spread = (scores.y - p)[:2].std(ddof=1) / np.sqrt(2)
    assert gap.warning and gap.observed_less_predicted.value - gap.observed_less_predicted.low > 12.7 * spread


def test_nothing_finished_is_no_error(some, tmp_path):
    waiting = replace(some, predictions=some.predictions.head(0), runs=some.runs.assign(status="missing"))
    Clinical().report(waiting, tmp_path)
    assert (tmp_path / "section.json").is_file()
    assert not (tmp_path / "reliability.svg").exists()
