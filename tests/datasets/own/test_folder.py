import json
import re

import numpy as np
import pandas as pd
import pytest
from hospital_folder import clinical_table, image, write_hospital
from matplotlib import rcParams

from strokebench.datasets.catalogue import load_cohort
from strokebench.datasets.cohort import Kind
from strokebench.datasets.images.reading import Reading
from strokebench.datasets.own import column_values
from strokebench.datasets.own import load as own_load
from strokebench.datasets.own.cohort_file import read_cohort_file
from strokebench.datasets.own.image_files import find_images
from strokebench.datasets.own.load import load
from strokebench.datasets.own.table_check import examine_table
from strokebench.datasets.own.texts import text_problems
from strokebench.errors import StrokebenchError
from strokebench.reports.cohort.check import check_cohort
from strokebench.reports.cohort.describe import describe_cohort
from strokebench.tasks.endpoints.parse import parse_endpoint

pytestmark = pytest.mark.usefixtures("own_home")

BASE = "table: t.csv\nid: id\noutcome: mrs > 2\n"


@pytest.fixture
def folder(tmp_path):
    """Writes a table and a YAML and returns the YAML's path."""

    def write(
        yaml=BASE, edit=lambda table: table, save=lambda table, folder: table.to_csv(folder / "t.csv", index=False)
    ):
        save(edit(clinical_table()), tmp_path)
        path = tmp_path / "c.yaml"
        path.write_text(yaml)
        return path

    write.path = tmp_path
    return write


def problems(path):
    return [(p.patient, p.code) for p in examine_table(read_cohort_file(path)).problems]


def put(row, column, value):
    def edit(table):
        table = table.astype(object)
        table.loc[row, column] = value
        return table

    return edit


