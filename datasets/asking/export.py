"""From a store of answers to texts that a cohort reads, with the filter's report."""

from pathlib import Path

import pandas as pd

from strokebench.datasets.asking.answers import AnswerStore
from strokebench.datasets.asking.plan import TextPlan
from strokebench.datasets.asking.report import usable_text
from strokebench.datasets.cohort import Cohort
from strokebench.errors import StrokebenchError
from strokebench.files import csv_text, write_text

Place = tuple[str, str]


def column_of(prompt: str, number: int) -> str:
    """Column of an answer: the prompt's name, then `prompt_2`, `prompt_3`, ..."""
    return prompt if number == 1 else f"{prompt}_{number}"


def texts_of(
    cohort: Cohort, plan: TextPlan, store: AnswerStore
) -> tuple[pd.DataFrame, dict[Place, list[tuple[str, str]]], dict[Place, str]]:
    """Texts of a plan: (id x prompt, None where there is no answer), what was cut, and the refusals.

    The texts are complete sentences as the model wrote them: what an outcome forbids differs from outcome to
    outcome, so the filter runs when a method reads them.
    """
    latest = store.latest()
    columns = list(dict.fromkeys(column_of(q.prompt, q.number) for q in plan.questions))
    texts = pd.DataFrame(None, index=cohort.ids, columns=columns, dtype=object)
    cut: dict[Place, list[tuple[str, str]]] = {}
    refused: dict[Place, str] = {}
    for question in plan.questions:
        if (answer := latest.get(question.key)) is None:
            continue
        place = (question.patient, column_of(question.prompt, question.number))
        texts.loc[place], cut[place] = usable_text(answer)
        if answer.refusal or answer.finish_reason == "content_filter":
            refused[place] = answer.refusal or "Stopped by the endpoint's content filter."
    return texts, cut, refused


def write_texts(texts: pd.DataFrame, folder: Path) -> None:
    """Write texts as `texts.csv` (id x prompt) and as one file each, `texts/PROMPT/ID.txt`.

    The files are what a cohort's YAML names: `text: {files: FOLDER/texts/{prompt}/{id}.txt}`. An empty or
    missing text has no file.

    Raises:
        StrokebenchError: a patient id that is no file name.
    """
    for patient in texts.index:
        if patient in (".", "..") or any(sign in str(patient) for sign in "/\\\0"):
            raise StrokebenchError(f"Patient {patient!r}: the id is no file name.", "Rename the patient.")
    write_text(folder / "texts.csv", csv_text(texts, index_label="patient_id"))
    wanted = set()
    for prompt in texts.columns:
        for patient, text in texts[prompt].items():
            if isinstance(text, str) and text.strip():
                file = folder / "texts" / str(prompt) / f"{patient}.txt"
                wanted.add(file)
                if not file.is_file() or file.read_text(encoding="utf-8") != text + "\n":
                    write_text(file, text + "\n")
    for file in (folder / "texts").glob("*/*.txt"):
        # Those of patients who are not asked about now, as in a trial of a few, stay.
        if file not in wanted and file.stem in texts.index:
            file.unlink()
