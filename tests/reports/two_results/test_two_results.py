"""Two results side by side: what changed is named first, and numbers are of the patients that both tested."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from strokebench.errors import StrokebenchError
from strokebench.reports.results import Results
from strokebench.reports.statistics.headline import Headline
from strokebench.reports.tables.section import publish, view
from strokebench.reports.tables.table import DASH
from strokebench.reports.two_results.changes import changes
from strokebench.reports.two_results.paired import compare_two
from strokebench.reports.two_results.section import two_results_section


@pytest.fixture
def a(make_results) -> Results:
    results = make_results(seeds=(39, 40))
    return stated(only(results, "vdafm", "svm", "concat"), versions={"torch": "2.1", "numpy": "2.0"}, commit="c" * 40)


def only(results: Results, *methods: str) -> Results:
    chosen = [frame[frame["method"].isin(methods)] for frame in (results.predictions, results.runs)]
    return replace(results, predictions=chosen[0], runs=chosen[1])


def stated(results: Results, **more) -> Results:
    return replace(results, provenance={**results.provenance, **more})


def worse(results: Results, method: str) -> Results:
    """The same with this method's probabilities drawn anew, in runs of other keys."""
    predictions, runs = results.predictions.copy(), results.runs.copy()
    of_method = predictions["method"] == method
    predictions.loc[of_method, "p"] = np.random.default_rng(1).random(of_method.sum())
    runs.loc[runs["method"] == method, "key"] += "-changed"
    return replace(results, predictions=predictions, runs=runs)


def by_label(two):
    return {one.label: one for one in two.settings}


def test_the_same_twice_differs_in_nothing(a):
    assert changes(a, a) == []
    two = compare_two(a, a)
    assert (two.common, two.only_a, two.only_b, two.relabelled) == (200, 0, 0, 0)
    for one in two.settings:
        assert (one.tested.value, one.tested.p, one.largest) == (0, 1, 0) and one.a == one.b
        assert one.same_key == one.parts == 10
    lead = two_results_section(a, a, "a", "b").lead
    assert "Nothing differs" in lead and "No difference in AUC is shown" in lead


def test_common_patients_of_one_label_have_a_dash_for_an_auc(a):
    alike = replace(a, predictions=a.predictions[a.predictions["y"] == 0])
    rows = two_results_section(alike, alike, "a", "b").panels[-1].content.rows
    assert {row.cells["a"].text for row in rows} == {DASH}


def test_what_changed_is_named_by_kind(a):
    b = stated(a, versions={"torch": "2.2", "numpy": "2.0"}, commit="e" * 40, seeds=[39, 40], created="later")
    b.provenance["encoders"] = {"image": "other"}
    found = {(one.group, one.what): (one.a, one.b) for one in changes(a, b)}
    assert found[("Versions", "versions: torch")] == ("2.1", "2.2")
    assert found[("Code", "commit")] == ("c" * 10, "e" * 10)
    assert found[("Split", "seeds")] == ("not stated", "39, 40")
    assert [group for group, _ in found] == ["Split", "Encoders", "Encoders", "Code", "Versions"]


def test_hyper_parameters_are_named_by_method(a):
    b = replace(a, runs=a.runs.assign(params=a.runs["params"].mask(a.runs["method"] == "svm", '{"C": 3}')))
    [one] = changes(a, b)
    assert (one.group, one.what, one.a, one.b) == ("Settings", "svm: hyper-parameters", "{}", '{"C": 3}')


def test_the_difference_is_the_headlines_of_two_methods(a):
    """B's VDAFM is A's SVM under another name, so the suite has already judged this very difference."""
    svm = a.predictions[a.predictions["method"] == "svm"].assign(method="vdafm")
    others = a.predictions[a.predictions["method"] != "vdafm"]
    b = replace(a, predictions=pd.concat([others, svm], ignore_index=True), runs=a.runs.assign(key=a.runs["key"] + "b"))
    one = by_label(compare_two(a, b))["VDAFM"]
    expected = Headline(a).difference("svm", "vdafm")
    assert (one.tested.value, one.tested.low, one.tested.high, one.tested.p) == pytest.approx(
        (expected.value, expected.low, expected.high, expected.p)
    )
    assert one.same_key == 0 and one.p_holm >= one.tested.p


