"""Small weights of the published form, so that tests go through the real loading code."""

import json
from pathlib import Path

import pytest

PLANES = (2, 2, 4, 4)
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "Left", "left", "infarct", "mild", "volume", "ml", "."]


@pytest.fixture(scope="session")
def published_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small MedicalNet and a small BioBERT, named and wrapped as the published ones."""
    import torch
    from monai.networks.nets.resnet import ResNet
    from transformers import BertConfig, BertForMaskedLM

    folder = tmp_path_factory.mktemp("published")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = ResNet(
            "bottleneck", [3, 4, 6, 3], list(PLANES), n_input_channels=1, feed_forward=False, bias_downsample=False
        )
        state = {f"module.{name}": value for name, value in network.state_dict().items()}
        state["module.conv_seg.0.weight"] = torch.zeros(3)
        torch.save({"state_dict": state, "epoch": 3}, folder / "resnet_50_23dataset.pth")

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
