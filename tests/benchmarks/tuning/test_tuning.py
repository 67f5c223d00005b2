"""Studies: what they see, that they resume, that they are shared, and what they leave."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import optuna
import pytest
import tunable_method
from optuna.trial import TrialState, create_trial
from postgres_server import PROGRAMS, postgres
from rich.console import Console
from small_context import make_context

from strokebench.benchmarks.cli.tune import tune_and_report
from strokebench.benchmarks.running.backends.choose import Processes
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.parameters import read_tuned
from strokebench.benchmarks.running.plans import method_runs
from strokebench.benchmarks.running.store import Store
from strokebench.benchmarks.running.tracking.hooks import Hooks
from strokebench.benchmarks.tuning import trial as trials_module
from strokebench.benchmarks.tuning.pruner import STARTUP_TRIALS, MedianOfFold
from strokebench.benchmarks.tuning.report import record_of
from strokebench.benchmarks.tuning.space import default_storage, draw_settings, make_sampler, open_study
from strokebench.benchmarks.tuning.study import Search, best_parameters, run_study
from strokebench.benchmarks.tuning.trial import DEFAULT, FOLDS, PARAMS
from strokebench.errors import StrokebenchError
from strokebench.methods import registry
from strokebench.reports.tables.section import read_section
from strokebench.tasks.endpoints.ordinal import Ordinal

SUPPORT = Path(tunable_method.__file__).parent


@pytest.fixture(autouse=True)
def tunable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Known in these tests only."""
    registry.all_methods()
    monkeypatch.setitem(registry.METHODS.own, "tunable", tunable_method.Tunable)


def told(study: optuna.Study) -> list[tuple]:
    """What was tried and what came of it, in the order of the trials."""
    return [
        (trial.user_attrs[PARAMS], trial.state, trial.value, trial.user_attrs[FOLDS])
        for trial in study.get_trials()
        if trial.state is not TrialState.FAIL
    ]


def fits(home: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (home / "runs").glob("*/*.parquet")}


def disturbed(context: Context, patients: list[str]) -> Context:
    """The same split, with other values and the opposite label for these patients."""
    rows = context.cohort.ids.get_indexer(patients)
    table = context.cohort.table.copy()
    table.loc[patients, "age"] = 30.0
    table.loc[patients, "smoker"] = "yes"
    labels = context.labels.copy()
    labels[patients] = 1 - labels[patients]
    image = np.array(context.embeddings.arrays["image.vector"])
    image[rows] = -50
    text = np.array(context.embeddings.arrays["text"])
    text[rows] = 50
    embeddings = replace(
        context.embeddings,
        arrays={**context.embeddings.arrays, "image.vector": image, "text": text},
        fingerprint="disturbed",
    )
    return replace(context, cohort=replace(context.cohort, table=table), embeddings=embeddings, labels=labels)


@pytest.mark.parametrize("method", ["tunable", "svm"])
def test_no_test_patient_has_a_say_in_any_trial(method: str, console: Console):
    context = make_context(protocol="holdout", seeds=(39, 40))
    test = list(context.split.folds[0].test)
    search = Search("tpe", 4)
    before = told(run_study(method, context, search, console))
    other = disturbed(context, test)
    assert other.data_sha256 != context.data_sha256
    assert told(run_study(method, other, search, console)) == before
    # The test bites: a training patient has a say.
    trained = disturbed(context, list(context.split.folds[0].train)[::2])
    assert told(run_study(method, trained, search, console)) != before


def test_a_folds_own_test_patients_have_no_say_in_its_values(console: Console):
    context = make_context()
    search = Search("grid", 20, prune=False)
    before = run_study("tunable", context, search, console)
    after = run_study("tunable", disturbed(context, list(context.split.folds[0].test)), search, console)
    pairs = list(zip(told(before), told(after), strict=True))
    assert all(a[3][0] == b[3][0] for a, b in pairs)
    assert any(a[3][1] != b[3][1] for a, b in pairs)


