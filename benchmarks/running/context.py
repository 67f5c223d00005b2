"""On what is an experiment run? Cohort, embeddings, outcome and split, with the hashes that name them."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from strokebench.benchmarks.keys.code import Code, code_of, fit_code
from strokebench.benchmarks.keys.described import all_params, described
from strokebench.benchmarks.running.backends.choose import may_stack
from strokebench.benchmarks.running.parameters import Tuned, read_all
from strokebench.benchmarks.running.run import Material, Run
from strokebench.benchmarks.running.settings import SEEDS, Settings
from strokebench.datasets.cohort import Cohort
from strokebench.datasets.embeddings import Embeddings
from strokebench.datasets.encoders.registry import without_folder
from strokebench.datasets.images.mask_volumes import lesion_volumes
from strokebench.datasets.roles import LESION_VOLUME
from strokebench.errors import StrokebenchError
from strokebench.files import digest, home, is_plain_json, natural_order
from strokebench.tasks.endpoint import Endpoint
from strokebench.tasks.fold import Fold, Split
from strokebench.tasks.inputs import all_modalities
from strokebench.tasks.preparing.imputing import MODE
from strokebench.tasks.preparing.scaling import COLUMN
from strokebench.tasks.protocols import of_fewer, on_validation

KEY_SCHEMA = 1
"""Raised when the meaning of a run's key or file changes."""


def results_name(cohort: str, outcome: str, settings: Settings, protocol: str) -> str:
    """Name of the folder of results under these settings and one protocol, or under all (empty)."""
    parts = [cohort, outcome]
    parts += [protocol] if protocol else []
    parts += [_as_folder(settings.encoders)] if settings.encoders != "embedded" else []
    parts += [f"balance_{settings.balance}"] if settings.balance != "smote" else []
    parts += ["quick"] if settings.quick else []
    parts += ["scale_text"] if settings.keep_scale_text else []
    parts += [f"shuffled_{settings.shuffle_labels}"] if settings.shuffle_labels is not None else []
    return "-".join(parts)


def _as_folder(encoders: str) -> str:
    """A pair as part of a folder's name; for what cannot stand there (`/`, `:`) a hash does."""
    plain = re.sub(r"[^\w.+-]", "_", without_folder(encoders))
    return encoders if plain == encoders else f"{plain[-80:]}_{digest(encoders)[:8]}"


def roles_of(cohort: Cohort, banned: Collection[str]) -> pd.DataFrame:
    """What is known of patients by role from columns that are not banned, one row a patient.

    Lesion volumes are those of the masks where no column has them.
    """
    known = cohort.by_role(banned)
    if LESION_VOLUME not in cohort.roles and cohort.masks is not None:
        known[LESION_VOLUME] = lesion_volumes(cohort.masks)
    return known.dropna(axis=1, how="all")


