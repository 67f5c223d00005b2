"""The training patients of all runs of a stack on its device, and the batches that they make there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from strokebench.methods.neural import Batch
from strokebench.methods.stacked_run import StackedRun


class Group(NamedTuple):
    """What is drawn for runs whose batches have the same size b.

    runs: their numbers, g of them; rows, answers (g, b) int64, numbers of patients and of answers among those of all
    runs; noise (g, b, ...), standard normal, and strength (g,), by which it is multiplied, 0 for none, when what
    `noise` holds is no matter; partners (g, b) int64 among the g * b patients of the group, and share (g,), that MixUp
    gives to them, 0 for none; bits (g, words) int64, random, for dropout.
    """

    runs: tuple[int, ...]
    rows: Tensor
    answers: Tensor
    partners: Tensor
    strength: Tensor
    share: Tensor
    noise: Batch
    bits: Tensor


class StackedPatients:
    """The training parts of the runs, one after the other.

    Args:
        runs: those that the stack begins with.
        device: where the stack lives.

    Attributes:
        first: of each run, the number of its first patient.
        prompts: answers a patient.
    """

    def __init__(self, runs: Sequence[StackedRun], device: torch.device) -> None:
        parts = [run.patients for run in runs]
        self.prompts = parts[0].text.shape[1]
        self.first: dict[StackedRun, int] = {}
        count = 0
        for run in runs:
            self.first[run] = count
            count += len(run.patients)
        self.image, self.tokens, self.text, self.table = (
            _joined(each, device)
            for each in (
                [part.image for part in parts],
                [part.tokens for part in parts],
                [part.text.flatten(0, 1) for part in parts],
                [part.table for part in parts],
            )
        )
        self.target = _joined([run.target for run in runs], device)

    def batch(self, group: Group) -> tuple[Batch, Tensor]:
        """The augmented batches (g, b, ...) and their labels (g, b): `augment`, of all runs of a group together."""
        sources = (self.image, self.tokens, self.text, self.table, self.target)
        numbers = (group.rows, group.rows, group.answers, group.rows, group.rows)
        drawn = [source[number] for source, number in zip(sources, numbers, strict=True)]
        noisy = [
            torch.where(_column(group.strength, part) > 0, part + noise * _column(group.strength, part), part)
            for part, noise in zip(drawn, group.noise, strict=False)
        ]
        *parts, target = (
            part.lerp(part.flatten(0, 1)[group.partners], _column(group.share, part)) for part in (*noisy, drawn[-1])
        )
        return Batch(*parts), target


def _joined(parts: Sequence[Tensor], device: torch.device) -> Tensor:
    """One after the other on the device; on the way there is never more than one of them twice."""
    joined = torch.empty(sum(map(len, parts)), *parts[0].shape[1:], device=device)
    for room, part in zip(joined.split([len(part) for part in parts]), parts, strict=True):
        room.copy_(part)
    return joined


def _column(values: Tensor, like: Tensor) -> Tensor:
    """(g,) to (g, 1, ...), with as many dimensions as `like`."""
    return values.view(-1, *[1] * (like.dim() - 1))
