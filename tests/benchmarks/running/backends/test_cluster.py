"""A Dask cluster: in this process, and where processes are lost one of processes, each with a scheduler of its own."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from threading import Thread, Timer, current_thread, main_thread

import pandas as pd
import pytest
from rich.console import Console
from small_context import make_context

from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.benchmarks.keys.code import Code
from strokebench.benchmarks.running.backends.choose import Processes
from strokebench.benchmarks.running.backends.dask import Cluster
from strokebench.benchmarks.running.runner import run_experiment
from strokebench.benchmarks.running.store import Store
from strokebench.benchmarks.tuning.study import Search, run_study
from strokebench.errors import StrokebenchError

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def processes(planted_once) -> Iterator["distributed.LocalCluster"]:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, scheduler_port=0, silence_logs=50
    ) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def cluster(planted_once) -> Iterator["distributed.LocalCluster"]:
    """All goes over the network and is pickled, as to other machines."""
    with in_this_process(protocol="tcp://") as cluster:
        yield cluster


def in_this_process(**how) -> "distributed.LocalCluster":
    """A scheduler and a worker that need no start of processes."""
    return distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None, scheduler_port=0, **how
    )


def on(cluster, console: Console, folds: int = 4, **settings):
    context = make_context(folds=folds, **settings)
    settings = replace(context.settings, backend="dask", scheduler=cluster.scheduler_address)
    return run_experiment(Table1(), replace(context, settings=settings), console)


@pytest.mark.parametrize("place", ["cluster", pytest.param("processes", marks=pytest.mark.long)])
def test_results_are_those_of_this_machine(place: str, request, console, monkeypatch, tmp_path):
    there = on(request.getfixturevalue(place), console, methods=("svm", "mlp"), quick=True)
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path / "other"))
    here = run_experiment(Table1(), make_context(folds=4, methods=("svm", "mlp"), quick=True), console)
    pd.testing.assert_frame_equal(there.results.predictions, here.results.predictions, rtol=1e-6)


@pytest.mark.long
def test_what_a_lost_worker_computed_is_computed_again(processes, console, home):
    client = distributed.Client(processes)

    def kill_one() -> None:
        # While runs are under way: the slow coin takes its time.
        [first, *_] = client.run(os.getpid).values()
        os.kill(first, signal.SIGKILL)

    timer = Timer(1.0, kill_one)
    timer.start()
    report = on(processes, console, methods=("slow_coin",))
    timer.join()
    client.close()
    assert list(report.results.runs["status"]) == ["done"] * 4
    assert len(list((home / "runs").glob("*/*.parquet"))) == 4


@pytest.mark.long
def test_a_run_that_kills_its_workers_is_recorded_and_spares_the_others(processes, console, monkeypatch):
    # Each death costs the start of another worker: one is enough for a test.
    monkeypatch.setattr(processes.scheduler, "allowed_failures", 0)
    report = on(processes, console, folds=1, methods=("killer", "coin"))
    runs = report.results.runs.set_index("method")
    assert runs.loc["coin", "status"] == "done"
    assert runs.loc["killer", "status"] == "failed" and "died" in runs.loc["killer", "error"]


def test_workers_write_nothing(cluster, console, monkeypatch):
    seen = []
    write = Store.write
    monkeypatch.setattr(Store, "write", lambda *args: (seen.append(current_thread()), write(*args)))
    on(cluster, console, methods=("coin",))
    assert seen == [main_thread()] * 4
    assert f"to compute on the workers of {cluster.scheduler_address}" in console.export_text()


@pytest.mark.long
def test_workers_of_this_machine_do_not_give_back_memory_at_every_step(planted_once, monkeypatch):
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)
    cluster = Cluster(1, None)
    assert list(cluster._reached().run(os.getenv, "MALLOC_TRIM_THRESHOLD_").values()) == [None]


def test_other_code_on_a_worker_is_refused(cluster, console, monkeypatch):
    monkeypatch.setattr("strokebench.benchmarks.running.context.fit_code", lambda *_: Code("another", {}))
    monkeypatch.setattr("strokebench.benchmarks.running.runner.refuse_edited", lambda *_: None)
    report = on(cluster, console, methods=("coin",))
    assert report.results.runs["error"].str.contains("another version").all()


def test_workers_that_are_not_there_or_lack_us_are_told(console, caplog, monkeypatch):
    """A task that a worker cannot read ends the worker, and its run would be waited for for ever."""
    with in_this_process() as cluster:
        monkeypatch.setattr("strokebench.benchmarks.running.backends.dask.version", lacks_us)
        with pytest.raises(StrokebenchError, match=r"not installed for the workers .*\d"):
            on(cluster, console, methods=("svm",))
        monkeypatch.undo()
        [worker] = cluster.workers.values()
        asked = Cluster(1, cluster.scheduler_address)
        asked._look_at_workers()
        assert "No worker has joined" not in caplog.text
        cluster.sync(worker.close)
        asked._look_at_workers()
        assert "No worker has joined" in caplog.text
        asked._open.close()


def test_threads_of_one_worker_change_no_number(planted_once, console, monkeypatch, tmp_path):
    """They share PyTorch's global generator."""
    methods = {"methods": ("mlp", "concat"), "quick": True}
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=4, processes=False, dashboard_address=None, scheduler_port=0
    ) as cluster:
        there = on(cluster, console, **methods)
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path / "other"))
    here = run_experiment(Table1(), make_context(folds=4, **methods), console)
    pd.testing.assert_frame_equal(there.results.predictions, here.results.predictions)


def lacks_us(name: str) -> str:
    raise ModuleNotFoundError(name)


def test_tuning_goes_to_the_cluster(console, monkeypatch, home):
    monkeypatch.setattr(Processes, "compute", None)
    with in_this_process() as cluster:
        context = make_context(scheduler=cluster.scheduler_address)
        study = run_study("svm", context, Search("random", 2), console)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 2
    assert len(list((home / "runs").glob("*/*.parquet"))) == 4


def test_a_lost_scheduler_is_one_line_and_what_was_finished_is_kept(planted_once, console, home):
    with in_this_process() as cluster:

        def lose_it() -> None:
            while not list((home / "runs").glob("*/*.parquet")):
                time.sleep(0.05)
            cluster.close(timeout=5)

        thread = Thread(target=lose_it, daemon=True)
        thread.start()
        with pytest.raises(StrokebenchError, match=r"scheduler .* was lost"):
            on(cluster, console, methods=("slow_coin",))
        thread.join()
    finished = len(list((home / "runs").glob("*/*.parquet")))
    assert 1 <= finished < 4
    report = run_experiment(Table1(), make_context(folds=4, methods=("slow_coin",)), console)
    assert list(report.results.runs["status"]) == ["done"] * 4
    assert f"{finished} already done" in console.export_text()


@pytest.mark.long
def test_no_scheduler_is_one_line(console):
    context = make_context(methods=("svm",), quick=True)
    settings = replace(context.settings, backend="dask", scheduler="tcp://127.0.0.1:9")
    with pytest.raises(StrokebenchError, match="cannot be reached"):
        run_experiment(Table1(), replace(context, settings=settings), console)
