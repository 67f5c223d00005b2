"""A fitted model: from a cohort's raw files to probabilities, and to and from a folder."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strokebench.benchmarks.keys.code import code_of, fit_code
from strokebench.benchmarks.models.card import CARD_FILE
from strokebench.benchmarks.models.columns import Columns, Examined, examine
from strokebench.benchmarks.models.description import Description
from strokebench.benchmarks.models.seen import Seen
from strokebench.benchmarks.running.settings import usable_cores
from strokebench.benchmarks.running.task import quietly
from strokebench.datasets.cohort import Cohort
from strokebench.datasets.embeddings import Embeddings
from strokebench.datasets.encoders.contract import ImageEncoder, TextEncoder
from strokebench.errors import StrokebenchError
from strokebench.files import MANIFEST_FILE, atomic_folder, damaged_file, write_manifest, write_text
from strokebench.methods.base import Method
from strokebench.methods.registry import find_method
from strokebench.reports.statistics.prior import BALANCED, at_prevalence
from strokebench.tasks.endpoint import Endpoint
from strokebench.tasks.inputs import PRESENT
from strokebench.tasks.preparing.balancing import BALANCERS
from strokebench.tasks.preparing.fitted import Preprocessing

AT_ONCE = 1024
"""Patients that are predicted together: a multiple of a network's batch, so that no batch is cut."""
FILTER = "strokebench.datasets.texts.filter.filter_text"
"""What decides which sentences of a text a model sees, before any encoder."""
Mapped = Columns | Mapping[str, Any] | Path | str
"""What a cohort calls otherwise than the model: read, as the file would hold it, or the file."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Model:
    """One method fitted with one or more seeds, and all that stands between a cohort's files and it.

    Args:
        fits: by member of `description`, the method and the preprocessing of its own training part.
        seen: marks of the patients that it was made of.
        card: what `card.md` says.
    """

    description: Description
    fits: tuple[tuple[Method, Preprocessing], ...] = field(repr=False)
    seen: Seen = field(repr=False)
    card: str = field(repr=False)

    @property
    def endpoint(self) -> Endpoint:
        """What is predicted."""
        return self.description.endpoint

    @property
    def classes_(self) -> NDArray[np.int_]:
        """The labels, (levels,), as scikit-learn calls them."""
        return np.arange(self.description.levels)

    def examine(self, cohort: Cohort, columns: Mapped | None = None, embeddings: Embeddings | None = None) -> Examined:
        """The cohort in the model's own names and units, and everything in which it does not fit; computes nothing.

        Args:
            columns: what the cohort calls otherwise, the YAML file that says so, or what it would hold.
            embeddings: of the cohort, where they are there already.
        """
        mapped = columns if isinstance(columns, Columns) else Columns.read(columns)
        return examine(self.description, cohort, mapped, embeddings)

    def predict_proba(
        self,
        cohort: Cohort,
        columns: Mapped | None = None,
        embeddings: Embeddings | None = None,
        *,
        balanced: bool = False,
        jobs: int = 0,
        weights: Path | None = None,
        device: str = "auto",
    ) -> NDArray[np.float64]:
        """Probabilities of the labels, (n, levels), row i for the i-th of `cohort.ids`.

        Args:
            columns: as of `examine`.
            embeddings: of the cohort, where they are there already; default: the model's own encoders make them.
            balanced: as the fitted methods give them; default: at the prevalence that the model's patients had, which
                balancing hides from a method.
            jobs, weights, device: of the encoders; for the choices see `Settings`.

        Raises:
            StrokebenchError: all in which the cohort does not fit the model; an encoder that is another by now.
        """
        examined = self.examine(cohort, columns, embeddings)
        examined.refuse(self.description)
        return self.predict_examined(examined, embeddings, balanced=balanced, jobs=jobs, weights=weights, device=device)

    def predict_examined(
        self, examined: Examined, embeddings: Embeddings | None = None, *, balanced: bool = False, **how: Any
    ) -> NDArray[np.float64]:
        """The same, (n, levels), of a cohort that was examined and fits; for `how` see `encode`."""
        for note in examined.notes:
            _log.warning("%s", note)
        known = examined.cohort
        if embeddings is None:
            embeddings = self.encode(known, **how)
        p = np.empty((len(known), self.description.levels))
        with quietly():
            for start in range(0, len(known), AT_ONCE):
                ids = known.ids[start : start + AT_ONCE]
                parts = [
                    method.predict_proba(fitted.inputs(known.table, embeddings, examined.roles, ids, self.given))
                    for method, fitted in self.fits
                ]
                p[start : start + AT_ONCE] = np.mean(parts, axis=0)
        return p if balanced else self.undo_balance(p)

    @property
    def given(self) -> tuple[str, ...] | None:
        """Arrays that its methods are given, for `Preprocessing.inputs`; all where one asks what is present."""
        return None if PRESENT in self.description.reads else self.description.reads

    def undo_balance(self, p: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities (n, levels) as the fitted methods give them, at the prevalence of the model's patients."""
        return at_prevalence(p, self.shares) if self.description.balance in BALANCED else p

    def predict(self, cohort: Cohort, columns: Mapped | None = None, **how: object) -> NDArray[np.int_]:
        """The most probable label of each patient, (n,); for the arguments see `predict_proba`."""
        return self.predict_proba(cohort, columns, **how).argmax(axis=1)  # type: ignore[arg-type]

    @property
    def shares(self) -> NDArray[np.float64]:
        """How frequent each label was among the model's patients, (levels,)."""
        return np.array(self.description.origin.shares)

    def encode(self, cohort: Cohort, jobs: int = 0, weights: Path | None = None, device: str = "auto") -> Embeddings:
        """Arrays of what the model reads of a cohort in its own names, by its own encoders.

        Raises:
            StrokebenchError: an encoder whose weights or preparation are other than they were.
        """
        from strokebench.datasets.encoders.encode import encode_cohort

        self.encoders(weights)
        keep = self.endpoint.keep_text
        return encode_cohort(cohort, self.description.encoders, keep, jobs or usable_cores(), None, weights, device)

    def encoders(self, weights: Path | None = None) -> tuple[ImageEncoder, TextEncoder]:
        """The encoders that it was fitted with.

        Raises:
            StrokebenchError: one whose weights or preparation are other than they were.
        """
        from strokebench.datasets.encoders.registry import find_encoders

        found = find_encoders(self.description.encoders, weights)
        for encoder, modality in zip(found, ("image", "text"), strict=True):
            encoding = self.description.encodings.get(modality)
            if encoding and encoding.sha256 and encoder.fingerprint() != encoding.sha256:
                raise StrokebenchError(
                    f"The {modality} encoder {encoder.name} is not the one that the model was fitted with"
                    f" (SHA-256 {encoder.fingerprint()[:12]}, not {encoding.sha256[:12]}).",
                    "Use the weights and the version of strokebench that model.yaml names.",
                )
        return found

    def save(self, folder: Path) -> None:
        """Write it as a folder without pickles; it is there as a whole or not at all.

        Raises:
            StrokebenchError: something lies there already.
        """
        with atomic_folder(folder) as temporary:
            self.description.write(temporary)
            for member, (method, fitted) in zip(self.description.members, self.fits, strict=True):
                fitted.save(temporary / member.folder)
                method.save(temporary / member.folder)
            self.seen.write(temporary)
            write_text(temporary / CARD_FILE, self.card)
            write_manifest(temporary)


