"""Models on patients of another origin: their own predictions, judged on all alike, with whoever comes again named."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_cohort import make_cohort
from typer.testing import CliRunner

from strokebench.benchmarks.cli import main as cli
from strokebench.benchmarks.models import validate as validating
from strokebench.benchmarks.models.fit import PatientChoice, fit
from strokebench.benchmarks.models.model import Model
from strokebench.benchmarks.models.validate import validate
from strokebench.benchmarks.sharing.export import export_results
from strokebench.benchmarks.sharing.pseudonyms import Pseudonyms
from strokebench.datasets.cohort import Cohort, Column, Kind
from strokebench.errors import StrokebenchError
from strokebench.files import home as home_path
from strokebench.reports.explanation.effects import UNTOLD
from strokebench.reports.results import Results
from strokebench.reports.tables.caption import outcome_in_words
from strokebench.tasks.metrics.evaluate import evaluate


def with_glucose(cohort: Cohort, seed: int = 3) -> Cohort:
    """Four inputs, all known: enough to recognise a patient by."""
    glucose = np.random.default_rng(seed).normal(7, 2, len(cohort))
    columns = {**cohort.columns, "glucose": Column(Kind.NUMERIC, unit="mmol/L")}
    table = cohort.table.assign(glucose=glucose, age=cohort.table["age"].fillna(70))
    return replace(cohort, table=table, columns=columns, outcomes={"nihss": "nihss < 7"})


COHORT = with_glucose(make_cohort(160, synthetic=True))
MADE_OF = PatientChoice(tuple(COHORT.ids[:100]))


@pytest.fixture(scope="module")
def models() -> list[Model]:
    made = [("random_forest", {"trees": 20}), ("logistic_regression", {})]
    return [fit(method, COHORT, part=MADE_OF, params=params, embeddings=nothing(COHORT)) for method, params in made]


def nothing(cohort: Cohort):
    """A cohort of nothing but its table has no arrays."""
    from strokebench.datasets.encoders.encode import encode_cohort

    return encode_cohort(cohort)


def test_what_a_model_says_is_what_is_judged(models):
    other = with_glucose(make_cohort(90, seed=8), seed=9)
    results = validate(models, other).results
    assert results.provenance["protocol"] == "external" and len(results.runs) == 2
    labels = models[0].endpoint.labels(other)
    p = pd.Series(models[0].predict_proba(other)[:, 1], other.ids).loc[labels.index]
    expected = evaluate(models[0].endpoint, labels, p)
    found = results.metrics.set_index("method").loc["random_forest"]
    assert found[list(expected)].to_dict() == pytest.approx(expected)


def test_patients_of_the_model_are_counted_or_left_out(models):
    whole = validate(models, COHORT)
    assert all(known.seen == {"table": 100} for known in whole.facts.values()) and whole.left_out == 0
    assert "made of 100 of these patients, which flatters them" in outcome_in_words(whole.results)
    found = validate(models, COHORT, without_seen=True)
    assert "flatters" not in outcome_in_words(found.results)
    assert set(found.results.predictions["patient_id"]) == set(COHORT.ids[100:]) and found.left_out == 100
    assert not any(known.seen for known in found.facts.values())
    ids = COHORT.ids[:100]
    own = replace(COHORT, table=COHORT.table.loc[ids], site=COHORT.site.loc[ids])
    with pytest.raises(StrokebenchError, match="made of 100 of these 100 patients"):
        validate(models, own, without_seen=True)


def test_of_whom_too_little_is_read_nobody_says_that_the_model_has_not_seen_them():
    few = make_cohort(160, outcomes={"nihss": "nihss < 7"})
    model = fit("logistic_regression", few, embeddings=nothing(few))
    seen = model.seen.among(model.examine(few).content, nothing(few))
    assert set(seen) == {UNTOLD}, "it reads three columns, and no image"
    found = validate([model], few, without_seen=True)
    assert found.facts["logistic_regression"].untold == 160 and found.left_out == 0
    assert "Of 160 nobody can tell" in outcome_in_words(found.results)
    assert "made of 160 of these patients cannot be told" in " ".join(found.section.warnings)


def test_a_mapped_cohort_gives_the_same_numbers(models):
    other = with_glucose(make_cohort(90, seed=8), seed=9)
    names = {"age": "age_years", "nihss": "stroke_scale", "glucose": "sugar"}
    table = other.table.rename(columns=names)
    table["sugar"] *= 18.016
    columns = {names.get(name, name): column for name, column in other.columns.items()}
    columns["sugar"] = Column(Kind.NUMERIC, unit="mg/dL")
    elsewhere = replace(other, table=table, columns=columns)
    mapping = {
        "columns": {"age_years": "age", "stroke_scale": "nihss", "sugar": {"is": "glucose", "times": 1 / 18.016}}
    }
    found, plain = validate(models, elsewhere, columns=mapping), validate(models, other)
    np.testing.assert_allclose(found.results.predictions["p"], plain.results.predictions["p"])
    assert any("sugar is read as glucose" in note for note in found.facts["random_forest"].notes)
    assert found.here.table["glucose"].mean == pytest.approx(plain.here.table["glucose"].mean)


def test_the_case_mix_holds_what_a_model_reads_by_role_in_the_role_s_unit():
    def dosed(cohort: Cohort, times: float = 1) -> Cohort:
        cohort = with_glucose(cohort)
        table = cohort.table.assign(event=(cohort.table["nihss"] < 7).astype(float), volume=cohort.table["glucose"])
        columns = {**cohort.columns, "event": Column(Kind.NUMERIC), "volume": Column(Kind.NUMERIC, unit="mm3")}
        roles = {"age": "age", "nihss": "nihss", "lesion_volume": "volume"}
        return replace(cohort, table=table.assign(volume=1000 * times * table["volume"]), columns=columns, roles=roles,
                       outcomes={"event": "event > 0"})  # fmt: skip

    made, other = dosed(make_cohort(160)), dosed(make_cohort(90, seed=8), times=1.3)
    by_role, by_column = (
        fit(method, made, embeddings=nothing(made)) for method in ("lesion_volume", "logistic_regression")
    )
    found = validate([by_role, by_column], other)
    panels = {panel.name: panel.content for panel in found.section.panels}
    rows = {row.label: row.cells for row in panels["case_mix"].rows}
    # In ml, where the column of the other model is in mm3.
    mean = found.here.table["role lesion_volume"].mean
    assert mean == pytest.approx(found.here.table["volume"].mean / 1000, rel=1e-4)
    assert mean == pytest.approx(1.3 * by_role.description.role_inputs["lesion_volume"].mean, rel=0.1)
    assert rows["role lesion_volume (ml)"]["smd"].text.endswith("!")
    assert rows["role lesion_volume (ml)"]["missing"].text == "0.0 / 0.0"


def test_a_column_that_only_groups_patients_is_found_under_either_name(models):
    other = with_glucose(make_cohort(90, seed=8), seed=9)
    table = other.table.assign(Anrede=["Frau", "Herr"] * 45)
    columns = {**other.columns, "Anrede": Column(Kind.CATEGORICAL)}
    other = replace(other, table=table, columns=columns, about={"sex_column": "Anrede"})
    for mapping in (None, {"columns": {"Anrede": "salutation"}}):
        groups = validate(models[:1], other, columns=mapping).results.groups
        assert set(groups["sex"]) == {"Frau", "Herr"}


def test_models_of_one_method_bear_their_folders_names(models, tmp_path: Path):
    for name in ("first", "second"):
        models[0].save(tmp_path / name)
    results = validate([tmp_path / "first", tmp_path / "second"], with_glucose(make_cohort(90, seed=8))).results
    assert [setting.label for setting in results.settings.values()] == [
        "Random Forest (first)",
        "Random Forest (second)",
    ]


def test_other_outcomes_are_refused(models):
    said = replace(models[1].description, outcome="nihss < 5")
    with pytest.raises(StrokebenchError, match="predict other outcomes: nihss < 7; nihss < 5"):
        validate([models[0], replace(models[1], description=said)], COHORT)


def test_models_of_grades_are_judged_at_every_cut():
    cohort = replace(COHORT, table=COHORT.table.assign(nihss=COHORT.table["nihss"] % 4), outcomes={"g": "nihss 0 to 3"})
    made = {"part": MADE_OF, "embeddings": nothing(cohort)}
    graded = [fit("logistic_regression", cohort, **made), fit("random_forest", cohort, params={"trees": 20}, **made)]
    found = validate(graded, cohort, without_seen=True)
    labels = graded[0].endpoint.labels(cohort).loc[COHORT.ids[100:]]
    p = graded[1].predict_proba(cohort)[100:]
    [c] = found.results.metrics.set_index("method").loc[["random_forest"], "c"]
    assert c == pytest.approx(graded[1].endpoint.score(labels.to_numpy(), p))
    panels = {panel.name: panel.content for panel in found.section.panels}
    cuts = ["nihss > 0", "nihss > 1", "nihss > 2"]
    assert [column.key for column in panels["table1_cuts"].columns] == cuts
    assert all(row.cells[cut].text for row in panels["grades_calibration"].rows for cut in cuts)
    assert "case_mix" in panels and "updating" not in panels
    shares = graded[0].endpoint.labels(cohort).loc[COHORT.ids[:100]].value_counts(normalize=True).sort_index()
    said = panels["validated_models"].rows[0].cells["outcome"].text
    assert said == " / ".join(f"{100 * share:.0f}" for share in shares) and said.count("/") == 3


def test_the_command_shows_and_writes(models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    models[0].save(tmp_path / "forest")
    monkeypatch.setattr(validating, "load_cohort", lambda _: COHORT)
    shown = CliRunner().invoke(cli.app, ["validate", str(tmp_path / "forest"), "--dataset", "x", "--without-seen"])
    assert shown.exit_code == 0 and "Protocol external" in shown.stdout and "Updating the models" in shown.stdout
    [folder] = home_path("results").glob("small-nihss_lt_7-external-of_*/validation")
    assert len(Results.read(folder).predictions) == 60
    assert (folder / "case_mix.csv").is_file() and (folder / "reliability.svg").is_file()
    # It is finished, though its run lies in no store; and there is no split to share.
    [row] = json.loads(CliRunner().invoke(cli.app, ["status", "--json"]).stdout)["methods"]
    assert (row["experiment"], row["done"], row["missing"]) == ("validation", 1, 0)
    # Of all patients it is another one.
    assert CliRunner().invoke(cli.app, ["validate", str(tmp_path / "forest"), "--dataset", "x"]).exit_code == 0
    assert sorted(len(Results.read(path).predictions) for path in folder.parents[1].glob("*/validation")) == [60, 160]
    with pytest.raises(StrokebenchError, match="no results below"):
        export_results(tmp_path / "package.zip", (), Pseudonyms(b"a salt of our own, long enough"))