@dataclass(frozen=True)
class Context:
    """Everything below the experiments, loaded and joined.

    Args:
        labels: of `endpoint`, by patient id, of the patients that have the outcome; permuted where
            `settings.shuffle_labels` says so.
        others: embeddings of the same patients by further pairs of encoders.
    """

    settings: Settings
    cohort: Cohort
    embeddings: Embeddings
    endpoint: Endpoint
    labels: pd.Series = field(repr=False)
    split: Split
    others: Mapping[str, Embeddings] = field(default_factory=dict)

    def of(self, run: Run) -> Self:
        """The context whose embeddings a run reads: this one, or that of another pair of encoders."""
        return self._by_encoders[run.encoders] if run.encoders else self

    @cached_property
    def _by_encoders(self) -> dict[str, Self]:
        return {
            pair: replace(self, settings=replace(self.settings, encoders=pair), embeddings=embeddings, others={})
            for pair, embeddings in self.others.items()
        }

    @property
    def title(self) -> str:
        """What every output calls the cohort, with whatever must not be overlooked; for people, see `provenance_of`."""
        warnings = []
        if self.settings.shuffle_labels is not None:
            warnings.append(f"labels shuffled (seed {self.settings.shuffle_labels})")
        if self.settings.keep_scale_text:
            warnings.append("text may state the outcome's scale")
        if self.settings.quick:
            warnings.append("quick check, not a result")
        warnings += [tuned.said(self.split.sha256, self.cohort.name) for tuned in self.tuned.values()]
        return ", ".join([self.cohort.title, *warnings])

    def results_folder(self, experiment: str) -> Path:
        """Where an experiment's tables go; one folder for each setting that changes them."""
        parts = [results_name(self.cohort.name, self.endpoint.name, self.settings, self.settings.protocol)]
        # Other seeds, sizes and parameters, other tables.
        parts += [f"seeds_{'_'.join(map(str, self.settings.seeds))}"] if self.settings.seeds != SEEDS else []
        parts += [f"sizes_{self.settings.sizes}"] if self.settings.sizes != "small" else []
        if (compared := self.settings.compared_encoders) is not None:
            parts += [f"against_{digest(list(compared))[:8]}"]
        parts += [f"tuned_{digest([asdict(tuned) for tuned in self.tuned.values()])[:8]}"] if self.tuned else []
        return home("results", "-".join(parts), experiment)

    @cached_property
    def tuned(self) -> dict[str, Tuned]:
        """Hyper-parameters from files, by method.

        Raises:
            StrokebenchError: a file cannot be read, or is of a method that is not wanted.
        """
        return read_all(self.settings.params, self.settings.methods)

    @cached_property
    def not_inputs(self) -> dict[str, str]:
        """Table columns that are no input under this outcome -> why."""
        return self.endpoint.not_inputs(self.cohort)

    @property
    def banned_columns(self) -> tuple[str, ...]:
        """The columns of `not_inputs`."""
        return tuple(self.not_inputs)

    @cached_property
    def untested(self) -> list[str]:
        """Hospitals that `loho` leaves in, since without them too few patients of one class are left."""
        if self.split.protocol != "loho" or self.cohort.site is None or self.settings.quick:
            return []
        hospitals = set(map(str, self.cohort.site.loc[self.labels.index]))
        return sorted(hospitals - {fold.name for fold in self.split.folds}, key=natural_order)

    @cached_property
    def modalities(self) -> frozenset[str]:
        """What this cohort has."""
        table = len(self.cohort.table.columns) > len(self.banned_columns)
        return frozenset(
            modality.name
            for modality in all_modalities().values()
            if (table if modality.tabular else modality.arrays.keys() & self.embeddings.arrays.keys())
        )

    @cached_property
    def material(self) -> Material:
        """What the workers need, without paths and texts."""
        cohort = replace(
            self.cohort, images=None, masks=None, brain_masks=None, texts=None, features={}, oracle=None, folds=None
        )
        return Material(cohort, self.embeddings, self.labels, self.banned_columns, self.endpoint, self.roles)

    @cached_property
    def roles(self) -> pd.DataFrame:
        """What is known of patients by role and may be an input, one row a patient."""
        return roles_of(self.cohort, self.banned_columns)

    @cached_property
    def oracle(self) -> pd.DataFrame | None:
        """True probabilities of label 1, where the cohort knows them and they are of this outcome."""
        oracle = self.cohort.oracle
        if oracle is None or self.cohort.oracle_outcome != self.endpoint.expression:
            return None
        if self.settings.shuffle_labels is not None:
            return None
        oracle = oracle.loc[self.labels.index]
        return pd.DataFrame({"patient_id": oracle.index, "p": oracle.to_numpy(float)})

    @property
    def events(self) -> pd.Series:
        """Who has the event: 0 or 1 by patient id.

        Raises:
            StrokebenchError: the endpoint is not binary.
        """
        return pd.Series(self.endpoint.events(self.labels), self.labels.index, np.int8)

    @property
    def by_cut(self) -> tuple[Self, ...]:
        """This context with each binary outcome between grades in the place of the grades; else itself alone."""
        cuts = enumerate(self.endpoint.dichotomies)
        return tuple(
            replace(self, endpoint=cut, labels=(self.labels > grade).astype(np.int8)) for grade, cut in cuts
        ) or (self,)

    @cached_property
    def data_sha256(self) -> str:
        """Hash of the inputs and labels that the methods see; the row order does not matter."""
        ids = self.labels.index.sort_values()
        inputs = self.cohort.table.drop(columns=list(self.banned_columns)).loc[ids]
        inputs = inputs[sorted(inputs.columns)]
        return digest(
            {
                "table": inputs.to_csv(float_format="%.9g"),
                "kinds": {name: self.cohort.columns[name].kind for name in inputs.columns},
                "embeddings": self.embeddings.fingerprint,
                "labels": self.labels.loc[ids].to_csv(),
            }
        )

    @cached_property
    def _folds(self) -> dict[tuple[int, int], Fold]:
        return {(fold.seed, fold.fold): fold for fold in self.split.folds}

    @cached_property
    def _strata(self) -> pd.Series:
        return self.endpoint.strata(self.labels)

    def fold(self, run: Run) -> Fold:
        """The patients of a run."""
        fold = self._folds[run.seed, run.fold]
        if run.on_validation:
            fold = on_validation(fold, self._strata, self.cohort.group)
        return of_fewer(fold, self._strata, run.share) if run.share < 1 else fold

    def key(self, run: Run) -> str:
        """SHA-256 of everything that decides the result of a run, and of nothing else.

        The fold's own ids count rather than the whole split, so that a call with more seeds reuses the
        runs of one with fewer.
        """
        return digest(self.identity(run))

    def code(self, run: Run) -> Code:
        """The code that computes a run."""
        return fit_code(run.method, run.balance, type(self.endpoint), may_stack(self.settings))

    def identity(self, run: Run) -> dict[str, Any]:
        """What `key` is the hash of."""
        params, code = plain_params(run), self.code(run)
        return {
            "schema": KEY_SCHEMA,
            "data": self.of(run).data_sha256,
            "fold": _fold_digest(self.fold(run)),
            "method": run.method,
            "endpoint": [self.endpoint.kind, self.endpoint.levels],
            "code": code.sha256,
            "params": params,
            "keep": None if run.condition.keep is None else sorted(run.condition.keep),
            "when": run.condition.when,
            "missing": [run.condition.rate, run.condition.fill],
            "balance": run.balance,
            "versions": dict(code.versions),
            # Only where it decides something: to name a role, or to impute anew, costs the others no run.
            **_otherwise(run),
            **({"roles": self._roles_sha256(needs)} if (needs := described(run.method).needs) else {}),
        }

    def _roles_sha256(self, roles: Sequence[str]) -> str:
        known = self.roles.loc[self.labels.index.sort_values(), list(roles)]
        return digest(known.to_csv(float_format="%.9g"))


