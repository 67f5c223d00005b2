import math

import pytest
import torch
from small_network import noise

from strokebench.methods.parts.layers import Dropout, contrastive, unit_vectors


@pytest.mark.parametrize("p", [0.1, 0.5, 0.7])
def test_dropout_drops_that_share_and_keeps_the_mean(p):
    torch.manual_seed(0)
    x = torch.ones(401, 503)
    dropped = Dropout(p)(x)
    share = (dropped == 0).float().mean().item()
    assert abs(share - p) < 5 * math.sqrt(p * (1 - p) / x.numel())
    torch.testing.assert_close(dropped[dropped != 0].unique(), torch.tensor([1 / (1 - p)]))


def test_dropped_elements_are_independent_of_their_neighbours():
    torch.manual_seed(0)
    dropped = (Dropout(0.5)(torch.ones(200_000)) == 0).float() - 0.5
    for lag in (1, 2, 3, 4, 8):
        assert abs((dropped[:-lag] * dropped[lag:]).mean()) < 0.003


def test_dropout_is_nothing_in_evaluation_or_at_zero():
    x = noise(7, 3)
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0.0)(x) is x


def test_dropout_draws_from_the_seeded_generator():
    layer, x = Dropout(0.5), noise(8, 9)
    draws = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        draws.append(layer(x))
    assert torch.equal(draws[0], draws[1]) and not torch.equal(draws[0], draws[2])


def test_gradient_passes_where_the_value_did():
    x = noise(50, 40).requires_grad_()
    dropped = Dropout(0.5)(x)
    dropped.sum().backward()
    assert torch.equal(x.grad, (dropped != 0) * 2.0)


def test_dropout_refuses_what_is_no_probability():
    with pytest.raises(ValueError, match="probability"):
        Dropout(1.0)


def test_contrastive_is_log_of_the_rows_for_equal_rows():
    row = torch.ones(6, 4)
    assert contrastive(row, row, 0.07, torch.arange(6)).item() == pytest.approx(math.log(6), abs=1e-6)


def test_contrastive_is_symmetric_and_small_for_pairs():
    a, b, own = noise(6, 32), noise(6, 32, seed=1), torch.arange(6)
    torch.testing.assert_close(contrastive(a, b, 0.07, own), contrastive(b, a, 0.07, own))
    assert contrastive(a, a, 0.07, own) < 0.01 < contrastive(a, b, 0.07, own)


def test_copies_of_a_patient_are_no_negatives_of_each_other():
    """By hand: each row against itself and the rows of other patients."""
    a, b, source = noise(5, 8), noise(5, 8, seed=1), torch.tensor([3, 1, 3, 0, 1])
    similarity = torch.nn.functional.normalize(a, dim=1) @ torch.nn.functional.normalize(b, dim=1).T / 0.5
    terms = []
    for row in range(5):
        seen = [row, *(other for other in range(5) if source[other] != source[row])]
        for table in (similarity, similarity.T):
            terms.append(table[row, seen].logsumexp(0) - table[row, row])
    torch.testing.assert_close(contrastive(a, b, 0.5, source), torch.stack(terms).mean())


def test_a_batch_of_copies_of_one_patient_teaches_nothing():
    a = noise(4, 8).requires_grad_()
    loss = contrastive(a, noise(4, 8, seed=1), 0.07, torch.zeros(4, dtype=torch.int64))
    loss.backward()
    assert loss == 0 and not a.grad.any()


def test_unit_vectors_keep_the_direction_and_zeros():
    a, b = noise(6, 5), noise(6, 5, seed=1) * 1e3
    a[2] = 0
    for given, unit in zip((a, b), unit_vectors(a, b), strict=True):
        torch.testing.assert_close(unit, torch.nn.functional.normalize(given, dim=1))
