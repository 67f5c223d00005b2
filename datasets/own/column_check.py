"""One column of a clinical table: its values, its kind, and everything that is wrong with it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pandas as pd

from strokebench.datasets.cohort import Column, Kind, Time
from strokebench.datasets.naming import HIGHEST, scale_of
from strokebench.datasets.outcome_rule import read_rule
from strokebench.datasets.own import column_values
from strokebench.datasets.own.cohort_file import CohortFile, DeclaredColumn
from strokebench.datasets.own.number_cells import Form, Numbers, read_numbers
from strokebench.datasets.own.table_file import by_value
from strokebench.datasets.own.values import nearest
from strokebench.datasets.problems import Problem

_ERROR = re.compile(r"#[^\W\d_][\w/ ]*[!?]")
"""In whatever language the spreadsheet spoke: `#REF!`, `#WERT!`, `#NOM?`."""
_FORMULA = re.compile(r"=\s*[A-Za-z(+-].*[\d)]")


@dataclass(frozen=True)
class ExaminedColumn:
    """A column of the table.

    Args:
        values: float64, or strings and None, by patient id.
        emptied: cells that `missing:` made unknown. bounds: cells that were read by the rule for `<` and `>`.
    """

    values: pd.Series
    column: Column
    problems: list[Problem]
    emptied: int = 0
    bounds: int = 0


def examine_column(file: CohortFile, name: str, cells: pd.Series, ask: bool = True) -> ExaminedColumn:
    """Read and examine a column of text cells by patient id; empty ones are missing.

    Args:
        ask: look for problems; off where it is known that there are none but accepted ones.
    """
    declared = file.columns.get(name) or DeclaredColumn(None, Column(Kind.NUMERIC))
    rules = [rule for text in file.outcomes.values() if (rule := read_rule(text)) and rule.column == name]
    ruled = any(rule.sign for rule in rules)
    no_input = name in file.banned or declared.column.time is Time.AFTER
    if no_input and declared.kind is None and not rules:
        # What its cells look like does not matter.
        return ExaminedColumn(_texts(cells), replace(declared.column, kind=Kind.CATEGORICAL), [])
    problems = list(computed_cells(name, cells)) if ask else []
    if problems:
        cells = by_value(cells, lambda cell: "" if is_computed(cell) else cell)
    kept = without_codes(file, name, cells)
    emptied = 0 if kept is cells else int(((kept == "") & (cells != "")).sum())
    form = _form(file, declared)
    if ruled and form.censored != "missing":
        # `<3` as 3 would be another label.
        form = replace(form, censored="")
    numbers = read_numbers(kept, form)
    kind = declared.kind
    if ruled:
        kind = Kind.CATEGORICAL if any(rule.of_texts for rule in rules) else Kind.NUMERIC
    column = replace(declared.column, kind=kind or column_values.infer_kind(numbers))
    if not ask:
        values = _texts(kept) if column.kind is Kind.CATEGORICAL else numbers.values
        return ExaminedColumn(values, column, [], emptied, numbers.bounds)
    if not any(kept.unique()):
        problems.append(Problem("column_empty", f"column {name!r} has no value", where=name))
    elif not (no_input or rules) and (tick := _tick(kept, column.kind)):
        what = f"column {name!r} has one value, {tick!r}, and {int((kept == '').sum())} cells without any"
        problems.append(Problem("column_one_value", what, where=name, value=tick))
    if column.kind is Kind.CATEGORICAL:
        if kind is None and (what := column_values.looks_like_free_text(kept)):
            problems.append(Problem("column_free_text", f"column {name!r} holds {what}", where=name))
        elif kind is None and (what := column_values.mixed_numbers(kept)):
            problems.append(Problem("column_mixed", f"column {name!r} holds {what}", where=name))
        problems += _category_problems(name, kept, declared.categories)
        return ExaminedColumn(_texts(kept), column, problems, emptied)
    outside = column.out_of_range(numbers.values)
    problems += _number_problems(name, column, kept, numbers, outside, ruled)
    # A value that is out of range is already reported, and would widen what counts as usual.
    usual = numbers.values[~outside].dropna()
    codes = sorted({*column_values.lone_codes(usual), *_beyond_scale(name, column, usual)})
    problems += _missing_codes(name, usual, codes)
    if not any(rule.sign == "to" for rule in rules):
        problems += _between_grades(name, usual)
    if file.missing:
        problems += _emptied_values(file, name, read_numbers(cells, form).values, numbers.values)
    problems += _unit_problems(name, column, kept, usual[~usual.isin(codes)], form)
    if kind is None and (what := column_values.no_measurement(name, numbers.values)):
        problems.append(Problem("column_no_measurement", f"column {name!r} holds {what}", where=name))
    elif kind is None and (cell := column_values.written_codes(kept)):
        what = f"column {name!r} holds {cell!r}, which is no number but a code or a time of day"
        problems.append(Problem("column_no_measurement", what, where=name))
    return ExaminedColumn(numbers.values, column, problems, emptied, numbers.bounds)


def site_problems(file: CohortFile, site: pd.Series) -> Iterator[Problem]:
    """Hospitals that are missing, unknown, or spelled in several ways."""
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
    yield from unknown_names(where, site)
    for spelling, norm in (column_values.likely_typos(site) | column_values.other_spellings(site)).items():
        n = int((site == norm).sum())
        for id in site.index[site == spelling]:
            what = f"the site {spelling!r} is elsewhere ({n} patients) spelled {norm!r}"
            yield Problem("site_spelling", what, str(id), where)


def unknown_names(where: str, names: pd.Series) -> Iterator[Problem]:
    """What may mean unknown among the names or numbers of hospitals or persons."""
    yield from (_unknown_word(where, names, word) for word in column_values.unknown_words(names))
    numbers = pd.to_numeric(names[names.str.strip() != ""], errors="coerce")
    yield from _missing_codes(where, numbers, column_values.lone_codes(numbers) if numbers.notna().all() else [])


def with_units_by_site(name: str, one: ExaminedColumn, site: pd.Series) -> Iterator[Problem]:
    """A column's problems, and hospitals whose numbers lie apart from all others' as in another unit, in place of the
    single patients there and of a question about the whole column."""
    values, found = one.values, {}
    if one.column.kind is Kind.NUMERIC:
        found = column_values.other_unit(values, site)
    for problem in one.problems:
        explained = site[problem.patient] in found if problem.patient else found and problem.value
        if problem.code != "mixed_units" or not explained:
            yield problem
    for hospital, factor in found.items():
        own = site[values.index] == hospital
        medians = f"median {values[own].median():g}, elsewhere {values[~own].median():g}"
        what = f"column {name!r}: the values of {hospital!r} look {_times(factor)} ({medians})"
        yield Problem("mixed_units", what, where=name)


def _texts(cells: pd.Series) -> pd.Series:
    return by_value(cells, lambda cell: cell.strip() or None)


def is_computed(cell: str) -> bool:
    """Whether a cell is an error of a spreadsheet, or a formula without a stored value."""
    return bool(_ERROR.fullmatch(cell) or _FORMULA.fullmatch(cell))


def computed_cells(name: str, cells: pd.Series, remedy: str = "") -> Iterator[Problem]:
    """Of a column, those cells; `remedy`: of errors, where they may not be emptied."""
    suspect = [cell for cell in cells.unique() if cell.startswith(("#", "="))]
    for code, pattern, what in (
        ("cell_error", _ERROR, "an error of the spreadsheet"),
        ("cell_formula", _FORMULA, "a formula without a stored value"),
    ):
        if computed := [cell for cell in suspect if pattern.fullmatch(cell)]:
            said = f"column {name!r}: {_counted(cells[cells.isin(computed)], what)}"
            yield Problem(code, said, where=name, remedy=remedy if code == "cell_error" else "")


def _counted(found: pd.Series, what: str) -> str:
    """`61 cells hold ..., such as '1.203' of p004`."""
    n = len(found)
    return f"{n} cell{'s hold' if n != 1 else ' holds'} {what}, such as {found.iloc[0]!r} of {found.index[0]}"


def without_codes(file: CohortFile, name: str, cells: pd.Series) -> pd.Series:
    """A column of cells in which those that the file calls missing are empty; numbers are compared as such."""
    declared = file.columns.get(name)
    codes = (*file.missing, *(declared.missing if declared else ()))
    if not codes:
        return cells
    texts = {code.strip().casefold() for code in codes}
    numbers = [number for code in codes if (number := _as_number(code)) is not None]
    # As the numbers themselves are read: a unit or a sign between thousands does not hide a code.
    coded = read_numbers(cells, replace(_form(file, declared), censored="")).values.isin(numbers)
    return by_value(cells, lambda cell: "" if cell.strip().casefold() in texts else cell).mask(coded, "")


def _form(file: CohortFile, declared: DeclaredColumn | None) -> Form:
    if declared is None:
        return Form(file.decimal, file.thousands)
    return Form(file.decimal, file.thousands, declared.column.unit, declared.censored)


def _as_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _emptied_values(file: CohortFile, name: str, given: pd.Series, values: pd.Series) -> Iterator[Problem]:
    """Codes of unknown for the whole table that lie among this column's other values."""
    for code in file.missing:
        number = _as_number(code)
        n = int((given == number).sum())
        if n and values.min() < number < values.max():
            reach = f"reach from {values.min():g} to {values.max():g}"
            what = f"column {name!r}: `missing: {code}` empties {n} cells of a column whose other values {reach}"
            yield Problem("missing_code", what, where=name, value=code)


