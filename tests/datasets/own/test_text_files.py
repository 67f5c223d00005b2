"""What is no text is not read as one, and a text that says only that it is missing is none."""

import io
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from strokebench.datasets.own.cohort_file import read_cohort_file
from strokebench.datasets.own.texts import read_texts, text_problems


def read(folder: Path, content: bytes, extra: str = ""):
    path = folder / "c.yaml"
    path.write_text(f'table: t.csv\nid: id\noutcome: y\ntext: {{files: "{{id}}.txt"}}\n{extra}')
    (folder / "k1.txt").write_bytes(content)
    (folder / "k2.txt").write_text("Infarct of the left insula.")
    return read_texts(read_cohort_file(path), ["k1", "k2"])


def word_document() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("word/document.xml", "<w:t>Infarct</w:t>")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "said", "advice"),
    [
        (b"{\\rtf1 Infarct.}", "RTF", "plain text"),
        (word_document(), "Office document", "Unpack"),
        (b"%PDF-1.7 ...", "PDF", "plain text"),
        ("Infarct".encode("utf-16"), "UTF-16", "plain text"),
        ("Infarct".encode("utf-16-be"), "NUL bytes", "UTF-8"),
        (b"Infarct \x1b[31mred", "'\\x1b'", "UTF-8"),
        ("Infarct \x9b31m".encode(), "'\\x9b'", "UTF-8"),
        ("Schlaganfall, gro\xdf".encode("latin-1"), "not UTF-8", "UTF-8"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "Git LFS", "git lfs pull"),
        (b"/annex/objects/MD5E-s83--0.txt\n", "git-annex", "datalad get"),
        (b"<!DOCTYPE html><p>Login", "web page", "Download"),
        (b"\n {\\rtf1 Infarct.}", "RTF", "plain text"),
        (b'\xef\xbb\xbf<?xml version="1.0"?><report/>', "XML", "plain text"),
        (b"x" * 1_000_001, "larger than 1 MB", "findings"),
    ],
)
def test_what_is_no_text_is_named_with_what_it_is(tmp_path, content, said, advice):
    texts, problems = read(tmp_path, content)
    assert [(problem.patient, problem.code) for problem in problems] == [("k1", "text_unreadable")]
    assert said in problems[0].what and "k1.txt" in problems[0].what
    assert advice in problems[0].remedy
    assert texts["report"].fillna("").tolist() == ["", "Infarct of the left insula."]
    assert list(text_problems(texts, problems)) == []


@pytest.mark.parametrize("content", [b"N/A", b" n/a\n", b"-", b"", b"\xef\xbb\xbfNULL", b"unknown"])
def test_a_text_that_says_that_it_is_missing_is_missing(tmp_path, content):
    texts, problems = read(tmp_path, content, "missing: [Unknown]\n")
    assert problems == []
    assert texts["report"].isna().tolist() == [True, False]
    assert [(p.patient, p.code) for p in text_problems(texts)] == [("k1", "text_missing")]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("<p>Infarct<br/>left</p>", ["text_unreadable"]),
        ('{"report": "Infarct"}', ["text_unreadable"]),
        ("Isch\ufffdmie links", ["text_unreadable"]),
        ("Infarct\x1b[2J", ["text_unreadable"]),
        ("HirnhÃ¤lfte links", ["text_unreadable"]),
        ("17", ["text_unreadable"]),
        ("k.A.", ["text_missing"]),
        ("Report to follow", ["text_missing"]),
        ("ASPECTS < 7, NIHSS > 3; [left] insula.", []),
    ],
)
def test_what_is_no_word_of_a_report_is_told_wherever_the_text_is_from(text, codes):
    assert [problem.code for problem in text_problems(pd.DataFrame({"report": [text, "Infarct."]}))] == codes


def test_a_text_that_names_another_patient_is_a_question():
    texts = pd.DataFrame(
        {"report": ["Study of K-0017: infarct.", "Study of K-0017 (prior).", "M1 occlusion.", "Study of K-00171."]},
        index=["K-0017", "K-0018", "M1", "M2"],
    )
    assert [(p.patient, p.code, p.what) for p in text_problems(texts) if p.patient] == [
        ("K-0018", "text_other", "the text 'report' names patient K-0017")
    ]


def test_one_text_for_everyone_is_told_once():
    same = pd.DataFrame({"report": ["Infarct."] * 12 + [None], "aspects": ["ASPECTS 10."] * 12 + ["ASPECTS 9."]})
    assert [(p.code, p.where) for p in text_problems(same) if p.patient is None] == [("text_equal", "report")]


def test_texts_of_another_language_are_said_to_be_lost():
    german = ["Infarkt der Insel rechts.", "Kein Nachweis einer Blutung.", "Unauffällig."]
    texts = pd.DataFrame({"befund": [*german, None], "report": ["Infarct."] * 2 + german[:2]})
    [problem] = [p for p in text_problems(texts) if p.patient is None]
    assert (problem.code, problem.where) == ("text_filtered", "befund")
    assert "3 of 3 hold no sentence" in problem.what and "English" in problem.remedy


def test_a_text_with_a_byte_order_mark_and_tabs_is_a_text(tmp_path):
    texts, problems = read(tmp_path, b"\xef\xbb\xbfInfarct:\tleft\r\ninsula\n")
    assert problems == [] and texts.loc["k1", "report"] == "Infarct:\tleft\r\ninsula"
