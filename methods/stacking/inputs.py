"""What the runs of a stack are given step by step: drawn by each run alone on the CPU, into one piece of memory.

One piece, because it then travels to an accelerator in one go, and lies there in the same place at every step.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import zip_longest
from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from strokebench.methods.stacking.run import StackedRun
from strokebench.methods.stacking.state import SCALARS
from strokebench.methods.training.batch import Batch
from strokebench.methods.training.protocol import Augmentation
from strokebench.tasks.inputs import PRESENT

ALIGNMENT = 256
"""Bytes; what PyTorch's own allocations on a GPU have."""

MOST_THREADS = 8
WORTH_A_THREAD = 2**20
"""Bytes drawn in a step: for less, threads wait for each other longer than they draw."""

Composition = tuple[tuple[int, tuple[int, ...]], ...]
"""Which runs go through the network together in one step: the size of their batches, and their numbers."""


class StepInputs(NamedTuple):
    """What a step of R runs is given: groups, the optimiser's scalars (R, SCALARS), and the epoch, one number."""

    groups: list[Group]
    scalars: Tensor
    epoch: Tensor


class Seat(NamedTuple):
    """Where one run's draws go in a group's; NumPy arrays, which write a few numbers faster than tensors.

    number: the run's; before: the patients of the runs before it in the group; for the others see `Group`.
    """

    number: int
    before: int
    rows: NDArray[np.int64]
    answers: NDArray[np.int64]
    partners: NDArray[np.int64]
    strength: NDArray[np.float32]
    share: NDArray[np.float32]
    noise: list[Tensor]
    bits: Tensor

    @classmethod
    def of(cls, group: Group, row: int) -> Self:
        rows, answers, partners = (each[row].numpy() for each in (group.rows, group.answers, group.partners))
        strength, share = (each[row : row + 1].numpy() for each in (group.strength, group.share))
        noise = [part[row] for part in group.noise.values()]
        return cls(group.runs[row], row * len(rows), rows, answers, partners, strength, share, noise, group.bits[row])

    def clear(self) -> None:
        """The first patient again and again, as it is."""
        for each in (self.rows, self.answers, self.partners, self.strength, self.share):
            each[:] = 0


class Room(NamedTuple):
    """Views of a piece of memory, of which `used` bytes are in use."""

    inputs: StepInputs
    used: int
    seats: list[Seat]


class Drawing(NamedTuple):
    """What is being drawn for a step, and the runs whose partners are to be drawn after that."""

    much: list[Future[None]]
    mixed: list[tuple[StackedRun, Seat]]


def compositions(runs: Sequence[StackedRun]) -> list[Composition]:
    """Of the steps of an epoch; a run that has no more batches is in no group."""
    steps: list[Composition] = []
    for sizes in zip_longest(*(run.batch_sizes() for run in runs)):
        members: dict[int, list[int]] = {}
        for number, size in enumerate(sizes):
            if size is not None:
                members.setdefault(size, []).append(number)
        steps.append(tuple((size, tuple(numbers)) for size, numbers in members.items()))
    return steps


