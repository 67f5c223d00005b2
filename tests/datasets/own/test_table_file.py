import datetime
import unicodedata
import zipfile

import openpyxl
import pandas as pd
import pytest

from strokebench.datasets.own.cohort_file import read_cohort_file
from strokebench.datasets.own.table_file import read_table
from strokebench.errors import StrokebenchError

PLAIN = [["a1", "70", "2"], ["a2", "65", "0"]]


@pytest.fixture
def table(tmp_path):
    """Reads a CSV of this text, or a table that a function writes."""

    def read(text="", name="t.csv", extra="", write=None):
        if write:
            write(tmp_path / name)
        else:
            (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        (tmp_path / "c.yaml").write_text(f"table: {name}\nid: id\noutcome: mrs > 2\n{extra}")
        return read_table(read_cohort_file(tmp_path / "c.yaml"))

    return read


@pytest.mark.parametrize(
    ("text", "extra"),
    [
        ("id,age,mrs\na1,70,2\na2,65,0\n", ""),
        ("sep=;\nid;age;mrs\na1;70;2\na2;65;0\n", ""),
        ('"sep=|"\r\nid|age|mrs\r\na1|70|2\r\na2|65|0\r\n', ""),
        ("Registry of 2024, all hospitals, final\n\n# exported by hand\nid;age;mrs\na1;70;2\na2;65;0\n", ""),
        ("id;age;mrs;;\na1;70;2;;\na2;65;0;;\n", ""),
        ("id;age;mrs\na1;70;2;\na2;65;0;\n", ""),
        ("id;age;mrs;\na1;70;2\na2;65;0\n", ""),
        ("id^age^mrs\na1^70^2\na2^65^0\n", "separator: '^'\n"),
        ("id\tage\tmrs\na1\t70\t2\na2\t65\t0\n", "separator: tab\n"),
        ("\ufeffid,age,mrs\na1,70,2\na2,65,0\n", "encoding: utf-8\n"),
        ('id,age,mrs\n="a1",="70",2\n"=""a2""",65,0\n', ""),
    ],
)
def test_one_table_in_many_forms(table, text, extra):
    read = table(text, extra=extra)
    assert list(read.cells.columns) == ["id", "age", "mrs"]
    assert read.cells.to_numpy().tolist() == PLAIN


def test_what_stands_above_the_header_is_noted_and_rows_keep_their_number(table):
    read = table("My registry\nid,mrs\na1,2\n\na2,3\n")
    assert list(read.cells.index) == [3, 5]
    assert read.notes == ["row 1 of t.csv stands above the header and is not read: 'My registry'"]


def test_separators_within_a_quoted_header_are_none(table):
    read = table('id;"age, at onset, in years, or so";mrs\na1;70;2\n')
    assert list(read.cells.columns) == ["id", "age, at onset, in years, or so", "mrs"]


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ('id,mrs,report\na1,2,"old\na2,3,new\na3,1,new\n', 2),
        ('id,mrs,report\na1,2,x\na2,3,"old\na3,1,"new\na4,0,x\n', 3),
        ('id,mrs,report\na1,2,x\na2,3,"old\na3,1,new"\na4,0,x\n', 3),
        ('id,report,mrs\na1,x,2\na2,"old,3\na3,new,1\na4,x",0\n', 3),
        ('id,mrs,"report\na1,2,x\na2,3,new"\na3,0,x\na4,1,x\n', 1),
    ],
)
def test_an_open_quotation_mark_swallows_no_patient(table, text, row):
    with pytest.raises(StrokebenchError, match=rf"t\.csv, row {row}: a quotation mark"):
        table(text)


def test_a_report_of_several_lines_is_one_cell(table):
    text = 'id,mrs,report\na1,2,"Infarct, left.\nNo shift, no swelling, no bleeding."\na2,3,x\n'
    assert list(table(text).cells["id"]) == ["a1", "a2"]


def test_a_cell_may_be_long(table):
    assert len(table(f"id,mrs,report\na1,2,{'x' * 140_000}\n").cells.loc[2, "report"]) == 140_000


@pytest.mark.parametrize("line", ["a2,3,4,5\n", "a2\n", "a2,65,0,note\n"])
def test_a_row_of_another_width_is_named(table, line):
    with pytest.raises(StrokebenchError, match=r"row 3: \d cells? where the header has 3"):
        table(f"id,age,mrs\na1,70,2\n{line}")


def test_names_are_composed(table):
    read = table(unicodedata.normalize("NFD", "id,größe,mrs\nKöln,1,2\n"))
    assert read.cells.columns[1] == "größe" and read.cells.iloc[0, 0] == "Köln"


def test_utf_16_is_an_encoding(table):
    assert table("id,mrs\na1,2\n".encode("utf-16"), extra="encoding: utf-16\n").cells.to_numpy().tolist() == [
        ["a1", "2"]
    ]


