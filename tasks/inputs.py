"""What a method sees of patients: arrays under the names of a schema, and what of each patient is there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strokebench.datasets.roles import ROLES
from strokebench.errors import StrokebenchError
from strokebench.large import take

PRESENT = "present"
"""Under this name a method asks for `Inputs.present`, beside names of the schema."""

SOURCE = "source"
"""Under this name it asks for `Inputs.source`."""

BY_ROLE = "table.roles"
"""What the cohort says of each of `strokebench.datasets.roles.ROLES`, for fixed scores; the table has it too."""

Sizes = Mapping[str, tuple[int, ...]]
"""Name of an array -> shape of one patient's row, enough to build a network."""


@dataclass(frozen=True)
class Row:
    """The shape of what one patient has.

    Args:
        shape: fixed sizes, and names of sizes that the cohort or the encoder decides.
        scaled_over: axes of the row over which mean and deviation are shared; each other number has its own.
        alternatives: the first axis holds answers to several questions. Networks see one of them at a time, drawn
            for each training step, and in predictions each in turn: the mean of the logits is the prediction. Where
            a patient lacks some, the others stand in their place.
    """

    shape: tuple[int | str, ...]
    scaled_over: tuple[int, ...] = ()
    alternatives: bool = False


@dataclass(frozen=True)
class Modality:
    """A source of knowledge on a patient.

    Args:
        name: as conditions, options and results call it.
        label: as tables print it within a sentence.
        arrays: its arrays; each is called `name`, or `name.something`.
        tabular: made from the clinical table by imputation and indicators, anew for each training part; oversampling
            draws its numbers between patients. The others are features, which are standardised and copied.
        filled_with: stands where nothing is known, after standardisation; 0 is the training mean.

    Raises:
        ValueError: an array that is not called after the modality.
    """

    name: str
    label: str
    arrays: Mapping[str, Row]
    tabular: bool = False
    filled_with: float = 0.0

    def __post_init__(self) -> None:
        for array in self.arrays:
            if modality_of(array) != self.name:
                raise ValueError(f"The array {array!r} is not called {self.name!r} or {self.name + '.'!r} and a name.")

    @property
    def heading(self) -> str:
        """The label at the beginning of a line."""
        return self.label[:1].upper() + self.label[1:]


_registered: dict[str, Modality] = {}


def register_modality(modality: Modality) -> Modality:
    """Make a modality known to preparation, conditions, training, checks and tables.

    Raises:
        StrokebenchError: another one has its name.
    """
    if _registered.setdefault(modality.name, modality) != modality:
        raise StrokebenchError(f"Two modalities are called {modality.name!r}.", "Rename one.")
    return modality


def all_modalities() -> dict[str, Modality]:
    """Every registered modality by name, in order."""
    return {name: _registered[name] for name in in_order(_registered)}


def in_order(names: Iterable[str], first: Sequence[str] = ("image", "text", "table")) -> list[str]:
    """Names of modalities: the `first` as they are here, then the others by name; the same in every process."""
    places = {name: place for place, name in enumerate(first)}
    return sorted(names, key=lambda name: (places.get(modality_of(name), len(first)), name))


def units_of(modalities: Iterable[str], sequences: Sequence[str]) -> tuple[str, ...]:
    """What a patient may lack: modalities, and of an image of several sequences each of these.

    >>> units_of(["image", "text"], ["dwi", "flair"])
    ('image.dwi', 'image.flair', 'text')
    """
    split = {"image": [f"image.{name}" for name in sequences]} if sequences else {}
    return tuple(unit for modality in modalities for unit in split.get(modality, [modality]))


def modality_of(array: str) -> str:
    """Name of the modality that an array, or an image's sequence, belongs to."""
    return array.partition(".")[0]


def modalities_of(arrays: Iterable[str]) -> frozenset[str]:
    """Names of the modalities that these arrays belong to; `PRESENT` and `SOURCE` are of none."""
    return frozenset(modality_of(array) for array in arrays if array not in (PRESENT, SOURCE))


def in_words(units: Iterable[str], first: Sequence[str] = ("image", "text", "table")) -> list[str]:
    """Labels of what is there of a patient, modality by modality, the `first` as they are here.

    >>> in_words(["table", "image.dwi", "image.adc"])
    ['image (adc, dwi)', 'table']
    """
    named: dict[str, list[str]] = {}
    for unit in in_order(units, first):
        modality, _, sequence = unit.partition(".")
        named.setdefault(modality, []).extend([sequence] if sequence else [])
    return [all_modalities()[name].label + (f" ({', '.join(of)})" if of else "") for name, of in named.items()]


