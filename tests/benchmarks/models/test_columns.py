"""A cohort that calls things otherwise is mapped; whatever does not fit is named at once, before anything is done."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_cohort import make_cohort, make_embeddings

from strokebench.benchmarks.models.fit import fit
from strokebench.benchmarks.models.model import Model, load_model
from strokebench.datasets.cohort import Cohort, Column, Kind
from strokebench.errors import StrokebenchError

OWN = make_cohort(80, outcomes={"nihss": "nihss < 7"})
OWN = replace(OWN, columns={**OWN.columns, "age": replace(OWN.columns["age"], unit="years")})
OTHER = make_cohort(40, seed=3)


@pytest.fixture(scope="module")
def model() -> Model:
    return fit("random_forest", OWN, embeddings=make_embeddings(OWN), params={"trees": 20})


@pytest.fixture(scope="module")
def foreign() -> Cohort:
    """The other cohort in months, with other names and categories, and without the outcome."""
    table = OTHER.table.drop(columns="nihss")
    table = table.assign(months=12 * table.pop("age"), smoker=table["smoker"].map({"no": "0", "yes": "1"}))
    columns = {
        "toast": Column(Kind.CATEGORICAL),
        "smoker": Column(Kind.CATEGORICAL),
        "months": Column(Kind.NUMERIC, unit="months"),
    }
    return replace(OTHER, table=table, columns=columns)


MAPPING = """
columns:
  months: {is: age, times: 0.08333333333333333}
  smoker: {is: smoker, values: {0: no, 1: yes}}