def test_long_ids_keep_their_digits_beside_missing_values(table):
    frame = pd.DataFrame({"id": [2**60 + 1, 2**60 + 2], "mrs": pd.array([None, 2], dtype="Int64")})
    read = table(name="t.parquet", write=lambda path: frame.to_parquet(path))
    assert list(read.cells["id"]) == [str(2**60 + 1), str(2**60 + 2)]
    assert list(read.cells["mrs"]) == ["", "2"]


def write_sheet(rows, change=lambda sheet: None):
    def write(path):
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        change(book.active)
        book.create_sheet("notes")
        book.save(path)

    return write


def test_a_sheet_is_read_as_it_is_shown(table):
    rows = [
        ["Registry"],
        ["id", "mrs", "seen", "x"],
        [7, 2.0, datetime.date(2024, 1, 5), "=1/0"],
        [8, True, None, "#N/A"],
    ]

    def pad(sheet):
        for cell in ("A3", "A4"):
            sheet[cell].number_format = "0000"

    read = table(name="t.xlsx", write=write_sheet(rows, pad))
    assert read.cells.to_numpy().tolist() == [["0007", "2", "2024-01-05 00:00:00", "=1/0"], ["0008", "1", "", ""]]
    assert any("notes" in note for note in read.notes) and any("Registry" in note for note in read.notes)
    assert read.problems == []


def test_number_formats_that_write_something_around_the_number(table):
    rows = [["id", "mrs", "ef", "glucose"], [7, 2, 0.07, 5.5], [8, 3, 45, None], [12007, 4, 9, 1], [1234567, 5, 9, 1]]
    forms = {"A2": '"P"000', "A3": "\\P000", "A4": "00-000", "A5": '"K0"000\\/00', "C2": "0%", "D2": '0.0" mmol/L"'}
    # One that shows no digit hides a value, which is read all the same.
    forms |= {"B4": '"-"', "B5": " "}

    def dress(sheet):
        for cell, form in (forms | {"D3": '0.0" x"'}).items():
            sheet[cell].number_format = form

    read = table(name="t.xlsx", write=write_sheet(rows, dress))
    assert read.cells["id"].tolist() == ["P007", "P008", "12-007", "K012345/67"]
    assert read.cells["mrs"].tolist() == ["2", "3", "4", "5"]
    assert read.cells.iloc[:2, 1:].to_numpy().tolist() == [["2", "7%", "5.5 mmol/L"], ["3", "45", ""]]


def test_numbers_of_a_sheet_have_the_decimal_sign_of_the_texts_beside_them(table):
    rows = [["id", "mrs", "glucose", "share"], [7, 2, 5.5, 0.125], [8, 3, "6,25", None]]

    def dress(sheet):
        sheet["A2"].number_format, sheet["D2"].number_format = "[$-407]0000", "0.0%"

    read = table(name="t.xlsx", write=write_sheet(rows, dress), extra="decimal: ','\n")
    assert read.cells.to_numpy().tolist() == [["0007", "2", "5,5", "12,5%"], ["8", "3", "6,25", ""]]


def test_all_cells_are_read_whatever_extent_a_file_states(table):
    def write(path):
        write_sheet([["id", "mrs"], ["a1", 2], ["a2", None], ["a3", 4]])(path)
        with zipfile.ZipFile(path) as book:
            parts = {name: book.read(name) for name in book.namelist()}
        with zipfile.ZipFile(path, "w") as book:
            for name, part in parts.items():
                part = part.replace(b'<dimension ref="A1:B4"', b'<dimension ref="A1:A2"')
                # Formats go on to the last column and beneath the table.
                part = part.replace(b'<c r="B2"', b'<c r="XFD2" s="0"/><c r="B2"')
                part = part.replace(b"</sheetData>", b'<row r="1048576"><c r="A1048576" s="0"/></row></sheetData>')
                book.writestr(name, part)

    assert table(name="t.xlsx", write=write).cells.to_numpy().tolist() == [["a1", "2"], ["a2", ""], ["a3", "4"]]


def test_hidden_sheets_are_not_the_first_and_hidden_rows_are_noted(table):
    def write(path):
        book = openpyxl.Workbook()
        book.active.append(["old"])
        book.active.sheet_state = "hidden"
        for row in (["id", "mrs"], ["a1", 2], ["a2", 3]):
            (book["new"] if "new" in book.sheetnames else book.create_sheet("new")).append(row)
        book["new"].row_dimensions[3].hidden = True
        book["new"].column_dimensions["B"].hidden = True
        book.save(path)

    read = table(name="t.xlsx", write=write)
    assert len(read.cells) == 2
    assert [word for word in ("rows", "columns") if any(f"hidden {word}" in note for note in read.notes)] == [
        "rows",
        "columns",
    ]


def test_texts_as_bytes_and_lists_in_parquet(table):
    frame = pd.DataFrame({"id": [b"a1", b"a2"], "mrs": [1, 2], "scores": [[1, 2], [3]]})
    read = table(name="t.parquet", write=lambda path: frame.to_parquet(path))
    assert list(read.cells["id"]) == ["a1", "a2"]
    assert [(problem.code, problem.where) for problem in read.problems] == [("column_free_text", "scores")]