def row_of(array: str) -> Row:
    """What the schema says of an array.

    Raises:
        KeyError: no registered modality has it.
    """
    return _registered[modality_of(array)].arrays[array]


def made_up_sizes(**known: int) -> dict[str, tuple[int, ...]]:
    """Sizes of every array of the schema and of `PRESENT`; a size that is not `known` by its name is 8.

    >>> made_up_sizes(prompts=5, width=384)["text"]
    (5, 8, 384)
    """
    modalities = all_modalities().values()
    rows = {name: row for modality in modalities for name, row in modality.arrays.items()}
    sizes = {name: tuple(known.get(s, 8) if isinstance(s, str) else s for s in row.shape) for name, row in rows.items()}
    return sizes | {PRESENT: (len(modalities),)}


def columns_of(modality: str, sizes: Sizes) -> slice:
    """Columns of `PRESENT` that say what is there of a modality: one, or one for each of the image's sequences.

    >>> columns_of("text", {"image.vector": (24,), "text": (5, 4, 12), "table": (6,), PRESENT: (5,)})
    slice(3, 4, None)
    """
    modalities = in_order(modalities_of(sizes))
    # What is not a modality's own column is a further sequence.
    sequences = 1 + sizes[PRESENT][0] - len(modalities)
    counts = [sequences if name == "image" else 1 for name in modalities]
    start = sum(counts[: modalities.index(modality)])
    return slice(start, start + counts[modalities.index(modality)])


@dataclass(frozen=True, eq=False)
class Inputs:
    """Standardised float32 arrays, one row a patient (or an oversampled copy of one).

    A method never sees ids, sites or test labels. There are no missing values: what a patient lacks, what the cohort
    lacks, and what a condition takes away is filled, and `present` says so.

    Args:
        arrays: by name of the schema, (n, *row), modality by modality. What the cohort lacks has rows of one number.
        present: which of these modalities each patient has, (n, modalities); an image of several sequences has a column
            for each instead.
        sequences: of the image, where there are several. Their numbers lie side by side, equally many each, along the
            last axis of its arrays.
        source: number of the patient whose features a row has, (n,): copies have the same. None: there are no copies.

    Raises:
        ValueError: arrays of different numbers of patients, or `present` of another shape.
    """

    arrays: Mapping[str, NDArray[np.float32]]
    present: NDArray[np.bool_]
    source: NDArray[np.intp] | None = None
    sequences: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        rows = {name: len(array) for name, array in self.arrays.items()}
        if set(rows.values()) - {len(self.present)}:
            raise ValueError(f"All arrays need the same number of rows, got {rows} and {len(self.present)} present.")
        if self.present.shape[1] != len(self.units):
            raise ValueError(f"{self.present.shape[1]} columns say what is present of {', '.join(self.units)}.")

    @classmethod
    def complete(cls, arrays: Mapping[str, NDArray[np.float32]]) -> Inputs:
        """Patients who have all of these modalities, (n, *row) each."""
        n = len(next(iter(arrays.values())))
        return cls(arrays, np.ones((n, len(dict.fromkeys(map(modality_of, arrays)))), bool))

    @cached_property
    def units(self) -> tuple[str, ...]:
        """Names of the columns of `present`, which are what a patient may lack."""
        return units_of(dict.fromkeys(map(modality_of, self.arrays)), self.sequences)

    def __len__(self) -> int:
        return len(self.present)

    def __getitem__(self, rows: Any) -> Inputs:
        """The patients at `rows` (integers, a mask or a slice)."""
        arrays = {name: take(array, rows) for name, array in self.arrays.items()}
        return Inputs(arrays, self.present[rows], self.sources[rows], self.sequences)

    @property
    def sources(self) -> NDArray[np.intp]:
        """`source`, (n,), whether it is given or not."""
        return np.arange(len(self)) if self.source is None else self.source

    @property
    def sizes(self) -> dict[str, tuple[int, ...]]:
        """Shape of a patient's row of each array and of `PRESENT`, enough to build a network."""
        return {name: array.shape[1:] for name, array in self.arrays.items()} | {PRESENT: self.present.shape[1:]}

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(array.nbytes for array in self.arrays.values())


register_modality(
    Modality(
        "image",
        "image",
        {"image.vector": Row(("channels",)), "image.tokens": Row((16, "channels"), scaled_over=(0,))},
    )
)
register_modality(Modality("text", "text", {"text": Row(("prompts", "layers", "width"), alternatives=True)}))
register_modality(Modality("table", "table", {"table": Row(("columns",)), BY_ROLE: Row((len(ROLES),))}, tabular=True))
