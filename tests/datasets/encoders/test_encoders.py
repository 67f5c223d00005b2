"""What every encoder promises, and what makes each one that encoder."""

import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from strokebench.datasets.encoders import biobert, efficientnet, minilm, published, slices, untrained_resnet
from strokebench.datasets.encoders.biobert import BioBERT
from strokebench.datasets.encoders.brain.brainiac import BrainIAC
from strokebench.datasets.encoders.brain.resenc import ResEncL
from strokebench.datasets.encoders.brain.simclr_mri import SimCLRMRI
from strokebench.datasets.encoders.contract import ImageEncoder, TextEncoder
from strokebench.datasets.encoders.efficientnet import EfficientNetLite0, find_file
from strokebench.datasets.encoders.medicalnet import MedicalNet
from strokebench.datasets.encoders.minilm import MiniLM
from strokebench.datasets.encoders.registry import find_encoders
from strokebench.datasets.encoders.resnet import pool, stage_maps
from strokebench.datasets.encoders.untrained_resnet import UntrainedResNet, UntrainedStages
from strokebench.datasets.images.target import HALF_FINE, Target
from strokebench.errors import StrokebenchError

PLANES = (2, 2, 4, 4)


class CoarseSimCLR(SimCLRMRI):
    """On a grid that takes no time."""

    target = Target((32, 32, 32), 6.0)


class CoarseResEnc(ResEncL):
    """The same; its stride of 32 leaves two cells."""

    target = Target((64, 32, 32), 6.0)


@pytest.fixture(params=["untrained", "stages", "medicalnet", "lite0", "simclr", "resenc", "brainiac"])
def image_encoder(request, published_weights, own_home) -> ImageEncoder:
    return {
        "untrained": UntrainedResNet(planes=PLANES),
        "stages": UntrainedStages(planes=PLANES),
        "medicalnet": MedicalNet(published_weights, planes=PLANES),
        "lite0": EfficientNetLite0(),
        "simclr": CoarseSimCLR(published_weights, planes=(2, 2, 2, 4, 4)),
        "resenc": CoarseResEnc(published_weights, planes=(2, 2, 2, 2, 4, 4), blocks=(1, 2, 1, 1, 1, 1)),
        "brainiac": BrainIAC(published_weights, width=8, depth=2, heads=2),
    }[request.param]


@pytest.fixture(params=["minilm", "biobert"])
def text_encoder(request, published_weights, own_home) -> TextEncoder:
    return MiniLM() if request.param == "minilm" else BioBERT(published_weights)


def volumes(encoder: ImageEncoder, n: int = 3) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.standard_normal((n, *encoder.target.shape), dtype=np.float32)


def test_image_encoder_gives_pooled_vector_and_sixteen_tokens(image_encoder):
    pooled, tokens = image_encoder.encode(volumes(image_encoder))
    assert pooled.shape == (3, image_encoder.dim) and tokens.shape == (3, 16, image_encoder.token_dim)
    assert pooled.dtype == tokens.dtype == np.float32
    assert np.isfinite(pooled).all() and np.isfinite(tokens).all()
    assert pooled.std(axis=0).max() > 0


def test_image_features_do_not_depend_on_the_batch(image_encoder):
    batch = volumes(image_encoder)
    pooled, tokens = image_encoder.encode(batch)
    alone = [image_encoder.encode(batch[i : i + 1]) for i in range(3)]
    assert np.allclose(np.concatenate([p for p, _ in alone]), pooled, rtol=1e-4, atol=1e-5)
    assert np.allclose(np.concatenate([t for _, t in alone]), tokens, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("i", "j"), [(0, 0), (3, 0), (0, 3), (2, 1)])
def test_token_order_is_left_to_right_then_back_to_front(i, j):
    features = torch.zeros(1, 2, 8, 12, 5)
    features[0, 1, 2 * i, 3 * j, 4] = 30
    pooled, tokens = pool(features)
    assert tokens[0, 4 * i + j, 1] == 1 and tokens.count_nonzero() == 1
    # Cells of equal size: their mean is the mean of the map.
    assert torch.allclose(tokens.mean(dim=1), pooled)


def test_an_encoder_survives_pickling_and_leaves_global_random_state_alone(image_encoder):
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    for cached in (untrained_resnet._network, published.loaded):
        cached.cache_clear()
    twin = pickle.loads(pickle.dumps(image_encoder))  # noqa: S301
    assert twin.fingerprint() == image_encoder.fingerprint()
    batch = volumes(image_encoder, 1)
    assert np.array_equal(twin.encode(batch)[0], image_encoder.encode(batch)[0])
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002


