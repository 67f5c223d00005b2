"""Small weights of the published form, so that tests go through the real loading code."""

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

PLANES = (2, 2, 4, 4)
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "Left", "left", "infarct", "mild", "volume", "ml", "."]


Sizes = dict[str, tuple[int, ...]]


def simclr_tensors(*planes: int) -> Sizes:
    """Names and sizes of a `CNNEncoder` of Chalcroft et al.: two convolutions a stage; its norms have no tensors."""
    sizes: Sizes = {}
    for number, (inputs, outputs) in enumerate(pairwise([1, *planes])):
        stage = f"down_{number}.convs" if number else "conv_0"
        for part, channels in enumerate((inputs, outputs)):
            sizes[f"{stage}.conv_{part}.conv.weight"] = (outputs, channels, 3, 3, 3)
            sizes[f"{stage}.conv_{part}.conv.bias"] = (outputs,)
    return sizes


def resenc_tensors(planes: tuple[int, ...] = (2, 2, 2, 2, 4, 4), blocks: tuple[int, ...] = (1, 2, 1, 1, 1, 1)) -> Sizes:
    """Names and sizes of the encoder of a `ResidualEncoderUNet` of nnU-Net."""
    sizes: Sizes = {}

    def layer(name: str, inputs: int, outputs: int, kernel: int = 3, bias: bool = True) -> None:
        sizes[f"encoder.{name}.conv.weight"] = (outputs, inputs, kernel, kernel, kernel)
        sizes.update({f"encoder.{name}.{part}": (outputs,) for part in ("norm.weight", "norm.bias")})
        sizes.update({f"encoder.{name}.conv.bias": (outputs,)} if bias else {})

    layer("stem.convs.0", 1, planes[0])
    for stage, (inputs, outputs) in enumerate(pairwise([planes[0], *planes])):
        for block in range(blocks[stage]):
            name = f"stages.{stage}.blocks.{block}"
            layer(f"{name}.conv1", outputs if block else inputs, outputs)
            layer(f"{name}.conv2", outputs, outputs)
            if not block and inputs != outputs:
                # Behind the average of a stage that strides, as all but the first do.
                layer(f"{name}.skip.{min(stage, 1)}", inputs, outputs, 1, bias=False)
    return sizes


def vit_tensors(width: int, depth: int) -> Sizes:
    """Names and sizes of a `ViT` of MONAI 1.3 on 6 x 6 x 6 patches."""
    norm = {"weight": (width,), "bias": (width,)}
    of_block: Sizes = {
        **{f"norm{i}.{name}": size for i in (1, 2) for name, size in norm.items()},
        **{
            "attn.qkv.weight": (3 * width, width),
            "attn.out_proj.weight": (width, width),
            "attn.out_proj.bias": (width,),
        },
        **{"mlp.linear1.weight": (4 * width, width), "mlp.linear1.bias": (4 * width,)},
        **{"mlp.linear2.weight": (width, 4 * width), "mlp.linear2.bias": (width,)},
    }
    return {
        "patch_embedding.position_embeddings": (1, 216, width),
        "patch_embedding.patch_embeddings.weight": (width, 1, 16, 16, 16),
        "patch_embedding.patch_embeddings.bias": (width,),
        **{f"blocks.{block}.{name}": size for block in range(depth) for name, size in of_block.items()},
        **{f"norm.{name}": size for name, size in norm.items()},
    }


@pytest.fixture(scope="session")
def published_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small network of each kind, its file and tensors named and wrapped as the published ones."""
    import torch
    from transformers import BertConfig, BertForMaskedLM

    from strokebench.datasets.images.light_monai import nets

    folder = tmp_path_factory.mktemp("published")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nets.ResNet(
            "bottleneck", [3, 4, 6, 3], list(PLANES), n_input_channels=1, feed_forward=False, bias_downsample=False
        )
        state = {f"module.{name}": value for name, value in network.state_dict().items()}
        state["module.conv_seg.0.weight"] = torch.zeros(3)
        torch.save({"state_dict": state, "epoch": 3}, folder / "resnet_50_23dataset.pth")

        state = {name: torch.randn(size) for name, size in simclr_tensors(2, 2, 2, 4, 4).items()}
        torch.save({"config": {"act": "GELU", "features": (2, 2, 2, 4, 4)}, "state_dict": state},
                   folder / "seqinv_encoder.pt")  # fmt: skip

        state = {name: torch.randn(size) for name, size in resenc_tensors().items()}
        twice = {re.sub(r"conv\.(weight|bias)$", r"all_modules.0.\1", name): value for name, value in state.items()}
        decoder = {f"decoder.{name}": value for name, value in state.items()}
        torch.save({"network_weights": {**state, **twice, **decoder}, "citations": ["OpenMind"]},
                   folder / "checkpoint_final.pth")  # fmt: skip

        state = {f"backbone.{name}": torch.randn(size) for name, size in vit_tensors(8, 2).items()}
        state["projection.0.weight"] = torch.zeros(3)
        torch.save({"state_dict": state, "epoch": 3}, folder / "BrainIAC.ckpt")

        config = {
            "architectures": ["BertForMaskedLM"],
            "vocab_size": len(VOCABULARY),
            "hidden_size": 16,
            "num_hidden_layers": 5,
            "num_attention_heads": 2,
            "intermediate_size": 32,
            "max_position_embeddings": 16,
            "type_vocab_size": 2,
        }
        bert = BertForMaskedLM(BertConfig(**config))
        torch.save(bert.state_dict(), folder / "pytorch_model.bin")
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    return folder


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of this test's own."""
    home = tmp_path / "home"
    monkeypatch.setenv("STROKEBENCH_HOME", str(home))
    return home
