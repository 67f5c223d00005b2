"""What the table of a search says of its trials."""

from strokebench.reports.tuning.records import TrialRecord
from strokebench.reports.tuning.section import SHOWN, Tuning, tuning_table


def of_trials(folds: int) -> Tuning:
    """The default is the worst of twelve trials."""
    trials = [
        TrialRecord(n, "complete", 0.6 + n / 100, folds=(0.6 + n / 100,) * folds, default=n == 0) for n in range(12)
    ]
    return Tuning("tune_svm", "SVM", "a cohort", "nihss < 7", "cv5", "a study", folds, trials, {}, nested=True)


def test_the_default_stands_below_the_best_and_so_the_caption_says():
    table = tuning_table(of_trials(2))
    assert [row.key for row in table.rows] == [*map(str, range(11, 11 - SHOWN, -1)), "0"]
    assert table.caption.endswith(f"the best {SHOWN} and the default are shown.")


def test_one_fold_has_no_deviation():
    assert all(row.cells["AUC"].std is None and row.cells["AUC"].value for row in tuning_table(of_trials(1)).rows)
