"""Which sentences move the prediction: each is left out in turn, and its text encoded again."""

from pathlib import Path

import numpy as np
import pandas as pd

from strokebench.benchmarks.explanations.patient import Patient
from strokebench.benchmarks.models.columns import instead
from strokebench.datasets.texts.filter import split_sentences
from strokebench.reports.explanation.effects import Breakdown, Effect
from strokebench.tasks.inputs import modalities_of

TEXT = "text"


def text_effects(patient: Patient, weights: Path | None = None) -> Breakdown | None:
    """By sentence, in reading order; None of a model that reads no text.

    Args:
        weights: folder with downloaded weights, for an encoder that needs them.
    """
    said, texts = patient.model.description, patient.examined.cohort.texts
    if TEXT not in modalities_of(said.reads):
        return None
    title = "Which sentences move it"
    if not said.encodings[TEXT].sha256 or texts is None:
        why = "The text came as ready vectors, of which no sentence can be taken away."
        return Breakdown(TEXT, title, patient.unit, missing=why)
    endpoint, answers = patient.model.endpoint, texts.loc[patient.id]
    sentences = [
        (place, str(prompt), sentence, number)
        for place, (prompt, answer) in enumerate(answers.items())
        if not pd.isna(answer)
        for number, sentence in enumerate(split_sentences(endpoint.keep_text(str(answer))))
    ]
    if not sentences:
        return Breakdown(TEXT, title, patient.unit, missing=f"This patient has no text; {instead(said)}.")
    rests = [
        " ".join(one[2] for one in sentences if one[0] == place and one[3] != number)
        for place, _, _, number in sentences
    ]
    encoder = patient.model.encoders(weights)[1]
    own = np.repeat(patient.arrays[TEXT], len(sentences) + 1, axis=0)
    for row, ((place, *_), rest) in enumerate(zip(sentences, rests, strict=True), start=1):
        # A text of one sentence is missing without it.
        own[row, place] = encoder.encode([rest], "cpu")[0] if rest else np.nan
    values = patient.values(patient.inputs(text=own))
    effects = (values[:, :1] - values[:, 1:]).T.tolist()
    return Breakdown(
        TEXT,
        title,
        patient.unit,
        how=(
            "Each sentence is left out alone and its text encoded again; its effect is the prediction less that without"
            " it. What two sentences both say is found in neither, and the effects need not add up. These are the"
            " sentences that the model read, after the suite's filter."
        ),
        effects=tuple(
            Effect(sentence, model, tuple(fits), group=prompt)
            for (_, prompt, sentence, _), (model, *fits) in zip(sentences, effects, strict=True)
        ),
    )
