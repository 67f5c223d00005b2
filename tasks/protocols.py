"""Who is trained on, who is selected on, who is tested on."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from strokebench.errors import StrokebenchError, named, unknown_name
from strokebench.tasks.fold import Fold, Ids, Split
from strokebench.tasks.own_folds import own_folds

SEEDS = (39, 40, 41, 42)
"""The paper's four seeds (section 4.2)."""
FOLDS = 5
VALIDATION_SHARE = 0.2
HOLDOUT_SEED, HOLDOUT_FOLD = 39, 2
"""The fold of `cv5` that is the one fixed test part of `holdout` (our choice: the paper's own is unknown).

As one of `cv5`'s it lets both protocols share the fits of that seed; the third, because rounding leaves it the
paper's 46 positives of 146 in a cohort like the paper's, where the first have 47.
"""


TestPart = tuple[int, str, Ids]
"""Number, name and patients."""


def make_split(
    protocol: str,
    labels: pd.Series,
    sites: pd.Series | None = None,
    seeds: Sequence[int] = SEEDS,
    persons: pd.Series | None = None,
    own: pd.DataFrame | None = None,
) -> Split:
    """Split patients under one of the protocols.

    `cv5`: 5 stratified folds for each seed; `holdout`: one of these as test for all seeds (the reading of
    the paper's Tables 2 and 3 that fits its printed numbers); `loho`: each hospital in turn is the test
    part, but for one without which too few patients of a class are left to be parted by every seed. In each, a
    stratified 20 % of the rest, drawn by the seed, is the validation part; every class has a patient there. Rows of
    one person always stand in one part. `own`: the cohort's own folds (`strokebench.tasks.own_folds`).

    Args:
        protocol: one of `PROTOCOLS`.
        labels: what parts are stratified by, by patient id (`Endpoint.strata`); every category has to be frequent
            enough.
        sites: hospital by patient id; `loho` needs it.
        seeds: one repetition each.
        persons: whose each row is, by patient id; None: each row is a person's only one.
        own: patient, seed, fold and part; `own` needs it.

    Raises:
        StrokebenchError: unknown protocol, no sites for `loho`, no folds for `own` or wrong ones, too few patients of
            one class, or a person with rows in two hospitals under `loho`.
    """
    if protocol not in PROTOCOLS:
        raise unknown_name("protocol", protocol, PROTOCOLS)
    if not labels.index.is_unique:
        raise StrokebenchError(f"Patient {labels.index[labels.index.duplicated()][0]} has two labels.")
    if protocol == "own":
        if own is None:
            raise StrokebenchError(
                "The protocol own needs the cohort's own folds.", "Write `split: folds.csv` into its file, or take cv5."
            )
        return Split(protocol, own_folds(own, labels.sort_index(), persons, seeds))
    labels = _frequent_enough(labels)
    persons = None if persons is None else persons.loc[labels.index]
    if persons is not None and (few := too_few(persons)):
        raise StrokebenchError(f"{few.capitalize()}.", "Is `group:` the person?")
    folds = []
    for seed in seeds:
        for number, name, test in DRAWN[protocol](labels, sites, persons, seed):
            try:
                train, validation = _stratified(labels.drop(list(test)), persons, seed, f"outside {name}")
            except StrokebenchError:
                if protocol != "loho":
                    raise
                # The others are tested all the same; whoever reports names the one that is not.
                continue
            folds.append(Fold(int(seed), number, name, train, validation, tuple(sorted(test))))
    tested = Counter(fold.fold for fold in folds)
    # A hospital that some seeds alone could test would weigh less in every mean, and be named nowhere.
    folds = [fold for fold in folds if tested[fold.fold] == len(seeds)]
    if not folds:
        raise StrokebenchError("Without any one hospital, too few patients of one class are left.")
    return Split(protocol, tuple(folds))


def too_few(persons: pd.Series) -> str:
    """What keeps the persons whose the rows (n,) are from being split; empty where they are enough."""
    n = persons.nunique()
    return f"the rows are of {n} persons only; a split needs {2 * FOLDS}" if n < 2 * FOLDS else ""


def split_for_training(labels: pd.Series, seeds: Sequence[int] = SEEDS, persons: pd.Series | None = None) -> Split:
    """All patients for training, but a stratified 20 % drawn by each seed for selection; none is tested.

    Args:
        labels, persons: as of `make_split`; for errors see there too.
    """
    labels = _frequent_enough(labels)
    parts = ((seed, *_stratified(labels, persons, seed, "in all")) for seed in seeds)
    return Split(
        "training", tuple(Fold(int(seed), 0, "all", train, validation, ()) for seed, train, validation in parts)
    )


def of_fewer(fold: Fold, labels: pd.Series, share: float) -> Fold:
    """A fold with a share of its training patients, stratified; smaller ones lie within larger ones.

    Args:
        labels: what parts are stratified by, by patient id.
        share: in (0, 1]; at least two patients of a class are kept where there are two.
    """
    random, kept = np.random.default_rng([fold.seed, fold.fold]), set[str]()
    own = labels.astype("category").loc[sorted(fold.train)].cat.remove_unused_categories()
    for label in own.cat.categories:
        drawn = random.permutation(own.index[own == label].to_numpy(str))
        kept.update(drawn[: max(2, round(share * len(drawn)))])
    return replace(fold, train=tuple(id for id in fold.train if id in kept))