"""


def test_a_mapped_cohort_is_predicted_as_if_it_had_the_model_s_names(model: Model, foreign: Cohort, tmp_path: Path):
    (tmp_path / "columns.yaml").write_text(MAPPING)
    mapped = model.predict_proba(foreign, tmp_path / "columns.yaml")
    np.testing.assert_allclose(mapped, model.predict_proba(OTHER), atol=1e-12)
    notes = model.examine(foreign, tmp_path / "columns.yaml").notes
    assert notes == ["months is read as age, times 0.0833333", "smoker is read as smoker, 0 as no, 1 as yes"]


def test_everything_that_does_not_fit_is_one_list(model: Model, foreign: Cohort):
    with pytest.raises(StrokebenchError) as caught:
        model.predict_proba(foreign, {"columns": {"months": "age", "weight": "bmi"}, "unknown": ["toast"]})
    for what in (
        "weight: the mapping names it",
        "toast: said to be unknown, and the table has it",
        "age: in months here, in years in the model",
        "of 40 patients have 0, 1, which the model does not know",
        "lie outside 18 to 120",
        "(5 problems)",
    ):
        assert what in caught.value.message


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"age": None}, "age: not in the table"),
        ({"age": "seventy"}, "age: categorical here, numeric in the model"),
        ({"toast": "unheard of"}, "toast: 40 of 40 patients have unheard of, which the model does not know"),
        ({"age": 500.0}, "age: 40 of 40 patients lie outside 18 to 120"),
    ],
)
def test_each_kind_of_fault(model: Model, change: dict, said: str):
    [(name, value)] = change.items()
    table, columns = OTHER.table.drop(columns=name), {k: v for k, v in OTHER.columns.items() if k != name}
    if value is not None:
        table[name] = value
        columns[name] = Column(Kind.CATEGORICAL if isinstance(value, str) else Kind.NUMERIC)
    examined = model.examine(replace(OTHER, table=table, columns=columns))
    assert examined.problems == [said]


def test_two_columns_may_change_names_and_none_is_made_of_two(model: Model):
    swapped = OTHER.table.rename(columns={"smoker": "toast", "toast": "smoker"})
    cohort = replace(OTHER, table=swapped, columns={name: OTHER.columns[name] for name in swapped})
    mapped = model.predict_proba(cohort, {"columns": {"smoker": "toast", "toast": "smoker"}})
    np.testing.assert_allclose(mapped, model.predict_proba(OTHER), atol=1e-12)
    for columns, said in (
        ({"smoker": "toast", "toast": "toast"}, "smoker: the mapping makes toast of another column too"),
        ({"age": "aeg"}, "age: the mapping calls it aeg, which the model does not read; did you mean 'age'?"),
    ):
        assert said in model.examine(OTHER, {"columns": columns}).problems


def test_units_are_told_apart_by_what_they_are_and_one_may_be_called_otherwise(model: Model):
    def examined(unit: str, columns: dict | None = None) -> list[str]:
        columns_of = {**OTHER.columns, "age": replace(OTHER.columns["age"], unit=unit)}
        return model.examine(replace(OTHER, columns=columns_of), columns).problems

    assert examined(" Years ") == []
    assert examined("Jahre") == ["age: in Jahre here, in years in the model"]
    assert examined("Jahre", {"columns": {"age": {"is": "age", "times": 1}}}) == []


def test_words_of_a_number_are_mapped_to_numbers(model: Model):
    words = OTHER.table.assign(age=OTHER.table["age"].map("{:g} y".format))
    cohort = replace(OTHER, table=words, columns={**OTHER.columns, "age": Column(Kind.CATEGORICAL)})
    values = {word: word.removesuffix(" y") for word in words["age"]}
    mapped = model.predict_proba(cohort, {"columns": {"age": {"is": "age", "values": values}}})
    np.testing.assert_allclose(mapped, model.predict_proba(OTHER), atol=1e-12)


def test_few_unknown_categories_and_a_column_of_which_nothing_is_known_are_named_and_used(model: Model):
    table = OTHER.table.drop(columns="age")
    table.loc[OTHER.ids[0], "toast"] = "rare"
    columns = {name: column for name, column in OTHER.columns.items() if name != "age"}
    cohort = replace(OTHER, table=table, columns=columns)
    examined = model.examine(cohort, {"unknown": ["age"]})
    assert examined.problems == []
    assert any("1 of 40 patients have rare" in note for note in examined.notes)
    assert any("age is unknown for all" in note for note in examined.notes)
    assert np.isfinite(model.predict_proba(cohort, {"unknown": ["age"]})).all()


def test_another_unit_that_nobody_states_is_suspected(model: Model):
    own = replace(OWN, columns={**OWN.columns, "age": Column(Kind.NUMERIC)})
    plain = fit("random_forest", own, embeddings=make_embeddings(OWN), params={"trees": 20})
    table = OTHER.table.assign(age=12 * OTHER.table["age"])
    cohort = replace(OTHER, table=table, columns={**OTHER.columns, "age": Column(Kind.NUMERIC)})
    [problem] = plain.examine(cohort).problems
    assert problem.startswith("age: ") and problem.endswith("another unit?")


def test_what_a_method_reads_must_be_there_and_nothing_else():
    embeddings = make_embeddings(OWN)
    concat = fit("concat", OWN, embeddings=embeddings, params={"max_epochs": 1})
    nothing = replace(embeddings, arrays={})
    problems = concat.examine(OWN, embeddings=nothing).problems
    assert problems == [f"{name}: the cohort has none, and Concat cannot do without" for name in ("image", "text")]
    table_net = fit("table_net", OWN, embeddings=embeddings, params={"max_epochs": 1})
    assert table_net.examine(OWN, embeddings=nothing).problems == []


@pytest.mark.parametrize(
    "given",
    [
        {"colums": {}},
        {"columns": {"a": {"as": "b"}}},
        {"columns": {"a": {"is": "b", "times": "x"}}},
        {"columns": {"a": {"is": "b", "times": 0}}},
        {"columns": {"a": {"times": 2}}},
        {"columns": {"a": {"is": ["b"]}}},
        {"columns": {"a": {"is": "b", "times": 2, "values": {"1": "2"}}}},
        {"columns": {"a": {"is": "b", "values": {"1": ["2"]}}}},
        {"unknown": {"a": "b"}},
    ],
)
def test_a_mapping_that_cannot_be_read_is_refused(model: Model, given: dict):
    with pytest.raises(StrokebenchError, match="The mapping cannot be read"):
        model.examine(OTHER, given)


def test_one_patient_is_predicted_alone_as_among_others(model: Model):
    one = OTHER.subset(OTHER.ids[:1])
    np.testing.assert_allclose(model.predict_proba(one), model.predict_proba(OTHER)[:1], atol=1e-12)
    assert pd.Index([0, 1]).equals(pd.Index(model.classes_))


def test_texts_that_the_filter_empties_are_told():
    model = fit("random_forest", OWN, embeddings=make_embeddings(OWN), params={"trees": 20, "inputs": "all"})
    texts = pd.DataFrame({"report": ["Infarkt rechts.", None] * 10 + ["Infarct."] * 20}, index=OTHER.ids)
    notes = model.examine(replace(OTHER, texts=texts)).notes
    assert "text: 20 of 40 patients have none that the filter keeps; the training mean stands there" in notes


def test_one_value_out_of_range_hides_no_other_unit(model: Model):
    table = OTHER.table.assign(age=[500.0] + [19.0] * 39)
    columns = {**OTHER.columns, "age": Column(Kind.NUMERIC)}
    examined = model.examine(replace(OTHER, table=table, columns=columns))
    assert len(examined.problems) == 1 and examined.problems[0].endswith("another unit?")
    assert examined.notes == ["age: 1 of 40 patients lie outside 18 to 120"]


def test_values_and_facts_that_are_missing_more_than_in_training_are_told(model: Model):
    table = OTHER.table.assign(age=[70.0] + [np.nan] * 39)
    share = 100 * OWN.table["age"].isna().mean()
    examined = model.examine(replace(OTHER, table=table))
    assert examined.problems == []
    lacking = f"39 of 40 patients have no value ({share:.0f} % in training)"
    assert examined.notes == [f"age: {lacking}; what was most frequent there stands in its place"]
    assert model.examine(OWN).notes == []

    roles = {"age": "age", "nihss": "nihss"}
    columns = {**OWN.columns, "event": Column(Kind.NUMERIC)}
    events = OWN.table.assign(event=(OWN.table["nihss"] < 7).astype(float))
    own = replace(OWN, table=events, columns=columns, roles=roles, outcomes={"event": "event > 0"})
    facts = fit("age_nihss", own, embeddings=make_embeddings(OWN))
    few = replace(OTHER, table=table, roles=roles)
    assert facts.examine(few).notes == [f"age: {lacking}; the median there stands in its place"]
    old = replace(facts, description=replace(facts.description, role_inputs={}))
    assert old.examine(few).notes == ["age: 39 of 40 patients have no value; the training part's median stands there"]


def test_what_is_read_by_role_is_held_against_training_as_a_column_is(tmp_path: Path):
    roles = {name: name for name in ("age", "nihss", "hypertension", "diabetes")} | {"atrial_fibrillation": "diabetes"}
    table = OWN.table.assign(hypertension="no", diabetes=["yes", "no"] * 40)
    columns = {**OWN.columns, **dict.fromkeys(("hypertension", "diabetes"), Column(Kind.CATEGORICAL))}
    columns["age"] = Column(Kind.NUMERIC)
    own = replace(OWN, table=table, columns=columns, roles=roles, outcomes={"smoker": "smoker == yes"})
    model = fit("thrive", own, embeddings=make_embeddings(own), to=tmp_path / "model")
    said = load_model(tmp_path / "model").description
    assert said.table == {} and list(said.role_inputs) == list(said.roles) and said == model.description
    assert replace(said, role_inputs={**said.role_inputs, "agf": said.role_inputs["age"]}).inputs == said.inputs
    age, diabetes = said.role_inputs["age"], said.role_inputs["diabetes"]
    known = own.table["age"]
    assert age.mean == pytest.approx(known.mean(), rel=1e-5) and age.missing == round(known.isna().mean(), 4)
    assert age.usual == pytest.approx((known.quantile(0.01), known.quantile(0.99)), rel=1e-5)
    assert (diabetes.kind, diabetes.mean, said.role_inputs["hypertension"].deviation) == ("numeric", 0.5, 0)
    assert f"| role age | numeric |  | usually {age.usual[0]:g} to {age.usual[1]:g} |" in model.card
    children = replace(own, table=table.assign(age=[6.0] * 8 + [70.0] * 72, diabetes="no"))
    assert model.examine(children).notes == [
        f"age: 8 of 80 patients lie outside {age.usual[0]:g} to {age.usual[1]:g}, as 2 % of the model's patients do"
    ]
    months = replace(own, table=table.assign(age=[6.0] * 80))
    [problem] = model.examine(months).problems
    assert problem.startswith("age: 80 of 80 patients lie outside") and problem.endswith("another unit?")
