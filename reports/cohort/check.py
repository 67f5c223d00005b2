"""Read everything that a cohort names, change nothing, and gather what is wrong."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from strokebench.datasets.catalogue import cohort_file, load_cohort
from strokebench.datasets.cohort import Cohort, Column
from strokebench.datasets.images.contact_sheet import Card, write_contact_sheet
from strokebench.datasets.images.quality import examine_images, masks_by_sequence
from strokebench.datasets.own.cohort_file import CohortFile, read_cohort_file
from strokebench.datasets.own.feature_files import read_features
from strokebench.datasets.own.folds_file import each_fold, read_folds
from strokebench.datasets.own.image_files import find_images
from strokebench.datasets.own.lesions import read_lesions
from strokebench.datasets.own.table_check import Examined, examine_table
from strokebench.datasets.own.texts import read_texts, text_problems
from strokebench.datasets.problems import Problem, in_order, split_accepted
from strokebench.datasets.roles import GROUPING
from strokebench.errors import StrokebenchError, named
from strokebench.files import home
from strokebench.reports.tables.style import usual_look
from strokebench.tasks.endpoints.parse import hospital_notes, outcome_problems, parse_endpoint
from strokebench.tasks.own_folds import own_folds
from strokebench.tasks.protocols import too_few

CARDS_A_SHEET = 30
_NO_IMAGE = ("image_missing", "image_ambiguous")
_KNOWN_GAPS = ("outcome_missing", "text_missing")
"""Of the suite's own cohorts: some lack an outcome, or an MRI and so its text. Their description counts them."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class CheckReport:
    """What `strokebench cohort check` found.

    Args:
        name, title: of the cohort.
        patients: in the table, without excluded ones.
        images, texts: how many were read.
        sequences: images by sequence, where there are several.
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
    sequences: Mapping[str, int]
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
            "sequences": dict(self.sequences),
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
    files = find_images(file, ids)
    folds, of_folds = read_folds(file, ids)
    problems = [*examined.problems, *of_folds, *outcome_problems(examined.table, file.outcomes)]
    notes = list(examined.notes)
    if folds is not None:
        problems += _fold_problems(examined, file, folds)
    elif examined.group is not None and (few := too_few(examined.group)):
        problems.append(Problem("group_few", few, where=file.group or ""))
    features = read_features(file, ids, each_fold(folds))
    problems += features.problems
    notes += features.notes
    if examined.site is not None:
        notes += hospital_notes(examined.table, next(iter(file.outcomes.values()), ""), examined.site)
    problems += files.problems
    notes += [note for what, paths in files.unmatched.items() for note in _unmatched(paths, what, file.folder)]
    if len(file.images) > 1:
        notes += [f"no {what} ({len(lack)}): {named(lack, 5)}" for what, lack in files.lacking().items()]
    if files.images is not None:
        masks = masks_by_sequence(files.masks, next(iter(file.masks), ""), files.brain_masks)
        problems += examine_images(files.images, masks, jobs, progress, file.reading)
    lesions = read_lesions(file, list(examined.table.columns), ids, files)
    # What examining found wrong with a mask is not said twice.
    known = {problem.patient for problem in problems if problem.code.startswith(("mask_", "image_"))}
    problems += [problem for problem in lesions.problems if problem.patient is None or problem.patient not in known]
    problems += _role_problems(file, examined.table.join(lesions.table), {**examined.columns, **lesions.columns})
    texts = examined.texts if lesions.texts is None else lesions.texts
    unread: list[Problem] = [] if lesions.texts is None else list(problems)
    if file.text and file.text.files:
        texts, unread = read_texts(file, ids)
        problems += unread
    if texts is not None:
        problems += text_problems(texts, unread)
    left, kept = split_accepted(problems, file.accept)
    return _report(file, ids, files.images, texts, (left, kept), excluded=file.exclude, notes=notes)


def _role_problems(file: CohortFile, table: pd.DataFrame, columns: Mapping[str, Column]) -> Iterator[Problem]:
    for role, column in ((role, column) for role, column in file.roles.items() if role not in GROUPING):
        alone = table[[column] if column in table else []]
        try:
            Cohort(
                file.name, file.title, alone, {str(name): columns[str(name)] for name in alone}, roles={role: column}
            )
        except StrokebenchError as error:
            yield Problem("role_wrong", error.message, where=column, remedy=error.hint)


def _fold_problems(examined: Examined, file: CohortFile, folds: pd.DataFrame) -> Iterator[Problem]:
    """What a run under these folds would stop at, under each outcome that can be read."""
    for rule in file.outcomes.values():
        try:
            endpoint = parse_endpoint(rule)
            labels = endpoint.read(examined.table[endpoint.column].dropna())
        except (StrokebenchError, KeyError):
            continue
        try:
            own_folds(folds, endpoint.strata(labels).sort_index(), examined.group)
        except StrokebenchError as error:
            yield Problem("split_wrong", error.message, where="split", remedy=error.hint)


def _check_built_in(dataset: str, jobs: int, progress: Progress | None) -> CheckReport:
    cohort = load_cohort(dataset)
    ids = [str(id) for id in cohort.ids]
    problems = list(outcome_problems(cohort.table, cohort.outcomes))
    if cohort.images is not None:
        masks = masks_by_sequence(cohort.masks, cohort.masked, cohort.brain_masks)
        problems += examine_images(cohort.images, masks, jobs, progress, cohort.reading)
    if cohort.texts is not None:
        problems += text_problems(cohort.texts)
    known = [problem for problem in problems if problem.code in _KNOWN_GAPS]
    left = [problem for problem in problems if problem.code not in _KNOWN_GAPS]
    return _report(cohort, ids, cohort.images, cohort.texts, (left, known))


def _report(
    cohort: CohortFile | Cohort,
    ids: list[str],
    images: pd.DataFrame | None,
    texts: pd.DataFrame | None,
    problems: tuple[Sequence[Problem], Sequence[Problem]],
    excluded: Mapping[str, str] = {},
    notes: Sequence[str] = (),
) -> CheckReport:
    left, accepted = (in_order(part, ids) for part in problems)
    counts = {} if images is None else {str(name): int(n) for name, n in images.notna().sum().items()}
    return CheckReport(
        name=cohort.name,
        title=cohort.title,
        patients=len(ids),
        images=sum(counts.values()),
        texts=0 if texts is None else int(texts.notna().sum().sum()),
        sequences=counts if len(counts) > 1 else {},
        problems=left,
        accepted=accepted,
        excluded=excluded,
        notes=list(notes),
        sheets=_sheets(cohort, left, images),
    )


def _unmatched(paths: Sequence[Path], what: str, folder: Path) -> list[str]:
    if not paths:
        return []
    names = [str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path) for path in paths]
    return [f"{what} files of no patient in the table ({len(names)}): {named(names, 5)}"]


def _sheets(cohort: CohortFile | Cohort, problems: list[Problem], images: pd.DataFrame | None) -> list[Path]:
    if images is None:
        return []
    reasons: dict[tuple[str, str], list[str]] = {}
    for problem in problems:
        if problem.patient is not None and problem.code.startswith("image_") and problem.code not in _NO_IMAGE:
            sequence = problem.sequence or images.columns[0]
            reasons.setdefault((problem.patient, sequence), []).append(f"{problem.code}: {problem.what}")
    window = cohort.reading.window
    files = {name: {str(id): Path(path) for id, path in paths.dropna().items()} for name, paths in images.items()}
    cards = [
        Card(f"{id} {sequence}" if len(files) > 1 else id, "; ".join(what), files[sequence].get(id), window)
        for (id, sequence), what in reasons.items()
    ]
    sheets = []
    for number, start in enumerate(range(0, len(cards), CARDS_A_SHEET), 1):
        path = home("results", cohort.name, f"quality-{number}.png")
        number_of = f"{len(cards)} of {images.notna().sum().sum()}"
        heading = f"{cohort.title}: {number_of} images to look at (the patient's right is on the left)"
        with usual_look():
            write_contact_sheet(cards[start : start + CARDS_A_SHEET], path, heading)
        sheets.append(path)
    return sheets