def on_validation(fold: Fold, labels: pd.Series, persons: pd.Series | None = None) -> Fold:
    """A fold whose validation part is tested, and in which a stratified 20 % of the training part selects.

    The test part has no say. For the arguments see `make_split`.

    Raises:
        StrokebenchError: too few patients of a class are left in the training part.
    """
    left = labels.astype("category").loc[list(fold.train)].cat.remove_unused_categories()
    train, validation = _stratified(left, persons, fold.seed, f"in the training part of {fold.name}")
    return replace(fold, train=train, validation=validation, test=fold.validation)


def _frequent_enough(labels: pd.Series) -> pd.Series:
    labels = labels.sort_index().astype("category")
    smallest = labels.value_counts(sort=False)
    if smallest.min() < 2 * FOLDS:
        raise StrokebenchError(
            f"Only {smallest.min()} of {len(labels)} patients have label {smallest.idxmin()}.",
            f"Stratified parts need at least {2 * FOLDS} of each.",
        )
    return labels


def _stratified(labels: pd.Series, persons: pd.Series | None, seed: int, where: str) -> tuple[Ids, Ids]:
    """Two stratified parts, the second with `VALIDATION_SHARE` of the patients (rounded up), and with every class."""
    from sklearn.model_selection import train_test_split

    if labels.value_counts().min() < 2:
        raise StrokebenchError(f"Fewer than two patients of one class are left {where}.")
    if persons is not None:
        return _stratified_by_person(labels, persons.loc[labels.index], seed, where)
    # Of few patients a fifth may be fewer than there are classes.
    size = max(math.ceil(VALIDATION_SHARE * len(labels)), labels.nunique())
    first, second = train_test_split(
        labels.index.to_numpy(), test_size=size, stratify=labels.cat.codes.to_numpy(), random_state=seed
    )
    first, second = set(first), set(second)
    usual = labels.value_counts().idxmax()
    for label in labels.cat.categories:
        # A class of few patients may fall wholly into the first part; one of them changes place with a usual one.
        held = labels.loc[sorted(second)]
        if not (held == label).any():
            # Of equally usual classes another may have more there than the one patient who has to stay.
            most = usual if (held == usual).sum() > 1 else held.value_counts().idxmax()
            random = np.random.default_rng(seed)
            rare, common = (
                str(random.choice([patient for patient in sorted(part) if labels[patient] == wanted]))
                for part, wanted in ((first, label), (second, most))
            )
            first, second = first - {rare} | {common}, second - {common} | {rare}
    return tuple(sorted(first)), tuple(sorted(second))


def _stratified_by_person(labels: pd.Series, persons: pd.Series, seed: int, where: str) -> tuple[Ids, Ids]:
    """The same by whole persons, so the share fits nearly; the first of five draws with all classes in both parts."""
    few = StrokebenchError(f"Too few persons of one class are left {where}.")
    # Fewer than this cannot be drawn from at all.
    if persons.nunique() < FOLDS or labels.value_counts().max() < FOLDS:
        raise few
    for _, _, second in _cv5(labels, None, persons, seed):
        first = tuple(labels.index.difference(list(second)))
        if all(labels[list(part)].nunique() == labels.nunique() for part in (first, second)):
            return first, tuple(sorted(second))
    raise few


def _cv5(labels: pd.Series, sites: pd.Series | None, persons: pd.Series | None, seed: int) -> list[TestPart]:
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    splitter = (StratifiedKFold if persons is None else StratifiedGroupKFold)(FOLDS, shuffle=True, random_state=seed)
    parts = splitter.split(np.zeros(len(labels)), labels.cat.codes.to_numpy(), persons)
    return [(i, f"fold {i + 1}", tuple(labels.index[test])) for i, (_, test) in enumerate(parts)]


def _holdout(labels: pd.Series, sites: pd.Series | None, persons: pd.Series | None, seed: int) -> list[TestPart]:
    number, _, test = _cv5(labels, sites, persons, HOLDOUT_SEED)[HOLDOUT_FOLD]
    return [(number, "hold-out", test)]


def _loho(labels: pd.Series, sites: pd.Series | None, persons: pd.Series | None, seed: int) -> list[TestPart]:
    if sites is None:
        raise StrokebenchError("Leave one hospital out needs at least two hospitals.", "Give the cohort a site column.")
    sites = sites.loc[labels.index]
    if len(names := sites.unique()) < 2:
        raise StrokebenchError(
            f"Leave one hospital out needs at least two hospitals; all patients are of {named(names)} alone.",
            "Take the protocol cv5.",
        )
    if persons is not None and len(moved := sites.groupby(persons).nunique().loc[lambda n: n > 1]):
        rows = persons.index[persons == moved.index[0]]
        raise StrokebenchError(
            f"Patients {named(rows)} are one person in two hospitals, whom to leave one hospital out would part.",
            "Exclude the rows of one, or take the protocol cv5.",
        )
    return [(i, str(site), tuple(sites.index[sites == site])) for i, site in enumerate(sorted(sites.unique()))]


DRAWN = {"cv5": _cv5, "holdout": _holdout, "loho": _loho}
PROTOCOLS = (*DRAWN, "own")
