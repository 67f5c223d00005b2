"""The YAML file that describes a cohort of one's own: its keys, and what is wrong with a file that lacks or
misspells them.

Plain dataclasses: the file has some twenty keys, and what a schema library would add is outweighed by errors
that name the nearest known key and by ids that stay text (`007` is not 7, `no` is not False).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from strokebench.datasets.cohort import Column, Kind, Time
from strokebench.datasets.images.reading import Reading
from strokebench.datasets.outcome_rule import read_rule
from strokebench.datasets.own.feature_keys import FeatureFile, feature_files
from strokebench.datasets.own.file_pattern import checked_path, checked_pattern, stored_path
from strokebench.datasets.own.sequences import by_sequence, mask_faults, one_sequence, sequence_faults
from strokebench.datasets.own.values import (
    check_word,
    nearest,
    one_text,
    text_list,
    texts_by_key,
    unknown_key,
    useless_keys,
)
from strokebench.datasets.own.yaml_file import read_yaml
from strokebench.datasets.problems import CODES, EVERY
from strokebench.datasets.texts.prompts import PROMPTS
from strokebench.errors import StrokebenchError
from strokebench.files import digest

DEFAULT_PROMPTS = tuple(PROMPTS)
SCHEMA = Path(__file__).with_name("cohort.schema.json")
"""By which an editor completes and checks the file, where its first line names it."""


@dataclass(frozen=True)
class TextSource:
    """Where diagnostic texts come from: columns of the table, or one file a patient (and prompt).

    Args:
        columns: prompt -> column of the table.
        files: path pattern with `{id}`, and `{prompt}` where there is a file a prompt.
        prompts: names that `{prompt}` takes.
        from_masks: neither; it is written from the lesion masks.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    files: str = ""
    prompts: tuple[str, ...] = DEFAULT_PROMPTS
    from_masks: bool = False


@dataclass(frozen=True)
class DeclaredColumn:
    """What the file says of a column; what it leaves out is inferred from the values.

    Args:
        kind: None: inferred.
        column: unit, description and range.
        categories: the only values that may occur; empty: any.
        missing: numbers or texts that mean unknown in this column.
        censored: how `<3` and `89+` are read, one of `CENSORED`; empty: they are a problem.
    """

    kind: Kind | None
    column: Column
    categories: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    censored: str = ""


