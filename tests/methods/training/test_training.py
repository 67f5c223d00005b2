"""The training loop: schedule, augmentation, early stop, restoring the best epoch, independence of global state."""

import math
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.special import logit
from torch import nn
from torch.nn import functional

from strokebench.methods.concat import Concat
from strokebench.methods.conformance.subject import MadeUp
from strokebench.methods.training.batch import Patients
from strokebench.methods.training.loop import predict_logits
from strokebench.methods.training.protocol import TrainingRun, learning_rate
from strokebench.tasks.inputs import Inputs
from strokebench.tasks.metrics.selection import auc

TRAIN, VALIDATION, TEST = MadeUp(50, 1), MadeUp(24, 2), MadeUp(20, 3)


@dataclass(kw_only=True, eq=False, repr=False)
class Linear(Concat):
    """A linear model on the table, whose training can be followed by hand."""

    name = "linear_for_a_test"
    reads = ("table",)

    max_epochs: int = 12
    warmup_epochs: int = 3
    learning_rate: float = 0.05
    batch_size: int = 16
    noise_probability: float = 0.0
    mixup_probability: float = 0.0

    def build(self, sizes):
        return LinearNetwork(*sizes["table"])


class LinearNetwork(nn.Module):
    def __init__(self, columns):
        super().__init__()
        self.layer = nn.Linear(columns, 1)

    def forward(self, batch):
        return self.layer(batch["table"]).squeeze(1), {}


def one_answer(patients, rows, generator):
    return patients.batch(rows, patients.draw(rows, generator))


def fit(method):
    return method.fit(TRAIN.x, TRAIN.y, VALIDATION.x, VALIDATION.y)


@pytest.mark.parametrize(
    ("epoch", "rate"),
    [(0, 1 / 15), (7, 8 / 15), (14, 1), (15, 1), (57, 0.5 * (1 + math.cos(math.pi * 42 / 85))), (99, None)],
)
def test_rate_climbs_for_15_epochs_and_follows_a_cosine(epoch, rate):
    actual = learning_rate(epoch, 2e-4, 15, 100)
    if rate is None:
        assert 0 < actual < 1e-6 * 2
    else:
        assert actual == pytest.approx(2e-4 * rate)


def test_rate_never_climbs_after_warm_up_and_would_end_at_zero():
    rates = [learning_rate(epoch, 1.0, 15, 100) for epoch in range(101)]
    assert all(after > before for before, after in pairwise(rates[:15]))
    assert all(after <= before for before, after in pairwise(rates[14:]))
    assert rates[100] == pytest.approx(0)


