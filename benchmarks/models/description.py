"""What a model says of itself in `model.yaml`: enough to use it, and to judge whether it may be used."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Self

import yaml

from strokebench.datasets.encoders.registry import without_folder
from strokebench.errors import StrokebenchError, first_fault
from strokebench.files import digest, write_text
from strokebench.tasks.endpoint import Endpoint
from strokebench.tasks.endpoints.parse import parse_endpoint

DESCRIPTION_FILE = "model.yaml"
SCHEMA = 1
"""Version of the folder's form; raised when a reader of the old form would misread the new one."""


@dataclass(frozen=True)
class TableInput:
    """A column of the clinical table, and what it was like among the patients that the model was made of.

    Args:
        kind: `numeric` or `categorical`. low, high: the smallest and largest plausible value, where declared.
        missing: share of patients without a value.
        mean, deviation: of known numbers. usual: their 1st and 99th percentile, since the extremes are single patients.
        categories: share of each among known ones.
    """

    kind: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    description: str = ""
    missing: float = 0.0
    mean: float | None = None
    deviation: float | None = None
    usual: tuple[float, float] | None = None
    categories: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Encoding:
    """What made a modality's arrays.

    Args:
        sha256: the encoder's fingerprint: settings, weights, vocabulary and preparation; empty where the cohort brought
            the arrays itself.
        missing: share of patients without the modality.
    """

    name: str
    sha256: str = ""
    trained: bool = True
    missing: float = 0.0


@dataclass(frozen=True)
class Origin:
    """The patients that a model was made of; none of them was kept for testing.

    Args:
        part: which of the cohort's, in words.
        shares: of each label.
        without_outcome: patients of the cohort that could not be used.
    """

    cohort: str
    title: str
    synthetic: bool
    part: str
    patients: int
    shares: tuple[float, ...]
    without_outcome: int = 0
    hospitals: int = 0


@dataclass(frozen=True)
class Member:
    """One fit of the model's ensemble.

    Args:
        folder: within the model's.
        training, validation: patients that it learnt from, and those that chose its epoch or penalty.
        score: on its validation part (`Endpoint.score`), which chose it and so flatters it.
    """

    folder: str
    seed: int
    training: int
    validation: int
    score: float


@dataclass(frozen=True)
class Description:
    """What `model.yaml` says.

    Args:
        schema: `SCHEMA`.
        label: what tables call the method.
        outcome: the rule that defines label 1, or the levels. called: the cohort's own name for it.
        levels: how many labels there are.
        scale_text: whether sentences that state the outcome's own scale were left in the texts.
        reads: arrays of the schema (`strokebench.tasks.inputs`) that the method reads.
        table: the columns that it needs; empty where it reads no table. roles: likewise what columns are to it.
        prompts: the texts that it needs, in order.
        encoders: a name of `strokebench list encoders`, or two; of weights from a file, as read from a folder, the
            file's name. encodings: by modality that it reads.
        balance: how its training parts were balanced. probabilities: what became of them, in words.
        sequences: images that it reads, in order; empty where it reads none, or its cohort said of none what it is.
        quick: whether it was fitted as a quick check, a network by a few epochs.
        role_inputs: what each role was like, in its own unit; empty too in a model of before it was kept.
        hashes: SHA-256 of data, split, code and key by name. versions: of libraries that its code calls.
    """

    schema: int
    method: str
    label: str
    outcome: str
    called: str
    kind: str
    levels: int
    scale_text: bool
    parameters: Mapping[str, Any]
    reads: tuple[str, ...]
    table: Mapping[str, TableInput]
    roles: tuple[str, ...]
    prompts: tuple[str, ...]
    encoders: str
    encodings: Mapping[str, Encoding]
    origin: Origin
    members: tuple[Member, ...]
    balance: str
    probabilities: str
    hashes: Mapping[str, str]
    versions: Mapping[str, str]
    strokebench: str
    commit: str
    created: str
    sequences: tuple[str, ...] = ()
    quick: bool = False
    role_inputs: Mapping[str, TableInput] = field(default_factory=dict)

    @property
    def inputs(self) -> dict[str, TableInput]:
        """What is known of all that it reads of the table, by name in `Examined.content`."""
        known = {role_name(role): self.role_inputs[role] for role in self.roles if role in self.role_inputs}
        return {**self.table, **known}

    @property
    def id(self) -> str:
        """Names it: what was made of the same data, split, code and settings has the same."""
        return digest(self.hashes)[:8]

    @property
    def endpoint(self) -> Endpoint:
        """What is predicted."""
        return parse_endpoint(self.outcome, self.scale_text, self.called)

    def write(self, folder: Path) -> None:
        """Write it as YAML, in the order of the fields; a file of weights without its folder, which stays here."""
        said = replace(self, encoders=without_folder(self.encoders))
        text = yaml.safe_dump(_plain(said), sort_keys=False, allow_unicode=True, width=120)
        write_text(folder / DESCRIPTION_FILE, text)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read what `write` wrote.

        Raises:
            StrokebenchError: it is missing, of another form, or of a later version of the suite.
        """
        from pydantic import TypeAdapter, ValidationError

        path = folder / DESCRIPTION_FILE
        try:
            found = yaml.safe_load(path.read_text(encoding="utf-8"))
            if isinstance(found, dict) and found.get("schema") != SCHEMA:
                raise StrokebenchError(
                    f"{path} is of form {found.get('schema')}, and this version reads {SCHEMA}.",
                    f"Use strokebench {found.get('strokebench', 'as it was then')}, or fit the model again.",
                )
            return TypeAdapter(cls).validate_python(found)
        except FileNotFoundError:
            raise StrokebenchError(f"{folder} is no model: it has no {DESCRIPTION_FILE}.") from None
        except ValidationError as error:
            raise StrokebenchError(f"{path} is of another form: {first_fault(error)}.") from None
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise StrokebenchError(f"{path} cannot be read: {error}") from None


def role_name(role: str) -> str:
    """What a role is called beside the table's columns: one of the same name may be in another unit."""
    return f"role {role}"


def _plain(value: Any) -> Any:
    """Dictionaries, lists and scalars; fields at their default are left out."""
    if is_dataclass(value):
        given = {each.name: getattr(value, each.name) for each in fields(value)}
        return {each.name: _plain(given[each.name]) for each in fields(value) if given[each.name] != _default(each)}
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _default(each: Field[Any]) -> Any:
    return each.default if each.default_factory is MISSING else each.default_factory()
