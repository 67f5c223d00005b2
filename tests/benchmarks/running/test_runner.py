import io
import time
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest
from joblib import Parallel, delayed
from planted_methods import Hoarder
from rich.console import Console
from small_context import make_context

from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.benchmarks.keys.described import described, described_methods
from strokebench.benchmarks.running import runner
from strokebench.benchmarks.running.backends.processes import worker_processes
from strokebench.benchmarks.running.collect import Collector
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.experiment import Plan
from strokebench.benchmarks.running.progress import RunProgress
from strokebench.benchmarks.running.runner import report_experiment, run_experiment
from strokebench.benchmarks.running.settings import SEEDS
from strokebench.benchmarks.running.store import Store
from strokebench.errors import StrokebenchError
from strokebench.reports.results import FACTS_FILE, RUNS_FILE
from strokebench.tasks.conditions import COMPLETE, Condition


def run(console: Console, folds: int = 2, **settings):
    return run_experiment(Table1(), make_context(folds=folds, **settings), console)


def times(home: Path) -> dict[str, int]:
    """When each finished run was written."""
    return {path.name: path.stat().st_mtime_ns for path in (home / "runs").glob("*/*.parquet")}


def test_results_do_not_depend_on_jobs_or_order(console: Console, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    methods = ("svm", "mlp", "xgboost")
    one = run(console, methods=methods, jobs=1, quick=True)
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path / "other"))
    two = run(console, methods=methods, jobs=2, quick=True)
    assert one.folder != two.folder
    names = ("predictions.parquet", "table1.csv")
    for name in names:
        assert (one.folder / name).read_bytes() == (two.folder / name).read_bytes(), name


def test_embeddings_reach_the_workers_as_memory_maps(tmp_path: Path):
    """Neither the whole cohort's embeddings nor a pickle of them travels with each run."""
    context = make_context()
    path = tmp_path / "image.npy"
    np.save(path, np.zeros((len(context.embeddings.ids), 50_000), np.float32))
    mapped = replace(context.embeddings, arrays={"image.vector": np.load(path, mmap_mode="r")})
    material = replace(context, embeddings=mapped).material
    # Sent by value: workers need not find this file.
    mapped_from = lambda sent: str(sent.embeddings.arrays["image.vector"].filename)  # noqa: E731
    with worker_processes():
        [found] = Parallel(n_jobs=2)([delayed(mapped_from)(material)])
    assert found == str(path)


def test_a_finished_run_is_never_computed_again(console: Console, planted: None, home: Path):
    run(console, methods=("coin",))
    before = times(home)
    assert len(before) == 2
    report = run(console, folds=3, methods=("coin", "svm"))
    after = times(home)
    assert before.items() <= after.items()
    assert len(after) == 6
    assert list(report.results.runs["status"]) == ["done"] * 6
    assert "6 planned, 2 already done, 4 to compute" in console.export_text()


def test_a_call_for_one_method_keeps_the_table_of_all(console: Console, planted: None, home: Path):
    whole = run(console, methods=("svm", "broken", "coin"))
    lost = whole.results.runs.query("method == 'svm'")["key"].iloc[0]
    Store().path(lost).unlink()
    part = run(console, methods=("coin",))
    assert part.folder == whole.folder and part.failed == 0
    counts = part.results.runs.groupby(["method", "status"]).size().to_dict()
    assert counts == {
        **{("svm", "done"): 1, ("svm", "missing"): 1, ("coin", "done"): 2},
        **{("broken", "done"): 1, ("broken", "failed"): 1},
    }
    assert Store().status(lost) == "missing"
    table = (part.folder / "table1.md").read_text()
    assert "SVM" in table and "Coin" in table
    assert report_experiment(Table1(), make_context(methods=("svm",)), console).results.runs.equals(part.results.runs)


def test_damaged_facts_drop_no_row_of_another_method(console: Console, planted: None, caplog: pytest.LogCaptureFixture):
    folder = run(console, methods=("svm", "coin")).folder
    (folder / FACTS_FILE).write_text("{")
    assert set(run(console, methods=("coin",)).results.runs["method"]) == {"svm", "coin"}
    for name in (FACTS_FILE, RUNS_FILE):
        (folder / name).write_text("{")
    assert set(run(console, methods=("coin",)).results.runs["method"]) == {"coin"}
    assert "the table will have the methods of this call alone" in caplog.text


