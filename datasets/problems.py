"""What can be wrong with a cohort: each kind of problem has a code, a meaning and a remedy."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

EVERY = "all"
"""In place of a list of patients: everyone."""


@dataclass(frozen=True)
class Code:
    """A kind of problem.

    Args:
        remedy: what to do about it; NAME stands for the problem's place, VALUE for what was found there.
        acceptable: a user who has looked may keep the patient as is (`accept:` in the cohort's file). What
            cannot be read, or would be read wrongly, has to be mended or excluded.
    """

    remedy: str
    acceptable: bool = False


CODES: Mapping[str, Code] = {
    # the table
    "id_missing": Code("Give the row a patient id, or delete it."),
    "id_doubled": Code("Keep one row a patient, or give each row an id of its own and the person by `group:`."),
    "id_unusable": Code("Use letters, digits, '-', '_' and '.', without spaces around them."),
    "id_spelling": Code("Spell each id in one way; accept it if it is another patient's or person's.", True),
    "column_unknown": Code("Write the column as the table's header does."),
    "column_doubled": Code("Rename or delete one of the columns."),
    "column_empty": Code("Ban the column, or fill it.", True),
    "column_one_value": Code(
        "If an empty cell means another value, such as no, write that: empty ones are filled with VALUE, and then the"
        " column says nothing. Else ban or accept it.",
        True,
    ),
    "column_free_text": Code("Ban the column (`banned:`), or declare it categorical if it is an input.", True),
    "column_mixed": Code(
        "Correct what stands for a number; if a text means unknown, write `columns: {NAME: {missing: [TEXT]}}`; or"
        " declare the column categorical.",
        True,
    ),
    "column_time": Code(
        "Say when it is known: `columns: {NAME: {time: before}}` (or admission, or after: then it is never an input)."
    ),
    "column_unnamed": Code("Give the column a name, or delete it."),
    "column_no_measurement": Code("Ban the column (`banned:`), or declare its kind if it is an input.", True),
    "cell_error": Code("Mend the formula, or empty the cells that are unknown."),
    "cell_formula": Code("Open the file in a spreadsheet and save it, or export it as CSV."),
    "cells_merged": Code("Split the merged cells and write the value into each."),
    "row_no_patient": Code("Delete the row (a total, a note); accept it if it is a patient.", True),
    "missing_code": Code(
        "If it means unknown there, write `columns: {NAME: {missing: [VALUE]}}`, not `missing:` for all; if it is a"
        " value, accept it.",
        True,
    ),
    "censored": Code(
        "Say how to read them: `columns: {NAME: {censored: bound}}` (<3 as 3), `half` (1.5) or `missing`; or declare"
        " the column categorical."
    ),
    "unit_in_cell": Code(
        "Declare the unit, `columns: {NAME: {unit: VALUE}}`, and take out of the cells what is none; or declare the"
        " column categorical."
    ),
    "thousands": Code("Set `thousands:` to the sign between thousands, and `decimal:` to that of the decimals."),
    "not_a_number": Code(
        "Correct the value; if it means unknown, empty the cell or write `columns: {NAME: {missing: [VALUE]}}`."
    ),
    "decimal_comma": Code("Write the table's decimal sign, or set `decimal: ','` if the whole table uses commas."),
    "out_of_range": Code("Correct the value, empty the cell, or widen `low`/`high` if it is true."),
    "between_grades": Code("Correct the value, or empty the cell if it was filled in; accept it if it is true.", True),
    "mixed_units": Code("Convert the value to the column's unit; accept it if it is true.", True),
    "site_missing": Code("Fill the site, or exclude the patient."),
    "site_spelling": Code("Spell the site in one way; accept it if it is another site.", True),
    "site_unknown": Code("Correct the site, or add it to `sites:`."),
    "group_missing": Code("Fill it (a person of one row may have the row's own id), or exclude the patient."),
    "group_few": Code("Name the column of the person, not one that many share; or delete `group:`."),
    "split_wrong": Code("Correct the file that `split:` names: patient, seed, fold, part."),
    "category_spelling": Code("Spell the category in one way; accept it if it is another one.", True),
    "category_unknown": Code("Correct the value, or add it to the column's `categories`."),
    "outcome_unreadable": Code(
        "Write COLUMN < NUMBER, COLUMN == TEXT, COLUMN in [TEXT, TEXT], COLUMN 0 to 6, or a column of 0 and 1."
    ),
    "outcome_not_binary": Code(
        "Correct it to 0 or 1, or give a rule, e.g. `outcome: mrs > 2` or `outcome: good == yes`."
    ),
    "outcome_value": Code("Write the value as the column does; accept it (by the rule) if it can occur.", True),
    "outcome_no_grade": Code("Correct it to a whole grade, or write the outcome's grades, e.g. `mrs 0 to 6`."),
    "outcome_few_grades": Code("Give a rule, e.g. `mrs > 2`, where the column has been divided already."),
    "outcome_missing": Code("Fill it, exclude the patient, or accept that analyses leave it out.", True),
    "outcome_few": Code("Take an outcome that is less rare; accept it if you will not run it.", True),
    "outcome_one_class": Code("Check the rule: all patients have the same outcome."),
    "role_wrong": Code("Correct `roles:`, or the column's values and unit."),
    "listed_unknown": Code("Correct the id in `exclude:` or `accept:`, or remove the entry."),
    # files
    "pattern_fits_nothing": Code("Correct the pattern, or delete its key if there are no such files."),
    "image_missing": Code("Put the file there, exclude the patient, or accept that it has no image.", True),
    "image_ambiguous": Code("Narrow the pattern until it fits one file a patient, and a file one patient."),
    "image_unreadable": Code("Copy or export the file again."),
    "image_4d": Code("Save one 3D volume (e.g. the trace of a DWI series)."),
    "image_nan": Code("Export the volume again, or set `image_nan: background` if NaN lies outside the brain."),
    "image_affine": Code("Convert it again from DICOM, or correct the header's spacing and orientation."),
    "image_side": Code("Find out which side is left and convert it again from DICOM; accept it if it is true.", True),
    "image_empty": Code("Export the volume again.", True),
    "image_doubled": Code("Find out whose image it is and replace the other.", True),
    "image_ct": Code(
        "If all images are CT, set `window: [0, 80]` (Hounsfield units); else give the MRI, or accept it as one.", True
    ),
    "image_no_ct": Code("Delete `window:` if the images are MRI; export a CT with its rescale intercept."),
    "image_scale": Code("Give the magnitude image of the cohort's own sequence.", True),
    "image_apart": Code("Register it to the patient's other sequences, or export all with their positions."),
    "image_few_slices": Code("Export all slices of the series.", True),
    "image_missing_slices": Code("Export all slices of the series.", True),
    "image_field_of_view": Code("Take a series that covers the head, or correct the spacing.", True),
    "image_beyond_grid": Code(
        "Correct the spacing, crop what is no head, or give `brain_masks`; accept it if the brain is inside.",
        True,
    ),
    "image_clipped": Code("Export the volume without windowing, at its full range.", True),
    "image_noise": Code("Look at the contact sheet; exclude the patient or accept the image.", True),
    "image_motion": Code("Look at the contact sheet; exclude the patient or accept the image.", True),
    "mask_missing": Code("Put the mask there, exclude the patient, or accept that it has none.", True),
    "mask_ambiguous": Code("Narrow the pattern until it fits one file a patient, and a file one patient."),
    "mask_unreadable": Code("Copy or export the file again."),
    "mask_grid": Code("Resample the mask to the grid of its image, or set `mask_grid: resample`."),
    "mask_values": Code("Save the mask with 0 outside and 1 inside."),
    "mask_doubtful": Code(
        "Give the patient's own mask of the lesion (a brain's is for `brain_masks:`); accept it if it is true.", True
    ),
    "mask_space": Code("Bring the mask into MNI space, or delete `atlas:`.", True),
    # text
    "text_missing": Code("Add the text, or accept that the patient has none.", True),
    "text_ambiguous": Code("Narrow the pattern until it fits one file a text."),
    "text_unreadable": Code("Save the file as UTF-8 text."),
    "text_other": Code("Find out whose text it is, and replace the other; accept it if it is the patient's own.", True),
    "text_equal": Code("Give each patient's own text: the same one for everyone says nothing.", True),
    "text_filtered": Code(
        "The filter keeps English sentences on the lesion (`strokebench text report` shows each): translate the texts,"
        " or give vectors of your own encoder (`features:`); accept it if those are to count as missing.",
        True,
    ),
    "text_refusal": Code("Ask again; a refusal says nothing of the patient.", True),
    "text_long": Code("Shorten it; the text encoder reads the beginning only.", True),
    # features that were made elsewhere
    "features_fitted": Code(
        "Say so: `features: {NAME: {fitted_on: none}}` where nothing was learnt, `fitted_on: other` where only from"
        " patients who are not in the cohort, `training` with one a fold. Vectors that know test patients are a leak."
    ),
    "features_missing": Code("Add the patient to the file, exclude the patient, or accept that there are none.", True),
    "features_wrong": Code("Correct the file: one row a patient, under the table's ids, in numbers with a point."),
}
"""Every code that `strokebench cohort check` can print."""


def _yaml(text: str) -> str:
    """A text as it may stand in a YAML list or pair."""
    return text if re.fullmatch(r"-?\w(?:[\w .+/()-]*[\w.+/()-])?", text) else json.dumps(text, ensure_ascii=False)


GUESS = "; is it "
"""Between what is wrong and a guess at its cause."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, with one patient or (`patient` None) with a column, a row or the file.

    Args:
        code: a key of `CODES`.
        what: what was found, naming the column, row or file.
        patient: whose, by id.
        where: column, file pattern or prompt that it concerns; problems of one code and place are grouped.
        remedy: what to do, where there is more to say than the code's own remedy.
        value: what was found, for the remedy to name.
        sequence: of an image, where a patient has several.
    """

    code: str
    what: str
    patient: str | None = None
    where: str = ""
    remedy: str = ""
    value: str = ""
    sequence: str = ""

    def __post_init__(self) -> None:
        if not self.remedy:
            general = CODES[self.code].remedy
            named = re.sub("NAME|VALUE", lambda word: _yaml(self.where if word[0] == "NAME" else self.value), general)
            object.__setattr__(self, "remedy", named)

    def to_json(self) -> dict[str, Any]:
        """As a dictionary of strings."""
        return asdict(self)


def split_accepted(
    problems: Iterable[Problem], accepted: Mapping[str, str | Sequence[str]]
) -> tuple[list[Problem], list[Problem]]:
    """Problems that are still open, and those that the user has accepted.

    Args:
        accepted: code -> patients (or `all`) whose problem of that code is kept as it is.
    """
    unaccepted: list[Problem] = []
    kept: list[Problem] = []
    for problem in problems:
        (kept if _is_accepted(problem, accepted) else unaccepted).append(problem)
    return unaccepted, kept


def _is_accepted(problem: Problem, accepted: Mapping[str, str | Sequence[str]]) -> bool:
    """Whether the `accept:` list names this problem; a column's problem is named by its column."""
    named = accepted.get(problem.code, ())
    return named == EVERY or (problem.patient or problem.where) in named


def in_order(problems: Iterable[Problem], ids: Sequence[str] = ()) -> list[Problem]:
    """Those of the whole cohort first, then by patient in the order of the table."""
    rank = {patient: i for i, patient in enumerate(ids)}
    codes = {code: i for i, code in enumerate(CODES)}

    def key(problem: Problem) -> tuple[int, str, int]:
        place = -1 if problem.patient is None else rank.get(problem.patient, len(rank))
        return place, problem.patient or "", codes[problem.code]

    return sorted(problems, key=key)
