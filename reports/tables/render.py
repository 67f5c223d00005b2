"""A `Table` as Markdown, CSV, LaTeX and HTML; in the terminal see `strokebench.reports.tables.terminal`."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from markupsafe import Markup, escape

from strokebench.files import csv_text, write_text
from strokebench.reports.tables.table import MEASURES, PAPER_LABEL, Cell, Kind, Mark, Table, show, show_paper

if TYPE_CHECKING:
    from jinja2 import Environment


TEMPLATES = Path(__file__).parent / "templates"


CODE = r"`([^`\n]+)`"
"""How texts of ours mark code."""

_TEX = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "–": "--",
    "—": "---",
    "’": "'",
    "“": "``",
    "”": "''",
    "…": r"\ldots{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "→": r"$\to$",
    "↔": r"$\leftrightarrow$",
    "≈": r"$\approx$",
    "·": r"$\cdot$",
    "✓": r"$\surd$",
    "λ": r"$\lambda$",
    "τ": r"$\tau$",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "µ": r"$\mu$",
    "μ": r"$\mu$",
    "\u00a0": "~",
    "\n": " ",
}


def tex(text: str) -> str:
    """Text for the body of a LaTeX document that pdfLaTeX compiles.

    A character outside Latin that is not in our list becomes its code point, `[U+2603]`: visible, and no
    error. What stands between backticks is code.
    """
    return _by_code(text, _plain_tex, lambda code: rf"\texttt{{{_plain_tex(code)}}}")


def markdown(text: str) -> str:
    """Text for a cell or paragraph of GitHub-flavoured Markdown: no accidental table, emphasis or HTML, and between
    backticks code, in which nothing but a table's bar is escaped."""
    return _by_code(text.replace("\n", " "), _plain_markdown, lambda code: f"`{code}`".replace("|", r"\|"))


def _by_code(text: str, plain: Callable[[str], str], code: Callable[[str], str]) -> str:
    parts = re.split(CODE, text)
    return "".join((code if number % 2 else plain)(part) for number, part in enumerate(parts))


def _plain_tex(text: str) -> str:
    latin = (character if ord(character) < 0x180 else f"[U+{ord(character):04X}]" for character in text)
    return "".join(_TEX.get(character, shown) for character, shown in zip(text, latin, strict=True))


def _plain_markdown(text: str) -> str:
    text = re.sub(r"&(?=#?\w+;)", "&amp;", text)
    text = re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text)
    return re.sub(r"([\\`*|\[\]~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))", r"\\\1", text)


def to_markdown(table: Table) -> str:
    """GitHub-flavoured Markdown: bold best, underlined second best, the paper's numbers a row below."""
    return _collapse(_render("table.md.j2", table))


def to_csv(table: Table) -> str:
    """CSV, one line a row; scaled and rounded as printed elsewhere.

    Columns: `cohort`, `outcome`, `protocol` (the table's facts), `category`, `key`, `method`, `runs_done`,
    `runs_failed`, `runs_planned` (these three where runs are counted); then, for each metric X, `X`, `X_std`,
    `X_mark` (best, second or empty), `X_paper`, `X_paper_std`; other columns one each.
    """
    lines = []
    for row in table.rows:
        line: dict[str, Any] = {**table.facts, "category": row.group, "key": row.key, "method": row.label}
        if table.counts_runs:
            line |= {"runs_done": row.done, "runs_failed": row.failed, "runs_planned": row.planned}
        for column in table.columns:
            cell = row.cells.get(column.key, Cell())
            if column.kind is Kind.TEXT:
                line[column.key] = cell.text
            elif column.measured:
                line |= _csv_measure(column.key, cell, *MEASURES[column.kind])
            else:
                line[column.key] = _csv_number(cell.value, 0 if _whole(column.kind, cell) else 3)
        lines.append(line)
    return csv_text(pd.DataFrame(lines), index=False)


def records(table: Table) -> list[dict[str, str]]:
    """The rows of its CSV, for a script."""
    return list(csv.DictReader(io.StringIO(to_csv(table))))


def to_latex(table: Table) -> str:
    """A LaTeX table environment for booktabs and graphicx.

    What explains adapted methods is long and follows the environment, which no page can divide.
    """
    return _collapse(_render("table.tex.j2", table))


