"""Predictions are joined by patient id, and what does not belong together is refused."""

import numpy as np
import pandas as pd
import pytest

from strokebench.errors import StrokebenchError
from strokebench.reports.statistics.delong import delong
from strokebench.reports.statistics.scores import arrange
from strokebench.tasks.metrics.selection import auc


def test_row_order_does_not_matter(results):
    shuffled = results.predictions.sample(frac=1, random_state=0)
    one, other = arrange(results.predictions), arrange(shuffled)
    place = [other.names.index(name) for name in one.names]
    np.testing.assert_array_equal(one.p, other.p[place])
    assert (one.patients == other.patients).all() and one.groups == other.groups


def test_the_auc_by_run_is_the_mean_over_runs_and_by_seed_that_of_the_pooled_folds(results):
    mine = results.predictions[results.predictions["method"] == "mlp"]
    runs = mine.groupby(["seed", "fold"]).apply(lambda part: auc(part["y"], part["p"]))
    seeds = mine.groupby("seed").apply(lambda part: auc(part["y"], part["p"]))
    for by, expected in (("run", runs), ("seed", seeds)):
        scores = arrange(results.predictions, by)
        assert delong(scores).interval(scores.names.index("mlp")).value == pytest.approx(expected.mean())


def test_a_seed_that_lacks_a_fold_is_left_out_when_folds_are_pooled(incomplete):
    by_run, by_seed = (arrange(incomplete.predictions, by) for by in ("run", "seed"))
    assert by_run.tested[by_run.names.index("vdafm")].sum() == 18
    assert by_seed.tested[by_seed.names.index("vdafm")].sum() == 3
    assert by_seed.tested[by_seed.names.index("concat")].sum() == 4


def test_so_is_one_whose_fold_no_method_has_finished(results):
    """Else patients of this fold would stand in one seed less than the others."""
    without = (results.predictions["seed"] == 40) & (results.predictions["fold"] == 4)
    scores = arrange(results.predictions[~without], "seed", results.runs)
    assert [seed for (seed, _), there in zip(scores.groups, scores.tested.T, strict=True) if there.any()] == [
        39,
        41,
        42,
    ]


def test_a_test_part_with_one_class_is_left_out_for_all(results):
    predictions = results.predictions[(results.predictions["seed"] == 39)]
    emptied = predictions[~((predictions["fold"] == 2) & (predictions["y"] == 1))]
    assert arrange(emptied).groups == ((39, 0), (39, 1), (39, 3), (39, 4))


def test_several_settings_of_a_method_have_names_of_their_own(results):
    other = results.predictions[results.predictions["method"] == "mlp"].assign(variant="wide")
    both = pd.concat([results.predictions, other])
    assert {"mlp//complete", "mlp/wide/complete", "svm"} <= set(arrange(both).names)
    # Planned runs name it alike before the second setting is finished.
    runs = pd.concat([results.runs, results.runs[results.runs["method"] == "mlp"].assign(variant="wide")])
    assert "mlp//complete" in arrange(results.predictions, runs=runs).names


def test_what_does_not_belong_together_is_refused(results):
    predictions = results.predictions
    with pytest.raises(StrokebenchError, match="no predictions"):
        arrange(predictions.iloc[:0])
    flipped = predictions.copy()
    flipped.loc[flipped.index[0], "y"] = 1 - flipped["y"].iloc[0]
    with pytest.raises(StrokebenchError, match=f"{flipped['patient_id'].iloc[0]} has two labels"):
        arrange(flipped)
    with pytest.raises(StrokebenchError, match="twice"):
        arrange(pd.concat([predictions, predictions.iloc[:1]]))
    with pytest.raises(StrokebenchError, match=f"did not predict patient {predictions['patient_id'].iloc[0]}"):
        arrange(predictions.iloc[1:])
