"""Weights come from the hub or a folder, and are the published bytes or an error; a local server is the hub."""

import hashlib
import json
import os
import threading

import pytest
from hub_server import Hub

from strokebench.datasets.encoders import weights
from strokebench.datasets.encoders.biobert import CONFIG, BioBERT
from strokebench.datasets.encoders.medicalnet import MedicalNet
from strokebench.datasets.encoders.registry import find_encoders
from strokebench.datasets.encoders.weights import Published, find_weights
from strokebench.errors import StrokebenchError
from strokebench.files import file_digest, home, read_json


@pytest.fixture
def hub(published_weights, own_home, monkeypatch):
    server = Hub(published_weights)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", server.address)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield server
    server.shutdown()
    server.server_close()


def test_the_paper_pair_comes_from_the_hub_once(hub, published_weights):
    image, text = MedicalNet(planes=(2, 2, 4, 4)), BioBERT()
    assert text.dim == 16
    fingerprints = image.fingerprint(), text.fingerprint()
    assert fingerprints == (
        MedicalNet(published_weights, planes=(2, 2, 4, 4)).fingerprint(),
        BioBERT(published_weights).fingerprint(),
    )
    assert text.encode(["Left infarct"]).shape == (1, 4, 16)
    paths = {path for _, path in hub.requests}
    assert f"/{MedicalNet.file.repository}/resolve/main/{MedicalNet.file.file}" in paths
    assert {path.rpartition("/")[2] for path in paths} == {
        "resnet_50_23dataset.pth", "pytorch_model.bin", "config.json", "vocab.txt",
    }  # fmt: skip
    asked = len(hub.requests)
    assert (image.fingerprint(), text.fingerprint()) == fingerprints
    assert len(hub.requests) == asked


def test_what_is_cached_needs_no_network(hub, monkeypatch):
    path = find_weights(MedicalNet.file, None)
    hub.shutdown()
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert find_weights(MedicalNet.file, None) == path


def test_a_file_is_read_once_until_it_is_written_anew(published_weights, own_home, tmp_path, monkeypatch):
    path = tmp_path / MedicalNet.file.file
    content = (published_weights / path.name).read_bytes()
    path.write_bytes(content)
    first, read = path.stat(), []
    monkeypatch.setattr(weights, "file_digest", lambda path: read.append(path) or file_digest(path))
    found = weights.weights_digest(path)
    assert weights.weights_digest(path) == found and len(read) == 2, "it may be written again within one tick"
    monkeypatch.setattr(weights, "JUST_NOW", 0)
    encoder = MedicalNet(tmp_path, planes=(2, 2, 4, 4))
    assert encoder.fingerprint() == encoder.fingerprint() and len(read) == 3
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(path, ns=(first.st_atime_ns, first.st_mtime_ns))
    assert weights.weights_digest(path) != found and len(read) == 4


def test_size_and_digest_are_locked_on_first_use(hub, published_weights, tmp_path):
    find_weights(CONFIG, None)
    content = (published_weights / "config.json").read_bytes()
    entry = read_json(home("weights", "lock.json"))[f"{CONFIG.repository}/config.json"]
    assert entry == {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (tmp_path / "config.json").write_text(json.dumps({"hidden_size": 999}))
    with pytest.raises(StrokebenchError, match="first use"):
        find_weights(CONFIG, tmp_path)


@pytest.mark.parametrize("published", [MedicalNet.file, CONFIG], ids=["large", "small"])
def test_other_bytes_than_published_are_thrown_away(hub, published):
    hub.tamper = True
    with pytest.raises(StrokebenchError, match="thrown away"):
        find_weights(published, None)
    hub.tamper = False
    assert find_weights(published, None).read_bytes() == (hub.folder / published.file).read_bytes()


def test_bytes_altered_on_disk_are_noticed(hub):
    path = find_weights(MedicalNet.file, None)
    content = path.read_bytes()
    path.resolve().write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(StrokebenchError, match="thrown away"):
        find_weights(MedicalNet.file, None)
    assert find_weights(MedicalNet.file, None).read_bytes() == content


def test_without_a_network_the_error_says_what_to_do(own_home, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(StrokebenchError, match=r"127\.0\.0\.1:9") as caught:
        find_weights(MedicalNet.file, None)
    assert "--weights" in caught.value.hint and "\n" not in str(caught.value)


def test_a_file_that_the_hub_lacks_is_named(hub):
    with pytest.raises(StrokebenchError, match=r"none\.bin of some/model"):
        find_weights(Published("some/model", "none.bin", "1 MB"), None)


def test_a_folder_may_hold_the_files_or_subfolders_of_the_repositories(own_home, published_weights, tmp_path):
    subfolder = tmp_path / "biobert-base-cased-v1.1"
    subfolder.mkdir()
    (subfolder / "config.json").write_bytes((published_weights / "config.json").read_bytes())
    assert find_weights(CONFIG, tmp_path) == subfolder / "config.json"
    assert find_weights(CONFIG, published_weights) == published_weights / "config.json"
    with pytest.raises(StrokebenchError, match=r"vocab\.txt"):
        BioBERT(tmp_path).fingerprint()


def test_a_folder_of_the_other_encoder_leaves_what_was_fetched_to_the_hub(hub, tmp_path):
    (tmp_path / "best.pt").touch()
    image, text = find_encoders("monai:resnet10@best.pt+biobert", tmp_path)
    assert image.file == tmp_path / "best.pt"
    with pytest.raises(StrokebenchError, match=r"holds no config\.json"):
        text.fingerprint()
    fetched = BioBERT().fingerprint()
    (tmp_path / "config.json").write_text('{"of": "the training of best.pt"}')
    assert find_encoders("monai:resnet10@best.pt+biobert", tmp_path)[1].fingerprint() == fetched
