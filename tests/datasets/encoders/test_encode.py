"""A cohort is encoded once, by content, in any order and with any number of workers, and survives `kill -9`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import nibabel
import numpy as np
import pandas as pd
import pytest
import torch

from strokebench.datasets.cohort import Cohort, Column, Kind
from strokebench.datasets.encoders import registry, store, work
from strokebench.datasets.encoders.biobert import BioBERT
from strokebench.datasets.encoders.encode import _device, encode_cohort
from strokebench.datasets.encoders.untrained_resnet import UntrainedResNet
from strokebench.errors import StrokebenchError
from strokebench.files import home

N = 20
PROMPTS = ("volume", "areas")


class SmallResNet(UntrainedResNet):
    """Makes one of small width."""

    @classmethod
    def make(cls, weights):
        return UntrainedResNet(planes=(2, 2, 4, 4))


@pytest.fixture(scope="module", autouse=True)
def small_pair(published_weights):
    """Real encoders of small width under the name `small`."""

    class SmallBERT(BioBERT):
        @classmethod
        def make(cls, weights):
            return BioBERT(published_weights)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.ENCODERS.own, "small_resnet", SmallResNet)
        patch.setitem(registry.ENCODERS.own, "small_bert", SmallBERT)
        patch.setitem(registry.PAIRS, "small", "small_resnet+small_bert")
        yield


@pytest.fixture(autouse=True)
def at_home(own_home):
    """Every test has a home of its own."""


@pytest.fixture
def cohort(tmp_path) -> Cohort:
    return write_cohort(tmp_path)


@pytest.fixture(scope="module")
def kept_home(small_pair, tmp_path_factory) -> Path:
    """A home where a cohort like `cohort` was encoded."""
    folder = tmp_path_factory.mktemp("encoded")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STROKEBENCH_HOME", str(folder))
        encode(write_cohort(folder))
    return folder


@pytest.fixture
def before(cohort, kept_home):
    """Features of `cohort`, which this test's home has from `kept_home`."""
    shutil.copytree(kept_home / "embeddings", home("embeddings"), dirs_exist_ok=True)
    log = Log()
    embeddings = encode(cohort, progress=log)
    assert not log.events
    return embeddings


def write_cohort(folder: Path, n: int = N) -> Cohort:
    rng = np.random.default_rng(0)
    ids = [f"P{i:02d}" for i in range(n)]
    images = {}
    for patient in ids:
        data = np.zeros((24, 28, 20), np.int16)
        data[4:20, 4:24, 4:16] = rng.integers(50, 200, (16, 20, 12))
        images[patient] = folder / f"{patient}.nii.gz"
        nibabel.save(nibabel.Nifti1Image(data, np.diag([6.0, 6, 6, 1])), images[patient])
    texts = pd.DataFrame(
        {"volume": [f"volume {'ml ' * (i + 1)}." for i in range(n)], "areas": ["Left infarct ."] * n}, index=ids
    )
    table = pd.DataFrame({"age": rng.uniform(40, 90, n)}, index=ids)
    return Cohort("toy", "toy cohort", table, {"age": Column(Kind.NUMERIC)}, pd.Series(images), texts)


def with_parts(cohort: Cohort, **parts) -> Cohort:
    fields = {name: getattr(cohort, name) for name in cohort.__dataclass_fields__}
    return Cohort(**{**fields, **parts})


class Log:
    """What a call tells of its progress."""

    def __init__(self) -> None:
        self.events: list[tuple[str, int, int]] = []

    def __call__(self, *event) -> None:
        self.events.append(event)

    def total(self, what: str) -> int:
        """How many were to be encoded."""
        return next((total for stage, _, total in self.events if stage == what), 0)


def encode(cohort: Cohort, **settings):
    return encode_cohort(cohort, **{"encoders": "small", "jobs": 1, **settings})


def test_each_patient_has_image_and_text_features(cohort):
    log = Log()
    embeddings = encode(cohort, progress=log)
    assert embeddings.arrays["image.vector"].shape == (N, 4) and embeddings.arrays["image.tokens"].shape == (N, 16, 4)
    assert embeddings.arrays["text"].shape == (N, 2, 4, 16)
    assert "untrained" in embeddings.encoders["image"] and "BioBERT" in embeddings.encoders["text"]
    for part in embeddings.arrays.values():
        assert isinstance(part, np.memmap) and not part.flags.writeable and part.dtype == np.float32
        assert np.isfinite(part).all()
    # A text that all patients share is encoded once.
    assert log.total("images") == N and log.total("texts") == N + 1
    assert log.events[-1][1] == log.events[-1][2]


