"""Tasks computed as stacks: the same runs in the store as from the worker processes, and nothing is lost."""

import resource
import time
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from small_context import make_context

from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.benchmarks.running import fit
from strokebench.benchmarks.running.backends import stack as stacking
from strokebench.benchmarks.running.backends.processes import Processes
from strokebench.benchmarks.running.backends.stack import Stack, Stacks, stackable
from strokebench.benchmarks.running.plans import fits
from strokebench.benchmarks.running.run import Run
from strokebench.benchmarks.running.store import Store
from strokebench.tasks.conditions import Condition

METHODS = ("mlp", "concat")


def planned(methods=METHODS, folds=3):
    context = make_context(folds=folds, methods=methods, quick=True)
    runs = [replace(run, params={**run.params, **small(run)}) for run in Table1().plan(context).runs]
    return context, fits({context.key(run): (run, context) for run in runs})


def small(run: Run) -> dict[str, int]:
    """Less than even a quick check trains, where there is something to train."""
    epochs = {"max_epochs": 3} if "max_epochs" in run.params else {}
    return epochs | ({"hidden": 16, "width": 8} if run.method == "concat" else {})


def stacked(context, tasks, store) -> dict[str, str]:
    return {ended.key: ended.status for _, ended in Stack(1, "cpu").compute(tasks, context.material, store)}