class Feeder:
    """Draws what the steps are given, each step while the one before is computed.

    Args:
        runs: those that the stack begins with.
        patients: theirs.
        words: how many random 64-bit numbers a run's dropout layers need for a batch of this size.
        device: where the inputs are wanted.
        threads: that draw; by default as many as there is work for, and one where the device is the CPU itself.
    """

    def __init__(
        self,
        runs: Sequence[StackedRun],
        patients: StackedPatients,
        words: Callable[[int], int],
        device: torch.device,
        threads: int | None = None,
    ) -> None:
        self.patients, self.words = patients, words
        self.shapes = runs[0].shapes
        self._views: dict[tuple[int, Composition, int], Room] = {}
        nowhere = torch.empty(2**50, dtype=torch.uint8, device="meta")
        size = max(self._lay_out(nowhere, composition, len(runs))[1] for composition in set(compositions(runs)))
        on_gpu = device.type == "cuda"
        self._rooms = [torch.zeros(size, dtype=torch.uint8, pin_memory=on_gpu) for _ in range(2)]
        self._there = None if device.type == "cpu" else torch.zeros(size, dtype=torch.uint8, device=device)
        self._copied = [torch.cuda.Event() for _ in self._rooms] if on_gpu else []
        if threads is None:
            most = 1 if device.type == "cpu" else min(MOST_THREADS, len(runs), os.cpu_count() or 1)
            threads = max(1, min(most, size // WORTH_A_THREAD))
        self._threads = threads
        # On the CPU itself there is nothing to wait for meanwhile.
        self._pool = None if device.type == "cpu" and threads == 1 else ThreadPoolExecutor(threads)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._pool:
            self._pool.shutdown()

    def epoch(
        self, runs: Sequence[StackedRun], epoch: int, scalars: Callable[[Composition], Tensor]
    ) -> Iterator[tuple[Composition, StepInputs]]:
        """The steps of an epoch (from 0), on the device; a step's inputs are good until the next is asked for.

        Runs that have ended draw nothing: they are given the first patient again and again.

        Args:
            runs: as many as at the start, or fewer.
            scalars: called once for each step, in order; a tensor on the CPU.
        """
        steps = compositions(runs)
        begin = partial(self._begin, runs, [None if run.ended else run.shuffled() for run in runs])
        drawing = begin(0, steps[0])
        for number, composition in enumerate(steps):
            self._end(drawing)
            room = self._room(number % 2, composition, len(runs))
            room.inputs.scalars.copy_(scalars(composition))
            room.inputs.epoch.fill_(epoch)
            if self._there is not None:
                self._there[: room.used].copy_(self._rooms[number % 2][: room.used], non_blocking=True)
            if self._copied:
                self._copied[number % 2].record()
            if number + 1 < len(steps):
                drawing = begin(number + 1, steps[number + 1])
            yield composition, room.inputs if self._there is None else self._room(2, composition, len(runs)).inputs

    def _begin(
        self,
        runs: Sequence[StackedRun],
        shuffled: Sequence[Iterator[Tensor] | None],
        number: int,
        composition: Composition,
    ) -> Drawing:
        """Draw for a step what `TrainingRun.batches` would, and then the dropout layers; threads draw what is much.

        Each call of PyTorch lets another thread take over, which costs more than the little that most calls draw.
        """
        if self._copied:
            # What was there is still on its way, if the GPU lags behind.
            self._copied[number % 2].synchronize()
        much: list[tuple[StackedRun, Seat, bool]] = []
        mixed: list[tuple[StackedRun, Seat]] = []
        for seat in self._room(number % 2, composition, len(runs)).seats:
            seat.clear()
            run, batches = runs[seat.number], shuffled[seat.number]
            if batches is None:
                continue
            rows, first = next(batches), self.patients.first[run]
            seat.rows[:] = rows.numpy() + first
            seat.answers[:] = run.patients.draw(rows, run.generator).numpy()
            drawn = Augmentation.draw(run.method, run.random)
            much.append((run, seat, drawn.noisy))
            if drawn.noisy:
                seat.strength[:] = run.method.noise
            if drawn.weight is not None:
                seat.share[:] = 1 - drawn.weight
                mixed.append((run, seat))
        # A list is gone through by several threads together.
        common = iter(much)

        def draw() -> None:
            for run, seat, noisy in common:
                if noisy:
                    for part in seat.noise:
                        part.normal_(generator=run.generator)
                seat.bits.random_(-(2**63), None, generator=run.dropout)

        if self._pool:
            return Drawing([self._pool.submit(draw) for _ in range(self._threads)], mixed)
        draw()
        return Drawing([], mixed)

    def _end(self, drawing: Drawing) -> None:
        """Draw the rest."""
        for each in drawing.much:
            each.result()
        for run, seat in drawing.mixed:
            seat.partners[:] = torch.randperm(len(seat.partners), generator=run.generator).numpy() + seat.before

    def _room(self, place: int, composition: Composition, runs: int) -> Room:
        """In one of the two places on the CPU, or in the third, on the device."""
        key = (place, composition, runs)
        if key not in self._views:
            memory = [*self._rooms, self._there][place]
            assert memory is not None
            inputs, used = self._lay_out(memory, composition, runs)
            seats = [Seat.of(g, row) for g in inputs.groups for row in range(len(g.runs))] if place < 2 else []
            self._views[key] = Room(inputs, used, seats)
        return self._views[key]

    def _lay_out(self, memory: Tensor, composition: Composition, runs: int) -> tuple[StepInputs, int]:
        """Views of `memory`, uint8, and how many bytes they take."""
        used = 0

        def room(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
            nonlocal used
            start, size = used, math.prod(shape) * dtype.itemsize
            used += -(-size // ALIGNMENT) * ALIGNMENT
            return memory[start : start + size].view(dtype).view(shape)

        groups = [
            Group(
                runs=numbers,
                rows=room(len(numbers), size, dtype=torch.int64),
                answers=room(len(numbers), size, dtype=torch.int64),
                partners=room(len(numbers), size, dtype=torch.int64),
                strength=room(len(numbers)),
                share=room(len(numbers)),
                noise={
                    name: room(len(numbers), size, *shape) for name, shape in self.shapes.items() if name != PRESENT
                },
                bits=room(len(numbers), self.words(size), dtype=torch.int64),
            )
            for size, numbers in composition
        ]
        return StepInputs(groups, room(runs, SCALARS), room(dtype=torch.int64)), used


class Group(NamedTuple):
    """What is drawn for runs whose batches have the same size b.

    runs: their numbers, g of them; rows (g, b) int64, numbers of patients among those of all runs; answers (g, b)
    int64, what `Patients.draw` drew; noise (g, b, ...), standard normal, and strength (g,), by which it is multiplied,
    0 for none, when what `noise` holds is no matter; partners (g, b) int64 among the g * b patients of the group, and
    share (g,), that MixUp gives to them, 0 for none; bits (g, words) int64, random, for dropout.
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
    """

    def __init__(self, runs: Sequence[StackedRun], device: torch.device) -> None:
        parts = [run.patients for run in runs]
        self.answers = parts[0].answers
        self.first: dict[StackedRun, int] = {}
        count = 0
        for run in runs:
            self.first[run] = count
            count += len(run.patients)
        self.arrays = {
            name: _joined([each.flatten(0, 1) if name in self.answers else each for each in arrays], device)
            for name, arrays in ((name, [part.arrays[name] for part in parts]) for name in parts[0].arrays)
        }
        self.target = _joined([run.target for run in runs], device)

    def batch(self, group: Group) -> tuple[Batch, Tensor]:
        """The augmented batches (g, b, ...) and their labels (g, b): `augment`, of all runs of a group together."""
        drawn = {}
        for name, array in self.arrays.items():
            count = self.answers.get(name)
            part = array[group.rows if count is None else group.rows * count + group.answers % count]
            if name in group.noise:
                strength = _column(group.strength, part)
                part = torch.where(strength > 0, part + group.noise[name] * strength, part)
            drawn[name] = self._mixed(part, group)
        return drawn, self._mixed(self.target[group.rows], group)

    def _mixed(self, part: Tensor, group: Group) -> Tensor:
        """MixUp of what is drawn of the patients of a group, (g, b, ...)."""
        return part.lerp(part.flatten(0, 1)[group.partners], _column(group.share, part))


def _joined(parts: Sequence[Tensor], device: torch.device) -> Tensor:
    """One after the other on the device; on the way there is never more than one of them twice."""
    joined = torch.empty(sum(map(len, parts)), *parts[0].shape[1:], device=device)
    for room, part in zip(joined.split([len(part) for part in parts]), parts, strict=True):
        room.copy_(part)
    return joined


def _column(values: Tensor, like: Tensor) -> Tensor:
    """(g,) to (g, 1, ...), with as many dimensions as `like`."""
    return values.view(-1, *[1] * (like.dim() - 1))
