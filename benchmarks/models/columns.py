"""Does a cohort fit a model? Its columns under the model's names and units, and all that is missing or otherwise."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from strokebench.benchmarks.models.description import Description, TableInput, role_name
from strokebench.benchmarks.running.context import roles_of
from strokebench.datasets.cohort import ONLY, Cohort, Column, Kind
from strokebench.datasets.embeddings import Embeddings
from strokebench.datasets.own.column_values import same_spelling
from strokebench.datasets.own.number_cells import same_unit
from strokebench.datasets.own.values import nearest, one_text, text_list
from strokebench.datasets.own.yaml_file import read_yaml
from strokebench.datasets.roles import GROUPING, ROLES
from strokebench.errors import StrokebenchError, counted, named
from strokebench.tasks.inputs import PRESENT, modality_of

TOLERATED = 0.05
"""Share of patients up to which values out of range and unknown categories are named and used (our choice)."""
ENOUGH = 20
"""Patients from which on their median says something of a column's unit (our choice)."""
_HINT = (
    "Map columns by a file of `columns: {age_years: age}`, with `{is: glucose, times: 18.016}` where the unit differs,"
    " `{is: sex, values: {female: F}}` where categories do, and `unknown: [bmi]` for what nobody's is known."
)


@dataclass(frozen=True)
class Renamed:
    """What a cohort's column is to the model.

    Args:
        name: the model's. times: what makes its unit of the cohort's; None: nothing is said of the unit. values: the
            model's category or number by the cohort's; an empty one is unknown.
    """

    name: str
    times: float | None = None
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Columns:
    """What a cohort calls otherwise than the model.

    Args:
        columns: by the cohort's name. unknown: columns of the model of which nothing is known here.
    """

    columns: Mapping[str, Renamed] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()

    @classmethod
    def read(cls, given: Path | str | Mapping[str, Any] | None) -> Self:
        """What a YAML file, or what it would hold, says.

        Raises:
            StrokebenchError: it is of another form.
        """
        if given is None:
            return cls()
        said = given if isinstance(given, Mapping) else read_yaml(Path(given))
        where = "The mapping" if isinstance(given, Mapping) else str(given)
        try:
            if unknown := set(said) - {"columns", "unknown"}:
                raise ValueError(f"unknown key {min(unknown)!r}")
            return cls({name: _renamed(one) for name, one in (said.get("columns") or {}).items()},
                       text_list(said.get("unknown") or ()))  # fmt: skip
        except (AttributeError, TypeError, ValueError) as error:
            raise StrokebenchError(f"{where} cannot be read: {error}.", _HINT) from None


def _renamed(given: Any) -> Renamed:
    if isinstance(given, str):
        return Renamed(given)
    if (unknown := set(given) - {"is", "times", "values"}) or "is" not in given or len(given) > 2:
        raise ValueError(f"unknown key {min(unknown)!r}" if unknown else "give `is`, and with it `times` or `values`")
    times = float(given["times"]) if "times" in given else None
    if times is not None and not (np.isfinite(times) and times):
        raise ValueError(f"times {times:g} leaves nothing of the values")
    return Renamed(one_text(given["is"]), times, {_written(a): _written(b) for a, b in given.get("values", {}).items()})


def _written(value: Any) -> str:
    """A category or a number as a text."""
    return f"{value:g}" if isinstance(value, int | float) else one_text(value)


@dataclass(frozen=True)
class Examined:
    """A cohort as a model sees it.

    Args:
        cohort: its columns under the model's names and in its units; without what the model does not read.
        roles: what is known of patients by role.
        content: the columns that the model reads, by patient id.
        problems: why it cannot be used. notes: what was converted, dropped or will be filled.
    """

    cohort: Cohort
    roles: pd.DataFrame = field(repr=False)
    content: pd.DataFrame = field(repr=False)
    problems: list[str]
    notes: list[str]

    def refuse(self, model: Description) -> None:
        """Raise all problems as one.

        Raises:
            StrokebenchError: there are any.
        """
        if self.problems:
            alike: dict[str, list[str]] = {}
            for problem in self.problems:
                name, _, what = problem.partition(": ")
                alike.setdefault(what, []).append(name)
            said = "; ".join(f"{', '.join(names)}: {what}" for what, names in alike.items())
            raise StrokebenchError(
                f"{self.cohort.title} does not fit the model, {model.label}"
                f" ({counted(len(self.problems), 'problem')}): {said}.",
                _HINT,
            )


