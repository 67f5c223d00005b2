"""How fast do other programs train the same networks on the same embeddings, timed in turns with ours?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from strokebench.benchmarks.measuring.peer_pairs import PAIRS, Pair, Turn, Way
from strokebench.benchmarks.measuring.peers import OURS, PEERS, Worker, build
from strokebench.benchmarks.measuring.speed import Sizes
from strokebench.benchmarks.running.provenance import machine
from strokebench.errors import StrokebenchError, unknown_name
from strokebench.files import atomic_path, home, write_json
from strokebench.methods.registry import find_method
from strokebench.reports.measured.peers import Measured, peers_table
from strokebench.reports.tables.section import Panel, Section, publish

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

FOLDS = 5
CROSS_VALIDATION_SEEDS = 2
"""How often a cross-validation fits each fold."""


def write_arrays(folder: Path, sizes: Sizes, seed: int = 0) -> None:
    """Made-up patients as .npy files, the same for all programs.

    `table`, `image` (n, d) and `text` (n, layers x d, the mean over prompts) are what peers read; ours reads
    `prompts` (n, prompts, layers, d) and `tokens` (n, 16, d) too. `y` (n,) follows from the table;
    `validation` (5, n_validation) are row numbers, disjoint between folds, all other rows being trained on.
    """
    n = sizes.train + sizes.validation
    patients, random = sizes.patients(n, seed), np.random.default_rng(seed)
    weights = random.standard_normal(sizes.columns)
    noise = random.standard_normal(n)
    inputs = patients.arrays
    signal = inputs["table"] @ weights / np.sqrt(sizes.columns) + noise
    arrays = {
        "table": inputs["table"],
        "image": inputs["image.vector"],
        "text": inputs["text"].mean(1).reshape(n, -1),
        "prompts": inputs["text"],
        "tokens": inputs["image.tokens"],
        "y": (signal > np.median(signal)).astype(np.float32),
        "validation": random.permutation(n)[: FOLDS * sizes.validation].reshape(FOLDS, sizes.validation),
    }
    for name, array in arrays.items():
        with atomic_path(folder / f"{name}.npy") as path, path.open("wb") as file:
            np.save(file, array)


def choose(names: Sequence[str]) -> list[str]:
    """The peers of these names; all if there are none.

    Raises:
        StrokebenchError: there is no such peer.
    """
    for name in names:
        if name not in PEERS:
            raise unknown_name("program to compare with", name, PEERS)
    return [name for name in PEERS if not names or name in names]


def take_turns(
    workers: dict[str, Any],
    way: Way,
    repeats: int,
    folds: int,
    epochs: int,
    done: Callable[[Turn], None] = lambda _: None,
) -> list[Turn]:
    """Ours, peer, ours, peer: every pair run this way, all of it `repeats` times; first fits are not counted.

    Args:
        workers: `Worker`s by the name of their program, started for this way.
        done: called with each turn.

    Raises:
        StrokebenchError: a program ran other than the number of epochs asked for.
    """
    pairs = _pairs(way, workers)
    orders = _orders(way, folds)
    for name, network in sorted({("ours", p.ours) for _, p in pairs} | {(p.peer, p.network) for _, p in pairs}):
        workers[name].fit(network, orders[0], 1)
    turns = []
    for repeat in range(repeats):
        for order in orders:
            for number, pair in pairs:
                ours = _fit(workers["ours"], pair.ours, order, epochs)
                peer = _fit_fastest(workers[pair.peer], pair.network, order, epochs)
                turn = Turn(
                    pair=number,
                    repeat=repeat,
                    folds=tuple(order),
                    ours=ours["seconds"] / len(order) / epochs,
                    peer=peer["seconds"] / len(order) / epochs,
                    ours_parameters=int(ours["parameters"]),
                    peer_parameters=int(peer["parameters"]),
                    peer_threads=peer["threads"],
                )
                turns.append(turn)
                done(turn)
    return turns


def _pairs(way: Way, names: Iterable[str]) -> list[tuple[int, Pair]]:
    return [(number, pair) for number, pair in enumerate(PAIRS) if pair.way is way and pair.peer in names]


def _fit_fastest(worker: Any, network: str, folds: list[int], epochs: int) -> dict[str, Any]:
    """With one thread, or with as many as the program takes by itself where that turns out faster.

    Networks as small as these gain little from a second thread, and lose several times over as soon as
    anything else runs on the machine: no peer shall look slow for that.
    """
    own, results = worker.threads, []
    try:
        for threads in (1, own) if _gains(worker, network) else (1,):
            worker.threads = threads
            results.append(_fit(worker, network, folds, epochs) | {"threads": threads})
    finally:
        worker.threads = own
    return min(results, key=lambda result: result["seconds"])


def _gains(worker: Any, network: str) -> bool:
    """Whether more than one thread is faster now, by an epoch each."""
    own, seconds = worker.threads, []
    if own == 1:
        return False
    for worker.threads in (1, own):
        seconds.append(worker.fit(network, [0], 1)["seconds"])
    return seconds[1] < seconds[0]


def _orders(way: Way, folds: int) -> list[list[int]]:
    """The folds of each turn of a repeat."""
    if way is Way.FIT:
        return [[fold] for fold in range(folds)]
    return [list(range(folds)) * CROSS_VALIDATION_SEEDS]


def _fit(worker: Any, network: str, folds: list[int], epochs: int) -> dict[str, Any]:
    result = worker.fit(network, folds, epochs)
    if result["epochs"] != [epochs] * len(folds):
        raise StrokebenchError(f"{worker.peer.label} ran {result['epochs']} epochs of {network}, not {epochs} a fold.")
    return result


def record(turn: Turn) -> dict[str, Any]:
    """A turn as it is kept in `turns.json`."""
    pair = PAIRS[turn.pair]
    names = {"peer": pair.peer, "network": pair.network, "ours": pair.ours, "way": pair.way.name.lower()}
    seconds = {"peer_epoch_seconds": turn.peer, "ours_epoch_seconds": turn.ours, "ratio": turn.ratio}
    sizes = {"peer_parameters": turn.peer_parameters, "ours_parameters": turn.ours_parameters}
    sizes |= {"peer_threads": turn.peer_threads}
    return {**names, "repeat": turn.repeat, "folds": turn.folds, **seconds, **sizes}


def measured(turns: Iterable[Turn]) -> list[Measured]:
    """The turns of each pair together, as the table wants them."""
    by_pair: dict[int, list[Turn]] = {}
    for turn in turns:
        by_pair.setdefault(turn.pair, []).append(turn)
    return [
        Measured(
            key=f"{pair.way.name.lower()}-{pair.peer}-{pair.network}-{pair.ours}",
            way=pair.way,
            label=pair.label,
            ours=find_method(pair.ours).label,
            same_network=pair.same_network,
            differs=pair.differs,
            peer_parameters=of_pair[0].peer_parameters,
            ours_parameters=of_pair[0].ours_parameters,
            peer_seconds=[turn.peer for turn in of_pair],
            ours_seconds=[turn.ours for turn in of_pair],
        )
        for pair, of_pair in ((PAIRS[number], by_pair[number]) for number in sorted(by_pair))
    ]


def _with_workers(
    pairs: Sequence[tuple[int, Pair]],
    way: Way,
    data: Path,
    repeats: int,
    folds: int,
    epochs: int,
    done: Callable[[Turn], None],
) -> tuple[list[Turn], list[dict[str, Any]]]:
    """The turns of one way, and what each program ran with."""
    programs = {"ours": OURS, **{pair.peer: PEERS[pair.peer] for _, pair in pairs}}
    with ExitStack() as stack:
        workers = {name: stack.enter_context(Worker(peer, data, way)) for name, peer in programs.items()}
        turns = take_turns(workers, way, repeats, folds, epochs, done)
        return turns, [
            {"program": name, "way": way.name.lower(), **worker.versions} for name, worker in workers.items()
        ]


def _advance(progress: Progress, task: TaskID, _: Turn) -> None:
    progress.advance(task)


def compare(console: Console, names: Sequence[str], repeats: int, folds: int, epochs: int, sizes: Sizes) -> Path:
    """Build what is lacking, time, show and write; returns the folder of the results.

    Raises:
        StrokebenchError: there is no such peer, pip cannot install it, or its process ended.
    """
    from rich.progress import Progress

    chosen = choose(names)
    for name in chosen:
        with console.status(f"Installing {PEERS[name].label} into {PEERS[name].folder}; some minutes the first time"):
            build(PEERS[name])
    data, folder = home("peers", "arrays"), home("results", "speed-peers")
    write_arrays(data, sizes)
    turns: list[Turn] = []
    versions: list[dict[str, Any]] = []
    with Progress(console=console, transient=True) as progress:
        for way in Way:
            if pairs := _pairs(way, chosen):
                task = progress.add_task(way, total=len(pairs) * repeats * len(_orders(way, folds)))
                done = partial(_advance, progress, task)
                in_turns, ran_with = _with_workers(pairs, way, data, repeats, folds, epochs, done)
                turns += in_turns
                versions += ran_with
    facts = {**asdict(sizes), "text": sizes.layers * sizes.text, "epochs": epochs, "folds": folds, "repeats": repeats}
    facts |= {"seeds": CROSS_VALIDATION_SEEDS, "machine": machine(), "versions": versions}
    facts["labels"] = [PEERS[name].label for name in chosen]
    write_json(folder / "turns.json", {"facts": facts, "turns": [record(turn) for turn in turns]})
    table = peers_table(measured(turns), facts)
    panel = Panel(
        "speed-peers",
        table,
        shows="Seconds that other programs and ours take for an epoch of one fold, on the same made-up patients.",
        does_not_show="How well any of them predicts; nor speed on other machines, or beside other work.",
    )
    console.print(publish(Section("speed-peers", "Speed beside other programs", table.cohort, [panel]), folder))
    console.print(f"Written to {folder}", soft_wrap=True, style="dim")
    return folder
