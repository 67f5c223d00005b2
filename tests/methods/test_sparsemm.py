import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from small_network import SIZES, build, make_batch, noise

from strokebench.errors import StrokebenchError
from strokebench.methods.conformance.subject import MadeUp
from strokebench.methods.parts.attention import attention_weights
from strokebench.methods.sparsemm import SparseMM, SparseMMNetwork

IMAGE, PROMPT, WINDOW, HEADS = 16, 20, 4, 8


def network(**parameters):
    return build(SparseMM, **parameters)


def sparse_network(mean_budget: int = 10, **parameters):
    module = network(**parameters)
    module.set_budgets(torch.linspace(0, 1, module.scores.numel()), mean_budget, 0.1)
    return module


def queries_and_keys(module, seed: int = 0):
    x = noise(3, PROMPT + 1, 32, seed=seed)
    attention = module.blocks[0].attention
    return attention.queries(x[:, PROMPT - WINDOW : PROMPT]), attention.keys_values(x)[0]


def test_each_head_keeps_its_budget_its_window_and_the_token_itself():
    module = sparse_network()
    for layer in range(2):
        kept = module.kept_keys(*queries_and_keys(module), module.budgets[layer])
        assert (kept[:, :, :PROMPT].sum(2) == module.budgets[layer]).all()
        assert kept[:, :, PROMPT - WINDOW :].all()


def test_keys_are_those_that_the_window_looks_at_most_after_smoothing():
    module = sparse_network()
    queries, keys = queries_and_keys(module)
    kept = module.kept_keys(queries, keys, module.budgets[0])
    dense = attention_weights(queries, keys, module.bias[PROMPT - WINDOW : PROMPT]).mean(2).detach().numpy()
    for patient in range(3):
        for head in range(HEADS):
            looks = dense[patient, head, :IMAGE]
            smooth = [looks[max(0, j - 2) : j + 3].mean() for j in range(IMAGE)]
            best = np.argsort(smooth)[::-1][: module.budgets[0, head] - WINDOW]
            assert set(np.flatnonzero(kept[patient, head, :IMAGE].numpy())) == set(best)


def test_full_budget_is_dense():
    dense, batch = network(), make_batch()
    full = sparse_network(mean_budget=PROMPT)
    assert full.sparse
    torch.testing.assert_close(full(batch)[0], dense(batch)[0], atol=1e-5, rtol=0)


def test_smaller_budget_is_not():
    batch = make_batch()
    assert not torch.allclose(sparse_network()(batch)[0], network()(batch)[0], atol=1e-5)


def test_only_the_class_row_is_sparse():
    module = sparse_network()
    x, block = noise(3, PROMPT + 1, 32), module.blocks[0]
    sparse = module.sparse_block(block, x, module.budgets[0], None)
    dense = block(x, module.bias)
    torch.testing.assert_close(sparse[:, :PROMPT], dense[:, :PROMPT])
    assert not torch.allclose(sparse[:, PROMPT], dense[:, PROMPT], atol=1e-4)
    alone = module.sparse_block(block, x, module.budgets[0], module.read)
    torch.testing.assert_close(alone, sparse[:, PROMPT:])


def test_prompt_is_causal():
    module = network()
    x = noise(3, PROMPT + 1, 32)
    later = x.clone()
    later[:, 12:] += 1
    block = module.blocks[0]
    assert torch.equal(block(x, module.bias)[:, :12], block(later, module.bias)[:, :12])


def test_chase_changes_no_parameter_and_leaves_the_mode():
    module = network().train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    scores = module.chase([make_batch()], region=4)
    assert module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert scores.shape == (2, HEADS)
    assert scores.sum().item() == pytest.approx(1)


def test_chase_counts_what_a_loop_counts():
    module, batch = network(), make_batch(6)
    expected = torch.zeros(2, HEADS)
    with torch.no_grad():
        image, text = module.adapter(batch)
        x = module.tokens(image, text)
        for layer, block in enumerate(module.blocks):
            normal = block.norm_attention(x)
            weights = attention_weights(
                block.attention.queries(normal), block.attention.keys_values(normal)[0], module.bias
            )
            for patient in range(6):
                for anchor in range(4):
                    likeness = torch.cosine_similarity(text[patient, anchor, None], image[patient], dim=1)
                    place = set(likeness.topk(4).indices.tolist())
                    for head in range(HEADS):
                        if int(weights[patient, head, IMAGE + anchor].argmax()) in place:
                            expected[layer, head] += 1 / 4
            x = block(x, module.bias)
    torch.testing.assert_close(module.chase([batch], 4), expected / expected.sum())


