"""What a patient lacks, and what training leaves out, is the same learned vector and nothing else."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from small_cohort import make_cohort, make_embeddings
from small_network import build, make_batch, noise

from strokebench.methods.reference.modality_dropout import ModalityDropout, filled
from strokebench.tasks.conditions import Condition
from strokebench.tasks.preparing.prepare import prepare
from strokebench.tasks.protocols import make_split

SIZES = {"image.vector": (24,), "text": (5, 4, 12), "table": (6,), "present": (4,)}
"""An image of two sequences."""
READ = {"image.dwi": ("image.vector", np.s_[:, :12]), "image.adc": ("image.vector", np.s_[:, 12:]),
        "text": ("text", np.s_[:]), "table": ("table", np.s_[:])}  # fmt: skip


def network(**parameters):
    module = build(ModalityDropout, SIZES, **parameters)
    with torch.no_grad():
        for vector in module.unknown.values():
            vector.normal_()
    return module


def patients(present, n=6):
    return {**make_batch(n, sizes=SIZES), "present": present.expand(n, 4)}


@pytest.mark.parametrize(("column", "unit"), list(enumerate(READ)))
def test_what_is_not_present_is_not_read_and_all_else_is(column, unit):
    module, present = network(), torch.ones(4)
    present[column] = 0
    before = patients(present)
    for other, (array, own) in READ.items():
        after = {name: values.clone() for name, values in before.items()}
        after[array][own] += noise(*after[array][own].shape)
        assert torch.equal(module(before)[0], module(after)[0]) == (other == unit)


def test_a_learned_vector_stands_for_what_is_not_present():
    x, unknown = noise(3, 4, 6), noise(4, 6, seed=1)
    kept = torch.tensor([[1.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
    found = filled(x, kept, unknown)
    assert torch.equal(found[0], x[0]) and torch.equal(found[2], unknown)
    assert torch.equal(found[1], torch.cat([x[1, :, :3], unknown[:, 3:]], dim=1))


def test_a_mixture_with_a_patient_who_lacks_it_has_a_share_of_the_vector():
    x, unknown = noise(1, 4), noise(4, seed=1)
    torch.testing.assert_close(filled(0.7 * x, torch.tensor([[0.7]]), unknown), 0.7 * x + 0.3 * unknown)


def test_training_leaves_each_out_as_often_as_said_and_prediction_nothing():
    module, seen = network(modality_dropout=0.3, dropout=0.0), []
    module.head.register_forward_pre_hook(lambda _, parts: seen.append(parts[1]))
    batch = patients(torch.ones(4), n=4000)
    module.train()(batch)
    module.eval()(batch)
    left_out = (seen[0] == module.unknown["table"]).all(1)
    assert left_out.float().mean() == pytest.approx(0.3, abs=0.03)
    assert torch.equal(seen[0][~left_out], batch["table"][~left_out]) and torch.equal(seen[1], batch["table"])


@pytest.mark.parametrize("kept", [{"text", "table"}, {"image.dwi", "text", "table"}, {"image", "text"}, {"image"}])
def test_a_condition_reaches_it_as_not_present_however_it_fills(kept):
    """Table 2 and `missing` take away by conditions: raw zeros and the mean are told from nothing."""
    cohort = make_cohort(80)
    embeddings = replace(make_embeddings(cohort), sequences=("dwi", "adc"))
    labels = pd.Series((cohort.table["nihss"] < 7).astype(int), cohort.ids)
    fold = make_split("cv5", labels, seeds=(39,)).folds[0]
    whole, mean, raw = (
        prepare(cohort, embeddings, labels, fold, ["nihss"], condition)
        for condition in (
            Condition(),
            *(Condition(frozenset(kept), "test_only", fill=fill) for fill in ("mean", "zero")),
        )
    )
    method = ModalityDropout(max_epochs=2).fit(whole.train, whole.y_train, whole.validation, whole.y_validation)
    assert all(vector.any() for vector in method.module_.unknown.values()), "nothing was learned"
    p = [method.predict_proba(parts.test)[:, 1] for parts in (whole, mean, raw)]
    np.testing.assert_array_equal(p[1], p[2])
    assert not np.isclose(p[0], p[1], atol=1e-6).any()
