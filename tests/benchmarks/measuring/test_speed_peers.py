import ast
import json
import os
import sys
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from typer.testing import CliRunner

from strokebench.benchmarks.cli.main import app
from strokebench.benchmarks.measuring import peers, speed_peers
from strokebench.benchmarks.measuring.peers import OURS, Peer, Worker, build
from strokebench.benchmarks.measuring.sizes import CohortSizes
from strokebench.benchmarks.measuring.speed_peers import choose, take_turns, write_arrays
from strokebench.errors import StrokebenchError
from strokebench.files import home
from strokebench.methods.concat import Concat
from strokebench.reports.measured.peers import PAIRS, Way

SMALL = CohortSizes(train=48, validation=8, columns=4, image=32, grid=16, prompts=2, layers=4, text=8)


class FakeWorker:
    """Answers with seconds that were agreed on, and writes down its orders."""

    def __init__(
        self,
        name: str,
        epoch_seconds: float,
        orders: list,
        extra_epochs: int = 0,
        per_thread: float = 0,
        threads: int = 1,
        parameters: int = 1234,
    ) -> None:
        self.peer, self.name, self.threads = Peer(name, name), name, threads
        self.epoch_seconds, self.orders = epoch_seconds, orders
        self.extra_epochs, self.per_thread, self.parameters = extra_epochs, per_thread, parameters

    def fit(self, network, folds, epochs, threads=None):
        self.orders.append((self.name, network, tuple(folds), epochs))
        ran = [epochs if epochs == 1 else epochs + self.extra_epochs for _ in folds]
        seconds = sum(ran) * (self.epoch_seconds + self.per_thread * (threads or self.threads))
        return {"seconds": seconds, "epochs": ran, "parameters": self.parameters}


def test_arrays_fit_together_and_folds_do_not_overlap(tmp_path):
    write_arrays(tmp_path, SMALL, seed=3)
    arrays = {path.stem: np.load(path) for path in tmp_path.glob("*.npy")}
    assert {len(arrays[name]) for name in ("table", "image", "text", "prompts", "tokens", "y")} == {56}
    np.testing.assert_allclose(arrays["text"], arrays["prompts"].mean(1).reshape(56, 32), rtol=1e-5)
    assert set(arrays["y"]) == {0.0, 1.0}
    assert arrays["validation"].shape == (5, 8)
    assert len(np.unique(arrays["validation"])) == 40
    assert list(arrays["widths"]) == [Concat().hidden, Concat().width]
    write_arrays(tmp_path / "again", SMALL, seed=3)
    np.testing.assert_array_equal(np.load(tmp_path / "again" / "tokens.npy"), arrays["tokens"])