def to_html(table: Table, page: bool = False) -> str:
    """A self-contained HTML fragment.

    Each cell carries `data-key` and `data-value` (full precision), each row `data-group`, for scripts that
    sort.

    Args:
        page: wrap it as a whole document.
    """
    fragment = _render("table.html.j2", table, style=style_sheet())
    return _render("page.html.j2", table, fragment=Markup(fragment)) if page else fragment


def style_sheet() -> str:
    """The style sheet of `to_html`."""
    return (TEMPLATES / "table.css").read_text(encoding="utf-8")


def write_table(table: Table, folder: Path, name: str = "") -> list[Path]:
    """Write `name.md`, `.csv`, `.tex` and `.html`, each atomically; their paths.

    Args:
        folder: made where it is missing.
        name: default: the table's own.
    """
    forms: dict[str, Callable[[Table], str]] = {
        "md": to_markdown,
        "csv": to_csv,
        "tex": to_latex,
        "html": lambda content: to_html(content, page=True),
    }
    # Labels and anchors are those of the file: two tables of one name may stand in one document.
    table = replace(table, name=name or table.name)
    paths = []
    for suffix, form in forms.items():
        path = folder / f"{table.name}.{suffix}"
        write_text(path, form(table))
        paths.append(path)
    return paths


def _csv_measure(key: str, cell: Cell, scale: int, decimals: int) -> dict[str, str]:
    paper = cell.paper
    return {
        key: _csv_number(cell.value, decimals, scale),
        f"{key}_std": _csv_number(cell.std, decimals, scale),
        f"{key}_mark": str(cell.mark),
        f"{key}_paper": _csv_number(paper.mean if paper else None, 2),
        f"{key}_paper_std": _csv_number(paper.std if paper else None, 2),
    }


def _whole(kind: Kind, cell: Cell) -> bool:
    """A number of patients or parameters; a mean over runs need not be whole."""
    return kind is Kind.COUNT and cell.value is not None and float(cell.value).is_integer()


def _csv_number(value: float | None, decimals: int, scale: float = 1) -> str:
    return "" if value is None or math.isnan(value) else f"{scale * value:.{decimals}f}"


def _render(template: str, table: Table, **more: Any) -> str:
    # Two sets of marks: braces and percent signs are LaTeX's own.
    environment = _environment(template.split(".")[1])
    return environment.get_template(template).render(table=table, paper_label=PAPER_LABEL, **more)


def templates_in(*folders: Path, autoescape: bool = True, **more: Any) -> Environment:
    """The templates of these folders, in which a name without a value is an error; `more` is Jinja's."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(folders),
        autoescape=autoescape,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        **more,
    )


@cache
def _environment(form: str) -> Environment:
    marks = {
        **{"block_start_string": "<%", "block_end_string": "%>"},
        **{"variable_start_string": "<<", "variable_end_string": ">>"},
        **{"comment_start_string": "<#", "comment_end_string": "#>"},
    }
    more = marks if form == "tex" else {}
    environment = templates_in(TEMPLATES, autoescape=form == "html", keep_trailing_newline=True, **more)
    environment.filters |= {
        "tex": tex,
        "md": markdown,
        "show": show,
        "show_paper": show_paper,
        "prose": prose,
        "sort_value": _sort_value,
        "marked": partial(_marked, form),
    }
    return environment


def _sort_value(cell: Cell | None, kind: Kind) -> str:
    if cell is None:
        return ""
    return cell.text if kind is Kind.TEXT else "" if cell.value is None else repr(cell.value)


def _marked(form: str, cell: Cell | None, kind: Kind) -> str:
    text = (tex if form == "tex" else markdown)(show(cell, kind))
    best, second = (r"\textbf{%s}", r"\underline{%s}") if form == "tex" else ("**%s**", "<u>%s</u>")
    return {Mark.BEST: best, Mark.SECOND: second}.get(cell.mark if cell else Mark.NONE, "%s") % text


def prose(text: str) -> Markup:
    """Text as HTML; what stands between backticks is code."""
    return Markup(_by_code(text, lambda plain: str(escape(plain)), lambda code: f"<code>{escape(code)}</code>"))


def _collapse(text: str) -> str:
    """At most one empty line in a row: templates leave more where a part is absent."""
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.strip("\n") + "\n"