def test_chase_is_the_same_however_patients_are_batched():
    module, batch = network(), make_batch(6)
    halves = [{name: part[rows] for name, part in batch.items()} for rows in (slice(0, 2), slice(2, 6))]
    torch.testing.assert_close(module.chase(halves, 4), module.chase([batch], 4))


def test_a_head_that_never_looks_at_a_place_scores_nothing():
    module = network()
    block = module.blocks[0]
    with torch.no_grad():
        module.adapter.layer.add_(100 * noise(32, seed=3))
        # Text tokens are far from image tokens now; this head's keys answer to text alone.
        block.attention.query.weight.zero_()
        block.attention.query.bias.fill_(1)
        block.attention.key_value.weight.zero_()
        normal_text = block.norm_attention(100 * noise(32, seed=3))
        block.attention.key_value.weight[:4] = normal_text
    scores = module.chase([make_batch(8)], 4)
    assert scores[0, 0] == 0
    assert scores.sum().item() == pytest.approx(1)


def fit(**parameters):
    train, validation = MadeUp(30, 1), MadeUp(16, 2)
    method = SparseMM(**{"hidden": 16, "width": 32, "max_epochs": 4, "dense_epochs": 2, **parameters})
    return method.fit(train.x, train.y, validation.x, validation.y)


def test_scores_come_from_the_training_part_alone(monkeypatch):
    seen = []
    original = SparseMMNetwork.chase

    def spy(self, batches, region):
        seen.append(list(batches))
        return original(self, seen[-1], region)

    monkeypatch.setattr(SparseMMNetwork, "chase", spy)
    fit()
    train = MadeUp(30, 1)
    assert len(seen) == 1
    # Once with each of the five answers.
    table, text = (torch.cat([batch[name] for batch in seen[0]]).unflatten(0, (5, 30)) for name in ("table", "text"))
    np.testing.assert_array_equal(table, np.broadcast_to(train.x.arrays["table"], table.shape))
    np.testing.assert_array_equal(text.transpose(0, 1), train.x.arrays["text"])


def test_only_sparse_epochs_may_be_selected():
    method = fit(max_epochs=6, dense_epochs=4)
    assert [method.may_select(epoch) for epoch in range(6)] == [False] * 4 + [True] * 2
    assert method.facts_["best_epoch"] > 4
    assert method.module_.sparse


def test_default_chase_follows_the_warm_up():
    method = SparseMM()
    assert method.dense_epochs == method.warmup_epochs == method.chase_epoch == 15


def test_a_training_shorter_than_the_dense_phase_still_ends_sparse():
    method = fit(max_epochs=2, dense_epochs=15)
    assert method.module_.sparse and method.facts_["best_epoch"] == 2


def test_training_free_trains_dense_and_predicts_sparse():
    test = MadeUp(12, 3)
    free, dense = fit(training_free=True), fit(training_free=True, mean_budget=PROMPT)
    assert free.module_.sparse and free.may_select(0)
    assert free.history_ == dense.history_
    for name, weight in dense.module_.named_parameters():
        assert torch.equal(weight, free.module_.get_parameter(name))
    assert np.abs(free.predict_proba(test.x) - dense.predict_proba(test.x)).max() > 1e-4


def test_budgets_are_saved_with_the_weights(tmp_path):
    method = fit()
    method.save(tmp_path)
    saved = load_file(tmp_path / "weights.safetensors")
    assert saved["budgets"].sum() == 16 * 10 and saved["sparse"]
    assert torch.equal(SparseMM.load(tmp_path).module_.budgets, method.module_.budgets)


def test_random_scores_are_the_seed_s():
    one, again, other = (fit(score="random", random_state=seed).module_.scores for seed in (1, 1, 2))
    assert torch.equal(one, again) and not torch.equal(one, other)
    assert one.sum().item() == pytest.approx(1, abs=1e-5)


def test_concentration_and_budgets_are_logged():
    facts = fit().facts_
    assert 1 / 16 <= facts["head_mass_top5"] <= facts["head_mass_top10"] <= facts["head_mass_top20"] <= 1
    assert 0 <= facts["head_gini"] < 1
    assert WINDOW <= facts["smallest_budget"] <= 10 <= facts["largest_budget"] <= PROMPT


@pytest.mark.parametrize("parameters", [{"score": "guess"}, {"smoothing": 4}])
def test_unknown_setting_is_named(parameters):
    with pytest.raises(StrokebenchError, match=str(next(iter(parameters.values())))):
        SparseMM(**parameters).build(SIZES)