def examine(
    model: Description, cohort: Cohort, columns: Columns | None = None, embeddings: Embeddings | None = None
) -> Examined:
    """Hold a cohort against a model. Nothing is read but its table, nothing computed."""
    columns = columns or Columns()
    problems: list[str] = []
    notes: list[str] = []
    known = _in_its_names(model, cohort, columns, problems, notes)
    for name, said in model.table.items():
        if name not in known.table:
            problems.append(f"{name}: not in the table{nearest(name, known.table.columns)}")
        else:
            for what, bad in _faults(said, known.table[name], known.columns[name]):
                (problems if bad else notes).append(f"{name}: {what}")
    _examine_modalities(model, known, embeddings, problems, notes)
    try:
        roles = roles_of(known, model.endpoint.not_inputs(known)) if model.roles else pd.DataFrame(index=known.ids)
    except StrokebenchError as error:
        problems.append(error.message.rstrip("."))
        roles = pd.DataFrame(index=known.ids)
    problems += [f"{role}: no column has this role (`roles:`)" for role in model.roles if role not in roles]
    there = [role for role in model.roles if role in roles]
    for role in there:
        values = roles[role]
        if role in model.role_inputs:
            for what, bad in _faults(model.role_inputs[role], values, role_column(role), "the median"):
                (problems if bad else notes).append(f"{role}: {what}")
        elif values.isna().mean() > TOLERATED:
            lacking = _share(values[values.isna()], values)
            notes.append(f"{role}: {lacking} have no value; the training part's median stands there")
    read = known.table[[name for name in model.table if name in known.table]]
    content = read.join(roles[there].rename(columns=role_name))
    return Examined(known, roles, content, problems, notes)


def role_column(role: str) -> Column:
    """What is known of a role as of a column: numbers in its own unit."""
    return Column(Kind.NUMERIC, next(iter(ROLES[role].units), ""))