def test_what_is_stored_of_a_trial_holds_no_patient(console: Console, home: Path):
    run_study("tunable", make_context(), Search("random", 2), console)
    store = Store()
    for name in fits(home):
        predictions, record = store.read(name.removesuffix(".parquet"))
        assert predictions.empty and record["purpose"] == "tune"


@pytest.mark.parametrize("storage", ["sqlite:///{}/a/b.db", "{}/a/study.journal"])
def test_a_study_goes_on_where_it_ended(storage: str, console: Console, home: Path, tmp_path: Path):
    storage, context = storage.format(tmp_path), make_context()
    run_study("tunable", context, Search("random", 3, storage), console)
    before = fits(home)
    resumed = run_study("tunable", context, Search("random", 6, storage), console)
    assert before.items() <= fits(home).items()
    assert len(resumed.trials) == 6
    at_once = run_study("tunable", context, Search("random", 6, storage + "2"), console)
    assert told(at_once) == told(resumed)
    again = run_study("tunable", context, Search("random", 6, storage), console)
    assert len(again.trials) == 6


def test_the_default_is_the_first_trial_and_is_never_pruned(console: Console):
    study = run_study("svm", make_context(), Search("random", 2), console)
    first = study.trials[0]
    assert DEFAULT in first.user_attrs and first.user_attrs[PARAMS] == {} and first.params == {}
    study = run_study("tunable", make_context(), Search("random", 2), console)
    assert study.trials[0].params == {"sign": "plus", "columns": 4}


