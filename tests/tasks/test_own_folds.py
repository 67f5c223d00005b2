"""A cohort's own folds, and rows of one person, as a split."""

import pandas as pd
import pytest

from strokebench.errors import StrokebenchError
from strokebench.tasks.endpoints.ordinal import Ordinal
from strokebench.tasks.fold import PARTS
from strokebench.tasks.own_folds import own_folds
from strokebench.tasks.protocols import make_split, split_for_training

IDS = [f"p{i:02}" for i in range(30)]
LABELS = pd.Series([i % 2 for i in range(30)], IDS).astype(int)
PERSONS = pd.Series([f"person {i // 2}" for i in range(30)], IDS)


def folds(seeds=(5, 6), parted=3) -> pd.DataFrame:
    """Every patient tested once a seed; the next third selects."""
    names = ("test", "validation", "train")
    rows = [
        (patient, seed, fold, names[(i // 2 + fold + seed) % parted])
        for seed in seeds
        for fold in range(parted)
        for i, patient in enumerate(IDS)
    ]
    return pd.DataFrame(rows, columns=["patient", "seed", "fold", "part"])


def test_the_parts_are_the_file_s_and_the_split_has_a_hash_as_others():
    table = folds()
    split = make_split("own", LABELS, seeds=(5, 6), own=table)
    assert [(fold.seed, fold.fold) for fold in split.folds] == [(s, f) for s in (5, 6) for f in range(3)]
    for fold in split.folds:
        rows = table[(table["seed"] == fold.seed) & (table["fold"] == fold.fold)]
        for part in PARTS:
            assert getattr(fold, part) == tuple(sorted(rows.loc[rows["part"] == part, "patient"]))
    assert split == make_split("own", LABELS[::-1], seeds=(5, 6), own=table.sample(frac=1, random_state=0))
    assert split.sha256 != make_split("own", LABELS, seeds=(5,), own=table).sha256


def test_patients_without_a_label_are_left_out_of_their_part():
    for fold in own_folds(folds(), LABELS.drop("p07")):
        assert "p07" not in (*fold.train, *fold.validation, *fold.test)


def change(table: pd.DataFrame, where: str, **values: object) -> pd.DataFrame:
    table = table.copy()
    table.loc[table.eval(where), list(values)] = list(values.values())
    return table


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (folds().query("not (seed == 6 and fold == 1)"), "Seed 6 has no fold 1"),
        (folds().query("not (seed == 5 and fold == 2 and part == 'validation')"), "Seed 5, fold 2 has no validation"),
        (folds().query("not (patient == 'p03' and fold == 1)"), "fold 1: patient p03 stands in no part"),
        (change(folds(), "seed == 5 and fold == 1 and patient == 'p02'", part="test"), "p02 is tested in two folds"),
    ],
)
def test_every_fault_is_one_line(table, message):
    with pytest.raises(StrokebenchError, match=message):
        own_folds(table, LABELS)


def test_a_part_to_learn_or_select_from_has_every_class():
    tested = folds((5,), 3).query("part == 'test' and fold == 0")["patient"]
    with pytest.raises(StrokebenchError, match=r"fold 0: no patient of class 1 in its train part"):
        own_folds(folds((5,)), LABELS.where(LABELS.index.isin(tested), 0))


def test_a_grade_that_lacks_is_named():
    grades = pd.Series([i % 3 for i in range(60)], [f"p{i:02}" for i in range(60)]).map({0: 0, 1: 3, 2: 6})
    table = pd.DataFrame(
        {"patient": grades.index, "seed": 5, "fold": 0, "part": [*["train"] * 40, *["validation"] * 20]}
    )
    table.loc[table["patient"].isin(grades.index[grades == 3]), "part"] = "test"
    endpoint = Ordinal("mrs")
    strata = endpoint.strata(endpoint.read(grades))
    with pytest.raises(StrokebenchError, match=r"no patient of class mrs 1 to 3 in its train part"):
        own_folds(table, strata)


def test_seeds_choose_among_the_file_s():
    assert {fold.seed for fold in own_folds(folds(), LABELS, seeds=[6])} == {6}
    with pytest.raises(StrokebenchError, match=r"no seed 7.*5, 6"):
        own_folds(folds(), LABELS, seeds=[7])
    with pytest.raises(StrokebenchError, match="own folds"):
        make_split("own", LABELS)


def test_a_person_whose_rows_are_parted_is_refused():
    assert own_folds(folds(), LABELS, PERSONS) == own_folds(folds(), LABELS)
    table = folds()
    first = table.eval("patient == 'p00'")
    table.loc[first, "part"] = table.loc[table.eval("patient == 'p02'"), "part"].to_numpy()
    with pytest.raises(StrokebenchError, match="parts the rows of one person: p00, p01"):
        own_folds(table, LABELS, PERSONS)


@pytest.mark.parametrize("protocol", ["cv5", "holdout", "loho", "training"])
def test_no_protocol_parts_the_rows_of_a_person(protocol):
    ids = [f"p{i:03}" for i in range(120)]
    labels = pd.Series([int(i % 5 < 2) for i in range(120)], ids)
    persons = pd.Series([f"{i // 3}" for i in range(120)], ids)
    sites = pd.Series(["north" if i < 60 else "south" for i in range(120)], ids)
    if protocol == "training":
        split = split_for_training(labels, (1, 2), persons)
    else:
        split = make_split(protocol, labels, sites, (1, 2), persons)
    for fold in split.folds:
        parts = [{persons[id] for id in part} for part in (fold.train, fold.validation, fold.test)]
        assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]
        assert sorted((*fold.train, *fold.validation, *fold.test)) == ids
        assert set(labels[list(fold.validation)]) == {0, 1}
    alone = pd.Series(ids, ids)
    assert make_split("cv5", labels, seeds=(1,), persons=alone).folds


def test_a_person_in_two_hospitals_is_named():
    sites = pd.Series(["north", "south"] * 15, IDS)
    with pytest.raises(StrokebenchError, match="p00, p01 are one person in two hospitals"):
        make_split("loho", LABELS, sites, (1,), PERSONS)