def test_who_leaves_the_grid_is_named_with_how_much(cohort, caplog):
    data = np.zeros((24, 45, 20), np.int16)
    data[4:20, 2:42, 4:16] = np.random.default_rng(2).integers(50, 200, (16, 40, 12))
    nibabel.save(nibabel.Nifti1Image(data, np.diag([6.0, 6, 6, 1])), cohort.images.loc["P07", "image"])
    encode(cohort)
    [said] = [record.getMessage() for record in caplog.records if "grid" in record.getMessage()]
    # 240 mm from front to back, on a grid of 192.
    assert f"part of 1 head(s) (of {N} images): P07 (20.0 %)" in said


def test_rows_belong_to_ids_whatever_the_order_of_the_cohort(cohort, before):
    embeddings = before
    shuffled = encode(cohort.subset(cohort.ids[::-1]))
    assert shuffled.fingerprint == embeddings.fingerprint
    alone = encode(cohort.subset(cohort.ids[7:8]))
    row = embeddings.rows(pd.Index(["P07"]))[0]
    assert np.array_equal(alone.arrays["image.vector"][0], embeddings.arrays["image.vector"][row])
    assert np.array_equal(alone.arrays["text"][0], embeddings.arrays["text"][row])


def test_a_second_call_encodes_nothing(cohort, before, monkeypatch):
    first = before
    for encoder in (UntrainedResNet, BioBERT):
        monkeypatch.setattr(encoder, "encode", lambda *_: pytest.fail("encoded again"))
    log = Log()
    second = encode(cohort, progress=log)
    assert second.fingerprint == first.fingerprint and not log.events
    assert np.array_equal(second.arrays["image.tokens"], first.arrays["image.tokens"])


def test_workers_change_nothing(cohort, before, tmp_path, monkeypatch):
    one = before
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path / "other"))
    two = encode(cohort, jobs=2)
    assert one.fingerprint == two.fingerprint
    for name in ("image.vector", "image.tokens", "text"):
        assert np.array_equal(one.arrays[name], two.arrays[name])


def test_missing_parts(cohort):
    embeddings = encode(with_parts(cohort, images=None, texts=None))
    assert not embeddings.arrays and not embeddings.encoders
    assert list(embeddings.ids) == list(cohort.ids)

    images = cohort.images["image"].astype(object).copy()
    images["P03"] = None
    texts = cohort.texts.astype(object).copy()
    texts.loc["P04", "areas"] = None
    texts.loc["P05", "areas"] = "  "
    embeddings = encode(with_parts(cohort, images=images, texts=texts))
    assert list(np.flatnonzero(np.isnan(embeddings.arrays["image.vector"]).all(axis=1))) == [3]
    assert list(np.flatnonzero(np.isnan(embeddings.arrays["image.tokens"]).any(axis=(1, 2)))) == [3]
    assert list(np.flatnonzero(np.isnan(embeddings.arrays["text"][:, 1]).all(axis=(1, 2)))) == [4, 5]
    assert np.isfinite(embeddings.arrays["text"][:, 0]).all()


def test_only_what_changed_is_encoded_again(cohort, before):
    data = nibabel.load(cohort.images.loc["P02", "image"]).get_fdata()[::-1].astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(data, np.diag([6.0, 6, 6, 1])), cohort.images.loc["P02", "image"])
    log = Log()
    after = encode(cohort, progress=log)
    assert after.fingerprint != before.fingerprint
    assert log.events == [("images", 0, 1), ("images", 1, 1)]
    changed = np.flatnonzero((after.arrays["image.vector"] != before.arrays["image.vector"]).any(axis=1))
    assert list(changed) == [2]


def test_the_filter_decides_what_is_encoded(cohort, before):
    log = Log()
    after = encode(cohort, text_filter=lambda text: "" if "Left" in text else text, progress=log)
    assert before.emptied == 0 and after.emptied == cohort.texts.map(lambda text: "Left" in str(text)).sum().sum() > 0
    assert log.total("texts") == 0
    assert np.isnan(after.arrays["text"][:, 1]).all() and np.array_equal(
        after.arrays["text"][:, 0], before.arrays["text"][:, 0]
    )
    assert after.fingerprint != before.fingerprint
    encode(cohort, text_filter=lambda text: text.replace("Left", "left"), progress=log)
    assert log.total("texts") == 1


