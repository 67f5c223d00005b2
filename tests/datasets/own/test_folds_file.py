"""The file of a cohort's own folds: every fault is one line that names the row."""

import pytest

from strokebench.datasets.own.load import load
from strokebench.errors import StrokebenchError
from strokebench.reports.cohort.check import check_cohort

pytestmark = pytest.mark.usefixtures("own_home")

TABLE = "id,who,age,poor\n" + "".join(f"p{i:02},h{i // 2},{40 + i},{i % 2}\n" for i in range(24))
HEADER = "patient,seed,fold,part\n"


@pytest.fixture
def cohort(tmp_path):
    def write(folds: str | None = None, table: str = TABLE, more: str = ""):
        (tmp_path / "t.csv").write_text(table)
        if folds is not None:
            (tmp_path / "folds.csv").write_text(folds)
            more += "split: folds.csv\n"
        path = tmp_path / "c.yaml"
        path.write_text(f"table: t.csv\nid: id\noutcome: poor\ncolumns: {{age: numeric}}\n{more}")
        return path

    return write


def test_folds_and_persons_are_read_and_are_no_inputs(cohort):
    loaded = load(cohort(f"{HEADER}p01,39,0,train\np02,39,0,test\n", more="group: who\n"))
    assert loaded.folds.to_dict("list") == {
        "patient": ["p01", "p02"],
        "seed": [39, 39],
        "fold": [0, 0],
        "part": ["train", "test"],
    }
    assert loaded.group["p05"] == "h2" and "who" not in loaded.table
    assert load(cohort()).folds is None and load(cohort()).group is None


def test_rows_of_an_excluded_patient_go_with_it(cohort):
    loaded = load(cohort(f"{HEADER}p01,39,0,train\np02,39,0,test\n", more="exclude: {p02: moved}\n"))
    assert list(loaded.folds["patient"]) == ["p01"]


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_folds_are_read_in_utf_8_or_in_the_encoding_of_the_table(cohort, tmp_path, encoding):
    path = cohort("", more="encoding: cp1252\n")
    (tmp_path / "t.csv").write_text(TABLE.replace("p0", "ä0"), "cp1252")
    (tmp_path / "folds.csv").write_text(f"{HEADER}ä01,39,0,train\n", encoding)
    assert list(load(path).folds["patient"]) == ["ä01"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("p1,39,0,train", "row 2 of folds.csv: patient 'p1' is not in the table; did you mean 'p.1'"),
        ("p01,39,0,train\np01,39,0,test", "row 3 .*'p01' stands in train and in test of seed 39, fold 0 .row 2."),
        ("p01,39,0,train\np01,39,0,train", "stands twice in train"),
        ("p01,39,0,training", "the part 'training' is not one of train.*did you mean 'train'"),
        ("p01,x,0,train", "the seed 'x' is no whole number"),
        ("p01,39,,train", "the fold '' is no whole number"),
        ("p01,39,-1,train", "the fold '-1' is no whole number"),
    ],
)
def test_a_fault_of_a_row_names_it(cohort, rows, message):
    path = cohort(f"{HEADER}{rows}\n")
    with pytest.raises(StrokebenchError, match=message) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert [problem.code for problem in check_cohort(str(path)).problems].count("split_wrong") == 1


def test_a_column_that_is_missing_and_a_file_that_is_not_there(cohort):
    with pytest.raises(StrokebenchError, match="no column part"):
        load(cohort("patient,seed,fold\np01,39,0\n"))
    path = cohort(HEADER)
    (path.parent / "folds.csv").unlink()
    with pytest.raises(StrokebenchError, match=r"folds\.csv: no such file"):
        load(path)


def test_a_row_without_a_person_and_a_column_that_is_not_there(cohort):
    with pytest.raises(StrokebenchError, match=r"p03: has no person"):
        load(cohort(table=TABLE.replace("p03,h1", "p03,"), more="group: who\n"))
    with pytest.raises(StrokebenchError, match=r"`group:` names a column 'whom'.*did you mean 'who'"):
        load(cohort(more="group: whom\n"))


def test_check_says_what_a_run_under_the_folds_would_stop_at(cohort):
    def rows(part):
        return "".join(f"p{i:02},39,0,{part(i)}\n" for i in range(24))

    whole = rows(lambda i: ("train", "validation", "test")[i // 8])
    assert check_cohort(str(cohort(HEADER + whole)), 1).problems == []
    for folds, more, said in (
        (rows(lambda i: ("train", "test")[i // 12]), "", "no validation part"),
        (whole.replace("p03,39,0,train\n", ""), "", "patient p03 stands in no part"),
        (
            rows(lambda i: ("train", "validation", "test")[(i + 1) // 8 % 3]),
            "group: who\n",
            "parts the rows of one person",
        ),
    ):
        [problem] = check_cohort(str(cohort(HEADER + folds, more=more)), 1).problems
        assert problem.code == "split_wrong" and said in problem.what


def test_persons_that_many_rows_share_are_too_few_to_be_parted(cohort):
    few = "id,who,age,poor\n" + "".join(f"p{i:02},w{i % 3},{40 + i},{i % 2}\n" for i in range(24))
    (problem,) = check_cohort(str(cohort(table=few, more="group: who\n")), jobs=1).problems
    assert (problem.code, problem.where) == ("group_few", "who") and "3 persons" in problem.what


def test_one_person_spelled_in_two_ways_is_told(cohort):
    [problem] = check_cohort(str(cohort(table=TABLE.replace("p03,h1", "p03,H1"), more="group: who\n")), 1).problems
    assert (problem.patient, problem.code) == ("p02", "id_spelling") and "'H1'" in problem.what
