"""Networks that have learnt from brain MRI: their published tensors, read strictly and put to their use."""

import shutil

import numpy as np
import pytest
import torch
from torch.nn import functional

from strokebench.datasets.encoders.brain.brainiac import BrainIAC
from strokebench.datasets.encoders.brain.resenc import ResEncL
from strokebench.datasets.encoders.brain.simclr_mri import SimCLRMRI
from strokebench.datasets.encoders.published import loaded
from strokebench.errors import StrokebenchError

FULL = {SimCLRMRI: (40.6e6, 768), ResEncL: (90.3e6, 320), BrainIAC: (88.3e6, 768)}


@pytest.mark.parametrize("kind", FULL)
def test_of_full_size_they_have_the_published_sizes(kind):
    parameters, channels = FULL[kind]
    with torch.device("meta"):
        network = kind().build()
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(parameters, rel=0.001)
    assert kind().dim == channels


def test_every_tensor_of_resenc_s_encoder_is_read_and_strides_are_its_own(published_weights, own_home):
    network = loaded(ResEncL(published_weights, planes=(2, 2, 2, 2, 4, 4), blocks=(1, 2, 1, 1, 1, 1)))
    published = torch.load(published_weights / "checkpoint_final.pth", weights_only=True)["network_weights"]
    own = {name for name in published if name.startswith("encoder.") and ".all_modules." not in name}
    assert network.state_dict().keys() == own
    assert all(torch.equal(value, published[name]) for name, value in network.state_dict().items())
    with torch.inference_mode():
        assert network(torch.zeros(1, 1, 64, 64, 32)).shape == (1, 4, 2, 2, 1)


def test_a_residual_block_is_two_layers_beside_an_averaged_and_projected_skip(published_weights, own_home):
    network = loaded(ResEncL(published_weights, planes=(2, 2, 2, 2, 4, 4), blocks=(1, 2, 1, 1, 1, 1)))
    block, x = network.encoder.stages[4].blocks[0], torch.randn(1, 2, 4, 4, 4)
    norm = {
        name: lambda x, part=part: functional.instance_norm(x, weight=part.norm.weight, bias=part.norm.bias)
        for name, part in {"1": block.conv1, "2": block.conv2, "skip": block.skip[1]}.items()
    }
    first = functional.conv3d(x, block.conv1.conv.weight, block.conv1.conv.bias, stride=2, padding=1)
    second = functional.leaky_relu(norm["1"](first))
    second = norm["2"](functional.conv3d(second, block.conv2.conv.weight, block.conv2.conv.bias, padding=1))
    skip = norm["skip"](functional.conv3d(functional.avg_pool3d(x, 2), block.skip[1].conv.weight))
    torch.testing.assert_close(block(x), functional.leaky_relu(second + skip))


def test_brainiac_is_the_transformer_that_its_file_is_named_after(published_weights, own_home):
    encoder = BrainIAC(published_weights, width=8, depth=2, heads=2)
    state = torch.load(published_weights / "BrainIAC.ckpt", weights_only=True)["state_dict"]
    state = {name.removeprefix("backbone."): value for name, value in state.items()}
    volume = np.random.default_rng(0).standard_normal((1, 96, 96, 96), dtype=np.float32)

    def part(name):
        return {kind: state[f"{name}.{kind}"] for kind in ("weight", "bias") if f"{name}.{kind}" in state}

    x = functional.conv3d(torch.from_numpy(volume)[None], **part("patch_embedding.patch_embeddings"), stride=16)
    x = x.flatten(2).transpose(1, 2) + state["patch_embedding.position_embeddings"]
    for block in ("blocks.0", "blocks.1"):
        normal = functional.layer_norm(x, (8,), **part(f"{block}.norm1"))
        heads = functional.linear(normal, **part(f"{block}.attn.qkv")).unflatten(2, (3, 2, 4)).permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2)
        x = x + functional.linear(seen, **part(f"{block}.attn.out_proj"))
        normal = functional.layer_norm(x, (8,), **part(f"{block}.norm2"))
        inner = functional.gelu(functional.linear(normal, **part(f"{block}.mlp.linear1")))
        x = x + functional.linear(inner, **part(f"{block}.mlp.linear2"))
    expected = functional.layer_norm(x, (8,), **part("norm")).mean(1)
    np.testing.assert_allclose(encoder.encode(volume)[0], expected.numpy(), atol=1e-4)


def test_simclr_holds_the_published_tensors_and_leaves_nothing_out_by_chance(published_weights, own_home):
    encoder = SimCLRMRI(published_weights, planes=(2, 2, 2, 4, 4))
    published = torch.load(published_weights / "seqinv_encoder.pt", weights_only=True)["state_dict"]
    state = loaded(encoder).state_dict()
    assert state.keys() == published.keys() and all(torch.equal(state[name], published[name]) for name in state)
    volume = np.ones((1, 32, 32, 32), np.float32)
    np.testing.assert_array_equal(encoder.encode(volume)[0], encoder.encode(volume)[0])


@pytest.mark.parametrize(("kind", "file"), [(SimCLRMRI, "seqinv_encoder.pt"), (ResEncL, "checkpoint_final.pth")])
def test_a_file_that_lacks_a_tensor_is_one_clear_line(kind, file, published_weights, own_home, tmp_path):
    content = torch.load(published_weights / file, weights_only=True)
    state = content["state_dict" if "state_dict" in content else "network_weights"]
    del state[next(iter(state))]
    torch.save(content, tmp_path / file)
    with pytest.raises(StrokebenchError, match="does not fit") as caught:
        loaded(kind(tmp_path))
    assert file in caught.value.message and "\n" not in str(caught.value)


def test_brainiac_is_fetched_from_nowhere(own_home, published_weights, tmp_path):
    with pytest.raises(StrokebenchError, match="commercial") as caught:
        BrainIAC().fingerprint()
    assert "--weights" in caught.value.hint and BrainIAC.published == ()
    shutil.copy(published_weights / "BrainIAC.ckpt", tmp_path)
    assert BrainIAC(tmp_path).fingerprint() == BrainIAC(published_weights).fingerprint()
