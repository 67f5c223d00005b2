"""Hyper-parameters from files."""

from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from small_context import make_context

from strokebench.benchmarks.experiments.find import find_experiment
from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.benchmarks.running.collect import Collector
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.parameters import Tuned, read_all, read_tuned
from strokebench.benchmarks.running.plans import method_runs, usable_methods
from strokebench.benchmarks.running.runner import run_experiment
from strokebench.benchmarks.running.store import Store
from strokebench.errors import StrokebenchError


def tuned(context: Context, **changes) -> Tuned:
    values = {
        "method": "svm",
        "params": {"C": 3.0},
        "by_fold": tuple(
            {"seed": fold.seed, "fold": fold.fold, "params": {"C": 1.5 + fold.fold}} for fold in context.split.folds
        ),
        "strictly_nested": True,
        "split_sha256": context.split.sha256,
        "cohort": "small",
        "about": {"value": 0.7},
    }
    return Tuned(**{**values, **changes})


def with_params(tuned: Tuned, path: Path, **settings) -> Context:
    tuned.write(path)
    return make_context(methods=("svm",), params=(path,), **settings)


@pytest.mark.parametrize("fold_by_fold", [False, True])
def test_what_a_file_has_a_method_read_the_cohort_must_have(fold_by_fold: bool, tmp_path: Path):
    everything = Tuned("svm", {"inputs": "all"})
    if fold_by_fold:
        by_fold = tuned(make_context()).by_fold
        everything = tuned(make_context(), by_fold=({**by_fold[0], "params": {"inputs": "all"}}, by_fold[1]))
    context = with_params(everything, tmp_path / "all.yaml")
    assert usable_methods(context) == (["svm"], {})
    arrays = {name: array for name, array in context.embeddings.arrays.items() if name != "text"}
    without = replace(context, embeddings=replace(context.embeddings, arrays=arrays))
    assert usable_methods(without)[1] == {"svm": f"it reads text, which {context.cohort.title} does not have"}


def test_parameters_of_folds_that_are_not_used_ask_for_nothing(tmp_path: Path):
    entry = {**tuned(make_context()).by_fold[0], "params": {"inputs": "all"}}
    context = with_params(tuned(make_context(), by_fold=(entry,), split_sha256="other"), tmp_path / "other.yaml")
    without = replace(context, embeddings=replace(context.embeddings, arrays={}))
    assert usable_methods(without) == (["svm"], {})


@pytest.mark.parametrize("experiment", ["encoders", "table2", "added_value", "missing"])
def test_what_a_file_has_a_method_read_can_be_taken_away(experiment: str, tmp_path: Path):
    context = with_params(Tuned("svm", {"inputs": "all"}), tmp_path / "all.yaml")
    planned = find_experiment(experiment).plan(context)
    assert planned.runs and not planned.left_out
    keyed = [(run, context.key(run)) for run in planned.runs]
    [info] = Collector(experiment, context, keyed, Store(tmp_path)).results().methods
    assert info.uses == ("image", "table", "text")


def test_what_is_written_is_read(tmp_path: Path):
    before = tuned(make_context())
    before.write(tmp_path / "best.yaml")
    assert read_tuned(tmp_path / "best.yaml") == before


def test_on_the_same_split_each_fold_has_its_own(tmp_path: Path):
    context = with_params(tuned(make_context()), tmp_path / "a.yaml")
    assert [run.params["C"] for run in method_runs("svm", context)] == [1.5, 2.5]
    assert {(run.variant, run.label) for run in method_runs("svm", context)} == {("", "tuned")}
    assert "fold by fold" in context.title
    assert method_runs("svm", context, {"C": 9.0})[0].params["C"] == 9.0
    assert method_runs("mlp", context)[0].params == {}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"split_sha256": "other"}, "who may be test patients here"),
        ({"split_sha256": "other", "cohort": "elsewhere"}, "another cohort (elsewhere)"),
        ({"split_sha256": "", "by_fold": ()}, "does not say how"),
    ],
)
def test_elsewhere_one_setting_for_all_and_a_word_of_caution(changes, said, tmp_path: Path):
    context = with_params(tuned(make_context(), **changes), tmp_path / "a.yaml")
    assert [run.params["C"] for run in method_runs("svm", context)] == [3.0, 3.0]
    assert said in context.title


