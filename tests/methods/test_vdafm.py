"""VDAFM's equations as far as they can be told from the prose."""

import math

import numpy as np
import pytest
import torch
from small_network import build, make_batch, noise

from strokebench.methods.conformance.subject import MadeUp, changed
from strokebench.methods.parts.layers import contrastive
from strokebench.methods.vdafm import VDAFM

TARGET = torch.tensor([0.0, 1, 0.3, 1, 0])


def representations(seed: int = 0, **same_as):
    names = ["image", "text", "image_as_text", "joint_image", "joint_text", "joint_text_as_text"]
    aux = {name: noise(5, 32, seed=seed + number) for number, name in enumerate(names)}
    aux |= {name: aux[other] for name, other in same_as.items()}
    return {**aux, "source": torch.arange(5)}


def test_semantic_loss_is_zero_if_and_only_if_both_directions_are_kept():
    method = VDAFM()
    kept = representations(joint_image="image", joint_text_as_text="text")
    assert abs(method.semantic(kept)) < 1e-6
    scaled = {**kept, "joint_image": 3 * kept["image"], "joint_text_as_text": 0.2 * kept["text"]}
    assert abs(method.semantic(scaled)) < 1e-6
    assert method.semantic(representations(joint_image="image")) > 0.1
    assert method.semantic(representations(joint_text_as_text="text")) > 0.1


def test_semantic_loss_lies_between_zero_and_four():
    aux = representations()
    assert 0 < VDAFM().semantic(aux) < 4
    opposite = {**aux, "joint_image": -aux["image"], "joint_text_as_text": -aux["text"]}
    assert VDAFM().semantic(opposite).item() == pytest.approx(4)


@pytest.mark.parametrize("name", ["cosine", "mse", "infonce"])
def test_every_semantic_loss_prefers_what_is_kept(name):
    method = VDAFM(semantic_loss=name)
    kept = method.semantic(representations(joint_image="image", joint_text_as_text="text"))
    assert kept < method.semantic(representations())


@pytest.mark.parametrize(("epoch", "weight"), [(0, 0.2), (10, 0.1197), (50, 0.2 * 0.95**50)])
def test_contrastive_weight_decays_by_the_epoch(epoch, weight):
    assert VDAFM().contrastive_weight_at(epoch) == pytest.approx(weight, abs=1e-4)


@pytest.mark.parametrize("epoch", [0, 10])
def test_total_loss_is_the_weighted_sum(epoch):
    method, (logit, aux) = VDAFM(), build(VDAFM)(make_batch())
    expected = (
        torch.nn.functional.binary_cross_entropy_with_logits(logit, TARGET)
        + 0.02 * method.semantic(aux)
        + 0.2 * 0.95**epoch * contrastive(aux["image_as_text"], aux["text"], 0.07, torch.arange(5))
    )
    torch.testing.assert_close(method.loss(logit, TARGET, aux, epoch), expected)


def test_losses_of_weight_zero_leave_the_classification():
    method, (logit, aux) = VDAFM(alignment_weight=0, contrastive_weight=0), build(VDAFM)(make_batch())
    by_hand = -(TARGET * logit.sigmoid().log() + (1 - TARGET) * (1 - logit.sigmoid()).log()).mean()
    torch.testing.assert_close(method.loss(logit, TARGET, aux, 0), by_hand)


@pytest.mark.parametrize("weights", [{}, {"alignment_weight": 0, "contrastive_weight": 0}])
def test_weight_decay_adds_its_share_of_each_weight_to_the_gradient(weights):
    gradients = []
    for decay in (0, 0.3):
        method = VDAFM(weight_decay=decay, **weights)
        module = build(VDAFM, weight_decay=decay)
        method.loss(*(given := module(make_batch()))[:1], TARGET, given[1], 0).backward()
        gradients.append({name: (p, p.grad) for name, p in module.named_parameters()})
    for name, (p, decayed) in gradients[1].items():
        before = gradients[0][name][1]
        torch.testing.assert_close(decayed, (0 if before is None else before) + 0.3 * p, atol=1e-5, rtol=1e-4)


