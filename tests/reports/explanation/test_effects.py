"""What repeats over the fits of a model, and what does not, in plain words."""

import pytest

from strokebench.reports.explanation.effects import Breakdown, Effect, Unit


@pytest.mark.parametrize(
    ("members", "repeats", "words"),
    [
        ((0.04, 0.05, 0.06), True, "repeats: 3 of 3 fits agree in sign, SD 1.0 points"),
        ((0.10, 0.08, -0.03), False, "does not repeat: 2 of 3 fits agree in sign, SD 7.0 points"),
        ((0.15, 0.01, 0.001), False, "does not repeat: 3 of 3 fits agree in sign, SD 8.4 points"),
        ((0.004, -0.003, 0.002), None, "next to nothing in every fit"),
        ((0.05,), None, "stability unknown"),
    ],
)
def test_in_words(members: tuple[float, ...], repeats: bool | None, words: str):
    effect = Effect("age", sum(members) / len(members), members)
    assert effect.repeats(Unit.PROBABILITY) is repeats and effect.stability(Unit.PROBABILITY) == words


def part(*members: tuple[float, ...]) -> Breakdown:
    effects = tuple(Effect(f"column {i}", sum(one) / len(one), one) for i, one in enumerate(members))
    return Breakdown("table", "Table", Unit.LOG_ODDS, effects=effects)


def test_a_part_says_how_much_of_it_is_noise():
    steady, shaky, nothing = (0.5, 0.6), (0.5, -0.4), (0.01, 0.0)
    assert part(steady, shaky, nothing).stability == "1 of 2 notable effects does not repeat over the 2 fits."
    assert part(steady, steady).stability == "All 2 notable effects repeat over the 2 fits."
    assert part(steady).stability == "The one notable effect repeats over the 2 fits."
    assert part(shaky).stability == "The one notable effect does not repeat over the 2 fits."
    assert part(shaky, shaky).stability == "None of the 2 notable effects repeats over the 2 fits."
    assert part(nothing).stability.startswith("Nothing here moves the prediction")
    assert "unknown whether any of this repeats" in part((0.5,)).stability
    assert Breakdown("text", "Text", Unit.LOG_ODDS, missing="ready vectors").stability == ""


def test_units_as_people_read_them():
    assert Unit.LOG_ODDS.show(0.4055) == "odds × 1.50" and Unit.GRADES.show(-0.5) == "-0.50 grades"
    assert Unit.PROBABILITY.show(0.042) == "+4.2 points" and Unit.PROBABILITY.level(0.3421) == "34.2\u00a0%"
