import numpy as np
import pytest
from sklearn import metrics as reference

from strokebench.tasks.endpoints.binary import BINARY
from strokebench.tasks.metrics.evaluate import evaluate, mean_std
from strokebench.tasks.metrics.paper import PAPER_METRICS
from strokebench.tasks.metrics.selection import auc, youden_threshold


@pytest.mark.parametrize("seed", range(5))
def test_equal_to_scikit_learn(seed):
    random = np.random.default_rng(seed)
    y = (random.random(146) < 0.32).astype(int)
    p = random.random(146).round(1)
    called = p >= 0.5
    expected = {
        "AUC": reference.roc_auc_score(y, p),
        "ACC": reference.accuracy_score(y, called),
        "F1": reference.f1_score(y, called),
        "Recall": reference.recall_score(y, called),
        "Precision": reference.precision_score(y, called),
        "Specificity": reference.recall_score(y, called, pos_label=0),
    }
    assert evaluate(BINARY, y, p) == pytest.approx(expected)
    assert tuple(expected) == PAPER_METRICS


def test_the_papers_own_run_gives_its_printed_numbers():
    y = np.r_[np.ones(46), np.zeros(100)].astype(int)
    p = np.r_[np.ones(29), np.zeros(17), np.zeros(84), np.ones(16)]
    found = {name: round(100 * value, 2) for name, value in evaluate(BINARY, y, p).items() if name != "AUC"}
    assert found == {"ACC": 77.40, "F1": 63.74, "Recall": 63.04, "Precision": 64.44, "Specificity": 84.00}


def test_undefined_values_are_nan_and_nobody_called_is_zero():
    one_class = evaluate(BINARY, [0, 0, 0], [0.1, 0.2, 0.3])
    assert np.isnan(one_class["AUC"]) and np.isnan(one_class["Recall"])
    assert one_class["Specificity"] == 1
    assert one_class["F1"] == one_class["Precision"] == 0, "as in scikit-learn"
    assert evaluate(BINARY, [0, 1], [0.1, 0.2])["Precision"] == 0
    assert np.isnan(auc([1, 1], [0.2, 0.3]))


@pytest.mark.parametrize("p", [[0.5, np.nan], [0.5, 1.2], [-0.1, 0.5]])
def test_impossible_probabilities_are_refused(p):
    with pytest.raises(ValueError):
        evaluate(BINARY, [0, 1], p)
    with pytest.raises(ValueError):
        evaluate(BINARY, [0, 2], [0.5, 0.5])


def test_population_standard_deviation():
    assert mean_std([1.0, 3.0]) == (2.0, 1.0)


def test_the_threshold_of_youden_separates_best():
    y = [0, 0, 0, 1, 0, 1, 1]
    p = [0.1, 0.2, 0.3, 0.35, 0.6, 0.7, 0.9]
    # Recall 1 and specificity 3/4 at 0.325; recall 2/3 and specificity 1 at 0.65.
    assert youden_threshold(y, p) == pytest.approx(0.325)


@pytest.mark.parametrize(("y", "p"), [([1, 1], [0.2, 0.8]), ([0, 1], [0.3, 0.3])])
def test_the_threshold_is_a_half_where_nothing_can_be_chosen(y, p):
    assert youden_threshold(y, p) == 0.5