def test_of_a_relu_after_the_last_maps_the_head_sees_no_negative_number():
    seen = []
    for output in ("linear", "relu"):
        module = build(VDAFM, output=output)
        module.head.register_forward_pre_hook(lambda _, parts: seen.append(torch.cat(parts[:2], dim=1)))
        module(make_batch())
    torch.testing.assert_close(seen[1], seen[0].clamp_min(0))
    assert (seen[0] < 0).any()


def test_equal_patients_have_a_contrastive_loss_of_log_n():
    batch = make_batch(1)
    equal = {name: part.repeat(7, *[1] * (part.ndim - 1)) for name, part in batch.items()}
    _, aux = build(VDAFM)(equal)
    assert contrastive(aux["image_as_text"], aux["text"], 0.07, torch.arange(7)).item() == pytest.approx(
        math.log(7), abs=1e-4
    )


def test_text_is_read_in_the_light_of_the_image_and_the_other_way_round():
    module, batch = build(VDAFM), make_batch()
    _, before = module(batch)
    _, other_image = module({**batch, "image.vector": batch["image.vector"] + noise(5, 24)})
    _, other_text = module({**batch, "text": batch["text"] + noise(5, 4, 12)})
    assert torch.equal(before["text"], other_image["text"])
    assert not torch.allclose(before["joint_text"], other_image["joint_text"], atol=1e-3)
    assert torch.equal(before["image"], other_text["image"])
    assert not torch.allclose(before["joint_image"], other_text["joint_image"], atol=1e-3)


def test_image_is_mapped_into_the_text_space_before_the_joint_encoding():
    module, batch = build(VDAFM), make_batch()
    _, aux = module(batch)
    torch.testing.assert_close(aux["image_as_text"], module.image_to_text(aux["image"]))
    joint = module.encoder(torch.stack([aux["image_as_text"], aux["text"]], 1))
    torch.testing.assert_close(joint, torch.stack([aux["joint_image"], aux["joint_text"]], 1))
    torch.testing.assert_close(aux["joint_text_as_text"], module.text_to_text(aux["joint_text"]))


def test_representations_know_nothing_of_the_table():
    module, batch = build(VDAFM), make_batch()
    logit, aux = module(batch)
    other_logit, other_aux = module({**batch, "table": batch["table"] + 1})
    assert all(torch.equal(aux[name], other_aux[name]) for name in aux)
    assert not torch.allclose(logit, other_logit)


def test_the_final_settings_are_the_paper_s():
    settings = VDAFM().get_params()
    expected = {
        "layers": 1, "heads": 16, "dropout": 0.5, "learning_rate": 1e-4,
        "alignment_weight": 0.02, "contrastive_weight": 0.2, "contrastive_decay": 0.95, "patience": 30,
        "warmup_epochs": 15, "max_epochs": 100, "clip_norm": 1.0, "mixup_alpha": 0.4, "noise": 0.01,
    }  # fmt: skip
    assert {name: settings[name] for name in expected} == expected


@pytest.mark.parametrize("modality", ["image", "text", "table"])
def test_a_modality_zeroed_in_training_and_test_is_a_constant(modality):
    train, validation, test = (MadeUp(n, n) for n in (40, 20, 12))
    zeroed = [changed(part.x, [modality], 0.0) for part in (train, validation)]
    method = VDAFM(hidden=16, width=16, max_epochs=2, noise_probability=0.0)
    method.fit(zeroed[0], train.y, zeroed[1], validation.y)
    once = method.predict_proba(changed(test.x, [modality], 0.0))
    again = method.predict_proba(changed(changed(test.x, [modality]), [modality], 0.0))
    assert np.array_equal(once, again)
    assert np.ptp(once[:, 1]) > 0
