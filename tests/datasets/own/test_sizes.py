"""What a cohort's files claim is held against bounds before any memory is taken."""

import tracemalloc
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from strokebench.datasets.own import table_size, yaml_file
from strokebench.datasets.own.cohort_file import read_cohort_file
from strokebench.datasets.own.table_size import check_size
from strokebench.datasets.own.yaml_file import read_yaml
from strokebench.errors import StrokebenchError


def workbook(path: Path, cells: str, **others: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/worksheets/sheet1.xml", f"<worksheet><sheetData>{cells}</sheetData></worksheet>")
        for name, content in others.items():
            book.writestr(f"xl/{name}.xml", content)
    return path


NEAR = '<row r="1"><c r="A1" t="inlineStr"><is><t>id</t></is></c></row>'


@pytest.mark.parametrize(
    "far",
    [
        '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        '<row r="2"><c r="ZZZ2"><v>1</v></c></row><row r="1000000"><c r="A1000000" s="3"><v>1</v></c></row>',
        '<row r="1048576"><x:c s="1" r="XFD1048576"><v>1</v></x:c></row>',
    ],
)
def test_a_cell_far_from_the_table_is_a_line(tmp_path, far):
    tracemalloc.start()
    with pytest.raises(StrokebenchError, match=r"t\.xlsx: claims 1,0\d\d,\d\d\d rows and \d+,\d\d\d columns"):
        check_size(workbook(tmp_path / "t.xlsx", NEAR + far))
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


def test_a_far_cell_of_a_format_alone_is_no_cell(tmp_path):
    check_size(workbook(tmp_path / "t.xlsx", NEAR + '<row r="1048576"><c r="XFD1048576" s="4"/></row>'))


def test_a_sheet_is_read_across_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(table_size, "_BLOCK", 7)
    with pytest.raises(StrokebenchError, match="claims"):
        check_size(workbook(tmp_path / "t.xlsx", NEAR + '<row r="9999999"><c r="AAA9999999"><v>1</v></c></row>'))


def test_parts_that_unpack_to_gigabytes_are_a_line(tmp_path, monkeypatch):
    monkeypatch.setattr(table_size, "LARGEST", 10**6)
    with pytest.raises(StrokebenchError, match=r"MB; tables up to"):
        check_size(workbook(tmp_path / "t.xlsx", NEAR, sharedStrings=b" " * 2 * 10**6))


@pytest.mark.parametrize(("rows", "fits"), [(100, True), (101, False)])
def test_cells_of_csv_and_parquet_are_counted_before_they_are_read(tmp_path, monkeypatch, rows, fits):
    monkeypatch.setattr(table_size, "MOST_CELLS", 300)
    table = pd.DataFrame({"a": range(rows), "b": 1, "c": 2})
    table.to_parquet(tmp_path / "t.parquet")
    table.to_csv(tmp_path / "t.csv", index=False, header=False, sep=";", lineterminator="\n")
    (tmp_path / "t.csv").write_text((tmp_path / "t.csv").read_text().rstrip("\n"))
    for name in ("t.parquet", "t.csv"):
        if fits:
            check_size(tmp_path / name)
        else:
            with pytest.raises(StrokebenchError, match=f"{name}: claims"):
                check_size(tmp_path / name)


def test_a_damaged_table_is_left_to_its_reader(tmp_path):
    for name in ("t.xlsx", "t.parquet"):
        (tmp_path / name).write_bytes(b"PK\x03\x04 cut short")
        check_size(tmp_path / name)


LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: " + "[" * 3000, "nests deeper than 20 levels"),
        ("title: " + "{a: " * 30, "nests deeper than 20 levels"),
        (LAUGHS, "more than 100,000 values"),
        ("sites: &a [x, *a]\n", "within what it stands for"),
        ("title: x\n" + "#" * 1_000_000, "larger than 1 MB"),
        ('id: x\ntitle: "\\e[31mred"\n', r"line 2 holds the control character '\\x1b'"),
        ('title: "\\x9b31m"\n', r"'\\x9b'"),
        ('title: "a\\ud800"\n', r"'\\ud800'"),
        ("title: \x1b[31m\n", "not valid YAML"),
        ("? [a, b]\n: c\n", "key in line 1 is a list"),
        ("a: 1\nb: {c: 1, c: 2}\n", "'c' stands twice in one block, again in line 2"),
        ("a: *b\n", "not valid YAML"),
    ],
)
def test_a_yaml_file_is_read_within_bounds(tmp_path, text, said):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(StrokebenchError, match=said) as caught:
        read_yaml(path)
    assert "c.yaml" in caught.value.message and len(caught.value.message) < 600


def test_twenty_levels_and_a_hundred_thousand_values_are_within_the_bounds(tmp_path, monkeypatch):
    path = tmp_path / "c.yaml"
    assert yaml_file.MOST_VALUES == 100_000
    # PyYAML takes seconds to read as many.
    monkeypatch.setattr(yaml_file, "MOST_VALUES", 1_000)
    # The file is the first level; file, key and list are the first three values.
    nested, long = "[" * 19 + "]" * 19, f"[{', '.join(['x'] * 997)}]"
    for value, larger, said in ((nested, f"[{nested}]", "deeper"), (long, long[:-1] + ", x]", "more than 1,000")):
        path.write_text(f"a: {value}\n")
        read_yaml(path)
        path.write_text(f"a: {larger}\n")
        with pytest.raises(StrokebenchError, match=said):
            read_yaml(path)


def test_an_alias_stands_for_what_it_names(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(
        "table: t.csv\nid: id\noutcome: y\ncolumns:\n  a: &lab {unit: mmol/L, low: 0}\n  b: *lab\n", "utf-8-sig"
    )
    columns = read_cohort_file(path).columns
    assert columns["a"] == columns["b"] and columns["b"].column.unit == "mmol/L"


@pytest.mark.parametrize("value", ["[a, b]", "{a: b}", "[]"])
@pytest.mark.parametrize(
    "key",
    ["table", "id", "outcome", "title", "missing", "exclude", "accept", "text", "images", "columns: {a: {kind", "b"],
)
def test_a_value_of_any_form_is_read_or_a_line(tmp_path, key, value):
    path = tmp_path / "c.yaml"
    path.write_text(f"{key}: {value}{'}}' if '{' in key else ''}\n")
    with pytest.raises(StrokebenchError, match=r"c\.yaml"):
        read_cohort_file(path)


@pytest.mark.parametrize(
    "line",
    [
        f"table: {'x' * 300}.csv",
        f"table: {'x/' * 2000}t.csv",
        f"images: a/{'ü' * 140}{{id}}.nii",
        f"text: {{files: '{{prompt}}/{{id}}.txt', prompts: [{'y' * 300}]}}",
        f"name: {'z' * 101}",
    ],
)
def test_a_name_that_no_file_can_have_is_a_line(tmp_path, line):
    path = tmp_path / "c.yaml"
    whole = {"table": "t.csv", "id": "id", "outcome": "y"}
    key, _, value = line.partition(": ")
    path.write_text("".join(f"{name}: {given}\n" for name, given in {**whole, key: value}.items()))
    with pytest.raises(StrokebenchError, match=rf"c\.yaml: {key}: .*(so long a name|no file name)"):
        read_cohort_file(path)