@pytest.fixture
def stacks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the stacks that are fitted."""
    sizes: list[int] = []
    fit = stacking.fit_together

    def recorded(prepared, device):
        outcomes = fit(prepared, device)
        sizes.append(len(prepared))
        return outcomes

    monkeypatch.setattr(stacking, "fit_together", recorded)
    return sizes


def test_the_store_holds_what_the_workers_would_have_written(stacks: list[int], tmp_path: Path):
    context, tasks = planned()
    one, other = Store(tmp_path / "one"), Store(tmp_path / "other")
    assert stacked(context, tasks, one) == {task.key: "done" for task in tasks}
    assert stacks == [3, 3]
    list(Processes(1).compute(tasks, context.material, other))
    for task in tasks:
        (mine, record), (theirs, expected) = one.read(task.key), other.read(task.key)
        assert list(mine.columns) == list(theirs.columns)
        assert list(mine["patient_id"]) == list(theirs["patient_id"]) and list(mine["y"]) == list(theirs["y"])
        np.testing.assert_allclose(mine["p"], theirs["p"], atol=1e-4)
        assert record["facts"] == pytest.approx(expected["facts"], abs=1e-4)
        assert record.keys() - expected.keys() == {"device", "stacked"} and not expected.keys() - record.keys()
        assert record["stacked"] == 3 and record["fit_seconds"] > 0
        np.testing.assert_allclose(record["history"]["train_loss"], expected["history"]["train_loss"], atol=1e-4)


def test_a_chunk_may_have_more_runs_than_a_process_usually_has_files(tmp_path: Path, monkeypatch):
    [task] = planned(("mlp",), folds=1)[1]
    task = replace(task, runs={f"{number:064x}": task.first for number in range(300)})
    monkeypatch.setattr(Stacks, "_ready", lambda self, task: Mock())
    done = Mock(commit=lambda store: "done")
    monkeypatch.setattr(stacking, "fit_together", lambda prepared, device: [done for _ in prepared])
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    try:
        ended, left_out = Stacks(Mock(), Store(tmp_path), "cpu").compute_chunk([task])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert [each.status for _, each in ended] == ["done"] and not left_out


def test_runs_that_share_a_fit_are_tested_under_their_own_conditions(stacks: list[int], tmp_path: Path):
    context, _ = planned(("mlp",))
    plain = Table1().plan(context).runs
    lacking = Condition(keep=frozenset({"image", "text"}), when="test_only")
    runs = [*plain, *(replace(run, condition=lacking) for run in plain)]
    tasks = fits({context.key(run): (run, context) for run in runs})
    store = Store(tmp_path)
    stacked(context, tasks, store)
    assert stacks == [3]
    for task in tasks:
        first, second = (store.read(key)[0]["p"] for key in task.runs)
        assert abs(first - second).max() > 1e-3


def test_what_is_no_network_and_what_is_alone_goes_the_other_way(stacks: list[int], tmp_path: Path):
    context, tasks = planned(("mlp", "svm"), folds=2)
    _, [lonely] = planned(("concat",), folds=1)
    groups, alone = stackable([*tasks, lonely])
    assert [len(group) for group in groups] == [2]
    assert {task.first.method for task in alone} == {"svm", "concat"}
    store = Store(tmp_path)
    assert set(stacked(context, [*tasks, lonely], store).values()) == {"done"}
    assert stacks == [2]


def test_when_memory_is_out_the_stack_is_halved(stacks: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    context, tasks = planned(("mlp",), folds=5)
    fit = stacking.fit_together

    def small_device(prepared, device):
        if len(prepared) > 2:
            raise torch.OutOfMemoryError("out of memory")
        return fit(prepared, device)

    monkeypatch.setattr(stacking, "fit_together", small_device)
    assert stacked(context, tasks, Store(tmp_path)) == {task.key: "done" for task in tasks}
    assert stacks == [2, 2, 1]


def test_a_stack_that_fails_is_computed_run_by_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    context, tasks = planned(("mlp",))

    def broken(*_):
        raise RuntimeError("vmap: no rule")

    monkeypatch.setattr(stacking, "fit_together", broken)
    store = Store(tmp_path)
    assert stacked(context, tasks, store) == {task.key: "done" for task in tasks}
    assert "stacked" not in store.read(tasks[0].key)[1]
    assert caplog.messages == ["mlp cannot be stacked, and is trained on the CPU: vmap: no rule"]
    assert not list(tmp_path.rglob("*.lock"))


def test_a_run_that_another_call_computes_is_left_to_it(stacks: list[int], tmp_path: Path):
    context, tasks = planned(("mlp",))
    store = Store(tmp_path)
    stream = Stack(1, "cpu").compute(tasks, context.material, store)
    with store.lock(tasks[1].key):
        first = [next(stream)[0].key for _ in range(2)]
        assert store.status(tasks[1].key) == "missing"
    assert first == [tasks[0].key, tasks[2].key] and stacks == [2]
    assert [task.key for task, _ in stream] == [tasks[1].key]
    assert store.status(tasks[1].key) == "done"


def test_a_run_that_is_done_by_now_is_not_computed_again(stacks: list[int], tmp_path: Path):
    context, tasks = planned(("mlp",))
    store = Store(tmp_path)
    list(Processes(1).compute(tasks[:1], context.material, store))
    assert len(stacked(context, tasks, store)) == 3
    assert stacks == [2]


def test_chunks_are_as_large_as_memory_allows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    context, tasks = planned(("mlp",), folds=5)
    needed = stacking.bytes_a_run(tasks[0].ready(context.material))
    for room, expected in ((2.5, 2), (0.1, 1), (100, 5)):
        free = int(room * needed / stacking.SHARE_OF_FREE)
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_, free=free: (free, 2**34))
        assert Stacks(context.material, Store(tmp_path), "cuda").room_for(tasks) == expected


def test_what_pytorch_keeps_of_the_stack_before_is_room_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    context, tasks = planned(("mlp",), folds=5)
    free = [2**20]
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_: (free[-1], 2**41))
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: free.append(2**40))
    assert Stacks(context.material, Store(tmp_path), "cuda").room_for(tasks) == 5


def test_what_cannot_be_stacked_is_computed_beside(stacks: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """In worker processes, before the stacks have ended."""
    context, tasks = planned(("mlp", "svm"), folds=2)
    store, compute = Store(tmp_path), Stacks.compute_chunk
    alone = [task for task in tasks if task.first.method == "svm"]

    def waiting(*arguments):
        deadline = time.monotonic() + 60
        while any(store.status(task.key) != "done" for task in alone) and time.monotonic() < deadline:
            time.sleep(0.05)
        return compute(*arguments)

    monkeypatch.setattr(Stacks, "compute_chunk", waiting)
    ended = [task for task, _ in Stack(2, "cpu").compute(tasks, context.material, store)]
    assert {task.key for task in ended} == {task.key for task in tasks} and stacks == [2]
    assert {store.status(task.key) for task in tasks} == {"done"}


def test_a_fold_is_prepared_once(stacks: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    context, tasks = planned(("mlp", "concat"), folds=2)
    prepared = []
    prepare = fit.prepare

    def counted(cohort, embeddings, labels, fold, *rest):
        prepared.append(fold.name)
        return prepare(cohort, embeddings, labels, fold, *rest)

    monkeypatch.setattr(fit, "prepare", counted)
    assert len(stacked(context, tasks, Store(tmp_path))) == 4 and stacks == [2, 2]
    assert len(prepared) == len(set(prepared)) == 2
    monkeypatch.setattr(stacking, "MOST_KEPT", 0)
    list(Stack(1, "cpu").compute(tasks, context.material, Store(tmp_path / "again")))
    assert len(prepared) == 2 + 4