@pytest.mark.parametrize(
    ("content", "extra", "said"),
    [
        ("id,mrs\na1,2\n".encode("utf-16-le"), "", r"row 1: '\\x00' is no letter"),
        ("id,mrs\na1,2\nGö,3\n".encode("cp850"), "encoding: latin-1\n", r"row 3: '\\x94' is no letter"),
        ("id,ort\na1,Köln\n".encode(), "encoding: latin-1\n", "is UTF-8 text, not latin-1"),
        (b"PK\x03\x04\xff", "", "is a ZIP archive"),
        (b"<html><table><tr><td>id</td></tr></table></html>", "", "is a web page"),
    ],
)
def test_another_encoding_or_kind_of_file_is_told(table, content, extra, said):
    with pytest.raises(StrokebenchError, match=said):
        table(content, extra=extra)


def test_lost_letters_are_noted(table):
    assert any("lost" in note for note in table("id,ort\na1,K\ufffdln\n").notes)
    twice = "Köln".encode().decode("latin-1")
    assert any(
        f"encoded twice before it came here, such as {twice!r}" in note for note in table(f"id,ort\na1,{twice}\n").notes
    )
    assert table("id,ort\na1,SÃO JOÃO\n").notes == []


def test_a_sign_of_a_finding_is_not_unknown_and_what_is_read_as_unknown_is_noted(table):
    read = table("id,protein,mrs,salt,before\na1,-,-,Na,Nil\na2,++,n/a,K,HTN\na3, - ,4,Na,--\n")
    assert read.cells.set_index("id").to_numpy().tolist() == [
        ["-", "", "", "Nil"],
        ["++", "", "K", "HTN"],
        [" - ", "4", "", ""],
    ]
    assert read.notes == [
        "cells of t.csv read as unknown: '-' in mrs (1); 'n/a' in mrs (1); 'Na' in salt (2); '--' in before (1)"
    ]


def test_rows_that_are_struck_through_are_noted(table):
    rows = [["id", "mrs"], ["a1", 2], ["a2", 3], ["a3", 4]]
    strike = write_sheet(rows, lambda sheet: setattr(sheet["A3"], "font", openpyxl.styles.Font(strike=True)))
    read = table(name="t.xlsx", write=strike)
    assert len(read.cells) == 3
    assert "rows of t.xlsx that are struck through are read as the others: 3" in read.notes


def test_a_table_on_another_sheet_is_hinted_at(table):
    def cover(rows):
        return write_sheet(rows, lambda sheet: sheet.parent.create_sheet("Cover", 0))

    with pytest.raises(StrokebenchError, match="no rows") as caught:
        table(name="t.xlsx", write=cover([["id", "mrs"], ["a1", 2]]))
    assert "sheets of t.xlsx that are not read: " in caught.value.hint


def test_merged_cells_are_named(table):
    rows = [["id", "mrs", "ward"], ["a1", 2, "North"], ["a2", 3, None]]
    read = table(name="t.xlsx", write=write_sheet(rows, lambda sheet: sheet.merge_cells("C2:C3")))
    assert [problem.code for problem in read.problems] == ["cells_merged"] and "C2:C3" in read.problems[0].what


def test_a_title_over_several_cells_above_the_header_is_none(table):
    rows = [["Registry"], ["id", "mrs"], ["a1", 2], ["a2", 3]]
    title = write_sheet(rows, lambda sheet: sheet.merge_cells("A1:B1"))
    assert table(name="t.xlsx", write=title).problems == []

    def into_header(sheet):
        sheet.merge_cells("C1:C2")
        sheet.merge_cells("A1:B1")

    (problem,) = table(name="t.xlsx", write=write_sheet(rows, into_header)).problems
    assert problem.what.endswith(": C1:C2")


def test_a_formula_that_gives_an_empty_text_is_an_empty_cell(table):
    def write(path):
        write_sheet([["id", "mrs", "stage"], ["a1", 2, '=IF(B2>3,"severe","")'], ["a2", 4, "=B3+1"]])(path)
        with zipfile.ZipFile(path) as book:
            parts = {name: book.read(name) for name in book.namelist()}
        with zipfile.ZipFile(path, "w") as book:
            for name, part in parts.items():
                book.writestr(name, part.replace(b'<c r="C2"', b'<c r="C2" t="str"'))

    assert table(name="t.xlsx", write=write).cells["stage"].tolist() == ["", "=B3+1"]


def test_a_protected_file_and_a_sheet_that_is_not_there_are_one_line(table):
    with pytest.raises(StrokebenchError, match="password"):
        table(b"\xd0\xcf\x11\xe0" + bytes(100), name="t.xlsx")
    with pytest.raises(StrokebenchError, match=r"no sheet 'clinic'.*Sheet, notes"):
        table(name="t.xlsx", extra="sheet: clinic\n", write=write_sheet([["id", "mrs"], ["a", 1]]))