@cache
def _fold_digest(fold: Fold) -> str:
    # The name of a fold decides nothing.
    return digest({**asdict(fold), "name": ""})


PREPARED = {"imputation": (MODE, "imputed"), "scaling": (COLUMN, "rescaled")}
"""Field of a run -> its usual value, and what of `strokebench.benchmarks.running.task` does another."""


def _otherwise(run: Run) -> dict[str, Any]:
    """What is prepared in another way than usual, with its code."""
    found = {}
    for name, (usual, does) in PREPARED.items():
        if (way := getattr(run, name)) != usual:
            code = code_of(f"strokebench.benchmarks.running.task.{does}")
            found[name] = [way, code.sha256, dict(code.versions)]
    return found


def plain_params(run: Run) -> dict[str, Any]:
    """All hyper-parameters of a run but the seed, which the fold decides.

    Raises:
        StrokebenchError: one is no plain JSON: nobody could tell in the next call whether it is the same.
        Exception: whatever the method raises of them.
    """
    params = {name: value for name, value in all_params(run.method, run.params).items() if name != "random_state"}
    for name, value in params.items():
        if not is_plain_json(value):
            raise StrokebenchError(
                f"{run.method}: the hyper-parameter {name} is no plain JSON but {type(value).__name__}.",
                "Make it of numbers, strings, lists and dictionaries.",
            )
    return params