def test_a_table_whose_method_is_no_longer_installed_is_made_without_it_and_says_so(
    console: Console, planted: None, monkeypatch: pytest.MonkeyPatch
):
    run(console, methods=("svm", "coin"))
    lacking = {"svm": replace(described("svm"), library="no_such_library")}
    monkeypatch.setattr(runner, "described_methods", lambda: described_methods() | lacking)
    report = report_experiment(Table1(), make_context(methods=("coin",), folds=2), console)
    assert set(report.results.runs["method"]) == {"coin"}
    assert "Left out    svm: what it needs is no longer installed; its finished runs are kept" in console.export_text()


def test_other_seeds_have_a_table_of_their_own(home: Path):
    usual, fewer, quick = ({}, {"seeds": (39,)}, {"seeds": (39,), "quick": True})
    folders = [make_context(**{"seeds": SEEDS, **more}).results_folder("table1") for more in (usual, fewer, quick)]
    assert len(set(folders)) == 3 and folders[0].parent.name == "small-nihss_lt_7-cv5"


def test_a_second_call_writes_the_same_files(console: Console, planted: None):
    report = run(console, methods=("coin",))
    before = {path.name: path.read_bytes() for path in report.folder.iterdir()}
    assert {"predictions.parquet", "runs.parquet", "results.json", "table1.md"} <= set(before)
    run(console, methods=("coin",))
    assert {path.name: path.read_bytes() for path in report.folder.iterdir()} == before


def test_a_failed_run_is_recorded_and_tried_again(
    console: Console, planted: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path
):
    report = run(console, methods=("broken", "coin"))
    runs = report.results.runs.set_index(["method", "fold"])
    assert runs.loc[("broken", 1), "status"] == "failed"
    assert report.failed == 1
    assert list(runs.loc["coin", "status"]) == ["done", "done"]
    error = runs.loc[("broken", 1), "error"]
    assert "planted_methods.py" in error and error.rstrip().endswith("ArithmeticError: the planted error")
    assert "1/2" in (report.folder / "table1.md").read_text()

    # The values of variables may be patients'.
    assert not any(b"83.25" in path.read_bytes() for path in (home / "runs").rglob("*.json"))

    before = times(home)
    (tmp_path / "mended").touch()
    monkeypatch.setenv("MENDED", str(tmp_path / "mended"))
    mended = run(console, methods=("broken", "coin"))
    assert mended.failed == 0
    assert before.items() <= times(home).items()
    assert not list((home / "runs").rglob("*.failed.json"))


@pytest.mark.long
def test_a_process_that_dies_fails_alone(console: Console, planted: None):
    report = run(console, folds=1, methods=("killer", "coin"), jobs=2)
    runs = report.results.runs.set_index(["method", "fold"])
    assert list(runs["status"]) == ["failed", "done"]
    assert "died" in runs.loc[("killer", 0), "error"]


def test_a_report_computes_nothing_and_shows_what_is_there(console: Console, planted: None, home: Path):
    run(console, methods=("coin",))
    before = times(home)
    report = report_experiment(Table1(), make_context(methods=("coin", "svm")), console)
    assert times(home) == before
    assert list(report.results.runs["status"]) == ["done", "done", "missing", "missing"]


def test_runs_of_other_libraries_are_named_and_not_mixed(home: Path, monkeypatch: pytest.MonkeyPatch):
    """As after an upgrade: their table was replaced by one of nothing without a word."""
    shown = Console(record=True, width=120, file=io.StringIO())
    run(shown, methods=("svm",))
    computed = Context.code
    monkeypatch.setattr(Context, "code", lambda *how: replace(computed(*how), versions={"numpy": "0"}))
    report_experiment(Table1(), make_context(methods=("svm",)), shown)
    assert len(list((home / "runs").glob("*/*.parquet"))) == 2
    printed = " ".join(shown.export_text().split())
    assert printed.count("Earlier 2 finished runs of the table by now used other versions of libraries: kept") == 1


def test_a_report_of_nothing(console: Console):
    report = report_experiment(Table1(), make_context(methods=("svm",)), console)
    assert report.results.predictions.empty
    assert (report.folder / "table1.md").exists()