def _in_its_names(
    model: Description, cohort: Cohort, columns: Columns, problems: list[str], notes: list[str]
) -> Cohort:
    """The cohort under the model's names, with no more modalities than the model reads."""
    # Without those that are mapped, so that two of them may change names.
    described = {name: column for name, column in cohort.columns.items() if name not in columns.columns}
    table = cohort.table[[name for name in cohort.table if name in described]].copy()
    renamed: dict[str, str] = {}
    targets = [to.name for to in columns.columns.values()]
    grouping = {fact: cohort.about[fact] for fact in GROUPING.values() if fact in cohort.about}
    by_role = {*cohort.roles.values(), *grouping.values()}
    roles = [to.name for name, to in columns.columns.items() if name in by_role]
    read = {*model.table, model.endpoint.column, *roles}
    for theirs, to in columns.columns.items():
        if theirs not in cohort.table:
            problems.append(f"{theirs}: the mapping names it, and the table has no such column"
                            f"{nearest(theirs, cohort.table.columns)}")  # fmt: skip
        elif to.name in cohort.table and to.name not in columns.columns and to.name != theirs:
            problems.append(f"{to.name}: the mapping makes it of {theirs}, and the table has one of that name too")
        elif targets.count(to.name) > 1:
            problems.append(f"{theirs}: the mapping makes {to.name} of another column too")
        elif to.name not in read:
            meant = nearest(to.name, read)
            # One mapping serves several models, which do not read the same.
            (problems if meant else notes).append(
                f"{theirs}: the mapping calls it {to.name}, which the model does not read{meant}"
            )
        else:
            renamed[theirs] = to.name
            values, column = _converted(cohort.table[theirs], cohort.columns[theirs], to, model.table.get(to.name))
            if lost := int((cohort.table[theirs].notna() & values.isna()).sum()):
                notes.append(f"{theirs}: {lost} values are unknown by the mapping, or no numbers")
            table[to.name], described[to.name] = values, column
            how = f", times {to.times:g}" if to.times not in (None, 1) else ""
            how += f", {named([f'{a} as {b}' for a, b in to.values.items()])}" if to.values else ""
            notes.append(f"{theirs} is read as {to.name}{how}")
    for name in columns.unknown:
        if name in model.table and name not in table:
            kind = Kind(model.table[name].kind)
            table[name] = np.nan if kind is Kind.NUMERIC else None
            described[name] = Column(kind, model.table[name].unit)
            notes.append(f"{name} is unknown for all; what was most frequent in training stands there")
        else:
            problems.append(f"{name}: said to be unknown, and {'the table has it' if name in table else 'no input'}")
    reads = model.encodings
    sequences = _sequences(model, cohort, problems, notes) if "image" in reads else []
    texts = cohort.texts if "text" in reads else None
    if texts is not None and model.prompts and set(model.prompts) <= set(texts.columns):
        if extra := [str(name) for name in texts.columns if name not in model.prompts]:
            notes.append(f"the texts {named(extra)} are not read")
        texts = texts[list(model.prompts)]
    return replace(
        cohort,
        table=table,
        # What is out of range is said here, of the model's range.
        columns={name: replace(column, low=None, high=None) for name, column in described.items()},
        roles={role: mine for role, name in cohort.roles.items() if (mine := renamed.get(name, name)) in table},
        about={**cohort.about, **{fact: renamed.get(name, name) for fact, name in grouping.items()}},
        banned=tuple(renamed.get(name, name) for name in cohort.banned),
        images=cohort.images.reindex(columns=sequences) if cohort.images is not None and sequences else None,
        masked=cohort.masked if cohort.masked in sequences else "",
        brain_masks=cohort.brain_masks.reindex(columns=sequences)
        if cohort.brain_masks is not None and sequences
        else None,
        texts=texts,
        features={name: values for name, values in cohort.features.items() if modality_of(name) in reads},
    )


def _sequences(model: Description, cohort: Cohort, problems: list[str], notes: list[str]) -> list[str]:
    """The images that the model reads, in its order; the cohort's own where each has one, of which nothing is said."""
    wanted, here = list(model.sequences), list(cohort.sequences)
    if len(here) == 1 and len(wanted) < 2 and (here == wanted or not wanted or ONLY in (*here, *wanted)):
        return here
    if not here or not {*here} & {*wanted}:
        if here:
            problems.append(f"image: the cohort's is {' and '.join(here)}, the model's {' and '.join(wanted) or 'one'}")
        return here
    if extra := [name for name in here if name not in wanted]:
        notes.append(f"the images {named(extra)} are not read")
    alike = {same_spelling(name): name for name in here if name not in wanted}
    for name in wanted:
        if (other := alike.get(same_spelling(name))) and name not in here:
            problems.append(
                f"image: the cohort's {other} is called {name} by the model; call it so in the cohort's file"
            )
            continue
        lacking = len(cohort) if cohort.images is None or name not in here else int(cohort.images[name].isna().sum())
        if lacking:
            notes.append(f"{name}: {lacking} of {len(cohort)} patients have none; {instead(model)}")
    return wanted


def instead(model: Description) -> str:
    """What a method is given where a patient lacks an image or a text."""
    return f"{model.label} is told so" if PRESENT in model.reads else "the training mean stands there"


def _converted(values: pd.Series, column: Column, to: Renamed, said: TableInput | None) -> tuple[pd.Series, Column]:
    if to.values:
        texts = values.map(lambda value: f"{value:g}" if isinstance(value, float) else str(value), na_action="ignore")
        values = texts.map(lambda text: to.values.get(text, text) or None, na_action="ignore").astype(object)
        if said and said.kind == Kind.NUMERIC:
            values = pd.to_numeric(values, errors="coerce").astype(float)
        return values, replace(
            column, kind=Kind(said.kind) if said else Kind.CATEGORICAL, unit=said.unit if said else ""
        )
    if to.times is not None:
        values = to.times * pd.to_numeric(values, errors="coerce").astype(float)
        return values, replace(column, kind=Kind.NUMERIC, unit=said.unit if said else column.unit)
    return values, column


