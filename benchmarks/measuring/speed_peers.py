"""How fast do other programs train the same networks on the same embeddings, timed in turns with ours?"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress

from strokebench.benchmarks.measuring.peers import OURS, PEERS, Worker, build
from strokebench.benchmarks.measuring.sizes import CohortSizes
from strokebench.benchmarks.running.provenance import machine
from strokebench.errors import StrokebenchError, unknown_name
from strokebench.files import atomic_path, home, write_json
from strokebench.methods.concat import Concat
from strokebench.methods.registry import find_method
from strokebench.reports.measured.peers import PAIRS, PeerPair, Turn, Way, peers_table
from strokebench.reports.tables.section import Panel, Section, publish_and_show

FOLDS = 5
CROSS_VALIDATION_SEEDS = 2
"""How often a cross-validation fits each fold."""


def write_arrays(folder: Path, sizes: CohortSizes, seed: int = 0) -> None:
    """Made-up patients as .npy files, the same for all programs.

    `table`, `image` (n, d) and `text` (n, layers x d, the mean over prompts) are what peers read; ours reads
    `prompts` (n, prompts, layers, d) and `tokens` (n, 16, d) too. `y` (n,) follows from the table;
    `validation` (5, n_validation) are row numbers, disjoint between folds, all other rows being trained on.
    `widths` (2,) are those of our Concat's reductions, which peers build too.
    """
    n = sizes.train + sizes.validation
    inputs, random = sizes.patients(n, seed).arrays, np.random.default_rng(seed)
    signal = inputs["table"] @ random.standard_normal(sizes.columns) / np.sqrt(sizes.columns)
    signal += random.standard_normal(n)
    arrays = {
        "table": inputs["table"],
        "image": inputs["image.vector"],
        "text": inputs["text"].mean(1).reshape(n, -1),
        "prompts": inputs["text"],
        "tokens": inputs["image.tokens"],
        "widths": np.array([Concat().hidden, Concat().width]),
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
    if unknown := set(names) - set(PEERS):
        raise unknown_name("program to compare with", min(unknown), PEERS)
    return [name for name in PEERS if not names or name in names]


def take_turns(
    workers: Mapping[str, Any],
    way: Way,
    repeats: int,
    folds: int,
    epochs: int,
    on_turn: Callable[[], None] = lambda: None,
) -> list[Turn]:
    """Ours, peer, ours, peer: every pair run this way, all of it `repeats` times; first fits are not counted.

    Args:
        workers: `Worker`s by the name of their program, started for this way.
        on_turn: called after each turn.

    Raises:
        StrokebenchError: a program ran other than the number of epochs asked for, or another network than ours where
            it is to be the same.
    """
    pairs, turns = pairs_of(way, workers), folds_of_turns(way, folds)
    epochs = 1 if way is Way.WHOLE else epochs
    for name, network in sorted({("ours", p.ours) for p in pairs} | {(p.peer, p.network) for p in pairs}):
        workers[name].fit(network, turns[0], 1)
    timed: list[Mapping[str, Any]] = []
    for repeat in range(repeats):
        for of_turn in turns:
            for pair in pairs:
                ours = _fit(workers["ours"], pair.ours, of_turn, epochs)
                peer = _fit_fastest(workers[pair.peer], pair.network, of_turn, epochs)
                if pair.same_network and ours["parameters"] != peer["parameters"]:
                    raise StrokebenchError(
                        f"{pair.label} has {peer['parameters']} parameters, our {pair.ours} {ours['parameters']}:"
                        " not the same network."
                    )
                fits = len(of_turn) * epochs
                timed.append(
                    {
                        "pair": pair.key,
                        "repeat": repeat,
                        "folds": of_turn,
                        "peer_epoch_seconds": peer["seconds"] / fits,
                        "ours_epoch_seconds": ours["seconds"] / fits,
                        "ratio": peer["seconds"] / ours["seconds"],
                        "peer_parameters": peer["parameters"],
                        "ours_parameters": ours["parameters"],
                        "peer_threads": peer["threads"],
                    }
                )
                on_turn()
    return timed


def pairs_of(way: Way, programs: Iterable[str]) -> list[PeerPair]:
    """The pairs that are run this way, of these programs."""
    return [pair for pair in PAIRS if pair.way is way and pair.peer in programs]


def folds_of_turns(way: Way, folds: int) -> list[list[int]]:
    """The folds that each turn of a repeat fits."""
    if way is not Way.CROSS_VALIDATION:
        return [[fold] for fold in range(folds)]
    return [list(range(folds)) * CROSS_VALIDATION_SEEDS]


def _fit_fastest(worker: Any, network: str, folds: list[int], epochs: int) -> dict[str, Any]:
    """With one thread, or with as many as the program takes by itself where that turns out faster.

    Networks as small as these gain little from a second thread, and lose several times over as soon as
    anything else runs on the machine: no peer shall look slow for that.
    """
    numbers = {1, worker.threads}
    if len(numbers) > 1:
        seconds = {threads: worker.fit(network, [0], 1, threads)["seconds"] for threads in sorted(numbers)}
        # More threads are tried in full only where they win an epoch.
        numbers = {1, min(seconds, key=seconds.__getitem__)}
    results = [_fit(worker, network, folds, epochs, threads) | {"threads": threads} for threads in sorted(numbers)]
    return min(results, key=lambda result: result["seconds"])


def _fit(worker: Any, network: str, folds: list[int], epochs: int, threads: int | None = None) -> dict[str, Any]:
    result = worker.fit(network, folds, epochs, threads)
    if result["epochs"] != [epochs] * len(folds):
        raise StrokebenchError(f"{worker.peer.label} ran {result['epochs']} epochs of {network}, not {epochs} a fold.")
    return result


def compare(console: Console, names: Sequence[str], repeats: int, folds: int, epochs: int, sizes: CohortSizes) -> Path:
    """Build what is lacking, time, show and write; returns the folder of the results.

    Raises:
        StrokebenchError: there is no such peer, pip cannot install it, or its process ended.
    """
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
            if not (pairs := pairs_of(way, chosen)):
                continue
            task = progress.add_task(way, total=len(pairs) * repeats * len(folds_of_turns(way, folds)))
            programs = {"ours": OURS, **{pair.peer: PEERS[pair.peer] for pair in pairs}}
            with ExitStack() as stack:
                workers = {name: stack.enter_context(Worker(peer, data, way)) for name, peer in programs.items()}
                turns += take_turns(workers, way, repeats, folds, epochs, partial(progress.advance, task))
            for name, worker in workers.items():
                versions.append({"program": name, "way": way.name.lower(), **worker.versions})
    facts = {**asdict(sizes), "text": sizes.layers * sizes.text, "epochs": epochs, "folds": folds, "repeats": repeats}
    facts |= {"seeds": CROSS_VALIDATION_SEEDS, "machine": machine(), "versions": versions}
    facts["labels"] = [PEERS[name].label for name in chosen]
    facts["methods"] = {pair.ours: find_method(pair.ours).label for pair in PAIRS}
    write_json(folder / "turns.json", {"facts": facts, "turns": turns})
    table = peers_table(turns, facts)
    panel = Panel(
        "speed-peers",
        table,
        shows="Seconds that other programs and ours take for an epoch or a fit of one fold, on the same patients.",
        does_not_show="How well any of them predicts; nor speed on other machines, or beside other work.",
    )
    section = Section("speed-peers", "Speed beside other programs", table.cohort, [panel])
    publish_and_show(section, folder, console)
    return folder