def test_the_same_image_is_encoded_once(cohort):
    images = cohort.images["image"].copy()
    images["P09"] = images["P08"]
    log = Log()
    embeddings = encode(with_parts(cohort, images=images), progress=log)
    assert log.total("images") == N - 1
    assert np.array_equal(embeddings.arrays["image.vector"][8], embeddings.arrays["image.vector"][9])


def test_unreadable_images_are_all_named_and_the_others_kept(cohort):
    good = Path(cohort.images.loc["P12", "image"]).read_bytes()
    originals = {patient: Path(cohort.images.loc[patient, "image"]).read_bytes() for patient in ("P01", "P12", "P13")}
    for patient, length in {"P01": 300, "P12": 400, "P13": 400}.items():
        Path(cohort.images.loc[patient, "image"]).write_bytes(good[:length])
    with pytest.raises(StrokebenchError) as caught:
        encode(cohort)
    assert "2 images" in caught.value.message
    assert all(patient in caught.value.message for patient in originals)
    assert not list(home("embeddings").glob("image-*"))
    for patient, content in originals.items():
        Path(cohort.images.loc[patient, "image"]).write_bytes(content)
    log = Log()
    encode(cohort, progress=log)
    assert log.total("images") == 3


def test_a_damaged_cache_is_made_anew(cohort, before):
    expected = np.array(before.arrays["image.tokens"])
    (path,) = home("embeddings").glob("image-*/tokens.npy")
    os.truncate(path, 1000)
    assert np.array_equal(encode(cohort).arrays["image.tokens"], expected)


def test_nothing_is_left_of_the_unfinished(cohort):
    encode(cohort)
    assert not list(home("embeddings").rglob("*.npz")) and not list(home("embeddings").rglob("*.part"))


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import test_encode
from strokebench.datasets.encoders import registry
registry.ENCODERS.own["small_resnet"] = test_encode.SmallResNet
registry.PAIRS["small"] = "small_resnet+minilm"

def die(what, done, total):
    if done >= 8:
        os.kill(os.getpid(), signal.SIGKILL)