def test_written_by_hand(tmp_path: Path):
    (tmp_path / "hand.yaml").write_text("method: svm\nparams:\n  C: 2\n")
    assert read_tuned(tmp_path / "hand.yaml").params == {"C": 2}
    # YAML 1.1 takes these for texts.
    for text, number in {"1e-3": 1e-3, "1E5": 1e5, "1.5e3": 1500.0, "-.5e+1": -5.0}.items():
        (tmp_path / "hand.yaml").write_text(f"method: svm\nparams: {{C: {text}, gamma: '{text}'}}\n")
        found = read_tuned(tmp_path / "hand.yaml")
        assert found.params == {"C": number, "gamma": text}
        found.write(tmp_path / "again.yaml")
        assert read_tuned(tmp_path / "again.yaml") == found


def test_off_is_a_word_and_false_is_not(tmp_path: Path):
    (tmp_path / "off.yaml").write_text("method: earthmind\nparams: {align: off, sap: 'off'}\n")
    found = read_tuned(tmp_path / "off.yaml")
    assert found.params == {"align": "off", "sap": "off"}
    found.write(tmp_path / "again.yaml")
    assert read_tuned(tmp_path / "again.yaml") == found
    (tmp_path / "off.yaml").write_text("method: fusion\nparams: {detach_targets: true, layers: 1}\n")
    assert read_tuned(tmp_path / "off.yaml").params == {"detach_targets": True, "layers": 1}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        *[("010", 10), ("08", 8), ("0x1F", 31), ("0o17", 15), ("-1", -1), ("1.", 1.0), (".inf", float("inf"))],
        *[(text, text) for text in ("1:30", "1:30.5", "1_000", "0b11", "2026-01-02", "<<", "=", "no")],
        *[("true", True), ("~", None), ("", None)],
    ],
)
def test_values_are_those_of_yaml_1_2(text: str, read, tmp_path: Path):
    (tmp_path / "hand.yaml").write_text(f"method: svm\nparams: {{C: {text}, gamma: '{text}'}}\n")
    found = read_tuned(tmp_path / "hand.yaml")
    assert found.params == {"C": read, "gamma": text} and type(found.params["C"]) is type(read)
    found.write(tmp_path / "again.yaml")
    assert read_tuned(tmp_path / "again.yaml") == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("params: {C: 2}", "does not name a method"),
        ("method: nothing", "No method is called 'nothing'"),
        ("method: svm\nparams: {D: 2}", "svm has no parameter 'D'"),
        ("method: svm\nparams: {random_state: 2}", "no parameter 'random_state'"),
        ("method: svm\nparams: [2]", "not `name: value`"),
        ("method: svm\nby_fold: [{seed: 39}]", "lacks seed, fold or params"),
        ("method: svm\nby_fold: 5", "by_fold is no list"),
        ("a: b: c", "cannot be read"),
        (f"method: svm\nparams: {{C: {'1' * 5000}}}", "cannot be read"),
        ("!!python/object/apply:os.getcwd []", "cannot be read"),
    ],
)
def test_a_wrong_file_is_one_clear_line(text: str, said: str, tmp_path: Path):
    (tmp_path / "hand.yaml").write_text(text)
    with pytest.raises(StrokebenchError, match=r"hand\.yaml") as caught:
        read_tuned(tmp_path / "hand.yaml")
    assert said in caught.value.message and "\n" not in str(caught.value)


def test_two_files_of_a_method_or_one_that_is_not_run(tmp_path: Path):
    for name in "ab":
        tuned(make_context()).write(tmp_path / f"{name}.yaml")
    with pytest.raises(StrokebenchError, match="another file"):
        read_all([tmp_path / "a.yaml", tmp_path / "b.yaml"], None)
    with pytest.raises(StrokebenchError, match="does not run"):
        read_all([tmp_path / "a.yaml"], ("mlp",))


def test_a_missing_fold_is_named(tmp_path: Path):
    whole = tuned(make_context())
    context = with_params(replace(whole, by_fold=whole.by_fold[:1]), tmp_path / "a.yaml")
    with pytest.raises(StrokebenchError, match="fold 1 of seed 39"):
        method_runs("svm", context)


def test_the_table_says_so_and_lies_in_its_own_folder(console: Console, tmp_path: Path):
    plain = run_experiment(Table1(), make_context(methods=("svm",)), console)
    context = with_params(tuned(make_context()), tmp_path / "a.yaml")
    report = run_experiment(Table1(), context, console)
    assert report.folder != plain.folder and "tuned_" in report.folder.parent.name
    assert "tuned" in (report.folder / "table1.md").read_text().partition("\n|")[2]
    assert "tuned" not in (plain.folder / "table1.md").read_text()
    assert not set(report.results.runs["key"]) & set(plain.results.runs["key"])