def test_one_key_with_other_predictions_is_an_alarm(a):
    b = worse(a, "svm")
    assert two_results_section(a, b, "a", "b").warnings == []
    [warning] = two_results_section(a, replace(b, runs=a.runs), "a", "b").warnings
    assert warning.startswith("SVM: 10 runs have one key and other predictions")
    part = ["method", "seed", "fold"]
    first = a.runs.loc[a.runs["method"] == "svm", part].iloc[0]
    once = (a.predictions[part] == first).all(axis=1)
    b = replace(a, predictions=a.predictions.assign(p=a.predictions["p"].mask(once, 1 - a.predictions["p"])))
    [warning] = two_results_section(a, b, "a", "b").warnings
    assert warning.startswith("SVM: 1 run has one key and other predictions")


def test_patients_and_methods_of_one_alone_are_counted_and_named(a):
    """Another split, twenty patients fewer, and three whose label was mended: none of them is in a number."""
    ids = sorted(a.predictions["patient_id"].unique())
    kept = a.predictions[~a.predictions["patient_id"].isin(ids[:20])]
    mended = kept["patient_id"].isin(ids[20:23])
    kept = kept.assign(y=kept["y"].where(~mended, 1 - kept["y"]))
    other = a.runs["key"].where(a.runs.index != a.runs.query("method == 'svm'").index[0], "another")
    b = replace(a, predictions=kept, runs=a.runs.assign(key=other))
    b = only(stated(b, split_sha256="6" * 64), "vdafm", "svm")
    two = compare_two(a, b)
    assert (two.common, two.only_a, two.only_b, two.relabelled) == (177, 20, 0, 3)
    for one in two.settings:
        # The runs are those of A, but for one.
        assert one.parts == 2 and one.same_key == (1 if one.label == "SVM" else 2)
        assert one.tested.value == one.largest == 0 and not np.isnan(one.tested.p)
    section = two_results_section(a, b, "first", "second")
    assert "Only in A: Concat." in section.lead
    table = section.panels[1].content
    assert "Left out of every number: 20 only in A, 3 in both with another outcome." in table.caption
    assert "The splits differ" in table.notes[0]


def test_an_unfinished_fold_of_another_split_leaves_its_patients_out(a, make_results):
    b = stated(only(make_results(seeds=(39, 40), failed={"svm": 1}), "svm", "vdafm"), split_sha256="6" * 64)
    assert by_label(compare_two(a, b))["SVM"].tested.value == 0


def test_other_outcomes_and_strangers_are_refused_in_one_line(a):
    with pytest.raises(StrokebenchError, match="A predicts nihss < 7, B nihss < 5"):
        compare_two(a, stated(a, outcome="nihss < 5"))
    strangers = a.predictions.assign(patient_id="X" + a.predictions["patient_id"])
    with pytest.raises(StrokebenchError, match="no patient in common"):
        compare_two(a, replace(a, predictions=strangers))
    with pytest.raises(StrokebenchError, match="no method in common"):
        compare_two(only(a, "svm"), only(a, "vdafm"))


def test_the_tables_fit_a_terminal_and_are_written(a, tmp_path):
    section = two_results_section(a, worse(stated(a, commit="e" * 40), "vdafm"), "first", "second")
    assert "Changed: code." in section.lead and "Shown: VDAFM loses in AUC." in section.lead
    console = Console(record=True, width=80, file=(tmp_path / "log").open("w"))
    console.print(view(section))
    shown = console.export_text()
    row = next(line for line in shown.splitlines() if line.startswith(" SVM"))
    assert len(row) <= 80 and row.split()[-3:] == ["10", "of", "10"]
    publish(section, tmp_path)
    assert "| commit | cccccccccc | eeeeeeeeee |" in (tmp_path / "changes.md").read_text()
    assert "VDAFM" in (tmp_path / "differences.csv").read_text()
