"""The one door: what is chosen, what is refused, and that tuning and the canary go through it too."""

import pytest
import torch
from rich.console import Console
from small_context import make_context
from typer.testing import CliRunner

from strokebench.benchmarks.cli import main as cli
from strokebench.benchmarks.leaks.canary import shuffled_labels
from strokebench.benchmarks.running.backends import choose as door
from strokebench.benchmarks.running.backends import stack
from strokebench.benchmarks.running.backends.choose import choose
from strokebench.benchmarks.running.backends.processes import Processes
from strokebench.benchmarks.running.backends.stack import Stack
from strokebench.benchmarks.running.settings import Settings, usable_cores
from strokebench.benchmarks.running.store import Store
from strokebench.benchmarks.tuning.study import Search, run_study
from strokebench.errors import StrokebenchError


@pytest.fixture
def stack_on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for the stack gets one that needs no GPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(stack, "Stack", lambda jobs: Stack(jobs, "cpu"))


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_the_device_is_the_user_s_choice(monkeypatch: pytest.MonkeyPatch, no_gpu: None):
    assert choose(Settings(device="cpu", jobs=2)) == choose(Settings(jobs=2)) == Processes(2)
    monkeypatch.setattr(door, "DEVICE_FILES", ["/dev/null"])
    assert choose(Settings(jobs=2)) == Processes(2)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_: (2**31, 2**34))
    assert choose(Settings()) == Stack(usable_cores())
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_: (2**20, 2**34))
    assert choose(Settings()) == Processes(usable_cores()) == choose(Settings(device="cpu"))
    assert choose(Settings(device="cuda")) == Stack(usable_cores()) == choose(Settings(backend="stack"))
    assert choose(Settings(backend="processes")) == Processes(usable_cores())


@pytest.mark.parametrize(
    "settings",
    [
        {"backend": "loki"},
        {"device": "gpu"},
        {"backend": "processes", "scheduler": "tcp://127.0.0.1:9"},
        {"backend": "processes", "device": "cuda"},
        {"device": "cuda", "scheduler": "tcp://127.0.0.1:9"},
        {"backend": "stack", "device": "cpu"},
    ],
)
def test_what_is_unknown_or_contradicts_itself_is_refused(settings):
    with pytest.raises(StrokebenchError):
        Settings(**settings)


@pytest.mark.parametrize(
    "command",
    [
        *("run table1 --device cuda", "tune mlp --device cuda", "audit leaks --device cuda", "paper --device cuda"),
        "run table1 --backend stack",
    ],
)
def test_a_gpu_that_is_not_there_is_refused_before_anything_is_loaded(no_gpu: None, command: str):
    result = CliRunner().invoke(cli.app, [*command.split(), "--dataset", "no/such/cohort.yaml"])
    assert result.exit_code == 1 and "no GPU" in result.output and "cohort" not in result.output
    assert ("--backend auto" in result.output) == ("stack" in command)


def test_a_scheduler_that_is_not_there_is_refused_before_anything_is_loaded(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("strokebench.benchmarks.running.backends.dask._CONNECTING", 0.5)
    command = "tune mlp --scheduler tcp://127.0.0.1:9 --dataset no/such/cohort.yaml"
    result = CliRunner().invoke(cli.app, command.split())
    assert result.exit_code == 1 and "cannot be reached" in result.output and "cohort" not in result.output


def test_without_dask_one_line_says_so(monkeypatch: pytest.MonkeyPatch):
    from strokebench.benchmarks.running.backends import dask

    monkeypatch.setattr(dask, "find_spec", lambda name: None)
    with pytest.raises(StrokebenchError, match="not installed"):
        choose(Settings(backend="dask"))


def test_tuning_uses_the_stack(stack_on_cpu: None, console: Console, home):
    context = make_context(backend="stack", quick=True)
    study = run_study("mlp", context, Search("random", 2), console)
    assert all(len(trial.user_attrs["folds"]) == 2 for trial in study.trials)
    records = [Store().read(path.stem)[1] for path in (home / "runs").glob("*/*.parquet")]
    assert len(records) == 4 and {record["stacked"] for record in records} == {2}


def test_the_canary_uses_the_stack(stack_on_cpu: None, monkeypatch: pytest.MonkeyPatch, home):
    seen = []
    compute = Stack.compute

    def noted(self, tasks, material, store):
        for task, ended in compute(self, tasks, material, store):
            seen.append(store.read(task.key)[1].get("stacked"))
            yield task, ended

    monkeypatch.setattr(Stack, "compute", noted)
    assert shuffled_labels(make_context(backend="stack"), {"mlp": {"max_epochs": 2}, "svm": {}}, permutations=1) == []
    assert sorted(seen, key=bool) == [None] * 5 + [5] * 5
    assert not (home / "runs").exists()
