"""What the table of a search says of its trials."""

from dataclasses import replace

from strokebench.reports.tables.section import publish
from strokebench.reports.tuning.figures import draw_parallel
from strokebench.reports.tuning.records import TrialRecord
from strokebench.reports.tuning.section import SHOWN, Tuning, tuning_section, tuning_table


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


def test_of_grades_no_word_speaks_of_an_auc(tmp_path):
    study = of_trials(2)
    trials = [replace(trial, values={"C": float(trial.number)}) for trial in study.trials]
    section = tuning_section(replace(study, metric="c", outcome="mrs90 0 to 6", trials=trials))
    publish(section, tmp_path)
    written = section.lead + "".join(file.read_text() for file in tmp_path.iterdir() if file.suffix in (".md", ".svg"))
    assert "AUC" not in written and "outcome mrs90 0 to 6" in " ".join(written.split())


def test_where_a_default_has_no_place_on_the_axes_the_best_is_that_of_the_axes():
    trials = [replace(trial, values={"C": float(trial.number)}) for trial in of_trials(2).trials]
    for outside, called in (None, "best: 71.00"), (0.8, "best on these axes: 71.00"):
        [legend] = draw_parallel(trials, "a cohort", "AUC", outside).legends
        assert called in [text.get_text() for text in legend.get_texts()]


def test_one_fold_has_no_deviation():
    assert all(row.cells["AUC"].std is None and row.cells["AUC"].value for row in tuning_table(of_trials(1)).rows)
