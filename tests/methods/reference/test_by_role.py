"""Published scores against examples worked by hand, and what few facts are read as."""

import numpy as np
import pytest

from strokebench.datasets.roles import ROLES
from strokebench.methods.conformance.subject import MadeUp
from strokebench.methods.reference.by_role import facts_of
from strokebench.methods.reference.few_facts import AgeNIHSS, LesionVolume
from strokebench.methods.reference.scores import Astral, Plan, Score, Span100, Thrive
from strokebench.tasks.inputs import BY_ROLE, Inputs
from strokebench.tasks.metrics.selection import auc


def facts(**known: float) -> dict[str, np.ndarray]:
    return {role: np.array([float(known.get(role, 0))]) for role in ROLES}


@pytest.mark.parametrize(
    ("score", "points", "known"),
    [
        (Span100, 0, {"age": 80, "nihss": 19}),
        (Span100, 1, {"age": 80, "nihss": 20}),
        (Thrive, 0, {"age": 59, "nihss": 10}),
        (Thrive, 1 + 2 + 1, {"age": 60, "nihss": 11, "diabetes": 1}),
        (Thrive, 1 + 2, {"age": 79, "nihss": 20}),
        # The most that can be had.
        (Thrive, 9, {"age": 80, "nihss": 21, "hypertension": 1, "diabetes": 1, "atrial_fibrillation": 1}),
        # 31 points, about even odds: 16 of the age, 10 of the NIHSS, 2 of the delay, 2 of the field, 1 of the glucose.
        (Astral, 31, {"age": 84, "nihss": 10, "onset_to_admission": 3.1, "visual_field": 1, "glucose": 7.4}),
        (Astral, 13 + 4 + 3 + 1, {"age": 65, "nihss": 4, "onset_to_admission": 3, "consciousness": 1, "glucose": 3.6}),
        (Astral, 13, {"age": 65, "glucose": 7.3}),
        (Plan, 7 + 1.5 + 1 + 2, {"age": 79, "cancer": 1, "heart_failure": 1, "arm": 1}),
        (Plan, 25, {"age": 105, **dict.fromkeys(Plan.needs[1:], 1)}),
    ],
)
def test_points_of_a_patient(score: type[Score], points: float, known: dict[str, float]):
    assert set(known) <= set(score.needs)
    assert score.points(facts(**known)).tolist() == [points]


def test_facts_are_read_back_in_their_own_units_to_the_year():
    given = {"age": 60.0, "nihss": 11.0, "glucose": 7.3, "lesion_volume": 12.5, "diabetes": 1.0, "cancer": 0.0}
    scaled = [(given.get(name, role.usual) - role.usual) / role.spread for name, role in ROLES.items()]
    read = facts_of(Inputs.complete({BY_ROLE: np.array([scaled], np.float32)}))
    assert {name: read[name][0] for name in given} == given


def test_a_score_ranks_patients_as_its_points_do_whichever_the_outcome():
    train, test = MadeUp(80, 1), MadeUp(60, 2)
    points = Thrive.points(facts_of(test.x))
    for y, sign in ((train.y, 1), (1 - train.y, -1)):
        p = Thrive().fit(train.x, y, train.x, y).predict_proba(test.x)[:, 1]
        assert auc(test.y, p) == pytest.approx(auc(test.y, sign * points))


@pytest.mark.parametrize(("method", "role"), [(AgeNIHSS, "nihss"), (LesionVolume, "lesion_volume")])
def test_few_facts_read_no_other(method, role):
    train, test = MadeUp(80, 1), MadeUp(60, 2)
    fitted = method().fit(train.x, train.y, train.x, train.y)
    before = fitted.predict_proba(test.x)
    for name in ROLES:
        array = test.x.arrays[BY_ROLE].copy()
        array[:, list(ROLES).index(name)] += 2
        moved = fitted.predict_proba(Inputs.complete({**test.x.arrays, BY_ROLE: array}))
        assert np.allclose(moved, before) == (name not in method.needs)
    assert role in method.needs
