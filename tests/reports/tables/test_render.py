"""One table, five dresses: the same numbers in each."""

import html
import io
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import pandas as pd
import pytest
from rich.console import Console

from strokebench.reports.table1.table import table1
from strokebench.reports.tables.render import markdown, prose, tex, to_csv, to_html, to_latex, to_markdown, write_table
from strokebench.reports.tables.table import Cell, Column, Footnote, Kind, Row, show
from strokebench.reports.tables.terminal import TerminalTable
from strokebench.tasks.metrics.paper import PAPER_METRICS


@pytest.fixture(scope="module")
def table(results):
    return table1(results)


@pytest.fixture(scope="module")
def broken(incomplete):
    return table1(incomplete)


def numbers(table):
    """label -> the six metrics as printed."""
    return {row.label: [show(row.cells[column.key], column.kind) for column in table.columns[:6]] for row in table.rows}


def plain(text):
    return re.sub(r"\*\*|</?u>|\\textbf|\\underline|[{}]", "", text).strip()


def from_markdown(text):
    lines = [[plain(cell) for cell in line.split("|")[1:-1]] for line in text.splitlines() if line[:1] == "|"]
    return {re.sub("<sup>.*", "", line[0]): line[1:7] for line in lines[2:] if re.search(r"\d/\d", line[-1])}


def from_latex(text):
    body = text.split(r"\midrule", 1)[1].split(r"\bottomrule")[0]
    lines = [[plain(cell) for cell in line.split("&")] for line in body.splitlines() if line.count("&") > 6]
    return {
        re.sub(r"\\quad |\\textsuperscript.*", "", line[0]): [c.replace("--", "–") for c in line[1:7]]
        for line in lines
        if re.search(r"\d/\d", line[-1])
    }


def from_csv(text):
    frame = pd.read_csv(io.StringIO(text), dtype=str).fillna("")
    return {
        row["method"]: [f"{row[m]} ({row[f'{m}_std']})" if row[m] else "–" for m in PAPER_METRICS]
        for _, row in frame.iterrows()
    }


def from_html(text):
    cells = {}
    for line in re.findall(r"<tr data-row.*?</tr>", text, flags=re.DOTALL):
        label = re.search(r'<th scope="row">([^<]*)', line).group(1).strip()
        shown = re.findall(r"<td.*?</td>", line, flags=re.DOTALL)[:6]
        shown = [re.sub(r'<span class="paper".*?</span>', "", cell) for cell in shown]
        cells[label] = [html.unescape(re.sub("<[^>]*>", "", cell)).strip() for cell in shown]
    return cells


@pytest.mark.parametrize("which", ["table", "broken"])
def test_the_same_numbers_everywhere(which, request):
    table = request.getfixturevalue(which)
    expected = numbers(table)
    assert from_markdown(to_markdown(table)) == expected
    assert from_latex(to_latex(table)) == expected
    assert from_csv(to_csv(table)) == expected
    assert from_html(to_html(table)) == expected
    printed = console(table, 200)
    for label, values in expected.items():
        line = next(line for line in printed.splitlines() if line.startswith(f" {label.split(' (')[0]}"))
        assert re.findall(r"\d+\.\d\d \(\d+\.\d\d\)|–", line)[:6] == values


def console(table, width):
    output = io.StringIO()
    Console(file=output, width=width).print(TerminalTable(table))
    return output.getvalue()


@pytest.mark.parametrize("width", [80, 100, 160])
def test_the_terminal_cuts_no_number_short(broken, width):
    printed = console(broken, width)
    assert "…" not in printed
    assert all(len(line) <= width for line in printed.splitlines())
    for value, deviation in (text.split(" ") for text in numbers(broken)["Concat"]):
        assert value in printed
        assert deviation in printed


@pytest.mark.parametrize("form", [to_markdown, to_csv, to_latex, to_html])
def test_every_format_says_that_the_patients_are_synthetic(table, form):
    assert "synthetic" in form(table)


def test_the_terminal_says_that_the_patients_are_synthetic(table):
    assert "synthetic" in console(table, 100)


@pytest.mark.parametrize("form", [to_markdown, to_latex, to_html])
def test_the_papers_numbers_are_called_other_patients(table, form):
    text = form(table)
    assert "81.06 (1.97)" in text
    assert "paper, other patients" in text


def test_csv_round_trip(table, results):
    frame = pd.read_csv(io.StringIO(to_csv(table)))
    assert list(frame["key"]) == [row.key for row in table.rows]
    assert list(frame["category"]) == [row.group for row in table.rows]
    assert (frame["runs_done"] == 20).all()
    for row, line in zip(table.rows, frame.to_dict("records"), strict=True):
        for metric in PAPER_METRICS:
            cell = row.cells[metric]
            assert line[metric] == pytest.approx(100 * cell.value, abs=0.00501)
            assert (line[f"{metric}_mark"] if cell.mark else "") == cell.mark
            paper = line[f"{metric}_paper"]
            assert pd.isna(paper) if cell.paper is None else paper == cell.paper.mean
    costs = pd.read_csv(io.StringIO(to_csv(table1(results, cost=True)))).set_index("key")
    assert costs.loc["vdafm", "parameters"] == 2_960_000 and "ACC" not in costs


def test_best_is_bold_and_second_underlined(table):
    best = show(next(r for r in table.rows if r.cells["AUC"].mark == "best").cells["AUC"], "percent")
    second = show(next(r for r in table.rows if r.cells["AUC"].mark == "second").cells["AUC"], "percent")
    assert f"**{best}**" in to_markdown(table)
    assert f"<u>{second}</u>" in to_markdown(table)
    assert rf"\textbf{{{best}}}" in to_latex(table)
    assert rf"\underline{{{second}}}" in to_latex(table)


