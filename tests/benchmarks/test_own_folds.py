"""A cohort's own folds, with several rows of a person, through Table 1."""

import json

import numpy as np
import pandas as pd
import pytest

import strokebench

PARTS = ("test", "validation", "train")


@pytest.fixture
def folds(tmp_path, monkeypatch) -> pd.DataFrame:
    """Writes a cohort of 90 rows, two a person, and its three folds under seeds 7 and 8."""
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path / "work"))
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    ids, age = [f"p{n:02}" for n in range(90)], random.uniform(40, 90, 90)
    poor = (age + random.normal(0, 10, 90) > 65).astype(int)
    person = [f"person {n // 2}" for n in range(90)]
    pd.DataFrame({"id": ids, "age": age.round(1), "person": person, "poor": poor}).to_csv("t.csv", index=False)
    rows = [
        (id, seed, fold, PARTS[(n // 2 + seed * fold) % 3])
        for seed in (7, 8)
        for fold in (1, 2, 3)
        for n, id in enumerate(ids)
    ]
    table = pd.DataFrame(rows, columns=["patient", "seed", "fold", "part"])
    table.to_csv("folds.csv", index=False)
    (tmp_path / "c.yaml").write_text("table: t.csv\nid: id\noutcome: poor\ngroup: person\nsplit: folds.csv\n")
    return table


def test_table_1_under_the_cohort_s_own_folds(folds, capsys, tmp_path):
    report = strokebench.run("table1", dataset="c.yaml", protocol="own", methods=["svm"], jobs=1, tracking=False)
    tested = folds[folds["part"] == "test"]
    found = report.predictions[["patient_id", "seed", "fold"]].sort_values(["patient_id", "seed", "fold"])
    expected = tested[["patient", "seed", "fold"]].sort_values(["patient", "seed", "fold"])
    assert np.array_equal(found.to_numpy(), expected.to_numpy())
    said = " ".join(capsys.readouterr().err.split())
    assert "rows of 45 persons, never parted" in said and "Split own, 6 folds of 2 seeds" in said
    (page,) = (tmp_path / "work/results").glob("*own*/table1/table1.md")
    assert "the cohort's own folds" in page.read_text() and "45 persons" in page.read_text()
    (split,) = (tmp_path / "work/splits").glob("*-own-*.json")
    kept = json.loads(split.read_text())
    assert kept["protocol"] == "own" and set(report.predictions["split"]) == {kept["sha256"]}
    assert report.results.provenance["seeds"] == [7, 8] and report.results.provenance["n_persons"] == 45


def test_seeds_and_a_quick_check_choose_among_them(folds):
    settings = {"dataset": "c.yaml", "protocol": "own", "methods": ["svm"], "jobs": 1, "tracking": False}
    assert set(strokebench.run("table1", seeds=[8], **settings).predictions["seed"]) == {8}
    quick = strokebench.run("table1", quick=True, **settings).predictions
    assert set(quick["seed"]) == {7} and set(quick["fold"]) == {1, 2}
    with pytest.raises(strokebench.StrokebenchError, match="no seed 39"):
        strokebench.run("table1", seeds=[39], **settings)


def test_own_folds_that_are_not_there(folds, tmp_path):
    (tmp_path / "c.yaml").write_text("table: t.csv\nid: id\noutcome: poor\nbanned: [person]\n")
    with pytest.raises(strokebench.StrokebenchError, match=r"Write `split: folds\.csv`"):
        strokebench.run("table1", dataset="c.yaml", protocol="own", methods=["svm"], jobs=1)


@pytest.fixture
def by_fold(folds, tmp_path):
    """Features of each fold of seed 7: of fold 2 they hold the outcome, of the others nothing."""
    random = np.random.default_rng(1)
    poor = pd.read_csv(tmp_path / "t.csv").set_index("id")["poor"]
    for fold in (1, 2, 3):
        vectors = random.normal(size=(90, 8)).astype(np.float32)
        if fold == 2:
            vectors[:, ::2] += 5 * poor.to_numpy()[:, None]
        np.savez(tmp_path / f"net{fold}.npz", ids=poor.index.to_numpy(str), vectors=vectors)
    folds[folds["seed"] == 7].to_csv(tmp_path / "folds.csv", index=False)
    with (tmp_path / "c.yaml").open("a") as file:
        file.write("features:\n  net: {image: 'net{fold}.npz', fitted_on: training, source: own ResNet}\n")
        file.write("  words: {text: net1.npz, fitted_on: other}\n")


SETTINGS = {"dataset": "c.yaml", "methods": ["logistic_components"], "jobs": 1, "tracking": False}


def test_features_that_were_fitted_fold_by_fold_stay_in_their_fold(by_fold, capsys):
    report = strokebench.run("table1", protocol="own", **SETTINGS)
    auc = report.metrics.set_index("fold")["AUC"]
    assert auc[2] == 1 and (auc[[1, 3]] < 0.9).all()
    said = " ".join(capsys.readouterr().err.replace("│", "").split())
    assert "number 1 of image.vector in fold 2 of seed 7 (AUC" in said
    assert "own ResNet, learnt from each fold's training patients" in str(report.results.provenance["encoders"])


def test_other_folds_never_meet_them(by_fold):
    with pytest.raises(strokebench.StrokebenchError, match="were fitted on its own folds"):
        strokebench.run("table1", protocol="cv5", **SETTINGS)
    with pytest.raises(strokebench.StrokebenchError, match="for the patients of these folds only"):
        strokebench.fit("logistic_components", "c.yaml")
    strokebench.fit("svm", "c.yaml")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("split: folds.csv\n", ""), "no folds of its own"),
        (("folds.csv", "t.csv"), "has no column patient"),
        (("{fold}", "1"), "fitted_on: training"),
        (("training", "none"), "fitted_on: none"),
        (("{fold}", "{fold}{patient}"), "named by {fold}"),
    ],
)
def test_what_is_wrong_with_features_by_fold_is_said(by_fold, tmp_path, change, words):
    path = tmp_path / "c.yaml"
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(strokebench.StrokebenchError, match=words):
        strokebench.load_cohort("c.yaml")


def test_folds_of_two_seeds_need_a_file_each(folds, by_fold, tmp_path):
    folds.to_csv(tmp_path / "folds.csv", index=False)
    with pytest.raises(strokebench.StrokebenchError, match=r"Add \{seed\}|one file for folds of several seeds"):
        strokebench.load_cohort("c.yaml")
