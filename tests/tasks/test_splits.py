import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from strokebench.errors import StrokebenchError
from strokebench.tasks.fold import Fold, Split
from strokebench.tasks.protocols import SEEDS, make_split, of_fewer, on_validation, split_for_training


def paper_sized() -> pd.Series:
    return pd.Series([1] * 232 + [0] * 497, index=[f"p{i:04d}" for i in range(729)])


def test_holdout_has_the_papers_counts():
    labels = paper_sized()
    split = make_split("holdout", labels)
    assert len(split.folds) == 4
    assert len({fold.test for fold in split.folds}) == 1
    for fold in split.folds:
        assert (len(fold.train), len(fold.validation), len(fold.test)) == (466, 117, 146)
        assert labels.loc[list(fold.test)].sum() == 46
    assert len({fold.validation for fold in split.folds}) == 4


def test_holdout_shares_the_fold_of_one_seed_with_cv5():
    labels = paper_sized()
    folds = {replace(fold, name="") for fold in make_split("cv5", labels).folds}
    shared = [fold.seed for fold in make_split("holdout", labels).folds if replace(fold, name="") in folds]
    assert shared == [39]
    alone = make_split("holdout", labels, seeds=(7,)).folds
    assert {fold.test for fold in alone} == {fold.test for fold in make_split("holdout", labels).folds}


def test_cv5_tests_every_patient_once_a_seed():
    labels = paper_sized()
    split = make_split("cv5", labels)
    assert len(split.folds) == 20
    for seed in SEEDS:
        tested = [id for fold in split.folds if fold.seed == seed for id in fold.test]
        assert sorted(tested) == sorted(labels.index)
    for fold in split.folds:
        assert labels.loc[list(fold.test)].sum() in (46, 47)


@pytest.mark.parametrize("protocol", ["cv5", "holdout", "loho"])
def test_parts_are_disjoint_and_complete(protocol, labels, cohort):
    for fold in make_split(protocol, labels, cohort.site).folds:
        parts = [*fold.train, *fold.validation, *fold.test]
        assert sorted(parts) == sorted(labels.index)


@pytest.mark.parametrize("protocol", ["cv5", "holdout", "loho"])
def test_row_order_does_not_matter(protocol, labels, cohort):
    shuffled = labels.sample(frac=1, random_state=5)
    sites = cohort.site.sample(frac=1, random_state=6)
    assert make_split(protocol, labels, cohort.site) == make_split(protocol, shuffled, sites)


def test_loho_takes_one_hospital_at_a_time(labels, cohort):
    split = make_split("loho", labels, cohort.site, seeds=(1,))
    assert [fold.name for fold in split.folds] == ["north", "south", "west"]
    for fold in split.folds:
        assert set(cohort.site[list(fold.test)]) == {fold.name}
        assert fold.name not in set(cohort.site[[*fold.train, *fold.validation]])


def test_a_hospital_with_nearly_all_events_leaves_a_validation_part_with_one():
    labels = pd.Series([1] * 40 + [0] * 20 + [1] * 2 + [0] * 98, index=[f"p{i:03d}" for i in range(160)])
    sites = pd.Series(["big"] * 60 + ["small"] * 100, index=labels.index)
    folds = make_split("loho", labels, sites).folds
    assert [fold.name for fold in folds] == ["big", "small"] * 4, "two events are enough"
    for fold in folds:
        for part in (fold.train, fold.validation):
            assert set(labels[list(part)]) == {0, 1}, fold.name
        assert len(fold.validation) == (20 if fold.name == "big" else 12)
        assert sorted([*fold.train, *fold.validation, *fold.test]) == sorted(labels.index)


def test_a_hospital_with_all_events_is_not_left_out_and_the_others_are():
    labels = pd.Series([1] * 40 + [0] * 20 + [1] + [0] * 99, index=[f"p{i:03d}" for i in range(160)])
    sites = pd.Series(["all"] * 60 + ["north"] * 50 + ["south"] * 50, index=labels.index)
    folds = make_split("loho", labels, sites, seeds=(1,)).folds
    assert [(fold.fold, fold.name) for fold in folds] == [(1, "north"), (2, "south")]
    halves = pd.Series([1] * 20 + [0] * 20, index=labels.index[:40])
    with pytest.raises(StrokebenchError, match="any one hospital"):
        make_split("loho", halves, halves.map({1: "x", 0: "y"}))