def _beyond_scale(name: str, column: Column, values: pd.Series) -> list[float]:
    """Values that a scale has not, where the column is named after it and nearly all others are whole values of it."""
    highest = HIGHEST.get(scale_of(name) or "")
    if highest is None or column.high is not None or column.low is not None:
        return []
    fits = values.between(0, highest) & (values % 1 == 0)
    return sorted(values[~values.between(0, highest)].unique()) if fits.mean() >= 0.9 else []


def _between_grades(name: str, values: pd.Series) -> Iterator[Problem]:
    """Values that are no grade of a known scale, where nearly all others are: means that were filled in, or slips."""
    between = values[values % 1 != 0]
    if scale_of(name) and len(between) <= 0.1 * len(values):
        for id, value in between.items():
            yield Problem("between_grades", f"column {name!r}: {value:g}, where others are whole", str(id), name)


def _missing_codes(name: str, values: pd.Series, codes: list[float]) -> Iterator[Problem]:
    for code in codes:
        n = int((values == code).sum())
        rest = values[values != code]
        written = column_values.in_full(code)
        what = (
            f"column {name!r}: {written} ({n} patient{'s' * (n != 1)}) lies apart from the others"
            f" ({rest.min():g} to {rest.max():g}); does it mean unknown?"
        )
        yield Problem("missing_code", what, where=name, value=written)


