"""Reference rows on request: they join where they are named, and say which library they lack."""

import hashlib
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hub_server import COMMIT, Hub

from strokebench import plugins
from strokebench.benchmarks.keys.described import described_methods
from strokebench.benchmarks.running.backends.choose import choose
from strokebench.benchmarks.running.settings import Settings
from strokebench.datasets.encoders.weights import fetched, keep_weights
from strokebench.errors import StrokebenchError
from strokebench.files import home
from strokebench.methods.conformance import check
from strokebench.methods.conformance.subject import MadeUp
from strokebench.methods.reference import tabicl
from strokebench.methods.registry import all_methods, find_method
from strokebench.tasks.endpoints.parse import parse_endpoint

ON_REQUEST = ("catboost", "lightgbm", "tabicl")
TRAIN, VALIDATION, TEST = MadeUp(30, 1), MadeUp(10, 2), MadeUp(6, 3)


def test_they_are_known_and_join_nothing_by_themselves():
    assert {name for name, method in described_methods().items() if method.library} == {*ON_REQUEST}
    assert not {*ON_REQUEST} & all_methods().keys() and {*ON_REQUEST} < all_methods(on_request=True).keys()


@pytest.mark.parametrize("name", ON_REQUEST)
def test_a_library_that_is_not_installed_is_named_with_its_command(name, monkeypatch):
    monkeypatch.setattr(plugins, "find_spec", lambda library: None)
    for ask in (find_method, lambda name: Settings(methods=(name,))):
        with pytest.raises(StrokebenchError, match=rf"{name}, which is not installed.*strokebench\[modern\]"):
            ask(name)
    assert Settings(methods=("svm",)).methods == ("svm",)


@pytest.mark.parametrize("name", ["catboost", "lightgbm"])
def test_trees_keep_every_promise(name):
    pytest.importorskip(name)
    results = check(find_method(name), parameters={"trees": 10})
    assert not {result.name: result.message for result in results if not result.passed}


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of the published form, of a small network that knows nothing."""
    pytest.importorskip("tabicl")
    import torch
    from tabicl._model.tabicl import TabICL

    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path / "home"))
    blocks = {f"{part}_num_blocks": 1 for part in ("col", "row", "icl")}
    config = {"embed_dim": 8, "col_num_inds": 4, "row_num_cls": 2, "ff_factor": 1, **blocks}
    config |= {f"{part}_nhead": 2 for part in ("col", "row", "icl")}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = TabICL(**config)
        for weights in network.parameters():
            torch.nn.init.normal_(weights, std=0.3)
    path = tmp_path / "weights" / tabicl.CHECKPOINT.file
    path.parent.mkdir()
    torch.save({"config": config, "state_dict": network.state_dict()}, path)
    small = replace(tabicl.CHECKPOINT, revision=COMMIT, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setattr(tabicl, "CHECKPOINT", small)
    monkeypatch.setattr(tabicl.TabICL, "published", (small,))
    return path


def test_tabicl_keeps_its_promises_and_is_never_saved(checkpoint):
    choose(Settings(weights=checkpoint.parent, jobs=1), ["tabicl"])
    promises = ("description", "parameters", "save_and_load", "batch_composition", "same_seed", "global_random_state")
    results = check(tabicl.TabICL, promises, {"views": 2})
    assert not {result.name: result.message for result in results if not result.passed}


def test_tabicl_takes_grades_as_they_are(checkpoint):
    keep_weights(tabicl.CHECKPOINT, checkpoint.parent)
    method = tabicl.TabICL(views=2)
    method.endpoint = parse_endpoint("mrs 0 to 6")
    p = method.fit(TRAIN.x, np.arange(30, dtype=np.int8) % 7, VALIDATION.x, VALIDATION.y).predict_proba(TEST.x)
    assert p.shape == (6, 7) and np.allclose(p.sum(1), 1)


def test_weights_come_from_the_hub_once_and_only_for_who_names_the_method(checkpoint, monkeypatch):
    server = Hub(checkpoint.parent)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", server.address)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    choose(Settings(jobs=1), ["svm", "concat"])
    assert not server.requests and not fetched(tabicl.CHECKPOINT)
    choose(Settings(jobs=1), ["svm", "tabicl"])
    assert any(COMMIT in path for _, path in server.requests) and fetched(tabicl.CHECKPOINT)
    server.shutdown()
    server.server_close()
    assert keep_weights(tabicl.CHECKPOINT).read_bytes() == checkpoint.read_bytes()


def test_other_bytes_than_the_published_are_refused_and_not_kept(checkpoint):
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1])
    with pytest.raises(StrokebenchError, match="its SHA-256 is"):
        choose(Settings(weights=checkpoint.parent, jobs=1), ["tabicl"])
    assert not home("weights", checkpoint.name).exists()