def _faults(
    said: TableInput, values: pd.Series, column: Column, filled: str = "what was most frequent"
) -> Iterator[tuple[str, bool]]:
    """What a column is otherwise than in training, and whether that is a problem; `filled` is where a value lacks."""
    known = values.dropna()
    if known.empty:
        if said.missing < 1:
            yield f"no patient has a value; {filled} in training stands there", False
        return
    if values.isna().mean() > said.missing + TOLERATED:
        yield (
            f"{_share(values[values.isna()], values)} have no value ({100 * said.missing:.0f} % in training);"
            f" {filled} there stands in its place",
            False,
        )
    if str(column.kind) != said.kind:
        yield f"{column.kind} here, {said.kind} in the model", True
        return
    if same_unit(said.unit) != same_unit(column.unit) and said.unit and column.unit:
        yield f"in {column.unit} here, in {said.unit} in the model", True
    if said.categories:
        other = known[~known.astype(str).isin(said.categories)]
        if len(other):
            what = f"{_share(other, known)} have {named(sorted(set(map(str, other))))}, which the model does not know"
            yield what, len(other) > TOLERATED * len(known)
        return
    numbers = known.astype(float)
    outside = numbers[Column(Kind.NUMERIC, low=said.low, high=said.high).out_of_range(numbers)]
    if len(outside):
        limits, many = f"{_number(said.low)} to {_number(said.high)}", len(outside) > TOLERATED * len(known)
        yield f"{_share(outside, known)} lie outside {limits}", many
        if many:
            return
    if said.usual:
        low, high = said.usual
        far = not low <= numbers.median() <= high
        unusual = numbers[(numbers < low) | (numbers > high)]
        if far or len(unusual) > TOLERATED * len(known):
            unit = "; another unit?" if far else ""
            yield (
                f"{_share(unusual, known)} lie outside {low:g} to {high:g}, as 2 % of the model's patients do{unit}",
                far and len(known) >= ENOUGH,
            )


def _share(some: pd.Series, known: pd.Series) -> str:
    return f"{len(some)} of {len(known)} patients"


def _number(limit: float | None) -> str:
    return "any" if limit is None else f"{limit:g}"


def _examine_modalities(
    model: Description, cohort: Cohort, embeddings: Embeddings | None, problems: list[str], notes: list[str]
) -> None:
    raw = {"image": cohort.images, "text": cohort.texts}
    brought = {modality_of(name) for name in cohort.features}
    for modality, encoding in model.encodings.items():
        part = raw.get(modality)
        if embeddings is not None:
            there = any(modality_of(name) == modality for name in embeddings.arrays)
        else:
            there = modality in brought or part is not None or modality not in raw
            if there and modality in raw and (modality in brought) == bool(encoding.sha256):
                whose = "brings features of its own" if modality in brought else "brings no features of its own"
                problems.append(f"{modality}: the cohort {whose}, and the model was fitted on those of {encoding.name}")
        if not there and PRESENT in model.reads:
            notes.append(f"{modality}: the cohort has none; {instead(model)}")
        elif not there:
            problems.append(f"{modality}: the cohort has none, and {model.label} cannot do without")
        elif embeddings is None and part is not None:
            used = (
                part.map(model.endpoint.keep_text, na_action="ignore").replace("", None) if modality == "text" else part
            )
            if lacking := int(used.isna().all(axis=1).sum()):
                which = " that the filter keeps" if lacking > part.isna().all(axis=1).sum() else ""
                notes.append(f"{modality}: {lacking} of {len(part)} patients have none{which}; {instead(model)}")
        if modality == "text" and embeddings is None and part is not None:
            lacking_prompts = [name for name in model.prompts if name not in part.columns]
            problems += [f"text: there is no answer to {name!r}" for name in lacking_prompts]
