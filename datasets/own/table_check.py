"""A cohort's clinical table, read and examined: values, kinds of columns, sites, and everything that is wrong."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from strokebench.datasets.cohort import Column, Kind, Time
from strokebench.datasets.naming import sounds_later, sounds_like
from strokebench.datasets.outcome_rule import read_rule
from strokebench.datasets.own.cohort_file import CohortFile, TextSource, outcome_column
from strokebench.datasets.own.column_check import (
    ExaminedColumn,
    computed_cells,
    examine_column,
    is_computed,
    site_problems,
    unknown_names,
    with_units_by_site,
    without_codes,
)
from strokebench.datasets.own.column_values import other_spellings
from strokebench.datasets.own.lesions import PROMPT
from strokebench.datasets.own.table_file import read_table
from strokebench.datasets.own.values import nearest
from strokebench.datasets.problems import CODES, Problem
from strokebench.datasets.roles import GROUPING
from strokebench.errors import StrokebenchError


@dataclass(frozen=True)
class Examined:
    """What a table holds and what is wrong with it. Patients on the `exclude:` list are left out.

    Args:
        table: float64 or string columns by patient id; a value that cannot be read is missing.
        columns: of `table`.
        site: of each patient, as written; None without a site column.
        group: whose row it is; None without such a column.
        texts: text columns, by prompt; a missing text is None. None where texts are not in the table.
        problems: accepted ones too.
        notes: what was inferred.
    """

    table: pd.DataFrame
    columns: dict[str, Column]
    site: pd.Series | None
    group: pd.Series | None
    texts: pd.DataFrame | None
    problems: list[Problem]
    notes: list[str]


def examine_table(file: CohortFile, ask: bool = True) -> Examined:
    """Read the table that `file` names and examine it.

    Args:
        ask: look at each column for problems, which takes most of the time.

    Raises:
        StrokebenchError: the table cannot be read at all, or has no id column.
    """
    read = read_table(file)
    raw = read.cells.set_axis([name or f"column {i}" for i, name in enumerate(read.cells.columns, 1)], axis=1)
    problems = [*read.problems, *_header_problems(file, list(read.cells.columns), list(raw.columns))]
    if file.id not in raw:
        raise StrokebenchError(
            f"{file.table}: no id column {file.id!r}{nearest(file.id, raw.columns)}.",
            f"Its columns: {'; '.join([', '.join(raw.columns), *read.notes])}.",
        )
    raw = raw.loc[:, ~raw.columns.duplicated()]
    problems += [*_id_problems(file, raw), *_row_problems(file, raw)]
    cells = raw.set_index(file.id).rename_axis("patient_id")
    cells = cells[(cells.index != "") & ~cells.index.duplicated() & ~cells.index.isin(list(file.exclude))]
    if cells.empty:
        raise StrokebenchError(f"{file.table}: no patient is left.", "Check the id column and `exclude:`.")

    text_columns = file.text.columns if file.text else {}
    aside = {file.site, file.group, *text_columns.values()} - {None}
    for rule in file.outcomes.values():
        if (column := outcome_column(rule)) in aside | {file.id}:
            what = f"the outcome {rule!r} reads {column!r}, which is the id, site, group or text"
            problems.append(Problem("outcome_unreadable", what, where=rule, remedy="Give it a column of its own."))
    # Emptied, as of another column, an error would be the next problem.
    filled = {file.site: CODES["site_missing"].remedy, file.group: CODES["group_missing"].remedy}
    for name in [name for name in cells.columns if name in aside]:
        problems += computed_cells(name, cells[name], filled.get(name, ""))
    examined = {name: examine_column(file, name, cells[name], ask) for name in cells.columns if name not in aside}
    columns = {name: one.column for name, one in examined.items()}
    site = without_codes(file, file.site, cells[file.site]) if file.site and file.site in cells else None
    for name, one in examined.items():
        problems += one.problems if site is None or not ask else with_units_by_site(name, one, site)
    problems += _time_problems(file, columns)
    if site is not None:
        problems += site_problems(file, site)
    group = None
    if file.group and file.group in cells:
        group = without_codes(file, file.group, cells[file.group]).str.strip()
        problems += unknown_names(file.group, group)
        alike = other_spellings(group)
        problems += [
            Problem(
                "id_spelling", f"the person {group[id]!r} is spelled like {alike[group[id]]!r}", str(id), file.group
            )
            for id in group.index[group.isin(list(alike))]
        ]
        unknown = group.index[group == ""]
        problems += [Problem("group_missing", "has no person", str(id), file.group) for id in unknown]
    texts = {prompt: without_codes(file, c, cells[c]).str.strip() for prompt, c in text_columns.items() if c in cells}
    return Examined(
        table=pd.DataFrame({name: one.values for name, one in examined.items()}, index=cells.index),
        columns=columns,
        site=site,
        group=group,
        texts=pd.DataFrame(texts, index=cells.index).replace({"": None}) if texts else None,
        problems=problems,
        notes=[*read.notes, *_notes(file, examined)],
    )


def _header_problems(file: CohortFile, given: list[str], header: list[str]) -> Iterator[Problem]:
    for i, name in enumerate(given):
        if not name and header[i] not in file.banned:
            yield Problem("column_unnamed", f"column {i + 1} has no name", where=header[i])
    named = {"site": [file.site] if file.site else [], "columns": list(file.columns), "banned": file.banned}
    named["group"] = [file.group] if file.group else []
    named["roles"] = [column for role, column in file.roles.items() if role in GROUPING]
    named["text"] = list(file.text.columns.values()) if file.text else []
    # A rule that cannot be read is another problem.
    named["outcome"] = [rule.column for text in file.outcomes.values() if (rule := read_rule(text))]
    for key, names in named.items():
        for name in names:
            if name not in header:
                what = f"`{key}:` names a column {name!r} that the table has not{nearest(name, header)}"
                yield Problem("column_unknown", what, where=name)
    for name, n in sorted(Counter(header).items()):
        if n > 1:
            yield Problem("column_doubled", f"{n} columns are called {name!r}", where=name)


def _id_problems(file: CohortFile, raw: pd.DataFrame) -> Iterator[Problem]:
    ids = raw[file.id]
    for row in ids.index[ids == ""]:
        yield Problem("id_missing", f"row {row} of {file.table.name} has no patient id", where=file.id)
    known = ids[ids != ""]
    kept = known[~known.isin(list(file.exclude))]
    computed = kept[kept.map(is_computed)]
    errors = computed[computed.str.startswith("#")]
    if len(errors):
        rows = ", ".join(map(str, errors.index))
        what = f"column {file.id!r}: an error of the spreadsheet is the patient id in rows {rows}"
        yield Problem("cell_error", what, where=file.id, remedy=CODES["id_missing"].remedy)
    yield from computed_cells(file.id, computed.drop(errors.index).rename("row {}".format))
    kept = kept.drop(computed.index)
    for id in kept[kept.duplicated()].unique():
        rows = ", ".join(map(str, ids.index[ids == id]))
        yield Problem("id_doubled", f"stands in rows {rows}", id, file.id)
    alike = other_spellings(kept)
    for id in kept.unique():
        if id != id.strip() or id in (".", "..") or re.search(r"[/\\*?\[\]]", id) or not id.isprintable():
            yield Problem("id_unusable", f"the id is {id!r}", id, file.id)
        elif id in alike:
            yield Problem("id_spelling", f"the id {id!r} is spelled like {alike[id]!r}", id, file.id)
        elif re.fullmatch(r"\d(?:[.,]\d+)?[eE]\+\d+", id):
            yield Problem("id_unusable", f"the id {id!r} is a long number that a spreadsheet has rounded", id, file.id)
    accepted = [one for who in file.accept.values() if isinstance(who, tuple) for one in who]
    for key, names, there in (
        ("exclude", file.exclude, set(known)),
        ("accept", accepted, {*known, *raw.columns, *file.outcomes.values(), *_prompts(file.text)}),
    ):
        for id in dict.fromkeys(names):
            if id not in there:
                what = f"`{key}:` names a patient {id!r} that the table has not{nearest(id, known)}"
                yield Problem("listed_unknown", what, where=key)


def _prompts(text: TextSource | None) -> tuple[str, ...]:
    """What texts are called."""
    if text is None or text.from_masks:
        return (PROMPT,) if text else ()
    return text.prompts if text.files else tuple(text.columns)


def _time_problems(file: CohortFile, columns: Mapping[str, Column]) -> Iterator[Problem]:
    outcomes = {outcome_column(rule) for rule in file.outcomes.values()} & set(columns)
    for name, column in columns.items():
        if name in file.banned or column.time is not None or outcomes == {name}:
            continue
        if name not in outcomes and (like := sounds_like(name, sorted(outcomes))):
            yield Problem("column_time", f"column {name!r} is named like the outcome {like!r}", where=name)
        elif sounds_later(name):
            yield Problem("column_time", f"column {name!r} is named like what is known only afterwards", where=name)


_FOOTER = re.compile(
    r"(?:total|sum|summe|gesamt|mean|average|mittelwert|durchschnitt|moyenne|median|standardabweichung|count|anzahl|source"
    r"|quelle|note|legend)\b.*|(?:mw|sd|std|stabw|min(?:imum)?|max(?:imum)?)[.:]?|n\s*=.*",
    re.IGNORECASE,
)


def _row_problems(file: CohortFile, raw: pd.DataFrame) -> Iterator[Problem]:
    """Rows of nothing but an id, a header that stands again, and last rows that sum the others up."""
    ids = raw[file.id]
    bare = (ids != "") & (len(raw.columns) > 1)
    for name in raw.columns.drop(file.id):
        bare &= raw[name] == ""
        if not bare.any():
            break
    bare |= ids == file.id
    # Below the last patient alone: above, a name may be somebody's id.
    bare |= ids[::-1].map(lambda id: bool(_FOOTER.fullmatch(id.strip()))).cummin()[::-1]
    for row in ids.index[bare & ~ids.isin(list(file.exclude))]:
        what = f"row {row} of {file.table.name} looks like a remark, a sum or the header: {ids[row][:40]!r}"
        yield Problem("row_no_patient", what, ids[row], file.id)


def _notes(file: CohortFile, examined: Mapping[str, ExaminedColumn]) -> Iterator[str]:
    inferred = {
        name: one
        for name, one in examined.items()
        if name not in file.banned
        and one.column.time is not Time.AFTER
        and (name not in file.columns or file.columns[name].kind is None)
    }
    for kind in Kind:
        if names := [name for name, one in inferred.items() if one.column.kind is kind]:
            yield f"inferred as {kind}: {', '.join(names)}"
    numbers = {name: one.values.dropna() for name, one in inferred.items() if one.column.kind is Kind.NUMERIC}
    outcomes = {outcome_column(rule) for rule in file.outcomes.values()}
    codes = [
        name
        for name, known in numbers.items()
        if name not in outcomes and 2 < known.nunique() <= 10 and (known % 1 == 0).all()
    ]
    if codes:
        yield f"of few whole numbers; declare as categorical those that are codes: {', '.join(codes)}"
    if emptied := [f"{name} {one.emptied}" for name, one in examined.items() if one.emptied]:
        yield f"cells that `missing:` makes unknown: {', '.join(emptied)}"
    if bounds := [
        f"{name} {one.bounds} ({file.columns[name].censored})" for name, one in examined.items() if one.bounds
    ]:
        yield f"numbers with < or > that are read as `censored:` says: {', '.join(bounds)}"
