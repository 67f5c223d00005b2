"""Seconds an epoch of other programs beside ours, and what is the same and what is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from strokebench.reports.tables.table import Cell, Column, Kind, Row, Table, text_columns

COLUMNS = (
    *text_columns(
        network="Network", peer_seconds="Theirs", ours="Beside", ours_seconds="Ours", ratio="Ratio", range="Min–max"
    ),
    Column("peer_parameters", "Params, theirs", Kind.COUNT),
    Column("ours_parameters", "Params, ours", Kind.COUNT),
)


@dataclass(frozen=True)
class Measured:
    """All turns of one network of a peer beside one of ours.

    Args:
        key: unique. way: heading under which it stands. label: what the peer trains. ours: label of our method.
        same_network: same layers of the same widths. differs: what is not the same, in words.
        peer_seconds, ours_seconds: an epoch of one fold, by turn.
    """

    key: str
    way: str
    label: str
    ours: str
    same_network: bool
    differs: str
    peer_parameters: int
    ours_parameters: int
    peer_seconds: Sequence[float]
    ours_seconds: Sequence[float]

    @property
    def ratios(self) -> list[float]:
        """How many times as long the peer took, by turn."""
        return [peer / ours for peer, ours in zip(self.peer_seconds, self.ours_seconds, strict=True)]


def peers_table(measured: Sequence[Measured], facts: Mapping[str, Any]) -> Table:
    """One row a pair of networks; medians over turns.

    Args:
        facts: the sizes of the made-up patients (`train`, `validation`, `columns`, `image`, `text`), `epochs`,
            `folds`, `repeats`, `seeds` of a cross-validation, `machine`, `labels` of the programs, and `versions`
            of what they ran with.
    """
    torch = sorted({version["torch"] for version in facts["versions"]})
    return Table(
        name="speed-peers",
        title="Seconds an epoch of one fold, beside other programs",
        cohort="made-up patients of the paper's sizes",
        caption=(
            f"{', '.join(facts['labels'])}; PyTorch {', '.join(torch)}; {facts['machine']}."
            f" {facts['epochs']} epochs, {facts['folds']} folds, {facts['repeats']} repeats."
        ),
        columns=COLUMNS,
        rows=[_row(each) for each in measured],
        notes=[
            "Theirs, ours: seconds an epoch of one fold, median over turns. Ratio: how many times as long the peer took"
            " as ours directly before it, median over turns, and the smallest and largest of a single turn.",
            f"The same in every row: {facts['train']} training and {facts['validation']} validation patients a fold"
            f" with embeddings of {facts['columns']} (table), {facts['image']} (image) and {facts['text']} (text)"
            " numbers, folds, epochs, batches of 32, learning rate 0.0001; nothing stops early. Network: `same` where"
            " layers, widths and number of parameters are the same too.",
            "Ours draws one of five prompts a patient and step, adds noise and MixUp, clips gradients, has a schedule,"
            " computes the validation AUC each epoch and keeps the best epoch; building the network is timed too.",
            "fusilli is run by `train_and_save_models` with its own defaults, checkpoints, log, metrics and progress"
            " bar included, but for the batch size (its own is 8). Lightning's `Trainer.fit` inside is timed: not"
            " its reading of CSV files, its last validation or its plot. It collects Python's garbage after each"
            " validation, in a bare Trainer too.",
            "pytorch-widedeep runs silent, and loads data in its own process instead of in one worker process a core.",
            f"A cross-validation fits every fold under {facts['seeds']} seeds; its seconds are those until all fits"
            " are done, divided by fits and epochs. The peer has one thread, or as many as PyTorch takes by"
            " itself, whichever is faster.",
            *(f"{each.way}: {each.label} beside {each.ours}. What differs: {each.differs}." for each in measured),
        ],
        head="Peer",
        counts_runs=False,
    )


def _row(measured: Measured) -> Row:
    ratios = measured.ratios
    cells = {
        "network": Cell(text="same" if measured.same_network else "other"),
        "peer_seconds": Cell(text=f"{median(measured.peer_seconds):.3f}"),
        "ours": Cell(text=measured.ours),
        "ours_seconds": Cell(text=f"{median(measured.ours_seconds):.3f}"),
        "ratio": Cell(text=f"{median(ratios):.1f}"),
        "range": Cell(text=f"{min(ratios):.1f}–{max(ratios):.1f}"),
        "peer_parameters": Cell(value=float(measured.peer_parameters)),
        "ours_parameters": Cell(value=float(measured.ours_parameters)),
    }
    return Row(measured.key, measured.label, measured.way, cells, len(ratios), len(ratios))
