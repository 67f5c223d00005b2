"""Read everything that a cohort names, change nothing, and gather what is wrong."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from strokebench.datasets.catalogue import cohort_file, load_cohort
from strokebench.datasets.cohort import Cohort
from strokebench.datasets.images.contact_sheet import Card, write_contact_sheet
from strokebench.datasets.images.quality import examine_images
from strokebench.datasets.own.cohort_file import CohortFile, read_cohort_file
from strokebench.datasets.own.file_pattern import Resolved
from strokebench.datasets.own.folds_file import read_folds
from strokebench.datasets.own.load import paths_of
from strokebench.datasets.own.table_check import examine_table
from strokebench.datasets.own.texts import read_texts, text_problems
from strokebench.datasets.problems import Problem, in_order, split_accepted
from strokebench.errors import named
from strokebench.files import home
from strokebench.tasks.endpoints.parse import hospital_notes, outcome_problems

CARDS_A_SHEET = 30
_NO_IMAGE = ("image_missing", "image_ambiguous")

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class CheckReport:
    """What `strokebench cohort check` found.

    Args:
        name, title: of the cohort.
        patients: in the table, without excluded ones.
        images, texts: how many were read.
        problems: open ones, those of the whole cohort first, then by patient in the order of the table.
        accepted: problems that the cohort's file accepts.
        excluded: patient -> reason, from the cohort's file.
        notes: what was inferred, and files that belong to nobody.
        sheets: contact sheets of the images with an open problem.
    """

    name: str
    title: str
    patients: int
    images: int
    texts: int
    problems: list[Problem]
    accepted: list[Problem]
    excluded: Mapping[str, str]
    notes: list[str]
    sheets: list[Path]

    def to_json(self) -> dict[str, Any]:
        """As plain values; `codes` counts the open problems."""
        return {
            "name": self.name,
            "patients": self.patients,
            "images": self.images,
            "texts": self.texts,
            "codes": dict(Counter(problem.code for problem in self.problems)),
            "problems": [problem.to_json() for problem in self.problems],
            "accepted": [problem.to_json() for problem in self.accepted],
            "excluded": dict(self.excluded),
            "notes": self.notes,
            "sheets": [str(path) for path in self.sheets],
        }


def check_cohort(dataset: str, jobs: int = 2, progress: Progress | None = None) -> CheckReport:
    """Check a cohort by its YAML file, or a built-in one's images, texts and outcomes by name.

    Contact sheets are written below `home("results", name)`; nothing else is written.

    Args:
        jobs: processes that read images.
        progress: called with the number of images done and of all.

    Raises:
        StrokebenchError: the file or its table cannot be read at all.
    """
    file = cohort_file(dataset)
    if file is None:
        return _check_built_in(dataset, jobs, progress)
    return _check_file(read_cohort_file(file), jobs, progress)


def _check_file(file: CohortFile, jobs: int, progress: Progress | None) -> CheckReport:
    examined = examine_table(file)
    ids = [str(id) for id in examined.table.index]
    images = paths_of(file, file.images, ids, "image")
    masks = paths_of(file, file.masks, ids, "mask")
    brain_masks = paths_of(file, file.brain_masks, ids, "mask")
    problems = [*examined.problems, *read_folds(file, ids)[1], *outcome_problems(examined.table, file.outcomes)]
    notes = list(examined.notes)
    if examined.site is not None:
        notes += hospital_notes(examined.table, next(iter(file.outcomes.values()), ""), examined.site)
    for what, part in (("image", images), ("mask", masks), ("mask", brain_masks)):
        if part:
            problems += part.problems
            notes += _unmatched(part, what, file.folder)
    if images:
        given = [part.paths for part in (masks, brain_masks) if part]
        problems += examine_images(images.paths, given, jobs, progress, file.reading)
    texts = examined.texts
    unread: list[Problem] = []
    if file.text and file.text.files:
        texts, unread = read_texts(file, ids)
    if texts is not None:
        problems += [*unread, *text_problems(texts, unread)]
    left, kept = split_accepted(problems, file.accept)
    found = None if images is None else images.paths
    return _report(file, ids, found, texts, (left, kept), excluded=file.exclude, notes=notes)


def _check_built_in(dataset: str, jobs: int, progress: Progress | None) -> CheckReport:
    cohort = load_cohort(dataset)
    ids = [str(id) for id in cohort.ids]
    problems = list(outcome_problems(cohort.table, cohort.outcomes))
    if cohort.images is not None:
        problems += examine_images(cohort.images, [cohort.masks, cohort.brain_masks], jobs, progress, cohort.reading)
    if cohort.texts is not None:
        problems += text_problems(cohort.texts)
    # A public cohort's outcome is known to be missing for some; its description counts them.
    known = [problem for problem in problems if problem.code == "outcome_missing"]
    left = [problem for problem in problems if problem.code != "outcome_missing"]
    return _report(cohort, ids, cohort.images, cohort.texts, (left, known))


def _report(
    cohort: CohortFile | Cohort,
    ids: list[str],
    images: pd.Series | None,
    texts: pd.DataFrame | None,
    problems: tuple[Sequence[Problem], Sequence[Problem]],
    excluded: Mapping[str, str] = {},
    notes: Sequence[str] = (),
) -> CheckReport:
    left, accepted = (in_order(part, ids) for part in problems)
    return CheckReport(
        name=cohort.name,
        title=cohort.title,
        patients=len(ids),
        images=0 if images is None else int(images.notna().sum()),
        texts=0 if texts is None else int(texts.notna().sum().sum()),
        problems=left,
        accepted=accepted,
        excluded=excluded,
        notes=list(notes),
        sheets=_sheets(cohort.name, cohort.title, left, images),
    )


def _unmatched(found: Resolved, what: str, folder: Path) -> list[str]:
    if not found.unmatched:
        return []
    names = [str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path) for path in found.unmatched]
    return [f"{what} files of no patient in the table ({len(names)}): {named(names, 5)}"]


def _sheets(name: str, title: str, problems: list[Problem], images: pd.Series | None) -> list[Path]:
    if images is None:
        return []
    reasons: dict[str, list[str]] = {}
    for problem in problems:
        if problem.patient is not None and problem.code.startswith("image_") and problem.code not in _NO_IMAGE:
            reasons.setdefault(problem.patient, []).append(f"{problem.code}: {problem.what}")
    cards = [
        Card(id, "; ".join(what), None if pd.isna(path := images.get(id)) else Path(path))
        for id, what in reasons.items()
    ]
    sheets = []
    for number, start in enumerate(range(0, len(cards), CARDS_A_SHEET), 1):
        path = home("results", name, f"quality-{number}.png")
        heading = (
            f"{title}: {len(cards)} of {images.notna().sum()} images to look at (the patient's right is on the left)"
        )
        write_contact_sheet(cards[start : start + CARDS_A_SHEET], path, heading)
        sheets.append(path)
    return sheets