@dataclass(frozen=True)
class CohortFile:
    """A cohort's YAML file, read and checked for form; paths are absolute. Keys: see `KEYS`.

    Patterns of images and masks are by sequence; a lone pattern's is called `image`.
    """

    path: Path
    name: str
    title: str
    table: Path
    id: str
    outcomes: Mapping[str, str]
    site: str | None = None
    sites: tuple[str, ...] = ()
    group: str | None = None
    split: Path | None = None
    columns: Mapping[str, DeclaredColumn] = field(default_factory=dict)
    banned: tuple[str, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    masks: Mapping[str, str] = field(default_factory=dict)
    brain_masks: Mapping[str, str] = field(default_factory=dict)
    image_nan: str = ""
    mask_grid: str = ""
    window: tuple[float, float] | None = None
    atlas: Path | None = None
    lesion_columns: bool = False
    text: TextSource | None = None
    features: Mapping[str, FeatureFile] = field(default_factory=dict)
    exclude: Mapping[str, str] = field(default_factory=dict)
    accept: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    decimal: str = "."
    thousands: str = ""
    separator: str = ""
    encoding: str = "utf-8-sig"
    sheet: str | None = None
    about: Mapping[str, str] = field(default_factory=dict)

    @property
    def reading(self) -> Reading:
        """How volumes and masks are to be read."""
        return Reading(bool(self.image_nan), bool(self.mask_grid), self.window)

    @property
    def folder(self) -> Path:
        """The folder that relative paths count from."""
        return self.path.parent


KEYS = {
    "name": "short name, used in paths before a hash of the file's own path; default: the file's",
    "title": "what outputs call the cohort; default: the name",
    "licence": "under what terms the data may be used",
    "source": "where the data come from",
    "citation": "what to cite",
    "table": "CSV, TSV, Excel or Parquet file, one row a patient",
    "sheet": "Excel sheet; default: the first",
    "encoding": "of a CSV file; default: UTF-8",
    "decimal": "',' where the table's numbers have a decimal comma",
    "thousands": "sign between thousands (comma, point, space or apostrophe); default: none, `1,203` is a problem",
    "separator": "of a CSV file: one character, or `tab`; default: found in its header",
    "missing": "list of numbers or texts that mean unknown in every column but the id, e.g. 999",
    "id": "column of the patient ids",
    "outcome": "rule, e.g. `mrs > 2` or `mrs 0 to 6`, a list of rules, or short name -> rule; the first is the default;"
    " `none` where it is not known, for predictions by a fitted model",
    "site": "column of the hospital",
    "sites": "list of the hospitals that may occur",
    "group": "column that is equal in several rows of one person; they are never parted between training and test",
    "split": "CSV file of own folds with the columns patient, seed, fold and part, for `PROTOCOL=own`",
    "columns": "column -> kind, or -> {kind, unit, low, high, categories, description, time, missing, censored}",
    "banned": "columns that are never an input (identifiers, dates, facts after discharge)",
    "roles": "role -> column, by which scores find numbers (`nihss: nihss_adm`) and reports subgroups (`sex: sexe`)",
    "images": "file pattern, e.g. `images/{id}.nii.gz` or `sub-{id}/anat/*_FLAIR.nii.gz`; of several sequences"
    " {dwi: pattern, adc: pattern}, of which a patient may lack some",
    "masks": "file pattern of lesion masks in the grid of the images; of several {dwi: pattern}, in the grid of"
    " this one",
    "brain_masks": "file pattern of brain masks in the grid of the images, or by sequence; what lies outside is not"
    " encoded",
    "image_nan": "`background` where NaN marks what lies outside the brain (SPM); default: a problem",
    "mask_grid": "`resample` where masks lie in the space of their image, but on another grid; default: a problem",
    "window": "of CT: Hounsfield units from black to white, e.g. [0, 80]; default: the images are MRI",
    "atlas": "file of the arterial atlas (ArterialAtlas136.nii.gz, which `strokebench cohort fetch soop` fetches),"
    " where masks lie in MNI space: territories and ASPECTS are measured too",
    "lesion_columns": "`true` where volume and side of the masks' lesions, and damaged territories, join the table",
    "text": "`none`, a column, {columns: {prompt: column}}, {files: pattern, prompts: list} or {from: masks}",
    "text_trained_on": "what the model that wrote the texts has learnt from, e.g. `PubMed, SOOP`; `strokebench audit`"
    " compares it with the cohort",
    "features": "name -> vectors that another program made, {image: file} or {text: file}, with `fitted_on: none`,"
    " `other` or `training` (whom it has learnt from) and `source`; in place of what an encoder makes",
    "exclude": "patient -> reason to leave it out",
    "accept": "code of a problem -> list of patients (or columns) it is accepted for, or `all`",
}
"""Every key of the file, with its meaning."""

CENSORED = ("bound", "half", "missing")
"""What a cell `<3` is read as: 3, 1.5 or unknown; beyond an upper bound (`>200`, `89+`) `half` is the bound too."""
REQUIRED = ("table", "id", "outcome")
_COLUMN_KEYS = ("kind", "unit", "low", "high", "categories", "description", "time", "missing", "censored")


def read_cohort_file(path: Path) -> CohortFile:
    """Read a cohort's YAML file.

    Raises:
        StrokebenchError: not YAML, a key unknown (names the nearest), doubled, missing or of the wrong form;
            all such faults in one message.
    """
    path = Path(path).expanduser().absolute()
    raw = read_yaml(path)
    if not isinstance(raw, dict):
        raise StrokebenchError(f"{path}: not a list of keys and values.", f"It needs {', '.join(REQUIRED)}.")
    faults = [unknown_key(key, KEYS) for key in raw if key not in KEYS]
    faults += [f"key {key!r} is missing ({KEYS[key]})" for key in REQUIRED if not raw.get(key)]
    parts: dict[str, Any] = {}
    for key, read in _READERS.items():
        if key in raw and raw[key] not in ("", None):
            try:
                parts[key] = read(raw[key])
            except ValueError as error:
                faults.append(f"{key}: {error}")
    if parts.get("thousands") == parts.get("decimal", "."):
        faults.append("thousands: the sign is that of the decimals; set `decimal:` too")
    faults += [*sequence_faults(parts), *mask_faults(parts), *useless_keys(parts)]
    if faults:
        raise StrokebenchError(f"{path}: {'; '.join(faults)}.", "docs/bring_your_cohort.md shows a whole file.")
    name = parts.pop("name", path.stem)
    parts |= {key: stored_path(path.parent, parts[key]) for key in ("table", "split", "atlas") if key in parts}
    return CohortFile(
        path=path,
        # Every hospital calls its file cohort.yaml; none may write into the folder of another.
        name=f"{name}-{digest(str(path.resolve()))[:6]}",
        title=parts.pop("title", name),
        outcomes=parts.pop("outcome"),
        about={key: parts.pop(key) for key in ("licence", "source", "citation", "text_trained_on") if key in parts},
        **parts,
    )


def outcome_column(rule: str) -> str:
    """The column that an outcome rule reads."""
    read = read_rule(rule)
    return rule if read is None else read.column


def _name(value: Any) -> str:
    name = checked_path(value)
    if len(name) > 100 or not all(c.isalnum() or c in "-_." for c in name) or name.startswith("."):
        raise ValueError(f"{name!r} is no file name; use letters, digits, '-' and '_', up to 100")
    return name


def _outcomes(value: Any) -> dict[str, str]:
    if value == "none":
        return {}
    if isinstance(value, dict):
        for name, rule in texts_by_key(value).items():
            if not name.strip() or ((read := read_rule(name)) and read.sign and name != rule):
                raise ValueError(f"{name!r} is no name for {rule!r}")
        return value
    # The short name of a rule is its column, as in `nihss < 7`; two rules on one column need both names.
    rules = text_list(value)
    short = [outcome_column(rule) for rule in rules]
    return {rule if short.count(name) > 1 else name: rule for name, rule in zip(short, rules, strict=True)}


def _only(word: str, value: Any) -> str:
    if value != word:
        raise ValueError(f"give {word!r}, or leave the key out")
    return word


def _true(value: Any) -> bool:
    if value not in ("true", "True"):
        raise ValueError("give true, or leave the key out")
    return True


def _window(value: Any) -> tuple[float, float]:
    try:
        low, high = map(float, value)
    except (TypeError, ValueError):
        raise ValueError("give two numbers, e.g. [0, 80]") from None
    if not -1024 <= low < high <= 4096:
        raise ValueError(f"{low:g} to {high:g} is no window of Hounsfield units")
    return low, high


def _decimal(value: Any) -> str:
    if value not in (".", ","):
        raise ValueError("give '.' or ','")
    return str(value)


def _thousands(value: Any) -> str:
    if value not in (".", ",", " ", "'"):
        raise ValueError("give a comma, a point, a space or an apostrophe")
    return str(value)


def _separator(value: Any) -> str:
    separator = "\t" if value == "tab" else one_text(value)
    if len(separator) != 1 or separator in '"\r\n':
        raise ValueError("give one character, or `tab`")
    return separator


def _columns(value: Any) -> dict[str, DeclaredColumn]:
    if not isinstance(value, dict):
        raise ValueError("give `column: kind` pairs")
    return {name: _column(name, given) for name, given in value.items()}


def _column(name: str, given: Any) -> DeclaredColumn:
    given = {"kind": given} if isinstance(given, str) else given
    if not isinstance(given, dict):
        raise ValueError(f"{name}: give a kind, or {', '.join(_COLUMN_KEYS)}")
    for key in given:
        if key not in _COLUMN_KEYS:
            raise ValueError(f"{name}: {unknown_key(key, _COLUMN_KEYS)}")
    categories = text_list(given.get("categories", []))
    kind = given.get("kind") or ("categorical" if categories else None)
    if kind is not None:
        check_word(f"{name}: kind", kind, Kind)
    limits: dict[str, float] = {}
    for key in ("low", "high"):
        if given.get(key, "") != "":
            try:
                limits[key] = float(given[key])
            except (TypeError, ValueError):
                limits[key] = math.nan
            if not math.isfinite(limits[key]):
                raise ValueError(f"{name}: {key} {given[key]!r} is not a number")
    if len(limits) == 2 and limits["low"] > limits["high"]:
        raise ValueError(f"{name}: low {given['low']} is above high {given['high']}")
    if limits and kind == Kind.CATEGORICAL:
        raise ValueError(f"{name}: a categorical column has no low or high")
    kind = Kind.NUMERIC if limits and kind is None else kind
    time = given.get("time")
    if time is not None:
        check_word(f"{name}: time", time, Time)
    column = Column(
        kind=Kind(kind or Kind.NUMERIC),
        unit=one_text(given.get("unit", "")),
        description=one_text(given.get("description", "")),
        **limits,
        time=time and Time(time),
    )
    censored = given.get("censored", "")
    if censored:
        check_word(f"{name}: censored", censored, CENSORED)
    kind = None if kind is None else Kind(kind)
    return DeclaredColumn(kind, column, categories, text_list(given.get("missing", [])), censored)


def _text_source(value: Any) -> TextSource | None:
    if isinstance(value, str):
        return None if value.lower() == "none" else TextSource(columns={value: value})
    if isinstance(value, list):
        return TextSource(columns={one: one for one in text_list(value)})
    for key in value:
        if key not in ("columns", "files", "prompts", "from"):
            raise ValueError(unknown_key(key, ("columns", "files", "prompts", "from")))
    if value == {"from": "masks"}:
        return TextSource(from_masks=True)
    if ("columns" in value) == ("files" in value) or "from" in value:
        raise ValueError("give either columns or files, or `from: masks` alone")
    if "columns" in value:
        columns = value["columns"]
        by_prompt = texts_by_key(columns) if isinstance(columns, dict) else {one: one for one in text_list(columns)}
        return TextSource(columns=by_prompt)
    pattern = checked_pattern(value["files"])
    if "prompts" in value and "{prompt}" not in pattern:
        raise ValueError(f"prompts: the pattern {pattern!r} has no {{prompt}}")
    prompts = text_list(value.get("prompts", list(DEFAULT_PROMPTS)))
    for prompt in prompts:
        checked_path(pattern.replace("{prompt}", prompt))
    return TextSource(files=pattern, prompts=prompts if "{prompt}" in pattern else ("report",))


def _exclude(value: Any) -> dict[str, str]:
    for patient, reason in (reasons := texts_by_key(value)).items():
        if not reason.strip():
            raise ValueError(f"{patient}: say why, for every caption counts the reasons")
    return reasons


def _accept(value: Any) -> dict[str, str | tuple[str, ...]]:
    if not isinstance(value, dict):
        raise ValueError("give `code: [patients]` pairs")
    for code in value:
        if code not in CODES:
            raise ValueError(f"unknown problem {code!r}{nearest(code, CODES)}")
        if not CODES[code].acceptable:
            raise ValueError(f"{code} cannot be accepted; mend it or exclude the patient")
    return {code: EVERY if who == EVERY else text_list(who) for code, who in value.items()}


_READERS: dict[str, Any] = {
    **dict.fromkeys(
        ("title", "licence", "source", "citation", "sheet", "encoding", "id", "site", "group", "text_trained_on"),
        one_text,
    ),
    **dict.fromkeys(("table", "split", "atlas"), checked_path),
    **dict.fromkeys(("sites", "banned", "missing"), text_list),
    **dict.fromkeys(("images", "brain_masks"), by_sequence),
    "masks": one_sequence,
    "name": _name,
    "image_nan": partial(_only, "background"),
    "mask_grid": partial(_only, "resample"),
    "lesion_columns": _true,
    "window": _window,
    "decimal": _decimal,
    "thousands": _thousands,
    "separator": _separator,
    "outcome": _outcomes,
    "columns": _columns,
    "text": _text_source,
    "features": feature_files,
    "exclude": _exclude,
    "roles": texts_by_key,
    "accept": _accept,
}
