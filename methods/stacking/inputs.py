"""What the runs of a stack are given step by step, drawn by each run's own generators on the CPU."""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from itertools import zip_longest
from typing import Any, NamedTuple

import torch
from torch import Tensor

from strokebench.methods.training.batch import PREDICTION_BATCH, Batch, Patients
from strokebench.methods.training.protocol import Draw, TrainingRun
from strokebench.tasks.inputs import PRESENT, SOURCE


class Drawn(NamedTuple):
    """What g runs are given for one step of batches of b patients.

    Attributes:
        draw: of all patients of all these runs, one run after the other: (g * b, ...).
        bits: for dropout, random, (g, words) int64.
        sizes: of the optimiser's step, (g,).
    """

    draw: Draw
    bits: Tensor
    sizes: Tensor

    def tensors(self) -> list[Any]:
        """All of them."""
        rows, answers, noise, *mixing = self.draw
        return [each for each in (rows, answers, *noise.values(), *mixing, self.bits, self.sizes) if each is not None]


class Group:
    """Runs that go through the network together because their batches have the same size, step after step.

    What a step is given is drawn into one place on the CPU and lies in one place on the device, where a recorded step
    looks for it.

    Args:
        members: numbers of the runs, g of them.
        size: patients in a batch, b.
        rows: shapes of what a batch has of one patient.
        words: 64-bit random numbers that a run's dropout layers need.
        mixes: whether there may be MixUp.
        device: where the stack lives.
    """

    def __init__(self, members: tuple[int, ...], size: int, rows: Mapping[str, Sequence[int]], words: int, mixes: bool,
                 device: torch.device) -> None:  # fmt: skip
        self.members, self.size, self._rows, self._words, self._mixes = members, size, rows, words, mixes
        self.numbers = torch.tensor(members, device=device)
        self.drawn = self._room(device)
        self._waiting = self._room(torch.device("cpu"), pin_memory=device.type == "cuda")

    def _room(self, device: torch.device, pin_memory: bool = False) -> Drawn:
        runs, n = len(self.members), len(self.members) * self.size

        def room(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.zeros(shape, dtype=dtype, device=device, pin_memory=pin_memory)

        rows, answers, partners = (room(n, dtype=torch.int64) for _ in range(3))
        noise = {name: room(n, *row) for name, row in self._rows.items() if name not in (PRESENT, SOURCE)}
        draw = Draw(rows, answers, noise, partners if self._mixes else None, room(n))
        return Drawn(draw, room(runs, self._words, dtype=torch.int64), room(runs))

    def fill(self, row: int, run: TrainingRun, draws: Iterator[Draw], first: int) -> None:
        """Draw the next batch of the member in this row; `first` is its first patient among those of all runs."""
        draw, own = next(draws), slice(row * self.size, (row + 1) * self.size)
        waiting = self._waiting.draw
        waiting.rows[own] = draw.rows + first
        waiting.answers[own] = draw.answers
        for name, noise in waiting.noise.items():
            if draw.noise:
                noise[own] = draw.noise[name]
            else:
                noise[own].zero_()
        if waiting.partners is not None and isinstance(waiting.share, Tensor):
            waiting.partners[own] = own.start if draw.partners is None else draw.partners + own.start
            waiting.share[own] = draw.share
        self._waiting.bits[row].random_(-(2**63), None, generator=run.dropout)

    def send(self, sizes: Sequence[float]) -> None:
        """Bring what was drawn to the device, with the sizes of the members' steps."""
        self._waiting.sizes.copy_(torch.tensor(sizes))
        for there, here in zip(self.drawn.tensors(), self._waiting.tensors(), strict=True):
            there.copy_(here)


def compositions(runs: Sequence[TrainingRun]) -> list[tuple[int, tuple[int, ...]]]:
    """The groups of one epoch in order: how large their batches are, and their members.

    Nothing is padded, for losses across patients (InfoNCE) must see what they see alone: in each step of the runs,
    those whose batches have the same size form a group, as a rule all of them.
    """
    groups: list[tuple[int, tuple[int, ...]]] = []
    for sizes in zip_longest(*(run.batch_sizes() for run in runs)):
        members: dict[int, list[int]] = {}
        for number, size in enumerate(sizes):
            if size is not None:
                members.setdefault(size, []).append(number)
        groups += [(size, tuple(numbers)) for size, numbers in members.items()]
    return groups


def joined(runs: Sequence[TrainingRun], device: torch.device) -> tuple[Patients, Tensor]:
    """The training parts of all runs, one after the other on the device, and their labels (n,)."""
    patients = copy(runs[0].patients)
    patients.arrays = {
        name: torch.cat([run.patients.arrays[name] for run in runs]).to(device) for name in patients.arrays
    }
    return patients, torch.cat([run.target for run in runs]).to(device)


def held_out_batches(runs: Sequence[TrainingRun], device: torch.device) -> list[Batch]:
    """The validation parts of all runs with each answer in turn, (R, b, *row) by name, filled up with zeros.

    In evaluation no patient's logit depends on another's, so that what the zeros give can be cut off.
    """
    parts = {
        name: torch.nn.utils.rnn.pad_sequence([run.held_out.arrays[name] for run in runs], batch_first=True).to(device)
        for name in runs[0].held_out.arrays
    }
    longest = max(len(run.held_out) for run in runs)
    return [
        {name: part[:, start : start + PREDICTION_BATCH] for name, part in seen.items()}
        for answer in range(runs[0].held_out.alternatives)
        for seen in [runs[0].held_out.with_answer(parts, answer, axis=2)]
        for start in range(0, longest, PREDICTION_BATCH)
    ]
