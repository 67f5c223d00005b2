import numpy as np
import pytest
import torch
from rich.console import Console

from strokebench.benchmarks.measuring import speed
from strokebench.benchmarks.measuring.sizes import CohortSizes
from strokebench.benchmarks.measuring.speed import Products, bench, measure, products_alone
from strokebench.errors import StrokebenchError
from strokebench.methods.registry import all_methods, find_method
from strokebench.methods.training.loop import training_loss
from strokebench.reports.measured.speed import STAGES
from strokebench.tasks.inputs import BY_ROLE, PRESENT, SOURCE

SMALL = CohortSizes(train=48, validation=20, columns=6, image=32, text=16)


def test_a_network_is_timed_by_stage_and_never_beats_its_floor():
    measured = measure("concat", epochs=2, sizes=SMALL)
    assert set(measured.stages) == set(STAGES)
    assert 0 < measured.floor < measured.step
    assert measured.over_floor == pytest.approx(measured.step / measured.floor)
    assert measured.epoch_seconds > measured.evaluation_seconds > 0
    assert measured.parameters > 1000 and measured.peak_mb >= 0


def test_the_memory_of_a_network_is_that_of_its_training(monkeypatch: pytest.MonkeyPatch):
    operands = []
    monkeypatch.setattr(speed, "products_alone", lambda step: operands.append(np.ones(50_000_000, np.float32)) or 1.0)
    assert measure("mlp", epochs=1, sizes=SMALL).peak_mb < 100


def test_a_network_is_timed_as_it_is_in_the_middle_of_a_training(monkeypatch: pytest.MonkeyPatch):
    """SparseMM reads sparsely after its first epochs."""
    sparse = []
    timed = training_loss

    def watched(method, module, *rest):
        sparse.append(bool(module.sparse))
        return timed(method, module, *rest)

    monkeypatch.setattr(speed, "training_loss", watched)
    measure("sparsemm", epochs=1, sizes=SMALL)
    assert sparse and all(sparse)


def test_what_is_no_network_is_timed_as_a_whole():
    measured = measure("svm", sizes=SMALL)
    assert measured.fit_seconds > 0 and not measured.stages


@pytest.mark.parametrize("name", ["vdafm", "fusion", "sparsemm", "table_net"])
def test_every_kind_of_network_has_a_floor(name):
    assert measure(name, epochs=1, sizes=SMALL).floor > 0


def test_products_of_a_linear_layer_are_its_three():
    layer, x = torch.nn.Linear(8, 4), torch.randn(5, 8, requires_grad=True)
    with Products() as products:
        layer(x).sum().backward()
    shapes = sorted(tuple(map(tuple, (a.shape, b.shape))) for a, b in products.operands)
    # Forward, the gradient of the weights (either way round), and that of the input.
    assert len(shapes) == 3
    assert sum(2 * a.numel() * b.shape[-1] for a, b in products.operands) == 3 * 2 * 5 * 8 * 4


def test_more_products_take_longer():
    a = torch.randn(256, 256)
    assert products_alone(lambda: [a @ a for _ in range(20)]) > 3 * products_alone(lambda: a @ a)


@pytest.mark.parametrize("name", list(all_methods()))
def test_every_method_can_be_given_made_up_patients_or_is_left_out(name: str):
    reads, there = set(find_method(name).reads), SMALL.patients(4, 0)
    assert reads <= {*there.arrays, PRESENT, SOURCE} or BY_ROLE in reads


def test_what_reads_the_meaning_of_columns_is_left_out_by_name():
    console = Console(record=True, width=200)
    with pytest.raises(StrokebenchError, match="None of these"):
        bench(console, ("astral", "thrive"), 1)
    assert "ASTRAL" in (said := console.export_text()) and "THRIVE" in said


@pytest.mark.long
def test_bench_writes_a_table(monkeypatch, tmp_path):
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path))
    bench(Console(quiet=True), ("svm",), 1)
    assert "SVM" in (tmp_path / "results" / "speed" / "speed.md").read_text()