cohort = test_encode.with_parts(test_encode.write_cohort(Path({folder!r})), texts=None)
test_encode.encode(cohort, progress=die)
"""


@pytest.mark.long
def test_a_killed_process_goes_on_where_it_was(cohort, tmp_path, monkeypatch):
    images_only = with_parts(cohort, texts=None)
    code = KILLED.format(tests=str(Path(__file__).parent), folder=str(tmp_path))
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert killed.returncode == -9, killed.stderr
    log = Log()
    resumed = encode(images_only, progress=log)
    assert log.total("images") == N - 8
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path / "other"))
    assert np.array_equal(resumed.arrays["image.tokens"], encode(images_only).arrays["image.tokens"])


def test_unknown_encoders_are_refused(cohort):
    with pytest.raises(StrokebenchError, match="small"):
        encode(cohort, encoders="large")


class OnDevice(UntrainedResNet):
    """Records how it is called; a GPU is not at hand."""

    def encode(self, volumes, device="cpu"):
        calls.append((len(volumes), device))
        return super().encode(volumes, "cpu")


calls: list[tuple[int, str]] = []


def test_a_gpu_gets_batches(cohort, before):
    calls.clear()
    items = [(f"key-{patient}", patient, (Path(path), None), None) for patient, path in cohort.images["image"].items()]
    encoder = OnDevice(planes=(2, 2, 4, 4))
    chunks = list(work.encode_images(encoder, items, 1, "cuda"))
    assert calls == [(8, "cuda"), (8, "cuda"), (4, "cuda")]
    assert [key for chunk in chunks for key in chunk.keys] == [key for key, *_ in items]
    vectors = np.concatenate([chunk.arrays["pooled"] for chunk in chunks])
    assert np.allclose(vectors, before.arrays["image.vector"], atol=1e-5)


def test_a_gpu_that_is_behind_is_waited_for(monkeypatch):
    """What is prepared for it is held meanwhile."""
    prepared = []

    def at_once(function, given, jobs):
        prepared.extend(given)
        return [([], [], [], {}) for _ in given]

    monkeypatch.setattr(work, "_spread", at_once)
    items = [(f"key-{n}", f"P{n}", (Path(f"{n}.nii"), None), None) for n in range(400)]
    chunks = work.encode_images(OnDevice(planes=(2, 2, 4, 4)), items, 2, "cuda")
    next(chunks)
    assert len(prepared) == 2 * work.AHEAD
    assert len(list(chunks)) == 49 and [item for _, chunk, _ in prepared for item in chunk] == items


def test_a_gpu_without_room_is_left_alone(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", Mock(side_effect=torch.AcceleratorError("out of memory")))
    assert _device("auto") == "cpu"
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_: (2**20, 2**34))
    assert _device("auto") == "cpu" and _device("cuda") == "cuda"
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_: (2**31, 2**34))
    assert _device("auto") == "cuda"


def test_sets_of_another_encoder_are_not_looked_through(before, monkeypatch):
    looked = []
    monkeypatch.setattr(store, "damaged_file", looked.append)
    assert not store.EmbeddingStore("image", "of another").rows(["pooled"]) and not looked


def test_a_brain_mask_changes_the_features_of_its_patient_alone(cohort, before, tmp_path):
    mask = np.zeros((24, 28, 20), np.uint8)
    mask[6:18, 6:22, 6:14] = 1
    nibabel.save(nibabel.Nifti1Image(mask, np.diag([6.0, 6, 6, 1])), tmp_path / "brain.nii.gz")
    masks = pd.Series([tmp_path / "brain.nii.gz", *[None] * (N - 1)], index=cohort.ids)
    after = encode(with_parts(cohort, brain_masks=masks))
    assert not np.allclose(after.arrays["image.vector"][0], before.arrays["image.vector"][0])
    np.testing.assert_array_equal(after.arrays["image.vector"][1:], before.arrays["image.vector"][1:])


def test_features_of_the_cohort_s_own_replace_the_encoder(cohort):
    log = Log()
    vectors = pd.DataFrame(np.arange(3.0 * N).reshape(N, 3), index=cohort.ids)
    answers = pd.Series([None, *np.ones((N - 1, 2, 1, 4))], index=cohort.ids)
    own = with_parts(cohort, features={"image.vector": vectors[::-1], "text": answers[::-1]})
    embeddings = encode(own, progress=log)
    assert not log.total("images") and embeddings.arrays.keys() == {"image.vector", "text"}
    np.testing.assert_array_equal(embeddings.arrays["image.vector"], vectors.loc[embeddings.ids])
    row = embeddings.rows(cohort.ids[:1])[0]
    assert np.isnan(embeddings.arrays["text"][row]).all() and embeddings.arrays["text"].shape == (N, 2, 1, 4)
    other = encode(with_parts(cohort, features={"image.vector": vectors + 1, "text": answers}))
    assert other.fingerprint != embeddings.fingerprint
    with pytest.raises(StrokebenchError, match=r"image\.vector"):
        encode(with_parts(cohort, features={"image.vector": vectors.astype(str) + "?"}))


def test_of_a_pair_the_voxels_tell_images_apart(cohort):
    pairs = {}
    for patient, path in cohort.images["image"].items():
        pairs[patient] = path.with_suffix("").with_suffix(".hdr")
        image = nibabel.load(path)
        nibabel.save(nibabel.Nifti1Pair(np.asarray(image.dataobj), image.affine), pairs[patient])
    assert len({path.read_bytes() for path in pairs.values()}) == 1
    own = with_parts(cohort, images=pd.Series(pairs), texts=None)
    np.testing.assert_allclose(
        encode(own).arrays["image.vector"], encode(cohort).arrays["image.vector"], rtol=1e-5, atol=1e-6
    )
    before = own.fingerprint()
    voxels = pairs["P00"].with_suffix(".img")
    voxels.write_bytes(voxels.read_bytes()[::-1])
    assert own.fingerprint() != before


@pytest.mark.parametrize("kind", ["small_resnet", "small_bert"])
def test_an_encoder_that_gives_nan_is_no_missing_patient(cohort, monkeypatch, kind):
    encoder = UntrainedResNet if kind == "small_resnet" else BioBERT
    given = encoder.encode

    def spoilt(self, inputs, device="cpu"):
        found = given(self, inputs, device)
        (found if encoder is BioBERT else found[0])[0] = np.nan
        return found

    monkeypatch.setattr(encoder, "encode", spoilt)
    with pytest.raises(StrokebenchError, match="not finite"):
        encode(cohort)