def _number_problems(
    name: str, column: Column, cells: pd.Series, numbers: Numbers, outside: pd.Series, is_outcome: bool
) -> Iterator[Problem]:
    label = _label(name, column)
    faults = numbers.faults
    having = {fault: faults.index[faults == fault] for fault in faults.unique()}
    for id in having.get("bad", ()):
        yield Problem("not_a_number", f"column {label}: {cells[id]!r} is not a number", str(id), name, value=cells[id])
    for id in having.get("comma", ()):
        yield Problem("decimal_comma", f"column {label}: {cells[id]!r} has another decimal sign", str(id), name)
    of_outcome = f"An outcome has no bounds: write the value, or `{{censored: missing}}` for {name}."
    of_unit = f"Convert them to {column.unit}, or take out of the cells what is no unit."
    for fault, code, what, remedy in (
        ("thousands", "thousands", "a sign that may stand between thousands", ""),
        ("censored", "censored", "numbers with < or > (or +)", of_outcome if is_outcome else ""),
        ("unit", "unit_in_cell", "numbers with a unit or a remark", of_unit if column.unit else ""),
    ):
        if fault in having:
            said = f"column {label}: {_counted(cells[having[fault]], what)}"
            value = "".join(numbers.remarks.mode()[:1])
            yield Problem(code, said, where=name, remedy=remedy, value=value)
    limits = f"{_shown(column.low)} to {_shown(column.high)}"
    for id, value in numbers.values[outside].items():
        yield Problem("out_of_range", f"column {label}: {value:g} is outside {limits}", str(id), name)


