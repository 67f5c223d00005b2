"""Any model of transformers by `hf:owner/name@revision`, and any ResNet or DenseNet of MONAI with a file of weights."""

import json
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from hub_server import COMMIT, Hub

from strokebench.benchmarks.running.context import results_name
from strokebench.benchmarks.running.settings import Settings
from strokebench.datasets.encoders.hub_image import HubImage
from strokebench.datasets.encoders.hub_text import HubText
from strokebench.datasets.encoders.medicalnet import MedicalNet
from strokebench.datasets.encoders.monai_network import MonaiNetwork
from strokebench.datasets.encoders.registry import find_encoders, without_folder
from strokebench.datasets.encoders.repository import Repository, load_repository
from strokebench.errors import StrokebenchError

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "left", "infarct", "mild", "volume", "."]
CARD_FILE = "README.md"
CARD = "---\nlicense: mit\ndatasets:\n- soop\n- pubmed\n---\nA small model.\n"
SMALL = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32}


def text_model(folder: Path, kind: str = "ModernBertForMaskedLM", layers: int = 5) -> Path:
    """A small model of a clinical text encoder's form, as its publishers write it."""
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    config_of = getattr(transformers, kind.replace("ForMaskedLM", "Config"))
    config = config_of(
        vocab_size=len(WORDS), num_hidden_layers=layers, max_position_embeddings=34, pad_token_id=0, cls_token_id=2,
        sep_token_id=3, bos_token_id=2, eos_token_id=3, **SMALL,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        getattr(transformers, kind)(config).save_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 2), ("[SEP]", 3)])
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]", unk_token="[UNK]"
    )  # fmt: skip
    fast.save_pretrained(folder)
    (folder / CARD_FILE).write_text(CARD)
    return folder


def picture_model(folder: Path, kind: str) -> Path:
    """A small model for photographs, as its publishers write it."""
    from transformers import ConvNextConfig, ConvNextForImageClassification, ViTConfig, ViTForImageClassification

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if kind == "vit":
            config = ViTConfig(image_size=64, patch_size=16, num_hidden_layers=2, **SMALL)
            ViTForImageClassification(config).save_pretrained(folder)
        else:
            sizes = ConvNextConfig(hidden_sizes=[4, 8, 8, 16], depths=[1, 1, 1, 1], image_size=64)
            ConvNextForImageClassification(sizes).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.5] * 3, "image_std": [0.5] * 3}))
    return folder


