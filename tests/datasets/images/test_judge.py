"""Each limit of image quality from both of its sides, on measures as a sound volume has them."""

from dataclasses import replace

import numpy as np
import pytest

from strokebench.datasets.images.facts import ImageFacts
from strokebench.datasets.images.quality import judge

SOUND = ImageFacts(
    extent_mm=(180, 220, 150),
    spacing_mm=(1, 1, 5),
    slice_axis=2,
    n_slices=30,
    blank_slices=0,
    low=0,
    high=1000,
    n_values=500,
    negative=0,
    foreground=0.3,
    clipped=0.001,
    noise=0.02,
    ghosting=0.01,
    content="",
    place=frozenset(),
    left_out=0.0,
    likeness=np.zeros((16, 16, 16), np.float32),
)


def judged(number=12, **changes):
    """Codes of one image with these changes beside `number - 1` sound ones, whose problems nobody has."""
    facts = {f"p{n:02d}": replace(SOUND, content=str(n)) for n in range(number)}
    facts["p05"] = replace(facts["p05"], **changes)
    problems = list(judge(facts, {id: f"{id}.nii" for id in facts}))
    assert {problem.patient for problem in problems} <= {"p05"}
    return [problem.code for problem in problems]


@pytest.mark.parametrize(
    ("sound", "faulty", "code"),
    [
        ({"extent_mm": (100, 120, 80)}, {"extent_mm": (99, 220, 150)}, "image_field_of_view"),
        ({"extent_mm": (100, 120, 80)}, {"extent_mm": (180, 119, 150)}, "image_field_of_view"),
        ({"extent_mm": (100, 120, 80)}, {"extent_mm": (180, 220, 79)}, "image_few_slices"),
        ({"extent_mm": (100, 120, 80)}, {"extent_mm": (99, 220, 79)}, "image_field_of_view"),
        ({"left_out": 0.0199}, {"left_out": 0.0201}, "image_beyond_grid"),
        ({"n_slices": 8}, {"n_slices": 7}, "image_few_slices"),
        ({"blank_slices": 0}, {"blank_slices": 1}, "image_missing_slices"),
        ({"foreground": 0.01}, {"foreground": 0.0099}, "image_empty"),
        ({"high": 1.0, "low": 0.9}, {"high": 1.0, "low": 1.0, "n_values": 1}, "image_empty"),
        ({"n_values": 6}, {"n_values": 5}, "image_scale"),
        ({"low": -500.0}, {"low": -501.0}, "image_ct"),
        ({"clipped": 0.02}, {"clipped": 0.021}, "image_clipped"),
        # One and a half decades above or below the others.
        ({"high": 1000 * 10**1.49}, {"high": 1000 * 10**1.51}, "image_scale"),
        ({"high": 1000 / 10**1.49}, {"high": 1000 / 10**1.51}, "image_scale"),
        ({"negative": 0.1}, {"negative": 0.11}, "image_scale"),
        # Twice their noise; 0.8 points of the head's intensity above their ghosts.
        ({"noise": 0.0399}, {"noise": 0.0401}, "image_noise"),
        ({"ghosting": 0.0179}, {"ghosting": 0.0181}, "image_motion"),
        ({"ghosting": float("nan")}, {"ghosting": float("nan"), "noise": 0.05}, "image_noise"),
        # Of both the one that is further beyond its limit.
        ({"ghosting": 0.001}, {"ghosting": 0.03, "noise": 0.05}, "image_motion"),
        ({"ghosting": 0.001}, {"ghosting": 0.019, "noise": 0.08}, "image_noise"),
        # The image of p03.
        ({"content": "x"}, {"content": "3"}, "image_doubled"),
    ],
)
def test_a_limit_has_two_sides(sound, faulty, code):
    if "high" in sound and sound["high"] == 1.0:
        assert "image_empty" not in judged(**sound)
    else:
        assert judged(**sound) == []
    assert judged(**faulty) == [code]


@pytest.mark.parametrize(("number", "codes"), [(7, []), (8, ["image_noise"])])
def test_eight_images_set_limits_of_their_own_and_seven_do_not(number, codes):
    assert judged(number, noise=0.2) == codes
    assert judged(number, high=1e6) == (["image_scale"] if codes else [])


def test_where_images_differ_more_an_image_may_lie_further_away():
    """Noise of 1, 2, 4, ... %: the median is 8 % and half lie within a factor of four."""
    facts = {str(n): replace(SOUND, content=str(n), noise=0.01 * 2.0**n) for n in range(7)}
    facts["far"] = replace(SOUND, content="far", noise=0.6)
    assert list(judge(facts, dict.fromkeys(facts, ""))) == []