def _other_code(said: Description) -> Iterator[str]:
    """In what the code that fitted a model is not the code that would: parameters are read by either."""
    balance = said.balance if said.balance in BALANCERS else "none"
    of = said.method, balance, type(said.endpoint)
    code, fitted_by = fit_code(*of), said.hashes.get("code")
    # To read what a GPU would run takes a second, and is seldom needed.
    other = fitted_by != code.sha256 and fitted_by != fit_code(*of, on_gpu=True).sha256
    other_filter = "text" in said.reads and said.hashes.get("filter") != code_of(FILTER).sha256
    if other_filter or other:
        yield f"strokebench {said.strokebench} {said.commit[:10]}".strip()
    for name, here in code.versions.items():
        there = said.versions.get(name, here)
        # Corrections, and builds for another processor, read what the others wrote.
        if there.split(".")[:2] != here.split(".")[:2]:
            yield f"{name} {there}, not {here}"


def load_model(folder: Path | str) -> Model:
    """Read what `Model.save` wrote; one line of warning where it was fitted by other code or libraries.

    Raises:
        StrokebenchError: it is no model, a file is damaged, or its method is not there; one line.
    """
    folder = Path(folder).expanduser()
    if not (folder / MANIFEST_FILE).is_file():
        raise StrokebenchError(f"{folder} is no model: it has no {MANIFEST_FILE}.", "`strokebench fit` makes one.")
    if damaged := damaged_file(folder):
        raise StrokebenchError(f"{damaged} is damaged.", "Copy the model again, or fit it again.")
    said = Description.read(folder)
    method = find_method(said.method)
    fits = []
    for member in said.members:
        # A name from a file is no way out of the folder.
        place = folder / Path(member.folder).name
        fits.append((method.load(place), Preprocessing.load(place)))
    if others := ", ".join(_other_code(said)):
        _log.warning(
            "%s was fitted by other code than is here (%s): it may give other probabilities than it did. "
            "Use the version that model.yaml names, or fit it again.",
            *(said.label, others),
        )
    return Model(said, tuple(fits), Seen.read(folder), (folder / CARD_FILE).read_text(encoding="utf-8"))