def test_failed_runs_are_listed_below(broken):
    for text in (to_markdown(broken), html.unescape(to_html(broken)), console(broken, 160)):
        assert "ValueError" in text and "20 runs: seed 39 fold 0" in text
        # A message may name patients: it is said on this machine's terminal alone.
        assert (": 50 % of {rows} lost" in text) == (text == console(broken, 160))


class Balance(HTMLParser):
    """Counts open elements; void ones aside."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_html_is_well_formed_and_needs_no_network(broken):
    text = to_html(broken, page=True)
    parser = Balance()
    parser.feed(text)
    assert not parser.open
    assert "http" not in text


def hostile(table):
    """The same table with every special character where a user's text can stand."""
    nasty = r"50% & _x_ $y$ #1 {a} ~b ^c \d <script>alert(1)</script> | *e* `f` ± λ ≥ “q” é 雪"
    first = table.rows[0]
    row = Row(first.key, nasty, nasty, first.cells, 20, 20, footnote="a")
    changes = {name: getattr(table, name) for name in table.__dataclass_fields__} | {
        "rows": [row, *table.rows[1:]],
        "title": f"Table 1. {nasty}",
        "cohort": nasty,
        "caption": nasty,
        "notes": [nasty],
        "footnotes": [Footnote("a", nasty, {nasty: nasty})],
    }
    return type(table)(**changes)


def test_html_escapes_what_a_user_wrote(table):
    text = to_html(hostile(table), page=True)
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_markdown_cells_stay_cells(table):
    text = to_markdown(hostile(table))
    lines = [line for line in text.splitlines() if line.startswith("|")]
    widths = {len(re.findall(r"(?<!\\)\|", line)) for line in lines}
    assert widths == {len(table.columns) + 3}
    assert "<script" not in text


def test_tex_escapes():
    assert tex("50% & _x_ $ # {a}") == r"50\% \& \_x\_ \$ \# \{a\}"
    assert tex("\\~^") == r"\textbackslash{}\textasciitilde{}\textasciicircum{}"
    assert tex("雪") == "[U+96EA]"
    assert tex("±é–") == r"$\pm$é--"


def test_what_stands_between_backticks_is_code_in_every_form():
    text = "“Left” is `not_inputs`, “right” is `a|b<c`, a lone ` is not"
    assert (
        tex(text)
        == r"``Left'' is \texttt{not\_inputs}, ``right'' is \texttt{a\textbar{}b\textless{}c}, a lone ` is not"
    )
    assert markdown(text) == r"“Left” is `not_inputs`, “right” is `a\|b<c`, a lone \` is not"
    assert "is <code>not_inputs</code>, “right” is <code>a|b&lt;c</code>, a lone ` is not" in prose(text)


def test_latex_structure(table):
    text = to_latex(hostile(table))
    assert text.count(r"\begin{") == text.count(r"\end{")
    bare = re.sub(r"\\[{}\\]", "", text)
    assert bare.count("{") == bare.count("}")
    body = text.split(r"\toprule")[1].split(r"\bottomrule")[0]
    for line in body.splitlines():
        if line.endswith(r"\\") and "multicolumn" not in line:
            assert len(re.findall(r"(?<!\\)&", line)) == len(table.columns) + 1


def test_latex_is_never_enlarged_breaks_prose_and_fits_a_page(table):
    columns = [Column("said", "Said", Kind.TEXT), Column("n", "N", Kind.TEXT)]
    rows = [Row("a", "a", "g", {"said": Cell(text="long " * 20), "n": Cell(text="3")})]
    text = to_latex(replace(table, columns=columns, rows=rows))
    assert r"\resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}{%" in text
    assert r"\begin{tabular}{lp{15em}cr}" in text
    within, after = text.split(r"\end{table}")
    assert table.footnotes and "adapted." in after and "adapted." not in within
    assert r"\label{tab:table1}" in within and r"Table~\ref{tab:table1}" in after


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("bend", [lambda table: table, hostile])
def test_latex_compiles(broken, bend, tmp_path):
    document = (
        "\\documentclass{article}\n\\usepackage{booktabs}\n\\usepackage{graphicx}\n\\begin{document}\n"
        f"{to_latex(bend(broken))}\\end{{document}}\n"
    )
    (tmp_path / "a.tex").write_text(document, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "a.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=60)
    assert done.returncode == 0, done.stdout[-1500:]


def test_write_table_writes_four_files(table, tmp_path):
    paths = write_table(table, tmp_path / "new")
    assert [path.name for path in paths] == ["table1.md", "table1.csv", "table1.tex", "table1.html"]
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == sorted(path.name for path in paths)
    before = [path.read_bytes() for path in paths]
    assert [path.read_bytes() for path in write_table(table, tmp_path / "new")] == before
    _, _, latex, page = write_table(table, tmp_path / "new", "table1_cost")
    assert r"\label{tab:table1_cost}" in latex.read_text() and 'id="table1_cost"' in page.read_text()


def test_a_table_that_is_not_made_of_runs_does_not_count_them(table):
    bare = replace(table, head="Check", counts_runs=False)
    console = Console(file=io.StringIO(), width=200)
    console.print(TerminalTable(bare))
    for form in (to_markdown(bare), to_latex(bare), to_html(bare), to_csv(bare), console.file.getvalue()):
        assert "Runs" not in form and "runs_done" not in form
    assert to_markdown(bare).splitlines()[2].startswith("| Check |")
    assert {line.count("|") for line in to_markdown(bare).splitlines() if line.startswith("|")} == {
        len(bare.columns) + 2
    }
