"""A model that leaves the suite predicts as it did, says what it is, and is refused when it is damaged."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from made_up import made_up, plan
from small_cohort import make_cohort, make_embeddings
from small_context import make_context

from strokebench.benchmarks.models.card import write_card
from strokebench.benchmarks.models.description import Description
from strokebench.benchmarks.models.fit import PatientChoice, fit
from strokebench.benchmarks.models.model import Model, at_prevalence, load_model
from strokebench.benchmarks.models.validate import validate
from strokebench.benchmarks.running.fit import fit_and_predict, make_ready
from strokebench.benchmarks.running.run import Material
from strokebench.errors import StrokebenchError
from strokebench.methods.registry import all_methods
from strokebench.reports.explanation.effects import UNTOLD
from strokebench.reports.tables.caption import outcome_in_words
from strokebench.tasks.conditions import COMPLETE
from strokebench.tasks.endpoints.parse import parse_endpoint
from strokebench.tasks.protocols import split_for_training

COHORT = make_cohort(80, outcomes={"nihss": "nihss < 7"}, synthetic=True, roles={"age": "age"})
EMBEDDINGS = make_embeddings(COHORT)
QUICK = {"max_epochs": 1, "hidden": 16, "width": 16, "heads": 4, "trees": 20}


def made(method: str = "random_forest", **how) -> Model:
    params = {"trees": 20} if method in ("random_forest", "xgboost") else {}
    return fit(method, COHORT, embeddings=EMBEDDINGS, **{"params": params, **how})


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("models") / "forest"
    made().save(path)
    return path


def test_a_notebook_that_shows_a_model_or_what_it_is_made_of_keeps_no_patient():
    model = made()
    context = make_context()
    fold = context.split.folds[0]
    material = Material(context.cohort, context.embeddings, context.labels, (), context.endpoint)
    examined, chosen = model.examine(COHORT, embeddings=EMBEDDINGS), PatientChoice(tuple(COHORT.ids))
    shown = repr([model, model.seen, examined, context, context.split, fold, context.embeddings, material, chosen])
    assert not any(id in shown for id in COHORT.ids)
    assert model.seen.salt not in shown and not any(mark in shown for mark in model.seen.marks["table"])
    assert "random_forest" in repr(model) and "cv5" in repr(context.split)


METHODS = [name for name, method in all_methods().items() if set(method.needs) <= {"age"}]


@pytest.mark.parametrize("method", METHODS)
def test_from_the_folder_it_predicts_what_the_fit_of_the_suite_does(method: str, tmp_path: Path):
    others = make_cohort(30, seed=5)
    others = replace(others, table=others.table.rename(index=lambda id: f"q{id}"), site=None)
    both = replace(COHORT, table=pd.concat([COHORT.table, others.table]), site=None)
    embeddings = make_embeddings(both)
    # Some in training and some outside it lack one of several texts, or all.
    embeddings.arrays["text"][::7, 1], embeddings.arrays["text"][::11] = np.nan, np.nan
    endpoint = parse_endpoint("nihss < 7")
    labels = endpoint.labels(COHORT)
    [fold] = split_for_training(endpoint.strata(labels), (39,)).folds
    params = {name: value for name, value in QUICK.items() if name in all_methods()[method]().get_params()}
    material = Material(both, embeddings, endpoint.labels(both), ("nihss",), endpoint, both.by_role(["nihss"]))
    fold = replace(fold, test=tuple(others.ids))
    ready = make_ready(method, params, fold, material, [COMPLETE], "smote")
    [suite] = fit_and_predict(ready).predictions

    model = fit(
        method, both, embeddings=embeddings, part=PatientChoice(tuple(COHORT.ids)), params=params, outcome="nihss < 7"
    )
    model.save(tmp_path / "model")
    p = load_model(tmp_path / "model").predict_proba(others, embeddings=embeddings, balanced=True)
    np.testing.assert_array_equal(p[:, 1], suite["p"])
    np.testing.assert_array_equal(model.predict_proba(others, embeddings=embeddings, balanced=True), p)


def test_any_flipped_bit_is_found(folder: Path):
    load_model(folder)
    draw = random.Random(0)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    for file in [*files, *draw.choices(files, k=40)]:
        content = bytearray(file.read_bytes())
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        whole = file.read_bytes()
        file.write_bytes(content)
        with pytest.raises(StrokebenchError, match="damaged"):
            load_model(folder)
        file.write_bytes(whole)
    load_model(folder)


def test_a_model_of_other_code_or_libraries_says_so(folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """Weights are read by whatever network is there now, and other probabilities passed for its own."""
    model = load_model(folder)
    assert not caplog.messages
    said = model.description
    older = {**said.versions, "scikit-learn": "1.6.1", "numpy": f"{said.versions['numpy']}+mac"}
    other = replace(said, hashes={**said.hashes, "code": "0" * 64}, versions=older, commit="3465a178b02267")
    replace(model, description=other).save(tmp_path / "model")
    load_model(tmp_path / "model")
    [line] = caplog.messages
    assert "3465a178b0, scikit-learn 1.6.1, not" in line and "numpy" not in line


def test_a_model_whose_texts_were_filtered_otherwise_says_so(tmp_path: Path, monkeypatch, caplog):
    made("concat", params={"max_epochs": 1}).save(tmp_path / "model")
    load_model(tmp_path / "model")
    assert not caplog.messages
    monkeypatch.setattr(
        "strokebench.benchmarks.models.model.FILTER", "strokebench.datasets.texts.filter.split_sentences"
    )
    load_model(tmp_path / "model")
    assert "was fitted by other code" in caplog.text


def test_a_model_of_a_later_form_says_which_version_reads_it(tmp_path: Path):
    (tmp_path / "model.yaml").write_text("schema: 2\nstrokebench: 9.1.0\n")
    with pytest.raises(StrokebenchError, match=r"form 2, and this version reads 1.*Use strokebench 9\.1\.0"):
        Description.read(tmp_path)


def test_what_is_no_model_or_taken_is_refused(folder: Path, tmp_path: Path):
    with pytest.raises(StrokebenchError, match="is no model"):
        load_model(tmp_path)
    with pytest.raises(StrokebenchError, match="is there already"):
        made().save(folder)
    assert [path for path in folder.parent.iterdir() if path != folder] == []


@pytest.mark.parametrize(
    ("method", "params", "lacking"),
    [("svm", {"inputs": "all"}, "image and text"), ("mlp", {"inputs": "table+image"}, "image")],
)
def test_what_its_parameters_read_the_cohort_must_have(method: str, params: dict, lacking: str, tmp_path: Path):
    (tmp_path / "given.yaml").write_text(yaml.safe_dump({"method": method, "params": params}))
    why = f"{method} cannot be fitted: it reads {lacking}, which small cohort does not have."
    with pytest.raises(StrokebenchError, match=why):
        fit(method, COHORT, params=tmp_path / "given.yaml")
    assert fit(method, COHORT, params={**params, "inputs": "table"}).description.reads == ("table",)


def test_a_validation_says_what_its_models_read():
    models = [made("svm"), made("svm", params={"inputs": "all"})]
    for some, modalities in (models[:1], ("table",)), (models, ("image", "table", "text")):
        [info] = validate(some, COHORT, embeddings=EMBEDDINGS).results.methods
        assert info.uses == modalities


def test_an_ensemble_is_the_mean_of_its_fits():
    p = made(seeds=(39, 40)).predict_proba(COHORT, embeddings=EMBEDDINGS, balanced=True)
    each = [made(seeds=(seed,)).predict_proba(COHORT, embeddings=EMBEDDINGS, balanced=True) for seed in (39, 40)]
    np.testing.assert_allclose(p, np.mean(each, axis=0), atol=1e-12)
    assert not np.allclose(*each)


def test_probabilities_are_at_the_prevalence_unless_balanced_ones_are_wanted():
    model = made()
    p, balanced = (model.predict_proba(COHORT, embeddings=EMBEDDINGS, balanced=given) for given in (False, True))
    share = (COHORT.table["nihss"] < 7).mean()
    np.testing.assert_allclose(p[:, 1] / p[:, 0], balanced[:, 1] / balanced[:, 0] * share / (1 - share))
    unbalanced = made(balance="none")
    assert "as the method gives them" in unbalanced.card
    np.testing.assert_array_equal(*(unbalanced.predict_proba(COHORT, balanced=given) for given in (False, True)))


def test_shares_of_several_labels():
    p = at_prevalence(np.array([[0.2, 0.3, 0.5]]), np.array([0.5, 0.5, 0.0]))
    np.testing.assert_allclose(p, [[0.4, 0.6, 0]])


def test_it_says_what_it_was_made_of(folder: Path):
    said = yaml.safe_load((folder / "model.yaml").read_text())
    assert said["outcome"] == "nihss < 7" and said["parameters"]["trees"] == 20
    assert list(said["table"]) == ["age", "toast", "smoker"]
    assert (said["table"]["age"]["low"], said["table"]["age"]["high"]) == (18, 120)
    assert said["origin"]["patients"] == 80 and said["members"][0]["training"] == 64
    assert load_model(folder).description == made().description.__class__.read(folder)
    card = (folder / "card.md").read_text()
    origin = made().description.origin
    of_each = (
        f"80 patients ({100 * origin.shares[0]:.1f} % otherwise (label 0), {100 * origin.shares[1]:.1f} % nihss < 7"
    )
    for line in (
        of_each,
        "invented patients",
        "64 patients trained on, and 16 drawn from the same for",
        "no medical device",
    ):
        assert line in card
    assert "no finished runs" in card


def test_the_card_warns_of_categories_of_few_patients():
    said = made().description
    rare = replace(said.table["smoker"], missing=0.5, categories={"pope": 0.1, "other": 0.9})
    for patients, warned in ((80, True), (100, False)):
        few = replace(
            said, table={"job": rare, "age": said.table["age"]}, origin=replace(said.origin, patients=patients)
        )
        assert ("names categories of fewer than 5 patients (job)" in write_card(few, [], has_marks=False)) == warned


def test_the_card_says_what_finished_runs_scored_in_percent():
    # Its other sizes, in the same table, are another model.
    results = made_up(plan(("random_forest",), ("", "paper's sizes")))
    results.provenance.update(protocol="cv5", n_patients=200)
    card = write_card(made().description, [results], has_marks=False)
    auc = 100 * results.metrics.loc[results.metrics["variant"] == "", "AUC"]
    assert f"cv5, 20 runs on 200 patients: AUC {auc.mean():.4g} (SD {auc.std(ddof=0):.2g}) %" in card


def test_no_patient_can_be_read_in_the_folder(folder: Path):
    for file in folder.rglob("*"):
        if file.is_file():
            assert not any(id.encode() in file.read_bytes() for id in COHORT.ids)


def test_its_patients_are_recognised_by_content_under_other_ids():
    model = made("concat", params={"max_epochs": 1}, part=PatientChoice(tuple(COHORT.ids[:50])))
    renamed = COHORT.table.rename(index=lambda id: f"other-{id}").iloc[::-1]
    embeddings = replace(EMBEDDINGS, ids=pd.Index([f"other-{id}" for id in EMBEDDINGS.ids]))
    found = model.seen.among(model.examine(replace(COHORT, table=renamed, site=None)).content, embeddings)
    assert set(found[[f"other-{id}" for id in COHORT.ids[:50]]]) == {"image"}
    assert set(found[[f"other-{id}" for id in COHORT.ids[50:]]]) == {""}
    unmarked = made("concat", params={"max_epochs": 1}, marks=False)
    again = unmarked.seen.among(unmarked.examine(COHORT).content, EMBEDDINGS)
    assert set(again) == {UNTOLD} and "seen.json" not in unmarked.card


@pytest.mark.parametrize("given", ["0", "1.5", "no-such-file"])
def test_a_part_that_is_none_is_refused(given: str):
    with pytest.raises(StrokebenchError, match="part"):
        PatientChoice.read(given)


def test_a_share_is_drawn_by_its_seed_and_a_file_names_patients(tmp_path: Path):
    labels = parse_endpoint("nihss < 7").labels(COHORT)
    draws = [set(PatientChoice.read("0.5", seed).of(labels, COHORT.ids).index) for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2] and len(draws[0]) == 40
    (tmp_path / "ids.txt").write_text("p003\np001\np002\n\n")
    named = PatientChoice.read(str(tmp_path / "ids.txt"))
    assert list(named.of(labels.drop("p002"), COHORT.ids).index) == ["p001", "p003"]
    with pytest.raises(StrokebenchError, match="nobody"):
        PatientChoice(("nobody",)).of(labels, COHORT.ids)
    (tmp_path / "marked.txt").write_text("p003\np001\n", encoding="utf-8-sig")
    assert PatientChoice.read(str(tmp_path / "marked.txt")).ids == ("p003", "p001")


def test_a_part_without_outcomes_or_of_one_grade_is_refused():
    table = COHORT.table.assign(nihss=np.arange(80) % 4)
    cohort = replace(COHORT, table=table, outcomes={"grade": "nihss 0 to 3"})
    for part, said in (
        (PatientChoice(share=0.001), "of 0.1 % of the patients, drawn by seed 0: nobody's outcome is known"),
        (PatientChoice(tuple(table.index[table["nihss"] == 2])), "of patients named by a file: all have nihss 2"),
    ):
        with pytest.raises(StrokebenchError, match=said):
            fit("random_forest", cohort, embeddings=EMBEDDINGS, part=part)


def test_a_share_parts_nobodys_rows():
    labels = parse_endpoint("nihss < 7").labels(COHORT)
    persons = pd.Series([f"person {i // 2}" for i in range(80)], COHORT.ids)
    drawn = persons[PatientChoice(share=0.5).of(labels, COHORT.ids, persons).index]
    assert len(drawn) == 40 and drawn.nunique() == 20


def test_a_quick_check_is_called_so():
    quick = made("concat", quick=True, part=PatientChoice(tuple(COHORT.ids[:50])))
    assert "quick check" in quick.card and "quick check" not in made().card
    found = validate([quick], COHORT, embeddings=EMBEDDINGS)
    assert "A quick check: models fitted by `--quick`" in outcome_in_words(found.results)


def test_ordered_grades_too(tmp_path: Path):
    table = COHORT.table.assign(grade=COHORT.table["nihss"] // 3)
    cohort = replace(COHORT, table=table, columns={**COHORT.columns, "grade": COHORT.columns["nihss"]})
    for method in ("random_forest", "mlp"):
        params = {"trees": 20} if method == "random_forest" else {"max_epochs": 1}
        model = fit(method, cohort, embeddings=EMBEDDINGS, outcome="grade 0 to 6", params=params)
        model.save(tmp_path / method)
        p = load_model(tmp_path / method).predict_proba(cohort, embeddings=EMBEDDINGS)
        assert p.shape == (80, 7) and np.allclose(p.sum(axis=1), 1)
        np.testing.assert_array_equal(p, model.predict_proba(cohort, embeddings=EMBEDDINGS))


def test_a_file_of_weights_is_named_without_its_folder(tmp_path: Path):
    model = made()
    said = replace(model.description, encoders="monai:resnet18@/home/anna/trial/my.pth+hf:owner/name@v1")
    replace(model, description=said).save(tmp_path / "model")
    assert not any(b"anna" in path.read_bytes() for path in (tmp_path / "model").rglob("*") if path.is_file())
    loaded = load_model(tmp_path / "model")
    assert loaded.description.encoders == "monai:resnet18@my.pth+hf:owner/name@v1"
    plain = replace(loaded.description, encoders="monai:resnet18@my.pth+minilm")
    (image, _), elsewhere = replace(loaded, description=plain).encoders(tmp_path), tmp_path / "my.pth"
    assert image.file == elsewhere