def test_statistics_of_stages_are_mean_deviation_and_largest_value_of_each_channel():
    encoder = UntrainedStages(planes=PLANES)
    batch = volumes(encoder, 1)
    vectors, tokens = encoder.encode(batch)
    pooled, same = UntrainedResNet(planes=PLANES).encode(batch)
    # The first stage's mean begins the vector; the last stage's mean is the plain encoder's vector.
    assert np.array_equal(tokens, same) and vectors.shape == (1, 36)
    assert np.allclose(vectors[:, -12:-8], pooled, atol=1e-6)
    assert (vectors[:, -8:-4] >= 0).all() and (vectors[:, -4:] >= vectors[:, -12:-8]).all()


@pytest.mark.parametrize(("block", "shortcut"), [("basic", "A"), ("basic", "B"), ("bottleneck", "B")])
def test_a_cpu_computes_what_the_layers_say_in_their_order(block, shortcut):
    from strokebench.datasets.images.light_monai import nets

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = nets.ResNet(
            block, [1, 2, 1, 1], list(PLANES), n_input_channels=1, feed_forward=False, shortcut_type=shortcut
        ).eval()
        for name, values in network.state_dict().items():
            if "bn" in name or "downsample.1" in name:
                values += torch.rand(values.shape).to(values.dtype)
        inputs = torch.randn(2, 1, 24, 16, 16)
    with torch.inference_mode():
        x, expected = network.maxpool(network.bn1(network.conv1(inputs)).relu()), []
        for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
            expected.append(x := stage(x))
        found = stage_maps(network, inputs)
    for ours, plain in zip(found, expected, strict=True):
        assert ours.layout == torch.strided and torch.allclose(ours, plain, rtol=1e-4, atol=1e-5 * plain.std())


def test_slices_are_spread_over_the_head_with_the_forehead_up():
    volume = np.zeros((1, *HALF_FINE.shape), np.float32)
    volume[0, :, :, 10:61] = np.arange(10, 61) / 10
    volume[0, 5, 100, 10:61] = 9
    found = slices.slices(volume)
    assert found.shape == (1, 6, 128, 128)
    heights = np.rint(10 + np.linspace(0.12, 0.88, 6) * 50) / 10
    assert np.allclose(found[0, :, 64, 64], np.clip((heights + 2) / 6, 0, 1))
    assert (found[0, :, 127 - 100, 5] == 1).all()


def test_weights_of_a_package_are_checked_and_missed_in_one_line(own_home, tmp_path, monkeypatch):
    good = find_file(None)
    assert find_file(tmp_path) == good, "a folder without the file"
    (tmp_path / good.name).write_bytes(good.read_bytes())
    assert find_file(tmp_path) == tmp_path / good.name
    (tmp_path / good.name).write_bytes(b"other")
    with pytest.raises(StrokebenchError, match="SHA-256"):
        find_file(tmp_path)
    for module in (efficientnet, minilm):
        monkeypatch.setattr(module, "find_spec", lambda name: None)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for read in (lambda: find_file(None), MiniLM().fingerprint):
        with pytest.raises(StrokebenchError, match="is not installed") as caught:
            read()
        assert "strokebench[embedded]" in caught.value.hint and "\n" not in str(caught.value)


def test_minilm_of_a_folder_is_that_of_the_package_and_no_other(own_home, tmp_path):
    place = tmp_path / "all-MiniLM-L6-v2"
    shutil.copytree(minilm.find_folder(None), place)
    assert MiniLM(tmp_path).fingerprint() == MiniLM().fingerprint()
    (place / minilm.WEIGHTS).write_bytes(b"other")
    with pytest.raises(StrokebenchError, match="SHA-256"):
        MiniLM(tmp_path).fingerprint()


def test_untrained_weights_come_from_the_seed_and_change_the_fingerprint():
    one, other = UntrainedResNet(planes=PLANES), UntrainedResNet(planes=PLANES, seed=1)
    batch = volumes(one, 1)
    first = one.encode(batch)[0]
    assert not np.allclose(first, other.encode(batch)[0])
    untrained_resnet._network.cache_clear()
    assert np.array_equal(first, one.encode(batch)[0])
    assert one.fingerprint() != other.fingerprint()


def test_text_encoder_gives_four_layers(text_encoder):
    texts = ["Left infarct .", "mild volume", "Left infarct . mild volume ml"]
    vectors = text_encoder.encode(texts)
    assert vectors.shape == (3, 4, text_encoder.dim) and vectors.dtype == np.float32
    assert np.isfinite(vectors).all()
    assert not np.allclose(vectors[0], vectors[1])
    assert np.array_equal(text_encoder.encode(texts[::-1])[::-1], vectors)
    assert pickle.loads(pickle.dumps(text_encoder)).fingerprint() == text_encoder.fingerprint()  # noqa: S301


def test_a_text_beyond_the_window_is_cut(text_encoder):
    long = "infarct " * 600
    assert np.array_equal(text_encoder.encode([long]), text_encoder.encode([long + "left " * 50]))