def test_ours_and_peer_take_turns_after_one_fit_that_does_not_count():
    orders: list = []
    workers = {"ours": FakeWorker("ours", 0.1, orders), "fusilli": FakeWorker("fusilli", 0.8, orders)}
    turns = take_turns(workers, Way.FIT, repeats=2, folds=3, epochs=5)
    timed = [order for order in orders if order[3] == 5]
    assert [order[0] for order in timed] == ["ours", "fusilli"] * (len(timed) // 2)
    assert all(ours[2] == theirs[2] for ours, theirs in zip(timed[::2], timed[1::2], strict=True))
    wanted = {pair.key for pair in PAIRS if (pair.peer, pair.way) == ("fusilli", Way.FIT)}
    assert {turn["pair"] for turn in turns} == wanted
    assert len(turns) == 2 * 3 * len(wanted)
    assert all(turn["ratio"] == pytest.approx(8) for turn in turns)
    untimed = orders[: len(orders) - len(timed)]
    assert {order[:2] for order in untimed} == {order[:2] for order in timed}


@pytest.mark.parametrize(("per_thread", "taken"), [(0.5, 1), (-0.1, 2)])
def test_a_cross_validation_fits_all_folds_at_once_with_the_peers_better_number_of_threads(per_thread, taken):
    orders: list = []
    peer = FakeWorker("fusilli", 0.8, orders, per_thread=per_thread, threads=2)
    workers = {"ours": FakeWorker("ours", 0.1, orders), "fusilli": peer}
    turns = take_turns(workers, Way.CROSS_VALIDATION, repeats=2, folds=3, epochs=5)
    assert [turn["peer_threads"] for turn in turns] == [taken, taken]
    assert peer.threads == 2
    folds = {order[2] for order in orders if order[3] == 5}
    assert folds == {(0, 1, 2) * 2}
    assert len(turns) == 2
    assert [turn["ratio"] for turn in turns] == pytest.approx([(0.8 + taken * per_thread) / 0.1] * 2)


def test_whole_fits_are_timed_one_by_one_and_counted_as_one_epoch():
    orders: list = []
    workers = {"ours": FakeWorker("ours", 0.1, orders), "multabench": FakeWorker("multabench", 0.8, orders)}
    turns = take_turns(workers, Way.WHOLE, repeats=1, folds=2, epochs=5)
    pairs = {pair.key for pair in PAIRS if pair.peer == "multabench"}
    assert {turn["pair"] for turn in turns} == pairs and len(turns) == 2 * len(pairs)
    assert {order[3] for order in orders} == {1} and turns[0]["peer_epoch_seconds"] == pytest.approx(0.8)


@pytest.mark.parametrize("way", [Way.FIT, Way.CROSS_VALIDATION])
def test_a_peer_that_stops_early_is_not_compared(way):
    workers = {"ours": FakeWorker("ours", 0.1, []), "fusilli": FakeWorker("fusilli", 0.8, [], extra_epochs=-1)}
    with pytest.raises(StrokebenchError, match=r"ran \[4.* epochs"):
        take_turns(workers, way, repeats=1, folds=1, epochs=5)


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
    peer = Peer("nothing", "Nothing 1.0", "strokebench-no-such-package", "nothing==1.0")
    for _ in range(2):
        with pytest.raises(StrokebenchError, match=r"cannot install Nothing 1\.0.*strokebench-no-such-package"):
            build(peer)
    assert "strokebench-no-such-package" in home("peers", "nothing-pip.txt").read_text()


def test_a_network_that_is_called_the_same_and_is_not_is_refused():
    workers = {"ours": FakeWorker("ours", 1, []), "fusilli": FakeWorker("fusilli", 1, [], parameters=99)}
    with pytest.raises(StrokebenchError, match="has 99 parameters, our concat 1234: not the same network"):
        take_turns(workers, Way.FIT, 1, 1, 2)


def test_an_environment_is_made_once(monkeypatch):
    calls = []
    monkeypatch.setattr(peers, "_pip", lambda peer, packages, log: calls.append(list(packages)))
    peer = Peer("small", "Small", "a<2", "b==1")
    assert build(peer) and not build(peer)
    assert calls == [["a<2"], ["--no-deps", "b==1"]]
    assert peer.python.exists() and peer.python != Path(sys.executable)
    assert build(Peer("small", "Small", "a<3", "b==1"))


def test_our_own_script_fits_every_method_that_is_compared(tmp_path):
    write_arrays(tmp_path, SMALL)
    with Worker(OURS, tmp_path) as worker:
        assert worker.threads == 1
        for method in sorted({pair.ours for pair in PAIRS}):
            result = worker.fit(method, [1], 2)
            assert result["epochs"] == [2] and result["seconds"] > 0
            assert (result["parameters"] or 0) > 1000 or method.endswith("_components")
        with pytest.raises(StrokebenchError, match="no_such_method"):
            worker.fit("no_such_method", [0], 1)


@pytest.mark.long
def test_our_own_script_fits_folds_side_by_side(tmp_path):
    write_arrays(tmp_path, SMALL)
    with Worker(OURS, tmp_path, Way.CROSS_VALIDATION) as worker:
        result = worker.fit("concat", [0, 1, 2], 2)
    assert result["epochs"] == [2, 2, 2] and result["parameters"] > 1000


def test_threads_are_limited_for_single_fits_and_left_to_the_program_otherwise(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    other = Peer("other", "Other")
    assert peers._environment(other, Way.FIT)["OMP_NUM_THREADS"] == "1"
    assert "OMP_NUM_THREADS" not in peers._environment(other, Way.CROSS_VALIDATION)
    assert "GLIBC_TUNABLES" in peers._environment(OURS, Way.FIT)
    assert "GLIBC_TUNABLES" not in peers._environment(other, Way.FIT)
    monkeypatch.setenv("PYTHONPATH", "here")
    assert "PYTHONPATH" in peers._environment(OURS, Way.FIT)
    assert "PYTHONPATH" not in peers._environment(other, Way.FIT)


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
        versions = MappingProxyType({"python": "3.11", "torch": "2.13"})

        def __init__(self, peer: Peer, data: Path, way: Way) -> None:
            assert (data / "table.npy").exists()
            super().__init__(peer.name, 0.1 if peer is OURS else 0.9, [])

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    monkeypatch.setattr(speed_peers, "Worker", Started)
    monkeypatch.setattr("strokebench.benchmarks.cli.speed.CohortSizes", lambda: SMALL)
    done = CliRunner(env={**os.environ, "COLUMNS": "200"}).invoke(
        app, ["speed-peers", "--peers", "widedeep", "--folds", "1", "--repeats", "1"]
    )
    assert done.exit_code == 0, done.output
    assert "9.0" in done.output
    kept = json.loads(home("results", "speed-peers", "turns.json").read_text())
    assert {turn["pair"].split("-")[1] for turn in kept["turns"]} == {"widedeep"}
    table = home("results", "speed-peers", "speed-peers.md").read_text()
    assert "pytorch-widedeep 1.7.0" in table and "fusilli 2.0.0" not in table