def test_an_interrupted_trial_is_queued_again_and_its_fits_are_kept(
    console: Console, monkeypatch: pytest.MonkeyPatch, home: Path, tmp_path: Path
):
    context, search = make_context(folds=3), Search("random", 3, f"sqlite:///{tmp_path}/s.db")
    compute, calls = Processes.compute, []

    def interrupted(self, tasks, *more):
        calls.extend(tasks)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return compute(self, tasks, *more)

    monkeypatch.setattr(Processes, "compute", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_study("tunable", context, search, console)
    kept = fits(home)
    assert len(kept) == 4
    monkeypatch.setattr(Processes, "compute", compute)
    study = run_study("tunable", context, search, console)
    assert kept.items() <= fits(home).items()
    assert sum(trial.state is TrialState.COMPLETE for trial in study.trials) == 3
    cut = next(trial for trial in study.trials if trial.state is TrialState.FAIL)
    assert cut.params in [trial.params for trial in study.trials if trial.state is TrialState.COMPLETE]
    assert told(study) == told(run_study("tunable", context, replace(search, storage=f"{tmp_path}/s.journal"), console))


def test_a_killed_process_trial_is_queued_again(console: Console, tmp_path: Path):
    context, storage = make_context(), f"sqlite:///{tmp_path}/s.db"
    study = run_study("tunable", context, Search("random", 2, storage), console)
    dead = study.ask()
    params = tunable_method.Tunable.search_space(dead)
    dead.set_user_attr(trials_module.HOST, trials_module.here())
    dead.set_user_attr(PARAMS, params)
    study = run_study("tunable", context, Search("random", 3, storage), console)
    assert study.trials[dead.number].state is TrialState.FAIL
    assert study.trials[-1].params == dead.params and study.trials[-1].state is TrialState.COMPLETE


def tune_in_two_processes(trials: int, storage: str, homes: list[Path]) -> None:
    command = [sys.executable, str(SUPPORT / "tune_small.py"), str(trials), storage]
    environment = {**os.environ, "PYTHONPATH": str(SUPPORT), "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(command, env={**environment, "STROKEBENCH_HOME": str(home)}, stderr=subprocess.PIPE, text=True)
        for home in homes
    ]
    for process in processes:
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0, said


def told_by_all(study: optuna.Study) -> set[tuple]:
    complete = [trial for trial in study.trials if trial.state in (TrialState.COMPLETE, TrialState.PRUNED)]
    # Each may have one at work when the other reaches the number.
    assert 8 <= len(complete) <= 9
    return {tuple(sorted({"sign": "plus", "columns": 4, **trial.user_attrs[PARAMS]}.items())) for trial in complete}


@pytest.mark.long
def test_processes_share_a_study_and_compute_nothing_twice(console: Console, home: Path, tmp_path: Path):
    storage = f"sqlite:///{tmp_path}/shared.db"
    tune_in_two_processes(8, storage, [home, home])
    study = run_study("tunable", make_context(), Search("random", 8, storage), console)
    assert len(fits(home)) <= 2 * len(told_by_all(study))


@pytest.mark.long
@pytest.mark.skipif(not PROGRAMS, reason="needs the programs of a PostgreSQL server")
def test_machines_without_a_shared_disk_share_a_study_by_postgresql(console: Console, home: Path, tmp_path: Path):
    pytest.importorskip("psycopg")
    homes = [tmp_path / "a", tmp_path / "b"]
    with postgres(tmp_path / "server") as storage:
        tune_in_two_processes(8, storage, homes)
        told_by_all(run_study("tunable", make_context(), Search("random", 8, storage), console))
    # Each did a part, and what is known already is not done a third time.
    assert all(fits(one) for one in homes)
    assert not fits(home)


def test_poor_trials_are_stopped_after_a_fold(console: Console):
    context = make_context(folds=4)
    study = run_study("tunable", context, Search("grid", 20), console)
    pruned = [trial for trial in study.trials if trial.state is TrialState.PRUNED]
    assert pruned and all(len(trial.user_attrs[FOLDS]) < 4 for trial in pruned)
    found = best_parameters(study, "tunable", context)
    assert not found.strictly_nested
    whole = run_study("tunable", context, Search("grid", 20, f"{context.results_folder('x')}.journal", False), console)
    assert {trial.state for trial in whole.trials} == {TrialState.COMPLETE}
    assert best_parameters(whole, "tunable", context).strictly_nested


def test_a_trial_is_compared_by_its_running_mean_whatever_it_was_before():
    study = optuna.create_study(direction="maximize", pruner=MedianOfFold(4))
    for _ in range(STARTUP_TRIALS):
        study.add_trial(create_trial(value=0.7, intermediate_values=dict.fromkeys(range(4), 0.7)))
    trial = study.ask()
    for step, (mean, stopped) in enumerate([(0.6, False), (0.9, False), (0.7, False), (0.69, True)]):
        trial.report(mean, step)
        assert trial.should_prune() == stopped, step


def test_where_a_trial_is_stopped_does_not_depend_on_the_number_of_workers(console: Console, tmp_path: Path):
    # All fits are there then, and no worker is started.
    run_study("tunable", make_context(folds=4), Search("grid", 20, f"{tmp_path}/all.journal", prune=False), console)
    one, *others = (
        told(run_study("tunable", make_context(folds=4, jobs=jobs), Search("grid", 20, f"{tmp_path}/{jobs}"), console))
        for jobs in (1, 3, 4)
    )
    assert TrialState.PRUNED in [state for _, state, *_ in one]
    assert others == [one, one]


def test_a_grid_search_visits_every_point(console: Console):
    study = run_study("tunable", make_context(), Search("grid", 50, prune=False), console)
    tried = {tuple(sorted(trial.params.items())) for trial in study.trials}
    assert tried == {(("columns", c), ("sign", s)) for c in (2, 4, 6, 8) for s in ("plus", "minus")}


def test_the_best_by_mean_and_by_fold(console: Console):
    context = make_context(folds=3)
    study = run_study("tunable", context, Search("grid", 50, prune=False), console)
    found = best_parameters(study, "tunable", context)
    assert found.about["value"] == max(trial.value for trial in study.trials)
    for number, entry in enumerate(found.by_fold):
        scores = [trial.user_attrs[FOLDS][number]["validation_score"] for trial in study.trials]
        assert entry["validation_score"] == max(scores)
        assert entry["trial"] == scores.index(max(scores))
        assert entry["params"] == study.trials[entry["trial"]].user_attrs[PARAMS]


def test_the_file_says_the_size_that_was_searched_at(home: Path):
    context = make_context()
    folds = [{"seed": fold.seed, "fold": fold.fold, "validation_score": 0.7} for fold in context.split.folds]
    for method, drawn, sizes in [
        ("cross_attention", {"dropout": 0.3, "width": 128}, {"hidden": 128, "width": 128}),
        ("vdafm", {}, {"hidden": 128, "width": 64}),
        ("svm", {"C": 2.0}, {}),
    ]:
        study = optuna.create_study(direction="maximize")
        study.add_trial(create_trial(value=0.7, user_attrs={PARAMS: drawn, FOLDS: folds}))
        best_parameters(study, method, context).write(home / "best.yaml")
        found = read_tuned(home / "best.yaml")
        assert found.params == {**sizes, **drawn} and all(fold["params"] == found.params for fold in found.by_fold)
        paper = make_context(methods=(method,), params=(home / "best.yaml",), sizes="paper")
        for run in method_runs(method, paper):
            assert {name: run.params.get(name) for name in sizes} == sizes


def test_of_grades_neither_file_nor_study_speaks_of_an_auc():
    graded = replace(make_context(), endpoint=Ordinal("mrs", 0, 2))
    study = open_study("svm", graded, None, make_sampler("random", "svm"))
    assert study.metric_names == ["mean validation c"]
    folds = [{"seed": fold.seed, "fold": fold.fold, "validation_score": 0.7} for fold in graded.split.folds]
    study.add_trial(create_trial(value=0.7, user_attrs={PARAMS: {}, FOLDS: folds}))
    assert best_parameters(study, "svm", graded).about["objective"].startswith("mean validation c over 2 folds")


def test_a_failing_method_says_why(console: Console, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tunable_method.Tunable, "fit", lambda self, *parts: 1 / 0)
    hooks = Mock(Hooks)
    with pytest.raises(StrokebenchError, match="ZeroDivisionError"):
        run_study("tunable", make_context(), Search("random", 2), console, hooks)
    hooks.stopped.assert_called_once()


def test_a_storage_that_is_lost_is_told_as_that_and_the_study_goes_on(
    console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Optuna comes with an UnboundLocalError of its own."""
    place, context = f"sqlite:///{tmp_path}/s.db", make_context()
    real = trials_module.Objective._mean

    def loses(self, trial, *rest):
        if trial.number == 1:
            (tmp_path / "s.db").rename(tmp_path / "kept.db")
            (tmp_path / "s.db").mkdir()
        return real(self, trial, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(trials_module.Objective, "_mean", loses)
        with pytest.raises(StrokebenchError, match=r"The storage was lost: \(sqlite3.OperationalError\)") as lost:
            run_study("tunable", context, Search("random", 3, place), console)
    assert "the same command goes on" in lost.value.hint
    (tmp_path / "s.db").rmdir()
    (tmp_path / "kept.db").rename(tmp_path / "s.db")
    study = run_study("tunable", context, Search("random", 3, place), console)
    assert sum(trial.state is TrialState.COMPLETE for trial in study.get_trials()) == 3


def test_the_file_the_section_and_mlflow(console: Console, tmp_path: Path, home: Path):
    context = make_context(tracking=True)
    output = tmp_path / "best.yaml"
    path = tune_and_report("tunable", context, Search("grid", 20), console, output)
    assert read_tuned(output) == read_tuned(path)
    assert read_tuned(path).split_sha256 == context.split.sha256
    section = read_section(context.results_folder("tune_tunable"))
    assert [panel["name"].removeprefix("tune_tunable_") for panel in section["panels"]] == [
        *("table", "parallel", "importance"),
    ]
    assert "synthetic" in section["cohort"]

    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{home}/mlflow/mlflow.db")
    experiment = client.get_experiment_by_name("strokebench/tune_tunable")
    runs = client.search_runs([experiment.experiment_id])
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    children = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    assert len(parents) == 1 and len(children) == 9
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parents[0].info.run_id}
    assert all("validation_score" in run.data.metrics for run in children)
    tune_and_report("tunable", context, Search("grid", 20), console)
    assert len(client.search_runs([experiment.experiment_id])) == len(runs)


def search_among(signs: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def search_space(trial):
        return {
            "sign": trial.suggest_categorical("sign", signs),
            "columns": trial.suggest_int("columns", 2, 4, step=2),
        }

    monkeypatch.setattr(tunable_method.Tunable, "search_space", staticmethod(search_space))


def test_a_study_whose_choices_changed_goes_on_with_the_trials_that_fit(
    console: Console, monkeypatch: pytest.MonkeyPatch, home: Path
):
    context, search = make_context(), Search("grid", 50, prune=False)
    search_among(["plus", "broken"], monkeypatch)
    first = run_study("tunable", context, search, console)
    assert sum(trial.state is TrialState.FAIL for trial in first.trials) == 2
    kept = fits(home)
    search_among(["plus", "minus"], monkeypatch)
    second = run_study("tunable", context, search, console)
    assert second.study_name == f"{first.study_name}/2"
    assert kept.items() <= fits(home).items()
    assert told(second)[0] == told(first)[0] and DEFAULT in second.trials[0].user_attrs
    assert {trial.params["sign"] for trial in second.trials} == {"plus", "minus"}
    assert run_study("tunable", context, search, console).study_name == second.study_name
    # Back to the old choices, back to the old study; a wider range of numbers is no other study at all.
    search_among(["plus", "broken"], monkeypatch)
    assert len(run_study("tunable", context, search, console).trials) == len(first.trials)


def test_trackers_hear_only_of_which_kind_an_error_is():
    failed = create_trial(state=TrialState.FAIL, user_attrs={"error": "ValueError: of patient Hans Abel, 61.5"})
    assert record_of(failed, "tunable").facts == {"error": "ValueError"}


def test_settings_that_a_method_does_not_take_are_failed_trials_and_none_of_those_that_are_drawn(
    console: Console, monkeypatch: pytest.MonkeyPatch
):
    def search_space(trial):
        sign = trial.suggest_categorical("sign", ["plus", "minus"])
        return {"sign": sign} if sign == "plus" else {"signs": sign}

    monkeypatch.setattr(tunable_method.Tunable, "search_space", staticmethod(search_space))
    study = run_study("tunable", make_context(), Search("grid", 9), console)
    [failed] = study.get_trials(states=(TrialState.FAIL,))
    assert "TypeError" in failed.user_attrs["error"] and "'signs'" in failed.user_attrs["error"]
    # MLflow's log of the study goes on.
    assert record_of(failed, "tunable").params == {"sign": "plus", "signs": "minus", "columns": 4}
    assert draw_settings("tunable", 3) == [{"sign": "plus"}]
    monkeypatch.setattr(tunable_method.Tunable, "search_space", staticmethod(lambda trial: {"signs": "plus"}))
    with pytest.raises(StrokebenchError, match="tunable takes no setting of its own search space: TypeError"):
        draw_settings("tunable", 3)


def test_another_space_is_a_study_and_a_file_of_its_own(console: Console, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("strokebench.benchmarks.tuning.space.GRIDS", {"figure2": {"columns": (2, 4)}})
    context, storage = make_context(), default_storage()
    own = tune_and_report("tunable", context, Search("random", 2), console)
    paper = tune_and_report("tunable", context, Search("grid", 9, space="paper"), console)
    assert own.stem == "tunable" and paper.stem == "tunable_paper"
    assert context.results_folder("tune_tunable_paper").is_dir()
    studies = {summary.study_name: summary for summary in optuna.get_all_study_summaries(storage)}
    assert len(studies) == 2 and all(name.startswith("tunable/small/") for name in studies)
    study = optuna.load_study(study_name=next(name for name in studies if "/paper/" in name), storage=storage)
    assert study.trials[0].params == {"columns": 4}, "the default"
    assert {tuple(trial.params.items()) for trial in study.trials} == {(("columns", 2),), (("columns", 4),)}
    assert study.metric_names == ["mean validation AUC"] and "synthetic" in study.user_attrs["cohort"]
