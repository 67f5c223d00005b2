from __future__ import annotations

import re
from dataclasses import fields, replace

import numpy as np
import pytest

from strokebench.datasets.images.lesion import TERRITORY_NAMES, LesionFindings
from strokebench.datasets.texts import wording
from strokebench.datasets.texts.filter import split_sentences
from strokebench.datasets.texts.prompts import PROMPTS, QUESTIONS
from strokebench.datasets.texts.writer import TextErrors, guess_nihss, write_answers, write_measured

NO_ERRORS = TextErrors(**{field.name: 0.0 for field in fields(TextErrors)})
"""A writer that makes no mistake; the wording still varies."""

LEFT_MCA = LesionFindings(
    volume_ml=63.4,
    side="left",
    territories={("insular MCA", "left"): 0.7, ("frontal MCA", "left"): 0.3, ("parietal MCA", "left"): 0.01},
    aspects=8,
    mass_effect="mild",
    n_components=1,
)
CEREBELLUM = LesionFindings(
    volume_ml=4.0,
    side="right",
    territories={("inferior cerebellar", "right"): 0.1},
    aspects=None,
    mass_effect="none",
    n_components=3,
)
NOTHING = LesionFindings(0.0, "both", {}, None, "none", 0)
OUTSIDE = LesionFindings(2.0, "both", {}, None, "none", 2)


def exact(findings: LesionFindings, seed: int) -> dict[str, str]:
    return write_answers(findings, np.random.default_rng(seed), NO_ERRORS)


def test_every_prompt_has_a_question():
    assert tuple(QUESTIONS) == PROMPTS


@pytest.mark.parametrize("findings", [LEFT_MCA, CEREBELLUM, NOTHING, OUTSIDE])
@pytest.mark.parametrize("errors", [TextErrors(), NO_ERRORS, TextErrors(hedge=1, invention=1)])
def test_one_to_four_sentences_a_prompt(findings, errors):
    for seed in range(30):
        answers = write_answers(findings, np.random.default_rng(seed), errors)
        assert tuple(answers) == PROMPTS
        for text in answers.values():
            assert 1 <= len(split_sentences(text)) <= 4, text
            assert not re.search(r"[{}]|  |None|nan", text), text
            assert all(sentence[0].isupper() for sentence in split_sentences(text)), text


def test_the_exact_writer_states_what_was_measured():
    for seed in range(20):
        text = exact(LEFT_MCA, seed)
        assert "63.4 ml" in text["infarct_volume"]
        assert re.search(r"ASPECTS[^.]* 8\b", text["aspects"])
        assert "insula" in text["lesion_areas"]
        assert "frontal" in text["lesion_areas"]
        assert "parietal" not in text["lesion_areas"]
        assert "mild" in text["mass_effect"].lower()
        low, high = map(int, re.search(r"(\d+)(?:-| to | and )(\d+)", text["nihss_range"]).groups())
        assert low <= guess_nihss(LEFT_MCA) <= high
        assert "right" not in " ".join(text.values())
        assert not re.search(r"\d", exact(CEREBELLUM, seed)["aspects"])


def test_wording_varies_and_the_seed_decides_it():
    assert exact(LEFT_MCA, 1) == exact(LEFT_MCA, 1)
    for prompt in PROMPTS:
        assert len({exact(LEFT_MCA, seed)[prompt] for seed in range(40)}) >= 4


def test_the_exact_writer_invents_and_doubts_nothing():
    invented = {max(re.split(r"{\w+}", s), key=len) for s in (*wording.INVENTIONS, *wording.HEDGES)}
    for seed in range(40):
        text = " ".join(exact(LEFT_MCA, seed).values())
        assert not any(start in text for start in invented)


@pytest.mark.parametrize(
    ("errors", "prompt", "pattern"),
    [
        ({"wrong_side": 1.0}, "lesion_areas", r"right"),
        ({"aspects_off_by_one": 1.0}, "aspects", r"\b[79]\b"),
        ({"coarse_rounding": 1.0}, "infarct_volume", r"\b60 ml"),
        ({"wrong_mass_effect": 1.0}, "mass_effect", r"(?i)\bno\b|not|marked"),
        ({"hedge": 1.0}, "mass_effect", "|".join(map(re.escape, wording.HEDGES))),
    ],
)
def test_each_mistake_is_made_when_it_is_certain(errors, prompt, pattern):
    for seed in range(20):
        text = write_answers(LEFT_MCA, np.random.default_rng(seed), replace(NO_ERRORS, **errors))
        assert re.search(pattern, text[prompt]), text[prompt]


def test_mistakes_come_about_as_often_as_asked():
    errors = replace(NO_ERRORS, wrong_side=0.3)
    wrong = [
        "right" in write_answers(LEFT_MCA, np.random.default_rng(seed), errors)["lesion_areas"] for seed in range(400)
    ]
    assert 0.22 < np.mean(wrong) < 0.38


def test_the_guess_grows_with_the_lesion_and_stays_on_the_scale():
    guesses = [guess_nihss(replace(LEFT_MCA, volume_ml=v)) for v in (0.1, 1, 10, 100, 1000)]
    assert guesses == sorted(guesses)
    assert 0 <= guess_nihss(NOTHING) <= guesses[-1] <= 42


def test_every_atlas_territory_has_words_and_others_keep_their_name():
    assert set(TERRITORY_NAMES) == set(wording.PLACES)
    odd = replace(LEFT_MCA, territories={("superior division", "left"): 0.4}, aspects=None)
    assert "superior division territory" in exact(odd, 0)["lesion_areas"]


def test_measured_text_says_what_was_measured_and_nothing_else():
    assert (
        write_measured(LEFT_MCA, False) == "The lesion measures 63.4 ml and lies in the left hemisphere, in one focus."
    )
    assert write_measured(CEREBELLUM, True) == (
        "The lesion measures 4.0 ml and lies in the right hemisphere, in 3 foci. It involves part of the right inferior"
        " cerebellum. The lesion spares the middle cerebral artery territory, so ASPECTS is not applicable."
    )
    assert "ASPECTS is 8." in write_measured(LEFT_MCA, True)
    assert "parietal" not in write_measured(LEFT_MCA, True), "less than SMALLEST_SHARE"
    assert write_measured(NOTHING, True) == "No lesion."
