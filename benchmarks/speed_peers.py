"""How fast do other programs train the same networks on the same embeddings, timed in turns with ours?"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from strokebench.benchmarks.peers import OURS, PEERS, Worker, build
from strokebench.benchmarks.speed import Sizes
from strokebench.datasets.files import StrokebenchError, atomic_path, home, write_json, write_text

if TYPE_CHECKING:
    from rich.console import Console

FOLDS = 5


@dataclass(frozen=True)
class Pair:
    """A network of a peer and the one of ours that it is compared with.

    Args:
        peer, network: name in `PEERS`, and of the network in the peer's script.
        ours: registry name of our method.
        shows: what the peer's network is.
        differs: what is not the same, in words.
    """

    peer: str
    network: str
    ours: str
    shows: str
    differs: str


_LAYERS_SAME = "same layers and parameters; plain Adam at a constant rate, no clipping, noise or MixUp"
PAIRS = (
    Pair("fusilli", "concat_same", "concat", "concatenated feature maps, our Concat's layers", _LAYERS_SAME),
    Pair("fusilli", "concat", "concat", "concatenated feature maps, as shipped", "another, smaller network"),
    Pair(
        "fusilli",
        "attention",
        "cross_attention",
        "cross-modal attention, as shipped",
        "theirs attends between patients of a batch on pooled vectors, ours between 16 image tokens and text",
    ),
    Pair("fusilli", "attention", "vdafm", "cross-modal attention, as shipped", "ours is much the larger network"),
    Pair(
        "widedeep",
        "concat_same",
        "concat",
        "custom components, our Concat's layers",
        f"{_LAYERS_SAME}; no validation AUC, only the loss",
    ),
    Pair("widedeep", "tabmlp", "concat", "TabMlp on all columns", "one network for all columns; no validation AUC"),
)


@dataclass(frozen=True)
class Turn:
    """One fit of ours and the peer's directly after it: seconds an epoch, and numbers of parameters."""

    pair: int
    repeat: int
    fold: int
    ours: float
    peer: float
    ours_parameters: int
    peer_parameters: int

    @property
    def ratio(self) -> float:
        """How many times as long the peer took."""
        return self.peer / self.ours


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
    signal = patients.table @ weights / np.sqrt(sizes.columns) + noise
    arrays = {
        "table": patients.table,
        "image": patients.image,
        "text": patients.text.mean(1).reshape(n, -1),
        "prompts": patients.text,
        "tokens": patients.image_tokens,
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
            raise StrokebenchError(f"There is no program {name!r} to compare with.", f"There are {', '.join(PEERS)}.")
    return [name for name in PEERS if not names or name in names]


def take_turns(
    workers: dict[str, Any], repeats: int, folds: int, epochs: int, done: Callable[[Turn], None] = lambda _: None
) -> list[Turn]:
    """Ours, peer, ours, peer: every pair on every fold, all of it `repeats` times; a first fit each is not counted.

    Args:
        workers: `Worker`s by the name of their program.
        done: called with each turn.

    Raises:
        StrokebenchError: a program ran other than the number of epochs asked for.
    """
    pairs = [(number, pair) for number, pair in enumerate(PAIRS) if pair.peer in workers]
    for name, network in sorted({("ours", p.ours) for _, p in pairs} | {(p.peer, p.network) for _, p in pairs}):
        workers[name].fit(network, 0, 1)
    turns = []
    for repeat in range(repeats):
        for fold in range(folds):
            for number, pair in pairs:
                ours = _fit(workers["ours"], pair.ours, fold, epochs)
                peer = _fit(workers[pair.peer], pair.network, fold, epochs)
                seconds = ours["seconds"] / epochs, peer["seconds"] / epochs
                turn = Turn(number, repeat, fold, *seconds, int(ours["parameters"]), int(peer["parameters"]))
                turns.append(turn)
                done(turn)
    return turns


def _fit(worker: Any, network: str, fold: int, epochs: int) -> dict[str, Any]:
    result = worker.fit(network, fold, epochs)
    if result["epochs"] != epochs:
        raise StrokebenchError(f"{worker.peer.label} ran {result['epochs']} epochs of {network}, not {epochs}.")
    return result


HEADINGS = ("Program", "Network", "Parameters", "s/epoch", "Ours", "Parameters", "s/epoch", "Ratio", "Middle half")


def rows(turns: Iterable[Turn]) -> list[tuple[str, ...]]:
    """A row a pair, as `HEADINGS` has it: medians of the seconds, and of the ratios within turns."""
    by_pair: dict[int, list[Turn]] = {}
    for turn in turns:
        by_pair.setdefault(turn.pair, []).append(turn)
    table: list[tuple[str, ...]] = []
    for number, all_of in sorted(by_pair.items()):
        pair, ratios = PAIRS[number], [turn.ratio for turn in all_of]
        low, high = np.percentile(ratios, [25, 75])
        table.append(
            (
                PEERS[pair.peer].label,
                pair.shows,
                f"{all_of[0].peer_parameters:,}",
                f"{median(turn.peer for turn in all_of):.3f}",
                pair.ours,
                f"{all_of[0].ours_parameters:,}",
                f"{median(turn.ours for turn in all_of):.3f}",
                f"{median(ratios):.1f}",
                f"{low:.1f} to {high:.1f}",
            )
        )
    return table


def record(turn: Turn) -> dict[str, Any]:
    """A turn as it is kept in `peers.json`."""
    pair = PAIRS[turn.pair]
    names = {"peer": pair.peer, "network": pair.network, "ours": pair.ours, "differs": pair.differs}
    seconds = {"peer_epoch_seconds": turn.peer, "ours_epoch_seconds": turn.ours, "ratio": turn.ratio}
    sizes = {"peer_parameters": turn.peer_parameters, "ours_parameters": turn.ours_parameters}
    return {**names, "repeat": turn.repeat, "fold": turn.fold, **seconds, **sizes}


def markdown(turns: Sequence[Turn], facts: dict[str, Any]) -> str:
    """The table with what differs and how it was measured."""
    numbers = sorted({turn.pair for turn in turns})
    lines = [
        "# Seconds an epoch of one fold, beside other programs",
        "",
        *(f"| {' | '.join(cells)} |" for cells in (HEADINGS, ("---",) * len(HEADINGS), *rows(turns))),
        "",
        "Ratio: how many times as long the peer took as ours directly before it, median over all turns;"
        " the middle half of the turns lies in the last column.",
        "",
        f"Made-up embeddings: {facts['train']} training and {facts['validation']} validation patients a fold, table"
        f" {facts['columns']}, image {facts['image']}, text {facts['text']} numbers; batches of 32,"
        f" {facts['epochs']} epochs, {facts['folds']} folds, {facts['repeats']} repeats, one thread,"
        f" {facts['machine']}, Python {facts['python']}, PyTorch {facts['torch']}.",
        "",
        "What differs:",
        "",
        *(
            f"- {PEERS[PAIRS[n].peer].label}, {PAIRS[n].shows}, beside {PAIRS[n].ours}: {PAIRS[n].differs}."
            for n in numbers
        ),
        "- Ours draws one of five prompts a patient and step, adds noise and MixUp, clips gradients, has a schedule,"
        " computes the validation AUC each epoch and keeps the best epoch; its time includes building the network.",
        "- fusilli computes AUC and accuracy of every training batch and of the validation part, and logs the losses;"
        " neither its log nor its progress bar can be turned off. It is timed inside Lightning's `Trainer.fit`: not"
        " its reading of CSV files, its last validation or its plot.",
        "- pytorch-widedeep is silent, computes no metric besides the loss and loads data without worker processes.",
        "",
    ]
    return "\n".join(lines)


def compare(console: Console, names: Sequence[str], repeats: int, folds: int, epochs: int, sizes: Sizes) -> Path:
    """Build what is lacking, time, show and write; returns the folder of the results."""
    from rich.progress import Progress
    from rich.table import Table

    chosen = choose(names)
    for name in chosen:
        with console.status(f"Installing {PEERS[name].label} into {PEERS[name].folder}; some minutes the first time"):
            build(PEERS[name])
    data, folder = home("peers", "arrays"), home("results", "speed")
    write_arrays(data, sizes)
    with ExitStack() as stack, Progress(console=console, transient=True) as progress:
        workers = {
            name: stack.enter_context(Worker(peer, data))
            for name, peer in {"ours": OURS, **{name: PEERS[name] for name in chosen}}.items()
        }
        total = sum(pair.peer in chosen for pair in PAIRS) * repeats * folds
        task = progress.add_task("Timing", total=total)
        turns = take_turns(workers, repeats, folds, epochs, lambda _: progress.advance(task))
        versions = {name: dict(worker.versions) for name, worker in workers.items()}
    facts = {**asdict(sizes), "text": sizes.layers * sizes.text, "epochs": epochs, "folds": folds}
    facts |= {"repeats": repeats, "machine": platform.machine(), "python": versions["ours"]["python"]}
    facts |= {"torch": versions["ours"]["torch"], "versions": versions}
    write_json(folder / "peers.json", {"facts": facts, "turns": [record(turn) for turn in turns]})
    write_text(folder / "peers.md", markdown(turns, facts))
    table = Table(*HEADINGS, title="Seconds an epoch of one fold, one thread")
    for row in rows(turns):
        table.add_row(*row)
    console.print(table)
    console.print(f"Written to {folder}", soft_wrap=True, style="dim")
    return folder