@pytest.mark.parametrize(("held", "sizes"), [([4] * 7, (21, 7)), ([2, 2], (2, 2))])
def test_where_one_hospital_has_most_patients_the_other_s_few_are_parted_with_every_class(held, sizes):
    labels = pd.Series(np.repeat(range(len(held)), 30).tolist() + np.repeat(range(len(held)), held).tolist())
    labels.index = [f"p{i:03d}" for i in range(len(labels))]
    sites = pd.Series("big", labels.index).where(labels.index < f"p{30 * len(held):03d}", "small")
    big, small = make_split("loho", labels, sites, seeds=(39,)).folds
    assert (len(big.train), len(big.validation)) == sizes
    assert set(labels[list(big.train)]) == set(labels[list(big.validation)]) == set(labels)
    assert sorted(small.test) == sorted([*big.train, *big.validation])


@pytest.mark.parametrize("seed", range(40))
def test_equally_usual_classes_do_not_lose_their_one_patient_of_the_validation_part_to_a_rare_one(seed):
    labels = pd.Series([0] * 7 + [1] * 7 + [2] * 7 + [3] * 2, [f"p{i:02d}" for i in range(23)]).astype("category")
    fold = Fold(seed, 0, "all", tuple(labels.index), (), ())
    inner = on_validation(fold, labels)
    assert set(labels[list(inner.train)]) == set(labels[list(inner.validation)]) == {0, 1, 2, 3}
    assert len(inner.validation) == 5


def test_a_hospital_without_which_too_few_persons_are_left_is_not_left_out_and_the_others_are():
    ids = [f"p{i:03d}" for i in range(160)]
    labels = pd.Series([i % 2 for i in range(160)], ids)
    sites = pd.Series(["big"] * 120 + ["north"] * 20 + ["south"] * 20, ids)
    # Two persons in each of the small hospitals.
    persons = pd.Series([f"q{i}" if i < 120 else f"of {i // 10}" for i in range(160)], ids)
    folds = make_split("loho", labels, sites, seeds=(1, 2), persons=persons).folds
    assert [(fold.seed, fold.fold, fold.name) for fold in folds] == [
        (seed, number, name) for seed in (1, 2) for number, name in ((1, "north"), (2, "south"))
    ]


def test_a_hospital_that_some_seeds_alone_could_leave_out_is_left_out_by_none():
    rng = np.random.default_rng(0)
    rows = [(f"a{i}", "A", i % 3) for i in range(30)]
    # Outside A, three persons with grade 1 and two with grade 2: some draws part them, others do not.
    rest = [
        (f"b{grade}{person}", "B", grade) for grade, persons in ((0, 8), (1, 3), (2, 2)) for person in range(persons)
    ]
    rows += [row for row in rest for _ in range(rng.integers(1, 4))]
    ids = [f"p{i:03d}" for i in range(len(rows))]
    table = pd.DataFrame(rows, columns=["person", "site", "grade"], index=ids)
    alone = [
        {fold.name for fold in make_split("loho", table.grade, table.site, seeds=(seed,), persons=table.person).folds}
        for seed in (39, 40, 41, 42)
    ]
    assert {"B"} in alone and {"A", "B"} in alone
    split = make_split("loho", table.grade, table.site, seeds=(39, 40, 41, 42), persons=table.person)
    assert [(fold.seed, fold.name) for fold in split.folds] == [(seed, "B") for seed in (39, 40, 41, 42)]


def test_cv5_equals_scikit_learn_on_sorted_ids(labels):
    from sklearn.model_selection import StratifiedKFold

    labels = labels.sort_index()
    splitter = StratifiedKFold(5, shuffle=True, random_state=40)
    expected = [tuple(labels.index[test]) for _, test in splitter.split(labels, labels)]
    assert [fold.test for fold in make_split("cv5", labels, seeds=(40,)).folds] == expected


def test_file_round_trip_and_tampering(labels, tmp_path):
    split = make_split("cv5", labels)
    path = tmp_path / "split.json"
    split.write(path)
    assert Split.read(path) == split
    assert Split.read(path).sha256 == split.sha256
    value = json.loads(path.read_text())
    value["folds"][0]["test"][0] = "stranger"
    path.write_text(json.dumps(value))
    with pytest.raises(StrokebenchError, match="damaged"):
        Split.read(path)


def test_hash_depends_on_labels_and_seed(labels):
    hashes = {make_split("cv5", labels, seeds=seeds).sha256 for seeds in [(1,), (2,), (1, 2)]}
    flipped = labels.copy()
    flipped.iloc[:10] = 1 - flipped.iloc[:10]
    assert len(hashes | {make_split("cv5", flipped, seeds=(1,)).sha256}) == 4


def test_errors_say_what_to_do(labels):
    with pytest.raises(StrokebenchError, match="cv5, holdout, loho"):
        make_split("cv10", labels)
    with pytest.raises(StrokebenchError, match="site column"):
        make_split("loho", labels)
    with pytest.raises(StrokebenchError, match="Only 3"):
        make_split("cv5", pd.Series([1, 1, 1] + [0] * 50, index=np.arange(53).astype(str)))


