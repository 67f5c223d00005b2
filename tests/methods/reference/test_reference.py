"""Rows that the paper's methods are held against."""

import numpy as np
import pytest
from sklearn.metrics import log_loss

from strokebench.benchmarks.keys.described import described_methods
from strokebench.methods.conformance.subject import MadeUp, changed
from strokebench.methods.reference.late_fusion import LateFusion, shares
from strokebench.methods.reference.logistic_regression import LogisticComponents, LogisticRegression
from strokebench.methods.reference.penalised import STRENGTHS, logistic, penalised_logistic
from strokebench.tasks.endpoints.binary import BINARY
from strokebench.tasks.metrics.selection import auc

TRAIN, VALIDATION, TEST = MadeUp(100, 1), MadeUp(60, 2), MadeUp(80, 3)


def fit(method, train=TRAIN, validation=VALIDATION):
    return method.fit(train.x, train.y, validation.x, validation.y)


def test_references_are_a_family_apart_from_the_paper_s_twelve():
    references = [method for method in described_methods().values() if method.is_reference]
    components = {f"{name}_components" for name in ("logistic", "xgboost", "forest")}
    assert {"logistic_regression", *components, "late_fusion", "modality_dropout"} <= {
        method.name for method in references
    }
    assert all(method.paper_row is None for method in references)
    assert list(described_methods().values())[-len(references) :] == references


def test_of_two_penalties_the_one_that_does_better_on_the_validation_part_is_taken():
    random = np.random.default_rng(0)
    x, y = random.standard_normal((40, 60)), np.tile([0, 1], 20)
    # In training many columns mislead, in validation one tells: only little weight on each keeps its order.
    x[:, 0] += y
    validation = random.standard_normal((200, 60))
    labels = np.tile([0, 1], 100)
    validation[:, 0] += 3 * labels
    chosen = penalised_logistic(x, y, validation, labels, BINARY)

    def score(model) -> float:
        return -log_loss(labels, model.predict_proba(validation)[:, 1])

    scores = [score(logistic(BINARY, strength).fit(x, y)) for strength in STRENGTHS]
    assert score(chosen) == max(scores) > min(scores)


def test_a_penalty_that_gives_everyone_the_same_is_not_taken_though_it_keeps_the_order():
    x, labels = np.random.default_rng(0).standard_normal((300, 1)), np.tile([0, 1], 150)
    x[:, 0] += 2 * labels
    found = penalised_logistic(x[:200], labels[:200], x[200:], labels[200:], BINARY).predict_proba(x[200:])[:, 1]
    # One column is ranked alike by every penalty, and equal penalties give the strongest.
    assert found.std() > 0.3


def test_equal_penalties_give_the_strongest():
    model = penalised_logistic(TRAIN.x.arrays["table"], TRAIN.y, VALIDATION.x.arrays["table"], np.zeros(60), BINARY)
    assert STRENGTHS[0] == model[-1].C


def test_with_image_and_text_zeroed_components_add_nothing_to_the_table():
    zeroed = [changed(part.x, ["image", "text"], 0.0) for part in (TRAIN, VALIDATION, TEST)]
    alone = fit(LogisticRegression()).predict_proba(TEST.x)
    beside = LogisticComponents().fit(zeroed[0], TRAIN.y, zeroed[1], VALIDATION.y).predict_proba(zeroed[2])
    np.testing.assert_allclose(alone, beside, atol=1e-6)


@pytest.mark.parametrize("modality", ["image", "text", "table"])
def test_late_fusion_gives_its_weight_to_the_modality_that_tells(modality):
    train, validation, test = (MadeUp(n, n, [modality]) for n in (100, 60, 80))
    fusion = fit(LateFusion(), train, validation)
    weights = {name: fusion.facts_[f"weight_{name}"] for name in ("image", "text", "table")}
    assert max(weights, key=weights.get) == modality and sum(weights.values()) == pytest.approx(1)
    assert auc(test.y, fusion.predict_proba(test.x)[:, 1]) > 0.9


def test_shares_are_all_tenths_that_sum_to_one_the_most_equal_first():
    found = shares(3)
    assert len(found) == 66 and np.allclose(found.sum(1), 1)
    assert sorted(found[0]) == [0.3, 0.3, 0.4] and found[-1].max() == 1
    assert shares(2)[0].tolist() == [0.5, 0.5]
