"""From a store of answers to texts that a cohort reads, with the filter's report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from strokebench.datasets.asking.answers import AnswerStore
from strokebench.datasets.asking.plan import TextPlan
from strokebench.datasets.asking.report import usable_text
from strokebench.datasets.cohort import Cohort
from strokebench.errors import StrokebenchError
from strokebench.files import atomic_path, write_text

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
    with atomic_path(folder / "texts.csv") as path:
        texts.to_csv(path, index_label="patient_id")
    wanted = set()
    for prompt in texts.columns:
        for patient, text in texts[prompt].items():
            if isinstance(text, str) and text.strip():
                file = folder / "texts" / str(prompt) / f"{patient}.txt"
                wanted.add(file)
                if not file.is_file() or file.read_text(encoding="utf-8") != text + "\n":
                    write_text(file, text + "\n")
    for file in (folder / "texts").glob("*/*.txt"):
        if file not in wanted:
            file.unlink()


def read_texts(path: Path, ids: Sequence[str]) -> pd.DataFrame:
    """Texts as `write_texts` wrote them, one row for each id; None where the file has none.

    Raises:
        StrokebenchError: no such file, or not one of texts; a patient stands in it twice.
    """
    try:
        texts = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise StrokebenchError(f"{path}: no such file.", "`strokebench text write` makes it.") from None
    if "patient_id" not in texts.columns or len(texts.columns) < 2:
        raise StrokebenchError(f"{path}: no columns `patient_id` and one a prompt.")
    texts = texts.set_index("patient_id")
    if texts.index.has_duplicates:
        raise StrokebenchError(f"{path}: patient {texts.index[texts.index.duplicated()][0]} stands twice.")
    texts = texts.astype(object).where(texts != "", None)
    return texts.reindex(list(ids)).astype(object).where(lambda frame: frame.notna(), None)


def with_texts(cohort: Cohort, path: Path) -> Cohort:
    """A cohort with the texts of a file by `write_texts` in place of its own."""
    return replace(cohort, texts=read_texts(path, list(cohort.ids)))