def serve(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    server = Hub(folder)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", server.address)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return server


def test_a_model_comes_from_the_hub_once_at_the_commit_of_first_use(own_home, tmp_path, monkeypatch):
    server = serve(text_model(tmp_path / "served"), monkeypatch)
    encoder = HubText.parse("some/clinical@v1", None)
    assert [part.file for part in encoder.published] == ["all files"]
    first = encoder.fingerprint(), encoder.encode(["left infarct ."])
    assert first[1].shape == (1, 4, 16) and encoder.dim == 16 and encoder.name == "some/clinical@v1"
    assert encoder.trained_on == ("soop", "pubmed") and encoder.repository.about().licence == "mit"
    assert {f"/some/clinical/resolve/{COMMIT}/model.safetensors"} <= {path for _, path in server.requests}
    server.shutdown()
    server.server_close()
    # Without the hub, and in a folder without it: the same.
    again = HubText.parse("some/clinical@v1", None)
    assert again.fingerprint() == first[0] and {"model.safetensors"} <= {part.file for part in again.published}
    folder = HubText.parse("some/clinical@v1", tmp_path / "served")
    assert folder.fingerprint() == first[0] and np.array_equal(folder.encode(["left infarct ."]), first[1])
    # The folder may be the image encoder's alone.
    (tmp_path / "trained").mkdir()
    assert HubText.parse("some/clinical@v1", tmp_path / "trained").fingerprint() == first[0]
    with pytest.raises(StrokebenchError, match=r"trained holds no config\.json of some/other@v1"):
        HubText.parse("some/other@v1", tmp_path / "trained").fingerprint()


@pytest.mark.parametrize("kind", ["ModernBertForMaskedLM", "RobertaForMaskedLM"])
def test_a_text_longer_than_the_model_s_places_is_cut(kind, own_home, tmp_path):
    encoder = HubText.parse("some/model@v1", text_model(tmp_path, kind))
    # Of 34 places two are left, as RoBERTa needs them, and CLS and SEP take two.
    cut, longer, shorter = encoder.encode(["left " * 30, "left " * 29 + "infarct", "left " * 50])
    assert np.allclose(cut, shorter, atol=1e-6) and not np.allclose(cut, longer)


def test_a_clinical_model_has_a_name_of_its_own(own_home, tmp_path):
    text_model(tmp_path / "BioClinical-ModernBERT-base")
    _, encoder = find_encoders("untrained_resnet+bioclinical_modernbert", tmp_path)
    assert encoder.encode(["left infarct ."]).shape == (1, 4, 16)
    assert encoder.trained_on == encoder.about.trained_on and encoder.about.licence == "MIT"
    same = HubText.parse("thomas-sounack/BioClinical-ModernBERT-base@main", tmp_path)
    assert encoder.fingerprint() == same.fingerprint()


def test_models_without_cls_vectors_of_four_layers_are_refused(own_home, tmp_path):
    with pytest.raises(StrokebenchError, match="no CLS vectors of 4 layers"):
        HubText.parse("some/shallow@v1", text_model(tmp_path, layers=2)).encode(["left"])


@pytest.mark.parametrize("kind", ["vit", "convnext"])
def test_a_model_for_photographs_sees_six_slices(kind, own_home, tmp_path):
    encoder = HubImage.parse("some/pictures@v1", picture_model(tmp_path, kind))
    volumes = np.random.default_rng(0).standard_normal((2, *encoder.target.shape), dtype=np.float32)
    vectors, tokens = encoder.encode(volumes)
    assert vectors.shape == (2, encoder.dim) and tokens.shape == (2, 16, encoder.dim)
    assert np.allclose(encoder.encode(volumes[1:])[0][0], vectors[1], atol=1e-5)
    # A cell of the grid is where it is in the head: what changes at the left back changes token 0 most.
    corner = volumes[:1].copy()
    corner[:, :32, :32] += 2
    changes = np.abs(encoder.encode(corner)[1] - tokens[:1]).mean(axis=2)[0]
    assert changes.argmax() == 0 if kind == "vit" else np.isfinite(changes).all()


def test_models_of_the_other_kind_and_unreadable_ones_are_one_line(own_home, tmp_path, monkeypatch):
    words, pictures = text_model(tmp_path / "words"), picture_model(tmp_path / "pictures", "vit")
    with pytest.raises(StrokebenchError, match="no model of pictures"):
        HubImage.parse("a/words@v1", words).encode(np.zeros((1, 128, 128, 96), np.float32))
    with pytest.raises(StrokebenchError, match="tokenizer"):
        HubText.parse("a/pictures@v1", pictures).encode(["left"])
    config = json.loads((words / "config.json").read_text())
    code = {**config, "model_type": "own", "auto_map": {"AutoModel": "modeling.Own", "AutoConfig": "modeling.Config"}}
    (words / "config.json").write_text(json.dumps(code))
    (words / "modeling.py").write_text("raise SystemExit('it ran')")
    # Nobody is asked whether to run it: what is asked at a terminal is answered yes.
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    with pytest.raises(StrokebenchError, match=r"tokenizer|no model that transformers knows"):
        HubText.parse("a/code@v1", words).encode(["left"])
    with pytest.raises(StrokebenchError, match="no model that transformers knows"):
        load_repository(Repository.parse("a/code@v1", words))
    (words / "model.safetensors").unlink()
    with pytest.raises(StrokebenchError, match="in one piece"):
        HubText.parse("a/parts@v1", words).fingerprint()


@pytest.mark.parametrize(
    ("file", "changes", "said"),
    [
        ("config.json", None, "holds no settings"),
        ("config.json", {"hidden_size": 10**9}, "can hold"),
        ("config.json", {"num_hidden_layers": 10**6}, "1000000 layers"),
        ("config.json", {"hidden_size": "many", "hidden_sizes": "abc"}, "names no hidden_size"),
        ("preprocessor_config.json", {"image_mean": "abc"}, "image_mean"),
        ("preprocessor_config.json", {"image_std": [0.5]}, "image_mean"),
    ],
)
def test_settings_that_cannot_be_are_one_line(own_home, tmp_path, file, changes, said):
    path = picture_model(tmp_path, "vit") / file
    path.write_text(json.dumps(None if changes is None else json.loads(path.read_text()) | changes))
    encoder = HubImage.parse("some/pictures@v1", tmp_path)
    with pytest.raises(StrokebenchError, match=said):
        assert encoder.dim and encoder.encode(np.zeros((1, *encoder.target.shape), np.float32))


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("hf:model+minilm", "does not name a model"),
        ("hf:owner/model+minilm", "does not name a model"),
        ("hf:../model@main+minilm", "does not name a model"),
        ("hf:owner/..@main+minilm", "does not name a model"),
        (f"hf:{'a' * 3000}/b@main+minilm", "does not name a model"),
        ("monai:resnet18+minilm", "names no file"),
        (f"monai:resnet18@{'a' * 3000}+minilm", "names no file"),
        ("monai:resnet19@a.pth+minilm", "Did you mean resnet1"),
        ("untrained_resnet+monai:resnet18@a.pth", "No encoder is called 'monai:resnet18@a.pth'"),
    ],
)
def test_what_names_no_model_is_refused_at_once(pair, said):
    with pytest.raises(StrokebenchError) as error:
        find_encoders(pair)
    assert said in error.value.message + error.value.hint