def test_biobert_gives_cls_of_the_last_four_layers_of_cased_text(published_weights, own_home):
    from transformers import BertConfig, BertModel

    encoder = BioBERT(published_weights)
    vectors = encoder.encode(["Left infarct", "left infarct"])
    assert not np.allclose(vectors[0], vectors[1])
    state = torch.load(published_weights / "pytorch_model.bin", weights_only=True)
    config = BertConfig.from_json_file(published_weights / "config.json")
    with torch.random.fork_rng(devices=[]):
        model = BertModel(config, add_pooling_layer=False).eval()
    body = {name.removeprefix("bert."): value for name, value in state.items() if name.startswith("bert.")}
    model.load_state_dict(body, strict=True)
    # [CLS] Left infarct [SEP]
    hidden = model(torch.tensor([[2, 5, 7, 3]]), output_hidden_states=True).hidden_states
    expected = torch.stack([layer[0, 0] for layer in hidden[-4:]]).detach().numpy()
    assert np.allclose(vectors[0], expected, atol=1e-5)


def test_medicalnet_holds_the_published_tensors(published_weights, own_home):
    network = published.loaded(MedicalNet(published_weights, planes=PLANES))
    state = torch.load(published_weights / "resnet_50_23dataset.pth", weights_only=True)["state_dict"]
    for name, value in network.state_dict().items():
        assert torch.equal(value, state[f"module.{name}"]), name


def test_medicalnet_of_full_width_has_the_published_size():
    with torch.device("meta"):
        from strokebench.datasets.images.light_monai import nets

        network = nets.ResNet(
            "bottleneck", [3, 4, 6, 3], [64, 128, 256, 512], n_input_channels=1, feed_forward=False,
            bias_downsample=False,
        )  # fmt: skip
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(46.2e6, rel=0.01)
    assert MedicalNet().dim == 2048


class Attack:
    """What a hostile file does when it is unpickled."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self):
        return os.mkdir, (str(self.witness),)


def spoilt(published: Path, folder: Path, file: str, content) -> Path:
    shutil.copytree(published, folder)
    (folder / file).unlink()
    if isinstance(content, bytes):
        (folder / file).write_bytes(content)
    else:
        torch.save(content, folder / file)
    return folder


def encode_with(kind: str, folder: Path) -> None:
    for cached in (published.loaded, biobert._model):
        cached.cache_clear()
    if kind == "image":
        encoder = MedicalNet(folder, planes=PLANES)
        encoder.encode(volumes(encoder, 1))
    else:
        BioBERT(folder).encode(["Left"])


FILES = {"image": "resnet_50_23dataset.pth", "text": "pytorch_model.bin"}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_would_run_code_is_refused(kind, published_weights, own_home, tmp_path):
    witness = tmp_path / "ran"
    folder = spoilt(published_weights, tmp_path / "w", FILES[kind], {"state_dict": Attack(witness)})
    with pytest.raises(StrokebenchError, match="refused") as caught:
        encode_with(kind, folder)
    assert not witness.exists()
    assert FILES[kind] in caught.value.message and "mkdir" in caught.value.message
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("damage", ["truncated", "text", "empty", "list", "other network"])
def test_a_damaged_or_foreign_file_is_one_clear_line(kind, damage, published_weights, own_home, tmp_path):
    good = (published_weights / FILES[kind]).read_bytes()
    contents = {
        "truncated": good[: len(good) // 2],
        "text": b"<html>404</html>",
        "empty": b"",
        "list": [torch.zeros(3)],
        "other network": {"state_dict": {"conv1.weight": torch.zeros(5, 1, 3, 3, 3)}},
    }
    folder = spoilt(published_weights, tmp_path / "w", FILES[kind], contents[damage])
    with pytest.raises(StrokebenchError) as caught:
        encode_with(kind, folder)
    assert FILES[kind] in caught.value.message and caught.value.hint
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("encoders", "kinds"),
    [
        ("embedded", ["UntrainedResNet", "MiniLM"]),
        ("paper", ["MedicalNet", "BioBERT"]),
        ("untrained_resnet+biobert", ["UntrainedResNet", "BioBERT"]),
    ],
)
def test_encoders_are_found_by_the_pair_s_name_or_each_by_its_own(encoders, kinds):
    assert [type(encoder).__name__ for encoder in find_encoders(encoders)] == kinds


@pytest.mark.parametrize(
    ("encoders", "said"),
    [
        ("embeded", "Did you mean embedded?"),
        ("untrained_resnet+biobrt", "Did you mean biobert?"),
        ("minilm+biobert", "'minilm' is no encoder of images"),
        ("medicalnet+medicalnet", "'medicalnet' is no encoder of texts"),
    ],
)
def test_unknown_or_misplaced_encoders_are_refused(encoders, said):
    with pytest.raises(StrokebenchError) as error:
        find_encoders(encoders)
    assert said in error.value.message