@pytest.mark.parametrize("rare", [9, 10])
def test_ten_of_a_label_are_enough_and_nine_are_not(rare):
    """Two in each of five test parts: one to be tested, while others are left to learn from and to select by."""
    labels = pd.Series([1] * rare + [0] * 30, index=[f"p{i:02d}" for i in range(rare + 30)])
    if rare == 9:
        with pytest.raises(StrokebenchError, match="Only 9 of 39 patients have label 1"):
            make_split("cv5", labels)
    else:
        for fold in make_split("cv5", labels).folds:
            assert [int(labels[list(part)].sum()) for part in (fold.test, fold.validation)] == [2, 2]


def test_two_rows_of_one_id_have_no_part():
    labels = pd.Series([0, 1] * 20, index=[f"p{i:02d}" for i in range(40)]).rename({"p07": "p06"})
    with pytest.raises(StrokebenchError, match="Patient p06 has two labels"):
        make_split("cv5", labels)


def test_a_fifth_is_kept_from_training_where_nobody_is_tested(labels):
    split = split_for_training(labels, seeds=(1, 2))
    assert [(fold.seed, fold.fold, fold.name, fold.test) for fold in split.folds] == [
        (1, 0, "all", ()),
        (2, 0, "all", ()),
    ]
    for fold in split.folds:
        assert len(fold.validation) == 20 and sorted([*fold.train, *fold.validation]) == sorted(labels.index)
    assert split.folds[0].validation != split.folds[1].validation


def test_hospitals_are_at_least_two(labels, cohort):
    with pytest.raises(StrokebenchError, match=r"two hospitals.* north alone"):
        make_split("loho", labels, cohort.site.map(lambda _: "north"))
    with pytest.raises(StrokebenchError, match="two hospitals") as error:
        make_split("loho", labels, None)
    assert "site column" in error.value.hint
    site = cohort.site.where(cohort.site == "north", "south")
    assert [fold.name for fold in make_split("loho", labels, site, seeds=(1,)).folds] == ["north", "south"]


def test_fewer_training_patients_are_stratified_nested_and_the_same_again():
    labels = paper_sized()
    fold = make_split("cv5", labels, seeds=(39,)).folds[0]
    parts = {share: of_fewer(fold, labels, share) for share in (0.2, 0.6, 1.0)}
    assert parts[1.0] == fold and parts[0.2] == of_fewer(fold, labels.sample(frac=1, random_state=0), 0.2)
    assert set(parts[0.2].train) < set(parts[0.6].train) < set(fold.train)
    for share, part in parts.items():
        assert (part.validation, part.test) == (fold.validation, fold.test) and part.train == tuple(sorted(part.train))
        counts, whole = (labels.loc[list(each.train)].value_counts() for each in (part, fold))
        assert counts.to_dict() == (share * whole).round().astype(int).to_dict()
    other = make_split("cv5", labels, seeds=(40,)).folds[0]
    assert set(of_fewer(other, labels, 0.2).train) != set(parts[0.2].train)


def test_two_patients_of_a_rare_class_are_kept():
    labels = pd.Series([1] * 10 + [0] * 190, index=[f"p{i:03d}" for i in range(200)])
    fold = make_split("cv5", labels, seeds=(39,)).folds[0]
    assert labels.loc[list(of_fewer(fold, labels, 0.1).train)].sum() == 2


def test_on_validation_parts_the_test_part_is_out_of_reach():
    labels = paper_sized().astype("category")
    for fold in make_split("cv5", labels, seeds=(39,)).folds:
        inner = on_validation(fold, labels)
        assert inner.test == fold.validation and not {*inner.train, *inner.validation, *inner.test} & set(fold.test)
        assert sorted([*inner.train, *inner.validation]) == list(fold.train) and len(inner.validation) == 94
        assert labels.loc[list(inner.validation)].astype(int).sum() == pytest.approx(94 * 232 / 729, abs=1)


def test_on_validation_parts_nobody_is_parted_either():
    labels = paper_sized().astype("category")
    persons = pd.Series([f"q{i // 2}" for i in range(729)], index=labels.index)
    for fold in make_split("cv5", labels, seeds=(39,), persons=persons).folds:
        inner = on_validation(fold, labels, persons)
        parts = [set(persons[list(part)]) for part in (inner.train, inner.validation, inner.test)]
        assert not parts[0] & parts[1] and not (parts[0] | parts[1]) & parts[2]


def test_rows_of_a_handful_of_persons_cannot_be_parted():
    labels = pd.Series([0, 1] * 30, index=[f"p{i:02d}" for i in range(60)])
    persons = pd.Series([f"q{i % 9}" for i in range(60)], index=labels.index)
    with pytest.raises(StrokebenchError, match="9 persons only"):
        make_split("cv5", labels, persons=persons)
