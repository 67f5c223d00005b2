from dataclasses import replace

import pytest
from small_context import make_context

from strokebench.benchmarks.running import context as context_module
from strokebench.benchmarks.running.build import choose_endpoint
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.run import Run
from strokebench.errors import StrokebenchError
from strokebench.tasks.conditions import Condition
from strokebench.tasks.fold import Split

RUN = Run("svm", 39, 0, "cv5")


@pytest.fixture(scope="module")
def context() -> Context:
    return make_context()


def test_the_same_run_has_the_same_key(context: Context):
    assert context.key(RUN) == make_context().key(RUN)
    assert len(context.key(RUN)) == 64


@pytest.mark.parametrize(
    "other",
    [
        replace(RUN, fold=1),
        replace(RUN, method="random_forest"),
        replace(RUN, params={"C": 2.0}),
        replace(RUN, balance="none"),
        replace(RUN, condition=Condition(frozenset({"table"}))),
        replace(RUN, condition=Condition(frozenset({"table"}), "test_only")),
        replace(RUN, share=0.5),
        replace(RUN, on_validation=True),
        replace(RUN, imputation="iterative"),
        replace(RUN, scaling="block"),
    ],
)
def test_whatever_decides_the_result_is_in_the_key(context: Context, other: Run):
    assert context.key(other) != context.key(RUN)


@pytest.mark.parametrize("same", [replace(RUN, variant="C = 1"), replace(RUN, params={"C": 1.0})])
def test_names_and_spelt_out_defaults_are_not_in_the_key(context: Context, same: Run):
    assert context.key(same) == context.key(RUN)


def test_versions_and_code_are_in_the_key(context: Context, monkeypatch: pytest.MonkeyPatch):
    key = context.key(RUN)
    known = context.code(RUN)
    for other in (replace(known, versions={"torch": "0.0"}), replace(known, sha256="other")):
        monkeypatch.setattr(context_module, "fit_code", lambda *_, other=other: other)
        assert context.key(RUN) != key


def test_a_parameter_that_is_no_plain_json_is_refused(context: Context):
    with pytest.raises(StrokebenchError, match="svm: the hyper-parameter C is no plain JSON but object"):
        context.key(replace(RUN, params={"C": object()}))
    with pytest.raises(StrokebenchError, match="C is no plain JSON but float"):
        context.key(replace(RUN, params={"C": float("nan")}))


def test_data_are_in_the_key(context: Context):
    table = context.cohort.table.copy()
    table.loc["p007", "age"] = 71.5
    other = replace(context, cohort=replace(context.cohort, table=table))
    assert other.key(RUN) != context.key(RUN)
    labels = context.labels.copy()
    labels["p007"] = 1 - labels["p007"]
    assert replace(context, labels=labels).key(RUN) != context.key(RUN)
    embeddings = replace(context.embeddings, fingerprint="others")
    assert replace(context, embeddings=embeddings).key(RUN) != context.key(RUN)


def test_what_is_no_input_is_not_in_the_key(context: Context):
    table = context.cohort.table.copy()
    table.loc["p007", "nihss"] = table.loc["p007", "nihss"] + 0.5
    other = replace(context, cohort=replace(context.cohort, table=table))
    assert "nihss" in context.banned_columns
    assert other.key(RUN) == context.key(RUN)


def test_the_row_order_is_not_in_the_key(context: Context):
    backwards = context.cohort.subset(context.cohort.ids[::-1])
    other = replace(context, cohort=backwards, labels=context.endpoint.labels(backwards))
    assert other.key(RUN) == context.key(RUN)


def test_more_folds_reuse_the_runs_of_fewer(context: Context):
    more = make_context(folds=5)
    assert more.split.sha256 != context.split.sha256
    assert more.key(RUN) == context.key(RUN)


def test_shuffled_and_quick_results_stay_apart():
    plain, shuffled, quick = make_context(), make_context(shuffle_labels=7), make_context(quick=True)
    folders = {context.results_folder("table1") for context in (plain, shuffled, quick)}
    assert len(folders) == 3
    assert "labels shuffled (seed 7)" in shuffled.title
    assert "quick check" in quick.title
    assert plain.title == "small cohort"


def test_a_shuffle_keeps_the_labels_but_moves_them():
    plain, shuffled = make_context(), make_context(shuffle_labels=7)
    assert shuffled.labels.sum() == plain.labels.sum()
    assert (shuffled.labels != plain.labels.loc[shuffled.labels.index]).any()
    assert shuffled.key(RUN) != plain.key(RUN)


def test_the_oracle_belongs_to_its_outcome(context: Context):
    true = context.labels.astype(float).rename("p")
    known = replace(context, cohort=replace(context.cohort, oracle=true, oracle_outcome="nihss < 7"))
    assert known.oracle is not None and list(known.oracle.columns) == ["patient_id", "p"]
    other = replace(context, cohort=replace(context.cohort, oracle=true, oracle_outcome="mrs > 2"))
    assert other.oracle is None
    assert replace(known, settings=replace(known.settings, shuffle_labels=1)).oracle is None


def test_modalities_are_what_the_cohort_has(context: Context):
    assert context.modalities == {"image", "text", "table"}
    arrays = {name: array for name, array in context.embeddings.arrays.items() if name != "text"}
    without = replace(context, embeddings=replace(context.embeddings, arrays=arrays))
    assert without.modalities == {"image", "table"}
    assert isinstance(without.split, Split)


def test_text_that_may_state_the_outcome_is_said_and_kept_apart():
    plain, kept = make_context(), make_context(keep_scale_text=True)
    assert kept.title != plain.title
    assert kept.results_folder("table1") != plain.results_folder("table1")


def test_scale_sentences_stay_only_when_asked_for():
    cohort = make_context().cohort
    sentence = "The infarct is likely to give an NIHSS of 8 to 12."
    assert "NIHSS" not in choose_endpoint(cohort, "nihss < 7").keep_text(sentence)
    assert "NIHSS" in choose_endpoint(cohort, "nihss < 7", keep_scale_text=True).keep_text(sentence)