def persons(code):
    """Whose row it is, for every fourth by a code."""
    return lambda t: t.assign(who=[code if i % 4 == 0 else str(i // 2 + 1) for i in range(len(t))])


def haemoglobin(table):
    """In mmol/L at South, else in g/dL."""
    values = np.random.default_rng(0).normal(14, 1.2, len(table))
    return table.assign(hb=(values / np.where(table["hospital"] == "South", 1.6114, 1)).round(1))


def other_unit(factor):
    """North's glucose in another unit."""
    return lambda t: t.assign(glucose=t["glucose"].where(t["hospital"] != "North", t["glucose"] * factor))


def in_two_units(table):
    """The glucose of every second patient in mg/dl, in whichever hospital."""
    return table.assign(glucose=table["glucose"] * np.where(np.arange(len(table)) % 2, 18.016, 1))


def test_a_bare_table_is_a_cohort(folder):
    cohort = load_cohort(str(folder()))
    assert len(cohort) == 40
    assert (cohort.images, cohort.texts, cohort.site, cohort.masks) == (None, None, None, None)
    assert {name: column.kind for name, column in cohort.columns.items()} == {
        "age": Kind.NUMERIC,
        "sex": Kind.CATEGORICAL,
        "glucose": Kind.NUMERIC,
        "hospital": Kind.CATEGORICAL,
        "mrs": Kind.NUMERIC,
    }
    assert dict(cohort.outcomes) == {"mrs": "mrs > 2"}
    assert "age" in cohort.about["inferred"]
    assert re.fullmatch("c-[0-9a-f]{6}", cohort.name) and cohort.title == "c"


@pytest.mark.parametrize(
    ("name", "extra", "save"),
    [
        ("t.xlsx", "", lambda t, f: t.to_excel(f / "t.xlsx", index=False)),
        ("t.xlsx", "sheet: clinic\n", lambda t, f: t.to_excel(f / "t.xlsx", index=False, sheet_name="clinic")),
        ("t.parquet", "", lambda t, f: t.infer_objects().to_parquet(f / "t.parquet", index=False)),
        ("t.parquet", "", lambda t, f: t.infer_objects().set_index("id").to_parquet(f / "t.parquet")),
        ("t.tsv", "", lambda t, f: t.to_csv(f / "t.tsv", index=False, sep="\t")),
        (
            "t.csv",
            "decimal: ','\n",
            lambda t, f: t.infer_objects().to_csv(f / "t.csv", index=False, sep=";", decimal=","),
        ),
        ("t.csv", "encoding: gb18030\n", lambda t, f: t.to_csv(f / "t.csv", index=False, encoding="gb18030")),
    ],
)
def test_every_table_format_gives_the_same_cohort(folder, name, extra, save):
    edit = lambda table: table.assign(sex=table["sex"].replace("male", "男"))  # noqa: E731
    plain = load(folder(edit=edit))
    other = load(folder(BASE.replace("t.csv", name) + extra, edit, save))
    pd.testing.assert_frame_equal(other.table, plain.table)


def test_the_order_of_columns_changes_no_input_and_is_that_of_table_one(folder):
    plain = load(folder())
    turned = load(folder(edit=lambda table: table.iloc[:, ::-1]))
    pd.testing.assert_frame_equal(turned.table, plain.table)
    one = describe_cohort(turned).by_outcome
    names = list(dict.fromkeys(name for line in one.lines for name in turned.table if line.label.startswith(name)))
    assert names == ["mrs", "hospital", "glucose", "sex", "age"]


def test_numeric_ids_and_leading_zeros_stay_what_they_are(folder):
    numbered = lambda table: table.assign(id=[f"{i:03d}" for i in range(40)])  # noqa: E731
    cohort = load(folder(BASE + "exclude:\n  007: motion\n", numbered))
    assert "007" not in cohort.ids
    assert "008" in cohort.ids
    whole = lambda table: table.assign(id=np.arange(40))  # noqa: E731
    save = lambda table, folder: table.to_excel(folder / "t.xlsx", index=False)  # noqa: E731
    assert "17" in load(folder(BASE.replace("csv", "xlsx"), whole, save)).ids


@pytest.mark.parametrize(
    ("yaml", "words"),
    [
        (BASE + "imagse: images/{id}.nii.gz\n", ["imagse", "images"]),
        (BASE + "colums:\n  age: numeric\n", ["colums", "columns"]),
        (BASE + "columns:\n  age: {unti: years}\n", ["age", "unti", "unit"]),
        (BASE + "columns:\n  age: numerical\n", ["age", "numerical", "numeric"]),
        (BASE + "columns:\n  age: {time: befor}\n", ["age", "befor", "before"]),
        (BASE + "columns:\n  age: {time: [before]}\n", ["age", "before", "is not one of"]),
        (BASE + "text: {columns: {report: [a, b]}}\n", ["text", "one value"]),
        (BASE + "columns:\n  age: {low: young}\n", ["age", "low", "young"]),
        (BASE + "images: images/\n", ["images", "{id}"]),
        (BASE + "images: scans\\{id}.nii.gz\n", ["images: write '/'"]),
        (BASE + 'images: "C:\\Daten\\{id}.nii.gz"\n', ["escape", "Write `/` between folders"]),
        (BASE + "columns:\n\tage: numeric\n", ["Indent by spaces"]),
        (BASE + "accept:\n  motion: all\n", ["motion"]),
        (BASE + "accept:\n  not_a_number: all\n", ["not_a_number", "cannot be accepted"]),
        (BASE + "table: other.csv\n", ["table", "twice"]),
        ("table: t.csv\n", ["id", "outcome"]),
        ("- a\n- b\n", ["keys"]),
        ("table: [\n", ["YAML"]),
        (BASE + "decimal: ';'\n", ["decimal"]),
        (BASE + "text: {file: texts/x}\n", ["file", "files"]),
        (BASE + "name: ../up\n", ["name"]),
        (BASE + "columns: {age: {min: 18}}\n", ["'min'", "did you mean 'low'"]),
        (BASE + "sites: [North]\n", ["sites: there are no `site:`"]),
        (BASE + "mask_grid: resample\n", ["no `masks:` or `brain_masks:`"]),
        (BASE + "window: [0, 80]\nimage_nan: background\n", ["window: there are no `images:`", "image_nan: there"]),
        (BASE + "sheet: clinic\n", ["sheet: t.csv has no sheets"]),
        (BASE + "exclude: {p01: }\n", ["exclude: p01: say why"]),
        (BASE + "text: {files: 't/{id}.txt', prompts: [aspects]}\n", ["prompts: the pattern", "has no {prompt}"]),
        (BASE.replace("mrs > 2", "{mrs > 3: mrs > 2}"), ["'mrs > 3' is no name for 'mrs > 2'"]),
        (BASE.replace("mrs > 2", "{'': mrs > 2}"), ["outcome: '' is no name"]),
    ],
)
def test_a_faulty_file_names_the_key_and_the_nearest_known_one(folder, yaml, words):
    with pytest.raises(StrokebenchError) as error:
        load(folder(yaml))
    assert "c.yaml" in str(error.value)
    for word in words:
        assert word in str(error.value)


def test_all_faults_of_a_file_are_named_at_once(folder):
    with pytest.raises(StrokebenchError, match=r"imagse.*sitee.*outcome"):
        load(folder("table: t.csv\nid: id\nimagse: x\nsitee: hospital\n"))


@pytest.mark.parametrize(
    ("yaml", "edit", "expected"),
    [
        ("", put(3, "id", ""), [(None, "id_missing")]),
        ("", put(3, "id", "p05"), [("p05", "id_doubled")]),
        ("", put(3, "id", " p03"), [(" p03", "id_unusable")]),
        ("", put(3, "id", "../p03"), [("../p03", "id_unusable")]),
        ("", put(3, "age", "about 70"), [("p03", "not_a_number")]),
        ("", put(3, "age", "inf"), [("p03", "not_a_number")]),
        ("", put(3, "glucose", "6,5"), [("p03", "decimal_comma")]),
        ("columns:\n  age: {low: 18, high: 110}\n", put(3, "age", 170), [("p03", "out_of_range")]),
        ("columns:\n  age: {low: 18}\n", put(3, "age", -1), [("p03", "out_of_range")]),
        ("", put(3, "glucose", 117.1), [("p03", "mixed_units")]),
        ("site: hospital\n", put(3, "hospital", None), [("p03", "site_missing")]),
        ("site: hospital\n", put(3, "hospital", "North "), [("p03", "site_spelling")]),
        ("site: hospital\n", put(3, "hospital", "NORTH"), [("p03", "site_spelling")]),
        ("site: hospital\n", put(3, "hospital", "Notrh"), [("p03", "site_spelling")]),
        ("site: hospital\n", put(3, "hospital", "East"), []),
        ("site: hospital\nsites: [North, South, West]\n", put(3, "hospital", "East"), [("p03", "site_unknown")]),
        ("", put(3, "sex", "Female"), [("p03", "category_spelling")]),
        ("columns:\n  sex: {categories: [female, male]}\n", put(3, "sex", "x"), [("p03", "category_unknown")]),
        ("", lambda t: t.assign(visit="2024-01-05"), [(None, "column_free_text")]),
        ("", lambda t: t.assign(arrival=[f"{i % 9 + 8}:30" for i in t.index]), [(None, "column_free_text")]),
        ("", lambda t: t.assign(name=[f"patient {i}" for i in t.index]), [(None, "column_free_text")]),
        ("banned: [name]\n", lambda t: t.assign(name=[f"patient {i}" for i in t.index]), []),
        ("", lambda t: t.assign(height=None), [(None, "column_empty")]),
        ("", lambda t: t.assign(diabetes=["x", ""] * (len(t) // 2)), [(None, "column_one_value")]),
        ("", lambda t: t.assign(diabetes=["1", "?"] * (len(t) // 2)), [(None, "column_one_value")]),
        ("", lambda t: t.assign(tesla=["3", ""] * (len(t) // 2)), []),
        ("banned: [diabetes]\n", lambda t: t.assign(diabetes=["x", ""] * (len(t) // 2)), []),
        (
            "",
            lambda t: t.assign(smokes=["ja", "nein"] * (len(t) // 2 - 1) + ["yes", "ja"]),
            [("p38", "category_spelling")],
        ),
        ("banned: [nihs]\n", lambda t: t, [(None, "column_unknown")]),
        ("columns:\n  Age: numeric\n", lambda t: t, [(None, "column_unknown")]),
        ("exclude:\n  p77: why\n", lambda t: t, [(None, "listed_unknown")]),
        ("", lambda t: t.assign(mrs_before=0), [(None, "column_time")]),
        ("", lambda t: t.assign(nights_to_discharge=3), [(None, "column_time")]),
        ("columns: {mrs_before: {time: before}}\n", lambda t: t.assign(mrs_before=0), []),
        ("columns: {mrs_late: {time: after}}\n", lambda t: t.assign(mrs_late=0), []),
        ("banned: [mrs_late]\n", lambda t: t.assign(mrs_late=0), []),
        ("", put(3, "age", "n/a"), []),
        ("missing: [999]\n", put(3, "age", 999), []),
        ("", lambda t: t.rename(columns={"glucose": "age"}), [(None, "column_doubled")]),
        ("", lambda t: t.rename(columns={"glucose": ""}), [(None, "column_unnamed")]),
        ("banned: [column 3]\n", lambda t: t.rename(columns={"sex": ""}), []),
        ("", lambda t: t.assign(number=np.arange(40)), [(None, "column_no_measurement")]),
        ("columns: {number: numeric}\n", lambda t: t.assign(number=np.arange(40)), []),
        ("", put(3, "id", "1.23457E+17"), [("1.23457E+17", "id_unusable")]),
        ("", put(3, "age", "#DIV/0!"), [(None, "cell_error")]),
        ("", put(3, "age", "#WERT!"), [(None, "cell_error")]),
        ("", put(3, "age", "#NV"), []),
        ("", put(3, "id", "P02"), [("p02", "id_spelling")]),
        ("", put(3, "id", "p\u200b02"), [("p\u200b02", "id_unusable")]),
        ("", put(3, "sex", "unbekannt"), [(None, "missing_code")]),
        ("columns: {sex: {missing: [unbekannt]}}\n", put(3, "sex", "unbekannt"), []),
        ("site: hospital\n", put(3, "hospital", "n. b."), [(None, "missing_code")]),
        ("site: ward\n", lambda t: t.assign(ward=["1", "2", "3"] * 13 + ["999"]), [(None, "missing_code")]),
        ("", put(3, "sex", "99"), [(None, "missing_code")]),
        ("", lambda t: t.assign(sex=["female", "male", "9", "9"] * 10), [(None, "missing_code")]),
        ("columns: {sex: {missing: [99]}}\n", put(3, "sex", "99"), []),
        ("site: hospital\n", put(3, "hospital", "999"), [(None, "missing_code")]),
        ("site: hospital\n", put(3, "hospital", "#REF!"), [(None, "cell_error")]),
        ("group: who\n", persons("=A2&B2"), [(None, "cell_formula")]),
        ("group: who\n", persons("unbekannt"), [(None, "missing_code")]),
        ("group: who\n", persons("-9"), [(None, "missing_code")]),
        ("accept: {missing_code: [who]}\ngroup: who\n", persons("-9"), None),
        ("group: who\n", persons("8"), []),
        ("text: report\n", lambda t: t.assign(report=["A left infarct.", "#NAME?"] * 20), [(None, "cell_error")]),
        ("", lambda t: put(3, "id", "#REF!")(put(5, "id", "#REF!")(t)), [(None, "cell_error")]),
        ("exclude: {p05: twice}\n", put(3, "id", "p05"), []),
        ("exclude: {P02: p02 again}\n", put(3, "id", "P02"), []),
        ("exclude: {p02: P02 again}\n", put(3, "id", "P02"), []),
        ("exclude: {p/3: moved}\n", put(3, "id", "p/3"), []),
        ("exclude: {'#REF!': whose is it}\n", put(3, "id", "#REF!"), []),
        ("exclude: {Total: a sum}\n", put(39, "id", "Total"), []),
        ("site: mrs\n", lambda t: t, [(None, "outcome_unreadable")]),
        ("text: mrs\n", lambda t: t, [(None, "outcome_unreadable")]),
        ("banned: [age, glucose]\n", put(3, "id", "id"), [("id", "row_no_patient")]),
        ("", put(3, "mrs", 7), [(None, "missing_code")]),
        ("columns: {mrs: {high: 7}}\n", put(3, "mrs", 7), []),
        ("", put(3, "mrs", "2.5"), [("p03", "between_grades")]),
        ("accept: {between_grades: [p03]}\n", put(3, "mrs", "2.5"), None),
        ("", put(3, "glucose", "2.5"), []),
        ("columns: {nihss_change: {time: admission}}\n", lambda t: t.assign(nihss_change=[-4, 0, 3, -7] * 10), []),
        ("", lambda t: t.assign(plz=["01067", "01099", "20095", "80331"] * 10), [(None, "column_no_measurement")]),
        ("", lambda t: t.assign(onset=["0830", "1415", "2205", "0010"] * 10), [(None, "column_no_measurement")]),
        ("", lambda t: t.assign(ward=["1E1", "2E1", "3E4", "3E1"] * 10), [(None, "column_no_measurement")]),
        ("columns: {plz: categorical}\n", lambda t: t.assign(plz=["01067", "20095"] * 20), []),
        ("", lambda t: t.assign(points=["007", "012", "019", "103"] * 10), []),
        (
            "",
            lambda t: put(3, "sex", "m")(put(1, "sex", "f")(t)),
            [("p01", "category_spelling"), ("p03", "category_spelling")],
        ),
        (
            "columns: {sex: {categories: [f, m, female, male]}}\n",
            lambda t: put(3, "sex", "m")(put(1, "sex", "f")(t)),
            [],
        ),
        ("", lambda t: t.assign(group=["A", "AB", "B", "O"] * 10, stage=["I", "II", "V", "VI"] * 10), []),
        ("site: hospital\n", other_unit(18.016), [(None, "mixed_units")]),
        ("site: hospital\n", lambda t: other_unit(18.016)(t.replace({"West": "South"})), [(None, "mixed_units")]),
        ("site: hospital\n", other_unit(1.3), []),
        ("site: hospital\n", in_two_units, [(None, "mixed_units")]),
        ("", in_two_units, [(None, "mixed_units")]),
        ("accept: {mixed_units: [glucose]}\n", in_two_units, None),
        ("", put(3, "glucose", "8.98846567431158e307"), [(None, "missing_code")]),
        ("", lambda t: t.assign(arm=["0", "1", "ja", "nein"] * 10), [(None, "column_mixed")]),
        ("columns: {arm: categorical}\n", lambda t: t.assign(arm=["0", "1", "ja", "nein"] * 10), []),
        ("columns: {age: {unit: years, missing: [999]}}\n", put(3, "age", "999 years"), []),
        ("columns: {mrs: {censored: bound}}\n", put(3, "mrs", "<3"), [(None, "censored")]),
        ("columns: {mrs: {censored: missing}}\n", put(3, "mrs", "<3"), []),
        ("", put(3, "age", "=B3/C3"), [(None, "cell_formula")]),
        ("", put(3, "age", "70 years"), [(None, "unit_in_cell")]),
        ("columns: {age: {unit: years}}\n", put(3, "age", "70 years"), []),
        ("", put(3, "age", "89+"), [(None, "censored")]),
        ("columns: {age: {censored: bound}}\n", put(3, "age", "89+"), []),
        ("", put(3, "glucose", "1,203"), [(None, "thousands")]),
        ("", lambda t: t.assign(ddimer=["1.203", *["988", "410"] * 19, "950"]), [(None, "mixed_units")]),
        (
            "decimal: ','\n",
            lambda t: t.assign(glucose="6,5", ddimer=["1,203", *["988", "410"] * 19, "950"]),
            [(None, "mixed_units")],
        ),
        (
            "decimal: ','\nthousands: .\n",
            lambda t: t.assign(glucose="6,5", ddimer=["1.203", *["988", "410"] * 19, "950"]),
            [],
        ),
        ("", put(3, "age", 999), [(None, "missing_code")]),
        ("columns: {age: {missing: [999]}}\n", put(3, "age", "999.0"), []),
        ("missing: [6]\n", put(3, "mrs", "6"), [(None, "missing_code")]),
        (
            "columns: {sex: categorical}\n",
            lambda t: t.assign(sex=["1", "2"] * 19 + ["01", "2"]),
            [("p38", "category_spelling")],
        ),
        ("site: ward\n", lambda t: t.assign(ward=["1", "2"] * 19 + ["1.0", "2"]), [("p38", "site_spelling")]),
        (
            "",
            lambda t: pd.concat([t, pd.DataFrame([{"id": "Total", "age": "70", "sex": "male", "mrs": "3"}])]),
            [("Total", "row_no_patient")],
        ),
        (
            "",
            lambda t: pd.concat([t.iloc[:20], pd.DataFrame([{"id": "end of May"}]), t.iloc[20:]]),
            [("end of May", "row_no_patient")],
        ),
        (
            "",
            lambda t: put(38, "id", "Mittelwert")(put(39, "id", "SD")(t)),
            [("Mittelwert", "row_no_patient"), ("SD", "row_no_patient")],
        ),
        ("", lambda t: put(38, "id", "SD-1")(put(3, "id", "MW")(t)), []),
    ],
)
def test_a_faulty_table_gives_exactly_one_problem_and_is_not_loaded(folder, yaml, edit, expected):
    path = folder(BASE + yaml, edit)
    assert expected is None or problems(path) == expected
    if not expected:
        load(path)
        return
    with pytest.raises(StrokebenchError) as error:
        load(path)
    assert "cohort check" in str(error.value)
    if expected[0][0]:
        assert expected[0][0] in str(error.value)


def test_a_value_between_the_grades_of_an_outcome_is_left_to_the_outcomes_own_check(folder):
    assert problems(folder(BASE.replace("mrs > 2", "mrs 0 to 6"), put(3, "mrs", "2.5"))) == []


def test_a_column_without_a_name_is_told_by_its_number(folder):
    (problem,) = examine_table(read_cohort_file(folder(edit=lambda t: t.rename(columns={"glucose": ""})))).problems
    number = [*clinical_table().columns].index("glucose") + 1
    assert problem.where == f"column {number}" and problem.what == f"column {number} has no name"


def test_only_the_last_row_may_be_a_sum_and_it_is_told_by_its_own_number(folder):
    def edit(table):
        total = pd.DataFrame([{"id": "Total", "age": "70", "sex": "male", "mrs": "3"}])
        return pd.concat([table.replace({"id": {"p38": "Sum of B"}}), total])

    (problem,) = examine_table(read_cohort_file(folder(edit=edit))).problems
    # The header is row 1 and 40 patients come before it.
    assert problem.what == "row 42 of t.csv looks like a remark, a sum or the header: 'Total'"


def test_columns_of_few_whole_numbers_may_be_codes(folder):
    n = np.arange(40)
    more = {"flag": n % 2, "steps": n % 3, "ten": n % 10, "eleven": n % 11, "halves": n % 4 / 2}
    notes = examine_table(
        read_cohort_file(folder(edit=lambda t: t.drop(columns="mrs").assign(mrs=n % 7, **more)))
    ).notes
    (line,) = [note for note in notes if note.startswith("of few whole numbers")]
    assert line.endswith("codes: steps, ten")


def test_two_rules_on_one_column_are_two_outcomes(folder):
    rules = "table: t.csv\nid: id\noutcome: [mrs > 2, mrs > 4, age < 60]\n"
    assert read_cohort_file(folder(rules)).outcomes == {"mrs > 2": "mrs > 2", "mrs > 4": "mrs > 4", "age": "age < 60"}


@pytest.mark.parametrize("length", [255, 256])
def test_a_file_s_name_has_255_bytes_at_most(folder, length):
    path = folder(BASE.replace("t.csv", "t" * (length - 4) + ".csv"))
    if length == 255:
        assert len(read_cohort_file(path).table.name) == 255
    else:
        with pytest.raises(StrokebenchError, match="so long a name"):
            read_cohort_file(path)


def test_a_table_is_examined_again_when_any_code_that_reads_it_changes(folder, monkeypatch):
    looked = []
    monkeypatch.setattr(own_load, "file_digest", lambda path: looked.append(path.name) or "")
    file = read_cohort_file(folder())
    assert own_load._mark(file).parent.name == "examined"
    assert {file.table.name, file.path.name, "number_cells.py", "problems.py", "cohort.py"} <= set(looked)


def test_a_code_of_unknown_holds_for_its_column_and_never_for_the_id(folder):
    yaml = BASE + "missing: [77]\ncolumns: {mrs: {missing: [6]}}\naccept: {missing_code: all}\n"
    cohort = load(
        folder(
            yaml,
            lambda t: t.assign(id=np.arange(60, 100), age=["77", "6", "77", "8"] * 10, mrs=["2", "6.0", "0", "4"] * 10),
        )
    )
    assert "77" in cohort.ids
    assert set(cohort.table["mrs"].dropna()) == {0, 2, 4} and set(cohort.table["age"].dropna()) == {6, 8}
    assert "mrs 10" in cohort.about["inferred"] and "age 20" in cohort.about["inferred"]


def test_what_a_rule_read_of_censored_values_is_told(folder):
    cohort = load(folder(BASE + "columns: {age: {censored: bound}}\n", put(3, "age", "89+")))
    assert cohort.table.loc["p03", "age"] == 89
    assert "age 1 (bound)" in cohort.about["inferred"]


def test_a_question_on_a_column_is_accepted_by_its_name(folder):
    yaml = BASE + "accept: {missing_code: [age], mixed_units: [dd]}\n"
    cohort = load(folder(yaml, lambda t: put(3, "age", 999)(t).assign(dd=["1.203", *["988", "410"] * 19, "950"])))
    assert cohort.table.loc["p03", "age"] == 999


def test_a_remedy_names_the_column(folder):
    (problem,) = examine_table(read_cohort_file(folder(edit=put(3, "age", "89+")))).problems
    assert "{age: {censored: bound}}" in problem.remedy
    (problem,) = examine_table(read_cohort_file(folder(edit=put(3, "glucose", "7.1 mmol/L")))).problems
    assert "{glucose: {unit: mmol/L}}" in problem.remedy
    for code in ("999", "999.9", "9999999"):
        path = folder(edit=put(3, "age", code))
        (problem,) = examine_table(read_cohort_file(path)).problems
        remedy = f"columns: {{age: {{missing: [{code}]}}}}"
        assert remedy in problem.remedy
        assert pd.isna(load(folder(f"{BASE}{remedy}\n", put(3, "age", code))).table.loc["p03", "age"])


def test_an_error_in_place_of_an_id_is_mended_in_its_row_and_not_emptied(folder):
    path = folder(edit=lambda t: put(3, "id", "#REF!")(put(5, "id", "#REF!")(put(7, "id", "=A1&B1")(t))))
    error, formula = examine_table(read_cohort_file(path)).problems
    assert error.what.endswith("in rows 5, 7") and error.remedy == "Give the row a patient id, or delete it."
    assert formula.code == "cell_formula" and formula.what.endswith("of row 9") and "save it" in formula.remedy
    for key, remedy in (("site", "Fill the site"), ("group", "Fill it")):
        path = folder(f"{BASE}{key}: hospital\n", put(3, "hospital", "#REF!"))
        assert examine_table(read_cohort_file(path)).problems[0].remedy.startswith(remedy)
    (problem,) = examine_table(read_cohort_file(folder(edit=put(3, "age", "#REF!")))).problems
    assert problem.remedy == "Mend the formula, or empty the cells that are unknown."


def test_a_thousand_is_one_problem(folder):
    yaml = BASE + "decimal: ','\n"
    path = folder(yaml, lambda t: t.assign(glucose="6,5", dd=["1.203", *["988", "410"] * 19, "950"]))
    assert problems(path) == [(None, "thousands")]


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ('{files: "{id}.txt"}', "report"),
        ('{files: "{prompt}/{id}.txt", prompts: [aspects]}', "aspects"),
        ("{columns: {aspects: sex}}", "aspects"),
        ("{from: masks}", "lesion"),
    ],
)
def test_a_question_on_a_text_is_accepted_by_its_name(folder, text, prompt):
    masks = "masks: '{id}.nii.gz'\nimages: '{id}.nii.gz'\n" * ("masks" in text)
    accepted = f"{BASE}{masks}text: {text}\naccept: {{text_filtered: [%s]}}\n"
    assert problems(folder(accepted % prompt)) == []
    assert problems(folder(accepted % "reprot")) == [(None, "listed_unknown")]


def test_a_question_on_a_hospital_is_accepted_by_the_column(folder):
    path = folder(BASE + "site: hospital\naccept: {missing_code: [hospital]}\n", put(3, "hospital", "n. b."))
    assert load(path).site["p03"] == "n. b."


def test_two_sites_of_like_names_are_two_sites(folder):
    two = lambda table: table.assign(hospital=np.where(np.arange(40) < 2, "Hospital 1", "Hospital 2"))  # noqa: E731
    assert problems(folder(BASE + "site: hospital\n", two)) == []


def test_scores_and_skewed_laboratory_values_are_not_taken_for_mixed_units(folder):
    rng = np.random.default_rng(0)

    def widen(table):
        return table.assign(
            nihss=rng.integers(0, 43, 40), crp=rng.lognormal(2, 1.5, 40).round(1), d_dimer=rng.lognormal(0, 2, 40)
        )

    assert problems(folder(edit=widen)) == []


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (put(3, "glucose", 117.1), "18.016 times too large"),
        (put(3, "glucose", 0.361), "18.016 times too small"),
        (other_unit(18.016), "18.016 times too large"),
        (haemoglobin, "1.6114 times too small"),
        (other_unit(1 / 18.016), "18.016 times too small"),
    ],
)
def test_by_which_factor_a_unit_is_off_is_said(folder, edit, said):
    (problem,) = examine_table(read_cohort_file(folder(BASE + "site: hospital\n", edit))).problems
    assert problem.code == "mixed_units" and said in problem.what


def test_a_suspicion_can_be_accepted_and_a_patient_excluded(folder):
    path = folder(BASE + "accept:\n  mixed_units: [p03]\n", put(3, "glucose", 117.1))
    cohort = load(path)
    assert cohort.table.loc["p03", "glucose"] == 117.1
    assert cohort.about["accepted"] == "mixed_units: 1"
    path = folder(BASE + "exclude:\n  p03: wrong unit\n  p04: moved\n", put(3, "glucose", 117.1))
    cohort = load(path)
    assert len(cohort) == 38
    assert cohort.about["left_out"] == "wrong unit: 1; moved: 1"


def test_banned_columns_and_later_ones_are_never_an_input(folder):
    cohort = load(folder(BASE + "banned: [glucose]\ncolumns: {sex: {time: after}, age: {time: admission}}\n"))
    assert parse_endpoint("mrs > 2").not_inputs(cohort) == {
        "glucose": "banned",
        "mrs": "the outcome is read from it",
        "sex": "known only afterwards",
    }


def test_an_outcome_is_asked_about_where_another_is_predicted(folder):
    both = lambda t: t.assign(mrs90=t["mrs"], mrs=t["age"])  # noqa: E731
    assert problems(folder("table: t.csv\nid: id\noutcome: [mrs90 > 2, mrs > 60]\n", both)) == [(None, "column_time")]


def test_two_files_of_one_name_have_two_folders(tmp_path):
    names = set()
    for hospital in ("a", "b"):
        (tmp_path / hospital).mkdir()
        clinical_table().to_csv(tmp_path / hospital / "t.csv", index=False)
        (tmp_path / hospital / "cohort.yaml").write_text(BASE + "name: strokes\n")
        names.add(load(tmp_path / hospital / "cohort.yaml").name)
    assert len(names) == 2 and all(name.startswith("strokes-") for name in names)


def test_an_outcome_may_be_a_text(folder):
    yaml = BASE.replace("mrs > 2", "good == yes")
    cohort = load(folder(yaml, lambda t: t.assign(good=["yes", "no", "1", "2"] * 10)))
    assert cohort.columns["good"].kind is Kind.CATEGORICAL
    assert parse_endpoint(cohort.outcomes["good"]).labels(cohort).sum() == 10


def test_several_outcomes_have_short_names(folder):
    yaml = BASE.replace("outcome: mrs > 2", "outcome: [mrs > 2, age >= 80]")
    assert dict(load(folder(yaml)).outcomes) == {"mrs": "mrs > 2", "age": "age >= 80"}
    yaml = BASE.replace("outcome: mrs > 2", "outcome: {poor: mrs > 2, dead: mrs == 6}")
    assert dict(load(folder(yaml)).outcomes) == {"poor": "mrs > 2", "dead": "mrs == 6"}
    yaml = BASE.replace("outcome: mrs > 2", "outcome: [mrs > 2, mrs == 6]")
    assert dict(load(folder(yaml)).outcomes) == {"mrs > 2": "mrs > 2", "mrs == 6": "mrs == 6"}


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_bids_files_are_found_with_and_without_the_prefix_in_the_id(folder):
    pattern = BASE + "images: sub-{id}/anat/*_FLAIR.nii.gz\n"
    for i in range(40):
        touch(folder.path / f"sub-p{i:02d}" / "anat" / f"sub-p{i:02d}_acq-{i}_FLAIR.nii.gz")
        touch(folder.path / f"sub-p{i:02d}" / "anat" / f"sub-p{i:02d}_T1w.nii.gz")
    assert load(folder(pattern)).images.notna().all(axis=None)
    prefixed = lambda table: table.assign(id="sub-" + table["id"])  # noqa: E731
    cohort = load(folder(pattern, prefixed))
    assert cohort.images.loc["sub-p07", "image"].endswith("sub-p07_acq-7_FLAIR.nii.gz")


def test_of_two_sequences_a_patient_may_lack_one_and_its_brain_mask(folder):
    patterns = {"dwi": "{id}_dwi.nii.gz", "flair": "{id}_flair.nii.gz"}
    brains = {name: f"brain_{pattern}" for name, pattern in patterns.items()}
    file = read_cohort_file(folder(f"{BASE}images: {json.dumps(patterns)}\nbrain_masks: {json.dumps(brains)}\n"))
    for pattern in [*patterns.values(), *brains.values()]:
        touch(folder.path / pattern.replace("{id}", "p00"))
        if "flair" not in pattern:
            touch(folder.path / pattern.replace("{id}", "p01"))
    found = find_images(file, ["p00", "p01"])
    assert found.problems == []
    assert found.lacking() == {"flair image": ["p01"], "brain mask of flair": ["p01"]}


def test_a_pattern_that_fits_several_files_or_none_names_the_patient(folder):
    for i in range(40):
        touch(folder.path / "images" / f"p{i:02d}_a.nii.gz")
    path = folder(BASE + "images: images/{id}_*.nii.gz\n")
    assert load(path).images.notna().all(axis=None)
    second = touch(folder.path / "images" / "p05_b.nii.gz")
    with pytest.raises(StrokebenchError, match=r"p05: 2 files fit.*p05_a.*p05_b"):
        load(path)
    second.unlink()
    (folder.path / "images" / "p06_a.nii.gz").rename(folder.path / "images" / "P06_a.nii.gz")
    with pytest.raises(StrokebenchError, match=r"p06: no file"):
        load(path)
    path.write_text(path.read_text() + "accept:\n  image_missing: [p06]\n")
    cohort = load(path)
    assert list(cohort.ids[cohort.images["image"].isna()]) == ["p06"]
    assert cohort.about["missing"] == "image: 1"


def test_a_wild_card_in_an_id_fits_nobody_elses_file(folder):
    odd = lambda table: table.assign(id=["p0[12]" if i == 3 else id for i, id in enumerate(table["id"])])  # noqa: E731
    assert problems(folder(edit=odd)) == [("p0[12]", "id_unusable")]


def test_images_to_look_at_are_shown_whatever_a_matplotlibrc_says(tmp_path, monkeypatch):
    path = write_hospital(tmp_path, 2)
    image(tmp_path, 1).write_bytes(b"no image")
    monkeypatch.setitem(rcParams, "text.usetex", True)
    assert len(check_cohort(str(path), jobs=1).sheets) == 1


def test_a_missing_image_names_the_file_that_is_spelled_alike(folder):
    for i in range(40):
        touch(folder.path / "images" / f"patient_p{i:02d}_flair.nii.gz")
    (folder.path / "images" / "patient_p06_flair.nii.gz").rename(folder.path / "images" / "patient_P06_flair.nii.gz")
    with pytest.raises(StrokebenchError, match=r"is it images/patient_P06_flair"):
        load(folder(BASE + "images: images/patient_{id}_flair.nii.gz\n"))


def test_texts_from_columns_files_and_prompts(folder):
    report = lambda table: table.assign(report="Left infarct.", volume="12 ml")  # noqa: E731
    assert list(load(folder(BASE + "text: report\nbanned: [volume]\n", report)).texts.columns) == ["report"]
    cohort = load(folder(BASE + "text: {columns: {infarct_volume: volume, aspects: report}}\n", report))
    assert cohort.texts.loc["p01"].to_dict() == {"infarct_volume": "12 ml", "aspects": "Left infarct."}
    assert not {"report", "volume"} & set(cohort.table.columns), "a text is no table column"
    for i in range(40):
        for prompt in ("aspects", "mass_effect"):
            path = folder.path / "texts" / f"p{i:02d}" / f"{prompt}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{prompt} of {i}", encoding="utf-8")
    yaml = BASE + 'text: {files: "texts/{id}/{prompt}.txt", prompts: [aspects, mass_effect]}\n'
    assert load(folder(yaml)).texts.loc["p07", "mass_effect"] == "mass_effect of 7"
    assert load(folder(BASE + "text: none\n")).texts is None


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda f: (f / "t.csv").unlink(), ["t.csv", "no such file"]),
        (lambda f: (f / "t.csv").write_text("id,mrs\n1,2\n3\n"), ["t.csv", "row 3"]),
        (lambda f: (f / "t.csv").write_text("id,mrs\n"), ["t.csv", "no rows"]),
        (lambda f: (f / "t.csv").write_text("pid,mrs\n1,2\n"), ["t.csv", "id", "pid"]),
        (lambda f: (f / "t.csv").write_bytes("id,mrs,sex\n1,2,männlich\n".encode("latin-1")), ["t.csv", "latin-1"]),
    ],
)
def test_a_table_that_cannot_be_read_is_one_line(folder, write, words):
    path = folder()
    write(folder.path)
    with pytest.raises(StrokebenchError) as error:
        load(path)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize("kind", ["csv", "excel", "parquet"])
def test_the_row_of_a_missing_id_is_that_of_the_file(folder, kind):
    name = {"excel": "t.xlsx"}.get(kind, f"t.{kind}")
    save = lambda table, path: getattr(table, f"to_{kind}")(path / name, index=False)  # noqa: E731
    path = folder(BASE.replace("t.csv", name), lambda t: put(3, "id", "")(t).infer_objects(), save)
    (problem,) = examine_table(read_cohort_file(path)).problems
    assert "row 5" in problem.what


def test_brain_masks_are_found_by_their_pattern(tmp_path):
    path = write_hospital(tmp_path, 12)
    (tmp_path / "brains").mkdir()
    brain = tmp_path / "brains" / "p03.nii.gz"
    brain.write_bytes(image(tmp_path, 3).read_bytes())
    with path.open("a") as file:
        file.write('brain_masks: "brains/{id}.nii.gz"\n')
    with pytest.raises(StrokebenchError, match=r"p00: no file brains/p00"):
        load(path)
    with path.open("a") as file:
        file.write("accept: {mask_missing: all}\nimage_nan: background\nmask_grid: resample\n")
    cohort = load(path)
    assert cohort.reading == Reading(nan_is_background=True, resample_masks=True)
    assert cohort.about["declared"] == "NaN is background; masks are resampled to their images"
    assert cohort.about["missing"] == "brain mask: 11"
    found = cohort.brain_masks
    assert found.loc["p03", "image"] == str(brain)
    assert found.drop("p03").isna().all(axis=None)


def test_a_table_that_was_found_clean_is_not_examined_again(folder, monkeypatch):
    yaml = BASE + "site: hospital\nmissing: [West]\ncolumns: {glucose: {censored: half, missing: [3]}}\n"
    path = folder(yaml + "exclude: {}\n", lambda t: put(3, "glucose", "<8")(t).assign(hospital="North"))
    first = load(path)
    looked = []
    monkeypatch.setattr(column_values, "lone_codes", lambda values: looked.append(values) or [])
    again = load(path)
    pd.testing.assert_frame_equal(again.table, first.table)
    assert again.about == first.about and again.columns == first.columns and not looked
    (folder.path / "t.csv").write_text((folder.path / "t.csv").read_text().replace("<8", "<7"))
    assert load(path).table.loc["p03", "glucose"] == 3.5 and looked


def test_missing_codes_hold_for_hospitals_too(folder):
    path = folder(BASE + "site: hospital\nmissing: [unknown]\n", put(3, "hospital", "Unknown"))
    assert problems(path) == [("p03", "site_missing")]


def test_a_text_with_a_finding_is_no_refusal():
    texts = {
        "a": "Infarct of 3 ml in the left hemisphere. As an AI language model, I cannot give a medical diagnosis.",
        "b": "I'm sorry, I cannot help with that. Please ask someone else.",
    }
    found = text_problems(pd.DataFrame({"report": texts}))
    assert [(problem.patient, problem.code) for problem in found] == [("b", "text_refusal")]


def test_a_table_of_which_nobody_is_left_is_one_line(folder):
    path = folder(BASE + "exclude: {p00: moved, p01: moved}\n", lambda table: table.head(2))
    for read in (load, check_cohort):
        with pytest.raises(StrokebenchError, match="no patient is left"):
            read(path)


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        ("{nihs: age}", "nihss"),
        ("{age: alter}", "'alter', which is no column"),
        ("{glucose: glucose}", "unit ''"),
        ("{diabetes: mrs}", "Patient p0.: '.*' in column 'mrs' cannot be read"),
    ],
)
def test_check_says_of_roles_what_a_run_would_stop_at(folder, roles, said):
    [problem] = check_cohort(str(folder(f"{BASE}roles: {roles}\n")), 1).problems
    assert problem.code == "role_wrong" and re.search(said, problem.what + problem.remedy)


def test_a_column_may_be_named_for_grouping_alone(folder):
    path = folder(f"{BASE}roles: {{sex: sex}}\n", lambda table: table.assign(sex=["f", "m"] * (len(table) // 2)))
    assert not check_cohort(str(path), 1).problems
    cohort = load(path)
    assert (dict(cohort.roles), cohort.about["sex_column"]) == ({}, "sex")
    path = folder(f"{BASE}roles: {{race: rase}}\n")
    [problem] = check_cohort(str(path), 1).problems
    assert (problem.code, problem.where) == ("column_unknown", "rase") and "roles" in problem.what
    with pytest.raises(StrokebenchError, match="rase"):
        load(path)


@pytest.mark.parametrize("limits", ["{low: 90, high: 18}", "{low: nan}", "{high: inf}"])
def test_limits_that_hold_nothing_are_refused(folder, limits):
    with pytest.raises(StrokebenchError, match="columns: age: "):
        read_cohort_file(folder(f"{BASE}columns: {{age: {limits}}}\n"))