def test_a_network_of_monai_takes_a_given_file_without_its_heads(own_home, tmp_path):
    from strokebench.datasets.images.light_monai import nets

    with torch.random.fork_rng(devices=[]):
        network = nets.resnet10(
            spatial_dims=3, n_input_channels=1, num_classes=2, shortcut_type="B", bias_downsample=False
        ).eval()
    file = tmp_path / "a+b.pth"
    torch.save({"state_dict": network.state_dict()}, file)
    image, _ = find_encoders(f"monai:resnet10@{file.name}+minilm", tmp_path)
    assert isinstance(image, MonaiNetwork) and image.name == "resnet10 (a+b.pth)"
    volumes = np.random.default_rng(0).standard_normal((1, *image.target.shape), dtype=np.float32)
    vectors, tokens = image.encode(volumes)
    assert vectors.shape == (1, 512) and tokens.shape == (1, 16, 512)
    network.fc = torch.nn.Identity()
    with torch.no_grad():
        assert np.allclose(network(torch.from_numpy(volumes)[None])[0], vectors[0], atol=1e-4)
    first = image.fingerprint()
    torch.save({"conv1.weight": torch.zeros(64, 1, 7, 7, 7)}, file)
    assert image.fingerprint() != first
    with pytest.raises(StrokebenchError, match="does not fit resnet10"):
        image.encode(volumes)
    with pytest.raises(StrokebenchError, match="does not fit resnet34"):
        MonaiNetwork("resnet34", file).encode(volumes)
    with pytest.raises(StrokebenchError, match="There is no file"):
        MonaiNetwork("resnet34", tmp_path / "none.pth").fingerprint()


def test_image_and_text_encoder_are_chosen_apart():
    chosen = Settings(image_encoder="medicalnet")
    assert chosen.encoders == "medicalnet+minilm" and Settings(**vars(chosen)).encoders == chosen.encoders
    assert Settings(encoders="paper", text_encoder="hf:a/b@c").encoders == "medicalnet+hf:a/b@c"
    # What comes to a named pair is called that: its finished results are found.
    assert Settings(image_encoder="medicalnet", text_encoder="biobert").encoders == "paper"
    assert isinstance(find_encoders(chosen.encoders)[0], MedicalNet)
    with pytest.raises(StrokebenchError, match="Did you mean biobert"):
        Settings(text_encoder="biobrt")


def test_a_folder_of_results_can_be_named_after_any_pair():
    one, other = (results_name("own", "mrs", Settings(text_encoder=f"hf:a{mark}b/c@d"), "cv5") for mark in "_.")
    assert one != other and all(part.isascii() and not set("/:@ ") & set(part) for part in (one, other))
    assert results_name("own", "mrs", Settings(encoders="paper"), "cv5") == "own-mrs-cv5-paper"


def test_no_folder_of_weights_is_in_a_folder_s_name():
    names = [results_name("own", "mrs", Settings(image_encoder=f"monai:resnet10@/home/{who}/a.pth"), "cv5")
             for who in ("anna", "otto")]  # fmt: skip
    assert names[0] != names[1] and all("monai_resnet10_a.pth+minilm" in name and "home" not in name for name in names)
    assert without_folder("monai:resnet10@D:\\anna\\a+b.pth+hf:o/n@v") == "monai:resnet10@a+b.pth+hf:o/n@v"
    for pair in ("paper", "", "hf:o/n@v+hf:p/q@w", "monai:resnet10@a.pth+minilm"):
        assert without_folder(pair) == pair