def test_a_run_that_another_call_computes_is_waited_for(console: Console, planted: None):
    context = make_context(methods=("coin",))
    first, second = Table1().plan(context).runs
    store, order = Store(), []
    locked, released = Event(), Event()

    def another_call() -> None:
        with store.lock(context.key(first)):
            locked.set()
            while store.status(context.key(second)) != "done":
                time.sleep(0.01)
            order.append(store.status(context.key(first)))
        released.set()

    other = Thread(target=another_call, daemon=True)
    other.start()
    assert locked.wait(60)
    report = run_experiment(Table1(), context, console)
    other.join(60)
    assert order == ["missing"] and released.is_set()
    assert list(report.results.runs["status"]) == ["done", "done"]


def test_predictions_say_where_they_come_from(console: Console, planted: None):
    context = make_context(methods=("coin",))
    predictions = run_experiment(Table1(), context, console).results.predictions
    assert set(predictions["split"]) == {context.split.sha256}
    assert set(predictions["condition"]) == {"complete"}
    first = predictions.iloc[0]
    assert first["site"] == context.cohort.site[first["patient_id"]]
    assert first["y"] == context.labels[first["patient_id"]]


def test_unsuitable_methods_are_left_out_with_the_reason(console: Console, planted: None):
    context = make_context(methods=("coin", "image_net", "vdafm"))
    embeddings = replace(context.embeddings, arrays={"text": context.embeddings.arrays["text"]})
    report = run_experiment(Table1(), replace(context, embeddings=embeddings), console)
    assert set(report.results.runs["method"]) == {"coin"}
    said = console.export_text()
    assert "image_net: it reads image, which small cohort does not have" in said
    assert "vdafm" in said
    alone = replace(context.settings, methods=("vdafm",))
    with pytest.raises(StrokebenchError, match="Nothing of table1 can be run: it reads image"):
        run_experiment(Table1(), replace(context, embeddings=embeddings, settings=alone), console)


@pytest.mark.parametrize(("times", "said"), [(0, "its plan has no run"), (2, "two runs of one name: .*'svm'")])
def test_a_plan_without_runs_or_with_two_of_one_name_is_refused_before_any_is_computed(console: Console, times, said):
    class Odd(Table1):
        def plan(self, context):
            return Plan(times * super().plan(context).runs)

    with pytest.raises(StrokebenchError, match=said):
        run_experiment(Odd(), make_context(methods=("svm",)), console)


def test_quick_is_short_and_says_so(console: Console):
    report = run(console, methods=("mlp",), quick=True)
    assert len(report.results.runs) == 2
    assert "quick check" in (report.folder / "table1.md").read_text()
    [record] = {Store().read(key)[1]["facts"]["epochs"] for key in report.results.runs["key"]}
    assert record == 8


@pytest.mark.long
def test_a_worker_tells_the_memory_of_each_run_whatever_it_ran_before(console: Console, planted: None):
    report = run(console, folds=3, methods=("hoarder",), jobs=2)
    peaks = report.results.runs["peak_mb"]
    hoarded = Hoarder.HOARDED / 1e6
    assert len(peaks) == 3 and peaks.between(hoarded, 2 * hoarded).all(), peaks.tolist()


def test_a_first_look_names_the_setting(console: Console):
    context = make_context(methods=("svm",))
    runs = [
        replace(run, condition=condition, variant=variant)
        for run in Table1().plan(context).runs
        for condition, variant in ((COMPLETE, ""), (COMPLETE, "narrow"), (Condition(frozenset({"table"})), ""))
    ]
    collector = Collector("table1", context, [(run, context.key(run)) for run in runs], Store())
    RunProgress(console, {}).completed("svm", collector.results())
    told = [line.split(":")[0].strip() for line in console.export_text().splitlines()]
    assert told == ["SVM", "SVM (narrow)", "SVM (table)"]


@pytest.mark.parametrize(("seconds", "between"), [(0.0, 2), (3600.0, 0)])
def test_tables_are_renewed_when_a_method_is_complete_but_not_too_often(
    console: Console, monkeypatch: pytest.MonkeyPatch, seconds: float, between: int
):
    monkeypatch.setattr(runner, "RENEWED_AFTER", seconds)
    seen = []
    write = runner.UnderWay.write_report

    def look(self) -> runner.Report:
        report = write(self)
        runs = report.results.runs
        seen.append(set(runs["method"][runs["status"] == "done"]))
        return report

    monkeypatch.setattr(runner.UnderWay, "write_report", look)
    run(console, methods=("svm", "mlp", "table_net"), quick=True)
    assert seen[-1] == {"svm", "mlp", "table_net"}
    assert len(seen) == between + 1