def _unit_problems(name: str, column: Column, cells: pd.Series, usual: pd.Series, form: Form) -> Iterator[Problem]:
    """Values that seem to be in another unit, or to have lost a sign between thousands."""
    label = _label(name, column)
    if (signed := _maybe_thousands(cells, usual, form)) is not None:
        sign = "point" if form.decimal == "." else "comma"
        said = _counted(signed, f"a {sign} before three digits beside whole hundreds")
        yield Problem("mixed_units", f"column {label}: {said}; it may stand between thousands", where=name)
    if pooled := column_values.pooled_units(usual):
        few, many = (f"{n} values about {median:.3g}" for n, median in zip(pooled.n, pooled.medians, strict=True))
        what = f"column {label}: {few} lie apart from {many}, as if in another unit ({pooled.conversion})"
        yield Problem("mixed_units", what, where=name, value=pooled.conversion)
        return
    for id, factor in column_values.mixed_units(usual).items():
        what = f"column {label}: {usual[str(id)]:g} looks {_times(factor)} for the cohort (median {usual.median():g})"
        yield Problem("mixed_units", what, str(id), name)


def _maybe_thousands(cells: pd.Series, values: pd.Series, form: Form) -> pd.Series | None:
    """Cells `1.203` of a column whose others are whole hundreds: a sign read as that of the decimals; else None.

    Where the file declares `thousands:`, it has answered the question.
    """
    signed = [cell for cell in cells[values.index].unique() if form.decimal in cell]
    grouped = re.compile(rf"\s*[1-9]\d{{0,2}}{re.escape(form.decimal)}\d{{3}}\s*")
    if form.thousands or not signed or not all(map(grouped.fullmatch, signed)):
        return None
    found = cells[cells.isin(signed)]
    whole = values.drop(found.index, errors="ignore")
    return found if whole.median() >= 100 and whole.max() < 1000 else None


def _tick(cells: pd.Series, kind: Kind) -> str:
    """The one value beside empty cells, as a ticked box is exported: a word or 1 (another number is a setting)."""
    known = set(by_value(cells, str.strip))
    only = max(known) if len(known) == 2 and "" in known else ""
    return only if kind is Kind.CATEGORICAL or only == "1" else ""


def _category_problems(name: str, cells: pd.Series, allowed: tuple[str, ...]) -> Iterator[Problem]:
    # Spaces around a category are dropped when the table is read; they are no other spelling.
    cells = by_value(cells, str.strip)
    for spelling, usual in column_values.other_spellings(cells).items():
        for id in cells.index[cells == spelling]:
            what = f"column {name!r}: {spelling!r} is elsewhere spelled {usual!r}"
            yield Problem("category_spelling", what, str(id), name)
    alike = column_values.abbreviations(cells) | column_values.translations(cells)
    for spelling, usual in alike.items() if not allowed else ():
        for id in cells.index[cells == spelling]:
            yield Problem("category_spelling", f"column {name!r}: {spelling!r} is elsewhere {usual!r}", str(id), name)
    for word in column_values.unknown_words(cells) if not allowed else ():
        yield _unknown_word(name, cells, word)
    if allowed:
        unknown = cells[~cells.isin([*allowed, ""])]
        for id, meant in by_value(unknown, lambda cell: nearest(cell, allowed)).items():
            what = f"column {name!r}: {cells[str(id)]!r} is not one of its categories{meant}"
            yield Problem("category_unknown", what, str(id), name)


def _unknown_word(name: str, cells: pd.Series, word: str) -> Problem:
    n = int((cells == word).sum())
    what = f"column {name!r}: {word!r} ({n} patient{'s' * (n != 1)}) is a value among others; does it mean unknown?"
    return Problem("missing_code", what, where=name, value=word)


def _times(factor: float) -> str:
    return f"{factor:g} times too large" if factor > 1 else f"{1 / factor:g} times too small"


def _label(name: str, column: Column) -> str:
    return f"{name!r}" + (f" ({column.unit})" if column.unit else "")


def _shown(limit: float | None) -> str:
    return "no limit" if limit is None else f"{limit:g}"