@pytest.mark.parametrize("clip", [0.05, 1e9])
def test_equal_to_a_plain_loop(clip):
    """RAdam, clipping, schedule and selection written out with PyTorch's own parts."""
    method = Linear(clip_norm=clip, random_state=3, patience=99)
    fit(method)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        module = LinearNetwork(8)
    x, y = torch.from_numpy(TRAIN.x.arrays["table"].copy()), torch.from_numpy(TRAIN.y.astype(np.float32))
    x_validation = torch.from_numpy(VALIDATION.x.arrays["table"].copy())
    generator = torch.Generator().manual_seed(3)
    optimiser = torch.optim.RAdam(module.parameters())
    aucs, states, losses = [], [], []
    for epoch in range(12):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(epoch, 0.05, 3, 12)
        total = 0.0
        for rows in torch.randperm(50, generator=generator).split(16):
            torch.randint(1, (len(rows),), generator=generator)  # the prompt that a step would draw
            optimiser.zero_grad()
            loss = functional.binary_cross_entropy_with_logits(module({"table": x[rows]})[0], y[rows])
            loss.backward()
            nn.utils.clip_grad_norm_(module.parameters(), clip)
            optimiser.step()
            total += float(loss.detach()) * len(rows)
        with torch.no_grad():
            aucs.append(auc(VALIDATION.y, module({"table": x_validation})[0].numpy()))
        losses.append(total / 50)
        states.append([value.clone() for value in module.state_dict().values()])
    assert method.history_["train_loss"] == pytest.approx(losses, rel=1e-4)
    assert method.history_["validation_score"] == pytest.approx(aucs)
    assert method.facts_["best_epoch"] == int(np.argmax(aucs)) + 1
    for ours, theirs in zip(method.module_.state_dict().values(), states[int(np.argmax(aucs))], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_best_epoch_is_restored_with_its_predictions():
    method = fit(Concat(hidden=16, width=16, max_epochs=8, learning_rate=1e-2, warmup_epochs=1))
    score = auc(VALIDATION.y, method.predict_proba(VALIDATION.x)[:, 1])
    best = method.facts_["best_epoch"]
    assert score == pytest.approx(max(method.history_["validation_score"]))
    assert method.history_["validation_score"][best - 1] == pytest.approx(score)


def test_training_stops_when_patience_is_out():
    method = fit(Linear(max_epochs=100, patience=4, learning_rate=1e-9))
    assert method.facts_["epochs"] == method.facts_["best_epoch"] + 4
    assert len(method.history_["train_loss"]) == method.facts_["epochs"]


def test_one_class_validation_selects_by_loss():
    method = Linear().fit(TRAIN.x, TRAIN.y, VALIDATION.x, np.ones_like(VALIDATION.y))
    losses = method.history_["validation_loss"]
    assert all(map(math.isnan, method.history_["validation_score"]))
    assert method.facts_["best_epoch"] == int(np.argmin(losses)) + 1


def test_epochs_that_may_not_be_selected_neither_win_nor_cost_patience():
    class Late(Linear):
        def may_select(self, epoch):
            return epoch >= 8

    method = fit(Late(learning_rate=1e-9, patience=2, max_epochs=20))
    assert method.facts_["best_epoch"] == 9
    assert method.facts_["epochs"] == 11


@pytest.mark.parametrize("n", [33, 3, 1])
def test_a_lone_last_patient_is_not_a_batch_of_its_own(n):
    sizes = []

    class Sizes(Linear):
        def loss(self, logit, target, aux, epoch):
            sizes.append(len(logit))
            return super().loss(logit, target, aux, epoch)

    rows = slice(0, n)
    Sizes(max_epochs=1, batch_size=32).fit(TRAIN.x[rows], TRAIN.y[rows], VALIDATION.x, VALIDATION.y)
    assert sizes == [n]


def test_global_generators_neither_matter_nor_move():
    method = Concat(hidden=16, width=16, max_epochs=2)
    torch.manual_seed(1)
    one = fit(method).predict_proba(TEST.x)
    torch.manual_seed(2)
    before = torch.get_rng_state()
    other = fit(Concat(hidden=16, width=16, max_epochs=2)).predict_proba(TEST.x)
    assert np.array_equal(one, other)
    assert torch.equal(before, torch.get_rng_state())


def test_another_seed_is_another_training():
    one, other = (fit(Concat(hidden=16, width=16, max_epochs=2, random_state=seed)) for seed in (0, 1))
    assert not np.array_equal(one.predict_proba(TEST.x), other.predict_proba(TEST.x))


def test_parts_that_a_method_does_not_read_are_not_there():
    patients = Patients(TRAIN.x, ("table",))
    batch = one_answer(patients, torch.arange(5), torch.Generator())
    assert batch.keys() == {"table"} and batch["table"].shape == (5, 8)


def test_who_reads_it_learns_what_is_present_and_no_noise_falls_on_it():
    present = np.arange(150).reshape(50, 3) % 2 == 0
    run = started(Inputs(TRAIN.x.arrays, present), noise_probability=1.0)
    [draw] = run.draws()
    batch, _ = run.batch(draw)
    np.testing.assert_array_equal(batch["present"].numpy(), present[draw.rows])
    assert draw.noise.keys() == batch.keys() - {"present", "source"}


def test_each_step_draws_a_prompt_for_each_patient():
    patients = Patients(TRAIN.x, ("text",))
    generator = torch.Generator().manual_seed(0)
    drawn = torch.zeros(50, 5, dtype=torch.bool)
    for _ in range(60):
        text = one_answer(patients, torch.arange(50), generator)["text"]
        drawn |= (patients.arrays["text"] == text.unsqueeze(1)).all(dim=(2, 3))
    assert drawn.all()


def test_a_prediction_is_the_mean_of_the_logits_over_prompts():
    method = fit(Concat(hidden=16, width=16, max_epochs=3))
    by_prompt = []
    for prompt in range(5):
        one = Inputs.complete({**TEST.x.arrays, "text": TEST.x.arrays["text"][:, [prompt]]})
        by_prompt.append(logit(method.predict_proba(one)[:, 1]))
    assert np.std(by_prompt, axis=0).min() > 1e-3
    np.testing.assert_allclose(logit(method.predict_proba(TEST.x)[:, 1]), np.mean(by_prompt, axis=0), atol=1e-5)


def test_clean_batches_show_every_answer_of_every_patient():
    text = torch.cat([batch["text"] for batch in Patients(TRAIN.x, ("text", "table")).in_order(size=20)])
    np.testing.assert_array_equal(text.unflatten(0, (5, 50)).transpose(0, 1), TRAIN.x.arrays["text"])


def test_prediction_keeps_the_order_over_several_batches():
    many = MadeUp(600, 5)
    method = fit(Linear(max_epochs=1))
    logits = predict_logits(method, method.module_, many.x)
    with torch.inference_mode():
        expected = method.module_.layer(torch.from_numpy(many.x.arrays["table"].copy())).squeeze(1)
    torch.testing.assert_close(logits, expected)


class Everything(Linear):
    """Reads all there is."""

    reads = ("image.vector", "image.tokens", "text", "table", "present", "source")


def started(x=TRAIN.x, **settings):
    method = Everything(**{"noise_probability": 0.0, "mixup_probability": 0.0, "batch_size": 50, **settings})
    return TrainingRun(method, x, TRAIN.y, VALIDATION.x, VALIDATION.y)


def augmented(**settings):
    run = started(**settings)
    [draw] = run.draws()
    batch, target = run.patients.batch(draw.rows, draw.answers), run.target[draw.rows]
    return batch, target, *run.batch(draw)


def test_noise_has_the_given_strength_and_spares_the_labels():
    batch, target, changed, soft = augmented(noise_probability=1.0, noise=0.2)
    assert torch.equal(target, soft)
    for name in batch.keys() - {"present", "source"}:
        assert (changed[name] - batch[name]).std().item() == pytest.approx(0.2, rel=0.15)


def test_mixup_mixes_all_modalities_and_labels_of_the_same_two_patients():
    batch, target, changed, soft = augmented(mixup_probability=1.0)
    weights = []
    for patient in range(50):
        fits = []
        for partner in range(50):
            gap = batch["table"][partner] - batch["table"][patient]
            if gap.abs().sum() == 0:
                continue
            share = ((changed["table"][patient] - batch["table"][patient]) @ gap / (gap @ gap)).item()
            parts = [(batch[name], changed[name]) for name in batch.keys() - {"source"}]
            residual = max(
                (after[patient] - before[patient].lerp(before[partner], share)).abs().max().item()
                for before, after in parts
            )
            residual = max(residual, abs(soft[patient] - target[patient].lerp(target[partner], share)).item())
            fits.append((residual, share))
        residual, share = min(fits)
        assert residual < 1e-4
        if share > 1e-4:
            weights.append(share)
    assert np.ptp(weights) < 1e-4


def test_a_mixture_is_the_copy_of_whom_it_has_more_of():
    x = TRAIN.x[np.arange(50) % 20]
    shares = set()
    for seed in range(6):
        run = started(x, mixup_probability=1.0, random_state=seed)
        [draw] = run.draws()
        batch, _ = run.batch(draw)
        mainly = draw.partners if draw.share > 0.5 else torch.arange(50)
        np.testing.assert_array_equal(batch["source"], x.sources[draw.rows[mainly]])
        shares.add(draw.share > 0.5)
    assert shares == {True, False}


def test_no_augmentation_leaves_the_batch_as_it_is():
    batch, target, changed, soft = augmented()
    assert torch.equal(target, soft)
    assert all(torch.equal(before, after) for before, after in zip(batch.values(), changed.values(), strict=True))


def test_hook_sees_the_clean_training_part_in_order_before_every_epoch():
    seen = []

    class Watches(Linear):
        def before_epoch(self, module, epoch, batches):
            assert not module.training
            seen.append((epoch, torch.cat([batch["table"] for batch in batches])))

    fit(Watches(max_epochs=3, noise_probability=1.0, mixup_probability=1.0))
    assert [epoch for epoch, _ in seen] == [0, 1, 2]
    for _, table in seen:
        np.testing.assert_array_equal(table.numpy(), TRAIN.x.arrays["table"])


def test_module_is_left_in_evaluation_mode():
    assert not fit(Linear(max_epochs=1)).module_.training


def test_augmentation_leaves_the_patients_as_they_are():
    run = started(noise_probability=1.0, mixup_probability=1.0)
    before = {name: array.clone() for name, array in run.patients.arrays.items()}
    [draw] = run.draws()
    run.batch(draw)
    assert all(torch.equal(value, run.patients.arrays[name]) for name, value in before.items())


def test_a_fit_imports_no_compiler():
    """PyTorch's, and the algebra that it brings, would cost each process a second."""
    code = """
import sys
from strokebench.methods.conformance.subject import MadeUp
from strokebench.methods.neural import NeuralMethod
from strokebench.methods.registry import all_methods

a, b = MadeUp(40, 0), MadeUp(20, 1)
for method in all_methods().values():
    if issubclass(method, NeuralMethod):
        method(max_epochs=3, batch_size=16).fit(a.x, a.y, b.x, b.y).predict_proba(b.x)
print(sorted({"torch._dynamo", "sympy"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]", done.stderr
