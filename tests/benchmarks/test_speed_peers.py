import ast
import json
import os
import sys
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from typer.testing import CliRunner

from strokebench.benchmarks import peers, speed_peers
from strokebench.benchmarks.cli import app
from strokebench.benchmarks.peers import OURS, Peer, Worker, build
from strokebench.benchmarks.speed import Sizes
from strokebench.benchmarks.speed_peers import PAIRS, Turn, choose, markdown, record, rows, take_turns, write_arrays
from strokebench.datasets.files import StrokebenchError, home

SMALL = Sizes(train=48, validation=8, columns=4, image=32, grid=16, prompts=2, layers=4, text=8)


class FakeWorker:
    """Answers with seconds that were agreed on, and writes down what it was asked."""

    def __init__(self, name: str, epoch_seconds: float, asked: list, extra_epochs: int = 0) -> None:
        self.peer, self.name = Peer(name, name), name
        self.epoch_seconds, self.asked, self.extra_epochs = epoch_seconds, asked, extra_epochs

    def fit(self, network, fold, epochs):
        self.asked.append((self.name, network, fold, epochs))
        ran = epochs if epochs == 1 else epochs + self.extra_epochs
        return {"seconds": self.epoch_seconds * ran, "epochs": ran, "parameters": 1234}


def test_arrays_fit_together_and_folds_do_not_overlap(tmp_path):
    write_arrays(tmp_path, SMALL, seed=3)
    arrays = {path.stem: np.load(path) for path in tmp_path.glob("*.npy")}
    assert {len(arrays[name]) for name in ("table", "image", "text", "prompts", "tokens", "y")} == {56}
    np.testing.assert_allclose(arrays["text"], arrays["prompts"].mean(1).reshape(56, 32), rtol=1e-5)
    assert set(arrays["y"]) == {0.0, 1.0}
    assert arrays["validation"].shape == (5, 8)
    assert len(np.unique(arrays["validation"])) == 40
    write_arrays(tmp_path / "again", SMALL, seed=3)
    np.testing.assert_array_equal(np.load(tmp_path / "again" / "tokens.npy"), arrays["tokens"])


def test_ours_and_peer_take_turns_after_one_fit_that_does_not_count():
    asked: list = []
    workers = {"ours": FakeWorker("ours", 0.1, asked), "fusilli": FakeWorker("fusilli", 0.8, asked)}
    turns = take_turns(workers, repeats=2, folds=3, epochs=5)
    timed = [order for order in asked if order[3] == 5]
    assert [order[0] for order in timed] == ["ours", "fusilli"] * (len(timed) // 2)
    assert all(ours[2] == theirs[2] for ours, theirs in zip(timed[::2], timed[1::2], strict=True))
    of_fusilli = [number for number, pair in enumerate(PAIRS) if pair.peer == "fusilli"]
    assert sorted({turn.pair for turn in turns}) == of_fusilli
    assert len(turns) == 2 * 3 * len(of_fusilli)
    assert all(turn.ratio == pytest.approx(8) for turn in turns)
    untimed = asked[: len(asked) - len(timed)]
    assert {order[:2] for order in untimed} == {order[:2] for order in timed}


def test_a_peer_that_stops_early_is_not_compared():
    workers = {"ours": FakeWorker("ours", 0.1, []), "widedeep": FakeWorker("widedeep", 0.8, [], extra_epochs=-1)}
    with pytest.raises(StrokebenchError, match="ran 4 epochs"):
        take_turns(workers, repeats=1, folds=1, epochs=5)


def test_ratios_are_medians_within_turns():
    turns = [Turn(0, 0, fold, ours, peer, 10, 20) for fold, ours, peer in [(0, 1, 2), (1, 2, 20), (2, 5, 15)]]
    (row,) = rows(turns)
    assert (row[3], row[6], row[7]) == ("15.000", "2.000", "3.0")
    facts = {**SMALL.__dict__, "epochs": 5, "folds": 3, "repeats": 1, "machine": "m", "python": "3", "torch": "2"}
    text = markdown(turns, facts)
    assert "| 15.000 |" in text and PAIRS[0].differs in text and PAIRS[1].differs not in text
    assert record(turns[1])["ratio"] == 10


def test_unknown_peers_are_refused():
    assert choose(["widedeep"]) == ["widedeep"]
    assert choose([]) == list(peers.PEERS)
    with pytest.raises(StrokebenchError, match="'horses'"):
        choose(["horses"])


def test_pip_failing_is_said_with_its_message_and_tried_again(tmp_path, monkeypatch):
    index = tmp_path / "no-index"
    index.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    peer = Peer("nothing", "Nothing 1.0", ("strokebench-no-such-package",), "nothing==1.0")
    for _ in range(2):
        with pytest.raises(StrokebenchError, match=r"cannot install Nothing 1\.0.*strokebench-no-such-package"):
            build(peer)
    assert "strokebench-no-such-package" in home("peers", "nothing-pip.txt").read_text()


def test_an_environment_is_made_once(monkeypatch):
    calls = []
    monkeypatch.setattr(peers, "_pip", lambda peer, packages, log: calls.append(list(packages)))
    peer = Peer("small", "Small", ("a<2",), "b==1")
    assert build(peer) and not build(peer)
    assert calls == [["a<2"], ["--no-deps", "b==1"]]
    assert peer.python.exists() and peer.python != Path(sys.executable)
    assert build(Peer("small", "Small", ("a<3",), "b==1"))


def test_our_own_script_fits_every_method_that_is_compared(tmp_path):
    write_arrays(tmp_path, SMALL)
    with Worker(OURS, tmp_path) as worker:
        assert worker.versions["threads"] == 1
        for method in sorted({pair.ours for pair in PAIRS}):
            result = worker.fit(method, 1, 2)
            assert result["epochs"] == 2 and result["seconds"] > 0 and result["parameters"] > 1000
        with pytest.raises(StrokebenchError, match="no_such_method"):
            worker.fit("no_such_method", 0, 1)


def test_scripts_need_nothing_of_ours_in_the_environment_of_a_peer():
    scripts = {path.stem: ast.parse(path.read_text()) for path in peers.SCRIPTS.glob("*.py")}
    assert {f"{name}_fit" for name in ("ours", *peers.PEERS)} < set(scripts)
    of_ours = {
        name
        for name, tree in scripts.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom) and "strokebench" in ast.unparse(node)
    }
    assert of_ours == {"ours_fit"}


def test_the_command_writes_table_and_numbers(monkeypatch):
    monkeypatch.setattr(speed_peers, "build", lambda peer: False)

    class Started(FakeWorker):
        versions = MappingProxyType({"python": "3.11", "torch": "2.13", "threads": 1})

        def __init__(self, peer: Peer, data: Path) -> None:
            assert (data / "table.npy").exists()
            super().__init__(peer.name, 0.1 if peer is OURS else 0.9, [])

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    monkeypatch.setattr(speed_peers, "Worker", Started)
    monkeypatch.setattr("strokebench.benchmarks.speed.Sizes", lambda: SMALL)
    done = CliRunner(env={**os.environ, "COLUMNS": "200"}).invoke(
        app, ["speed-peers", "--peers", "widedeep", "--folds", "1", "--repeats", "1"]
    )
    assert done.exit_code == 0, done.output
    assert "9.0" in done.output
    kept = json.loads(home("results", "speed", "peers.json").read_text())
    assert {turn["peer"] for turn in kept["turns"]} == {"widedeep"}
    assert home("results", "speed", "peers.md").read_text().count("pytorch-widedeep 1.7.0") >= 2
