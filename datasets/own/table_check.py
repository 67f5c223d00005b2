"""A cohort's clinical table, read and examined: values, kinds of columns, sites, and everything that is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pandas as pd

from strokebench.datasets.cohort import Column, Kind
from strokebench.datasets.naming import sounds_later, sounds_like
from strokebench.datasets.own import column_values
from strokebench.datasets.own.cohort_file import COMPARISON, CohortFile, nearest, outcome_column
from strokebench.datasets.own.table_file import read_table
from strokebench.datasets.problems import Problem
from strokebench.errors import StrokebenchError


@dataclass(frozen=True)
class Examined:
    """What a table holds and what is wrong with it. Patients on the `exclude:` list are left out.

    Args:
        table: float64 or string columns by patient id; a value that cannot be read is missing.
        columns: of `table`.
        site: of each patient, as written; None without a site column.
        texts: text columns, by prompt; a missing text is None. None where texts are not in the table.
        problems: accepted ones too.
        notes: what was inferred.
    """

    table: pd.DataFrame
    columns: dict[str, Column]
    site: pd.Series | None
    texts: pd.DataFrame | None
    problems: list[Problem]
    notes: list[str]


def examine_table(file: CohortFile) -> Examined:
    """Read the table that `file` names and examine it.

    Raises:
        StrokebenchError: the table cannot be read at all, or has no id column.
    """
    raw = read_table(file.table, file.sheet, file.encoding, file.missing)
    problems = list(_header_problems(file, list(raw.columns)))
    if file.id not in raw:
        raise StrokebenchError(
            f"{file.table}: no id column {file.id!r}{nearest(file.id, raw.columns)}.",
            f"Its columns: {', '.join(raw.columns)}.",
        )
    raw = raw.loc[:, ~raw.columns.duplicated()]
    problems += _id_problems(file, raw[file.id])
    cells = raw.set_index(file.id).rename_axis("patient_id")
    cells = cells[(cells.index != "") & ~cells.index.duplicated() & ~cells.index.isin(list(file.exclude))]

    text_columns = file.text.columns if file.text else {}
    aside = {file.site, *text_columns.values()} - {None}
    table, columns = {}, {}
    for name in cells.columns:
        if name not in aside:
            table[name], columns[name], found = _examine_column(file, name, cells[name])
            problems += found
    problems += _time_problems(file, columns)
    site = None if file.site is None else cells.get(file.site)
    if site is not None:
        problems += _site_problems(file, site)
    texts = {prompt: cells[c].str.strip() for prompt, c in text_columns.items() if c in cells}
    return Examined(
        table=pd.DataFrame(table, index=cells.index),
        columns=columns,
        site=site,
        texts=pd.DataFrame(texts, index=cells.index).replace({"": None}) if texts else None,
        problems=problems,
        notes=list(_notes(file, table, columns)),
    )


def _header_problems(file: CohortFile, header: list[str]) -> Iterator[Problem]:
    named = {"site": [file.site] if file.site else [], "columns": list(file.columns), "banned": file.banned}
    named["text"] = list(file.text.columns.values()) if file.text else []
    named["outcome"] = [outcome_column(expression) for expression in file.outcomes.values()]
    for key, names in named.items():
        for name in names:
            if name not in header:
                what = f"`{key}:` names a column {name!r} that the table has not{nearest(name, header)}"
                yield Problem("column_unknown", what, where=name)
    for name in sorted({name for name in header if header.count(name) > 1}):
        yield Problem("column_doubled", f"{header.count(name)} columns are called {name!r}", where=name)


def _id_problems(file: CohortFile, ids: pd.Series) -> Iterator[Problem]:
    for row in ids.index[ids == ""]:
        yield Problem("id_missing", f"row {row} of {file.table.name} has no patient id", where=file.id)
    known = ids[ids != ""]
    for id in known[known.duplicated()].unique():
        rows = ", ".join(map(str, ids.index[ids == id]))
        yield Problem("id_doubled", f"stands in rows {rows}", id, file.id)
    for id in known.unique():
        if id != id.strip() or id in (".", "..") or re.search(r"[/\\\x00-\x1f*?\[\]]", id):
            yield Problem("id_unusable", f"the id is {id!r}", id, file.id)
    listed = {"exclude": list(file.exclude)}
    listed["accept"] = [
        one for code, who in file.accept.items() if isinstance(who, tuple) and code not in _BY_COLUMN for one in who
    ]
    for key, names in listed.items():
        for id in dict.fromkeys(names):
            if not known.isin([id]).any():
                what = f"`{key}:` names a patient {id!r} that the table has not{nearest(id, known)}"
                yield Problem("listed_unknown", what, where=key)


def _time_problems(file: CohortFile, columns: Mapping[str, Column]) -> Iterator[Problem]:
    outcomes = {outcome_column(rule) for rule in file.outcomes.values()} & set(columns)
    for name, column in columns.items():
        if name in file.banned or column.time is not None or outcomes == {name}:
            continue
        if name not in outcomes and (like := sounds_like(name, sorted(outcomes))):
            yield Problem("column_time", f"column {name!r} is named like the outcome {like!r}", where=name)
        elif sounds_later(name):
            yield Problem("column_time", f"column {name!r} is named like what is known only afterwards", where=name)


_BY_COLUMN = ("column_empty", "column_free_text")


def _examine_column(file: CohortFile, name: str, cells: pd.Series) -> tuple[pd.Series, Column, list[Problem]]:
    declared = file.columns.get(name)
    kind = declared.kind if declared else None
    inferred = kind is None
    ruled = any(outcome_column(rule) == name and COMPARISON.search(rule) for rule in file.outcomes.values())
    if kind is None and (ruled or name not in file.banned):
        kind = Kind.NUMERIC if ruled else column_values.infer_kind(cells, file.decimal)
    # A banned column is no input: what its cells look like does not matter.
    kind = kind or Kind.CATEGORICAL
    described = declared.column if declared else Column(kind)
    column = replace(described, kind=kind)
    problems = []
    if name in file.banned and inferred and not ruled:
        return _without_empty(cells), column, []
    if (cells.str.strip() == "").all():
        problems.append(Problem("column_empty", f"column {name!r} has no value", where=name))
    if kind is Kind.NUMERIC:
        values, found = _numbers(file, name, cells, column)
        return values, column, problems + found
    if inferred and (what := column_values.looks_like_free_text(cells)):
        problems.append(Problem("column_free_text", f"column {name!r} holds {what}", where=name))
    problems += _category_problems(name, cells, declared.categories if declared else ())
    return _without_empty(cells), column, problems


def _without_empty(cells: pd.Series) -> pd.Series:
    stripped = cells.str.strip()
    return stripped.where(stripped != "", None)


def _notes(file: CohortFile, table: Mapping[str, pd.Series], columns: Mapping[str, Column]) -> Iterator[str]:
    inferred = [
        name
        for name in columns
        if name not in file.banned and (name not in file.columns or file.columns[name].kind is None)
    ]
    for kind in Kind:
        if names := [name for name in inferred if columns[name].kind is kind]:
            yield f"inferred as {kind}: {', '.join(names)}"
    numbers = {name: table[name].dropna() for name in inferred if columns[name].kind is Kind.NUMERIC}
    codes = [name for name, known in numbers.items() if 2 < known.nunique() <= 10 and (known % 1 == 0).all()]
    if codes:
        yield f"of few whole numbers; declare as categorical those that are codes: {', '.join(codes)}"


def _numbers(file: CohortFile, name: str, cells: pd.Series, column: Column) -> tuple[pd.Series, list[Problem]]:
    numbers = column_values.read_numbers(cells, file.decimal)
    label = f"{name!r}" + (f" ({column.unit})" if column.unit else "")
    problems = [
        Problem("not_a_number", f"column {label}: {cell!r} is not a number", str(id), name)
        for id, cell in numbers.bad.items()
    ]
    problems += [
        Problem("decimal_comma", f"column {label}: {cell!r} has a decimal comma", str(id), name)
        for id, cell in numbers.commas.items()
    ]
    wide = numbers.values[column.out_of_range(numbers.values)]
    limits = f"{_shown(column.low, 'no limit')} to {_shown(column.high, 'no limit')}"
    problems += [
        Problem("out_of_range", f"column {label}: {value:g} is outside {limits}", str(id), name)
        for id, value in wide.items()
    ]
    # A value that is out of range is already reported, and would widen what counts as usual.
    usual = numbers.values.drop(wide.index)
    for id, factor in column_values.mixed_units(usual).items():
        times = f"{factor:g} times too large" if factor > 1 else f"{1 / factor:g} times too small"
        what = f"column {label}: {usual[str(id)]:g} looks {times} for the cohort (median {usual.median():g})"
        problems.append(Problem("mixed_units", what, str(id), name))
    return numbers.values, problems


def _category_problems(name: str, cells: pd.Series, allowed: tuple[str, ...]) -> Iterator[Problem]:
    # Spaces around a category are dropped when the table is read; they are no other spelling.
    cells = cells.str.strip()
    for spelling, usual in column_values.other_spellings(cells).items():
        for id in cells.index[cells == spelling]:
            what = f"column {name!r}: {spelling!r} is elsewhere spelled {usual!r}"
            yield Problem("category_spelling", what, str(id), name)
    if allowed:
        for id, cell in cells[~cells.isin([*allowed, ""])].items():
            what = f"column {name!r}: {cell!r} is not one of its categories{nearest(cell, allowed)}"
            yield Problem("category_unknown", what, str(id), name)


def _site_problems(file: CohortFile, site: pd.Series) -> Iterator[Problem]:
    where = file.site or ""
    for id in site.index[site.str.strip() == ""]:
        yield Problem("site_missing", "has no site", str(id), where)
    if file.sites:
        usual = {column_values.same_spelling(one): one for one in file.sites}
        for id, cell in site[~site.isin([*file.sites, ""])].items():
            if found := usual.get(column_values.same_spelling(cell)):
                yield Problem("site_spelling", f"the site {cell!r} is listed as {found!r}", str(id), where)
            else:
                what = f"the site {cell!r} is not in `sites:`{nearest(cell, file.sites)}"
                yield Problem("site_unknown", what, str(id), where)
        return
    for spelling, norm in (column_values.likely_typos(site) | column_values.other_spellings(site)).items():
        n = int((site == norm).sum())
        for id in site.index[site == spelling]:
            what = f"the site {spelling!r} is elsewhere ({n} patients) spelled {norm!r}"
            yield Problem("site_spelling", what, str(id), where)


def _shown(limit: float | None, none: str) -> str:
    return none if limit is None else f"{limit:g}"
