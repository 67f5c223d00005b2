"""A cohort of one's own: a YAML file, a table, and perhaps images, masks and texts."""

from contextlib import suppress
from pathlib import Path

import pandas as pd

from strokebench.datasets.cohort import Cohort
from strokebench.datasets.own.cohort_file import CohortFile, read_cohort_file
from strokebench.datasets.own.feature_files import Features, read_features
from strokebench.datasets.own.feature_keys import features_about
from strokebench.datasets.own.folds_file import each_fold, read_folds
from strokebench.datasets.own.image_files import ImageFiles, find_images
from strokebench.datasets.own.lesions import read_lesions
from strokebench.datasets.own.table_check import Examined, examine_table
from strokebench.datasets.own.texts import read_texts
from strokebench.datasets.problems import EVERY, Problem, split_accepted
from strokebench.datasets.roles import GROUPING
from strokebench.errors import StrokebenchError
from strokebench.files import digest, file_digest, home, write_text


def load(path: Path) -> Cohort:
    """The cohort that a YAML file describes (keys: `strokebench.datasets.own.cohort_file.KEYS`).

    The table, the file patterns and the text files are read; the images are not opened. A problem that is
    neither mended, excluded nor accepted is an error, so that nothing is ever guessed: no value is corrected,
    no patient dropped in silence. What was left out or accepted is counted in `about`.

    Raises:
        StrokebenchError: the first such problem and the number of others.
    """
    file = read_cohort_file(path)
    clean = _mark(file)
    examined = examine_table(file, ask=not clean.is_file())
    ids = [str(id) for id in examined.table.index]
    problems = list(examined.problems)
    files = find_images(file, ids)
    problems += files.problems
    lesions = read_lesions(file, list(examined.table.columns), ids, files)
    problems += lesions.problems
    texts = examined.texts if lesions.texts is None else lesions.texts
    if file.text and file.text.files:
        texts, found = read_texts(file, ids)
        problems += found
    folds, found = read_folds(file, ids)
    features = read_features(file, ids, each_fold(folds))
    problems += [*found, *features.problems]
    unaccepted, _ = split_accepted(problems, file.accept)
    if unaccepted := [problem for problem in unaccepted if problem.code not in _HARMLESS]:
        raise _refuse(file, unaccepted)
    if not clean.is_file():
        # Where it cannot be written, the next call examines the table again.
        with suppress(OSError):
            write_text(clean, f"The table of {file.title} was examined and has no problem that is not accepted.\n")
    return Cohort(
        name=file.name,
        title=file.title,
        # Sorted: a method may take the first column otherwise than the last, and the key of a run knows no order.
        table=examined.table.join(lesions.table).sort_index(axis=1),
        columns={**examined.columns, **lesions.columns},
        images=files.images,
        masks=files.masks,
        masked=next(iter(file.masks), ""),
        brain_masks=files.brain_masks,
        reading=file.reading,
        texts=texts,
        site=None if examined.site is None else examined.site.str.strip(),
        group=examined.group,
        folds=folds,
        features=features.arrays,
        fold_features=features.by_fold,
        outcomes=file.outcomes,
        about=_about(file, examined, files, features) | ({"from_masks": lesions.said} if lesions.said else {}),
        banned=file.banned,
        roles={role: column for role, column in file.roles.items() if role not in GROUPING},
    )


def _mark(file: CohortFile) -> Path:
    """What lies there once a table of these bytes was found clean under these keys by this code."""
    if not file.table.is_file():
        return file.table
    code = sorted([*Path(__file__).parent.glob("*.py"), *Path(__file__).parents[1].glob("*.py")])
    decides = [file_digest(part) for part in (file.table, file.path, *code)]
    return home("cohorts", "examined", f"{digest(decides)[:16]}.txt")


# An analysis leaves out a patient without the outcome, and a patient without a text has none.
_HARMLESS = ("outcome_missing", "text_missing")


def _refuse(file: CohortFile, problems: list[Problem]) -> StrokebenchError:
    first = problems[0]
    whose = f"patient {first.patient}: " if first.patient else ""
    more = f" ({len(problems) - 1} more problems)" if len(problems) > 1 else ""
    return StrokebenchError(
        f"{file.path.name}: {whose}{first.what}{more}.",
        f"{first.remedy} `strokebench cohort check {file.path}` lists all problems.",
    )


def _about(file: CohortFile, examined: Examined, files: ImageFiles, features: Features) -> dict[str, str]:
    grouping = {GROUPING[role]: column for role, column in file.roles.items() if role in GROUPING}
    about = {**file.about, **features_about(file.features), **grouping}
    declared: dict[str, object] = {
        "NaN is background": file.image_nan,
        "masks are resampled to their images": file.mask_grid,
        f"CT in a window of {file.window} HU": file.window,
    }
    if any(declared.values()):
        about["declared"] = "; ".join(what for what, given in declared.items() if given)
    if file.exclude:
        reasons = pd.Series(list(file.exclude.values())).value_counts()
        about["left_out"] = "; ".join(f"{reason}: {n}" for reason, n in reasons.items())
    if file.accept:
        accepted = [f"{code}: {who if who == EVERY else len(who)}" for code, who in file.accept.items()]
        about["accepted"] = "; ".join(accepted)
    missing = {str(name): int(n) for name, n in examined.table.isna().sum().items() if n}
    missing |= {what: len(patients) for what, patients in (files.lacking() | features.lacking).items() if patients}
    if missing:
        about["missing"] = "; ".join(f"{name}: {n}" for name, n in missing.items())
    if notes := [*examined.notes, *features.notes]:
        about["inferred"] = "; ".join(notes)
    return about
