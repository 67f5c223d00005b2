"""Seconds an epoch of other programs beside ours, and what is the same and what is not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import Any

from strokebench.errors import counted
from strokebench.reports.tables.table import DASH, Cell, Column, Kind, Row, Table, text_columns

Turn = Mapping[str, Any]
"""The same fits by ours and directly afterwards by the peer, as it is kept in `turns.json`."""


class Way(StrEnum):
    """How fits are run; a worker is started for each.

    FIT: one at a time on one thread, which compares the code of a training step and what surrounds it.
    WHOLE: the same of methods that have no epochs, from embeddings to the model.
    CROSS_VALIDATION: all folds as each program fits them on all cores, which compares how long a user waits.
    """

    FIT = "One fit at a time, one thread"
    WHOLE = "A whole fit with its components, one thread"
    CROSS_VALIDATION = "A cross-validation, all cores"


@dataclass(frozen=True)
class PeerPair:
    """A network of a peer and the one of ours that it is compared with.

    Args:
        peer, network: names of the program, and of the network in its script.
        ours: registry name of our method.
        label: what the peer's side is, short: the table's row.
        same_network: whether both have the same layers of the same widths.
        differs: what is not the same, in words.
        way: how both are run.
    """

    peer: str
    network: str
    ours: str
    label: str
    same_network: bool
    differs: str
    way: Way = Way.FIT

    @property
    def key(self) -> str:
        """Its name in results."""
        return f"{self.way.name.lower()}-{self.peer}-{self.network}-{self.ours}"


_PLAIN = "theirs trains with plain Adam at a constant rate, without clipping, noise or MixUp"
_BARE = (
    f"{_PLAIN}; and its model and data loaders run in a Lightning `Trainer` without its checkpoints, log, progress bar"
    " and early stopping: less than fusilli offers"
)
_ATTENTION = (
    "theirs, as shipped, attends between the patients of a batch on pooled vectors, ours between 16 image tokens and"
    f" text; {_PLAIN}"
)
_COMPONENTS = f"the layers are its custom components; {_PLAIN}, and without validation AUC"
_TABMLP = f"one network for all columns; {_PLAIN}, and without validation AUC"
_RECIPE = (
    "theirs, as shipped, standardises each embedding and keeps 30 components of each, then fits at most 2,000 trees"
    " that stop after 50 without a better likelihood, in data frames; ours keeps 8"
)
_TREES = f"{_RECIPE}, then fits at most 500 trees that stop after 30 without a better AUC"
_RIDGE = f"{_RECIPE}, then fits eleven logistic regressions, whose penalty the validation part chooses"
_SAME_TREES = (
    "components, trees and rule of stopping are ours; theirs standardises embeddings, and works in data frames"
)
_ONE_AFTER_OTHER = f"{_PLAIN}; it fits one fold after the other, ours one fold a core"
PAIRS = (
    PeerPair("fusilli", "concat_same", "concat", "fusilli, our layers", True, _PLAIN),
    PeerPair("fusilli", "concat_bare", "concat", "fusilli, our layers, bare", True, _BARE),
    PeerPair("fusilli", "concat", "concat", "fusilli, feature maps", False, f"their layers as shipped; {_PLAIN}"),
    PeerPair("fusilli", "attention", "cross_attention", "fusilli, cross-attention", False, _ATTENTION),
    PeerPair("fusilli", "attention", "vdafm", "fusilli, cross-attention", False, f"ours has three losses; {_PLAIN}"),
    PeerPair("widedeep", "concat_same", "concat", "widedeep, our layers", True, _COMPONENTS),
    PeerPair("widedeep", "tabmlp", "concat", "widedeep, TabMlp", False, _TABMLP),
    PeerPair(
        "multabench", "xgboost_same", "xgboost_components", "MulTaBench, our XGBoost", True, _SAME_TREES, Way.WHOLE
    ),
    PeerPair("multabench", "xgboost", "xgboost_components", "MulTaBench, XGBoost", False, _TREES, Way.WHOLE),
    PeerPair("multabench", "catboost", "xgboost_components", "MulTaBench, CatBoost", False, _TREES, Way.WHOLE),
    PeerPair("multabench", "catboost", "logistic_components", "MulTaBench, CatBoost", False, _RIDGE, Way.WHOLE),
    PeerPair("fusilli", "concat_same", "concat", "fusilli, our layers", True, _ONE_AFTER_OTHER, Way.CROSS_VALIDATION),
)

COLUMNS = (
    *text_columns(
        network="Network", peer_seconds="Theirs", ours="Beside", ours_seconds="Ours", ratio="Ratio", range="Min–max"
    ),
    Column("peer_parameters", "Params, theirs", Kind.COUNT),
    Column("ours_parameters", "Params, ours", Kind.COUNT),
)


def peers_table(turns: Sequence[Turn], facts: Mapping[str, Any]) -> Table:
    """One row a pair of networks; medians over turns.

    Args:
        facts: the sizes of the made-up patients (`train`, `validation`, `columns`, `image`, `text`), `epochs`,
            `folds`, `repeats`, `seeds` of a cross-validation, `machine`, `labels` of the programs, `methods` (labels of
            ours by name), and `versions` of what they ran with.
    """
    by_pair = {pair: found for pair in PAIRS if (found := [turn for turn in turns if turn["pair"] == pair.key])}
    torch = sorted({version["torch"] for version in facts["versions"]})
    return Table(
        name="speed-peers",
        title="Seconds an epoch or a fit of one fold, beside other programs",
        cohort="made-up patients of the paper's sizes",
        caption=(
            f"{', '.join(facts['labels'])}; PyTorch {', '.join(torch)}; {facts['machine']}."
            f" {counted(facts['epochs'], 'epoch')}, {counted(facts['folds'], 'fold')},"
            f" {counted(facts['repeats'], 'repeat')}."
        ),
        columns=COLUMNS,
        rows=[_row(pair, found, facts["methods"][pair.ours]) for pair, found in by_pair.items()],
        notes=[
            "Theirs, ours: seconds an epoch of one fold, of what has no epochs seconds a fit, median over turns. Ratio:"
            " how many times as long the peer took as ours directly before it, median over turns, and the smallest and"
            " largest of a single turn.",
            f"The same in every row: {facts['train']} training and {facts['validation']} validation patients a fold"
            f" with embeddings of {facts['columns']} (table), {facts['image']} (image) and {facts['text']} (text)"
            " numbers, and folds; of networks epochs, batches of 32, learning rate 0.0001, and nothing stops early."
            " Network: `same` where layers, widths and number of parameters, or components and trees, are the same"
            " too.",
            "Our networks draw one of five prompts a patient and step, add noise and MixUp, clip gradients, have a"
            " schedule, compute the validation AUC each epoch and keep the best epoch; building one is timed too.",
            "fusilli is run by `train_and_save_models` with its own defaults, checkpoints, log, metrics and progress"
            " bar included, but for the batch size (its own is 8). Lightning's `Trainer.fit` inside is timed: not"
            " its reading of CSV files, its last validation or its plot. It collects Python's garbage after each"
            " validation, in a bare Trainer too.",
            "pytorch-widedeep runs silent, and loads data in its own process instead of in one worker process a core.",
            f"A cross-validation fits every fold under {facts['seeds']} seeds; its seconds are those until all fits"
            " are done, divided by fits and epochs. The peer has one thread, or as many as PyTorch takes by"
            " itself, whichever is faster.",
            *(f"{p.way}: {p.label} beside {facts['methods'][p.ours]}. What differs: {p.differs}." for p in by_pair),
        ],
        head="Peer",
        counts_runs=False,
    )


def _row(pair: PeerPair, turns: Sequence[Turn], ours: str) -> Row:
    ratios = [turn["ratio"] for turn in turns]
    cells = {
        "network": Cell(text="same" if pair.same_network else "other"),
        "peer_seconds": Cell(text=f"{median(turn['peer_epoch_seconds'] for turn in turns):.3f}"),
        "ours": Cell(text=ours),
        "ours_seconds": Cell(text=f"{median(turn['ours_epoch_seconds'] for turn in turns):.3f}"),
        "ratio": Cell(text=f"{median(ratios):.1f}"),
        "range": Cell(text=f"{min(ratios):.1f}–{max(ratios):.1f}"),
        "peer_parameters": _count(turns[0]["peer_parameters"]),
        "ours_parameters": _count(turns[0]["ours_parameters"]),
    }
    return Row(pair.key, pair.label, pair.way, cells, len(ratios), len(ratios))


def _count(parameters: int | None) -> Cell:
    return Cell(text=DASH) if parameters is None else Cell(value=float(parameters))
