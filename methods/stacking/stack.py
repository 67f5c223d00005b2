"""Several trainings as one: every step is taken by all runs together.

What is drawn, when a run ends and which epoch it keeps are each run's own and the same as alone. Only the arithmetic
is shared, and so differs in the order of its sums. On a GPU the patients stay there, and a step is recorded once and
replayed.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from functools import partial
from itertools import accumulate, zip_longest

import torch
from torch import Tensor

from strokebench.methods.stacking.dropout import make_masks
from strokebench.methods.stacking.inputs import Group, compositions, held_out_batches, joined
from strokebench.methods.stacking.network import StackedNetwork
from strokebench.methods.stacking.replay import Replays
from strokebench.methods.stacking.state import State
from strokebench.methods.training.protocol import Draw, TrainingRun, augment

MOST_ENDED = 0.25
"""Share of the runs that may have ended before they leave the stack: steps of those left must be recorded anew, which
takes as long as some ten steps."""


class Stack:
    """The `Networks` of several runs.

    Args:
        runs: of one network, on patients of the same sizes.
        device: where the stack lives.
        threads: they draw what the next step is given while one is computed.

    Raises:
        ValueError: the networks cannot be stacked, which `train` may find out: a weight has a gradient in some steps.
    """

    def __init__(self, runs: Sequence[TrainingRun], device: torch.device, threads: Executor) -> None:
        self.runs, self.device, self.threads = list(runs), device, threads
        self.network = StackedNetwork(runs[0], device)
        self.state_of_all = State([run.module for run in runs], device)
        self.patients, self.target = joined(runs, device)
        counts = [len(run.patients) for run in runs]
        self.first = dict(zip(runs, accumulate(counts, initial=0), strict=False))
        self.replays = Replays(device)
        self.epoch = torch.zeros((), dtype=torch.int64, device=device)
        self.trained: frozenset[str] = frozenset()
        self._place()

    def _place(self) -> None:
        """Make what depends on who is in the stack and what the network does."""
        self.replays.forget()
        keys = compositions(self.runs)
        self.needs = {size: self.network.dropout_needs(self.state_of_all, size) for size, _ in set(keys)}
        words = {size: sum(need.words for need in needs) for size, needs in self.needs.items()}
        rows, mixes = self.patients.rows, self.runs[0].method.endpoint.mixes
        made = {key: Group(key[1], key[0], rows, words[key[0]], mixes, self.device) for key in set(keys)}
        self.groups = [made[key] for key in keys]
        self.totals = torch.zeros(len(self.runs), device=self.device)
        self.held_out = held_out_batches(self.runs, self.device)
        longest, outputs = max(len(run.held_out) for run in self.runs), self.runs[0].method.endpoint.outputs
        shape = (len(self.runs), longest) if outputs == 1 else (len(self.runs), longest, outputs)
        self.logits = torch.zeros(shape, device=self.device)

    def train(self, epoch: int) -> Sequence[float]:
        self._call_hooks(epoch)
        self.epoch.fill_(epoch)
        self.totals.zero_()
        for group, adaptive in self._drawn(epoch):
            self.replays.call("step", (group, adaptive), partial(self._step, group, adaptive, epoch))
        return [total / len(run.patients) for total, run in zip(self.totals.tolist(), self.runs, strict=True)]

    def _drawn(self, epoch: int) -> Iterator[tuple[Group, tuple[bool, ...]]]:
        """The groups of an epoch, each with what it is given on the device, and which members' steps are adaptive.

        Runs that have ended draw nothing, and are given again what they had.
        """
        rates = [run.learning_rate(epoch) for run in self.runs]
        draws = [run.draws() for run in self.runs]
        drawing = self._draw(self.groups[0], draws)
        for group, following in zip_longest(self.groups, self.groups[1:]):
            for each in drawing:
                each.result()
            sizes, adaptive = zip(*(self.state_of_all.count(run, rates[run]) for run in group.members), strict=True)
            group.send(sizes)
            if following is not None:
                drawing = self._draw(following, draws)
            yield group, adaptive

    def _draw(self, group: Group, draws: Sequence[Iterator[Draw]]) -> list[Future[None]]:
        return [
            self.threads.submit(group.fill, row, self.runs[run], draws[run], self.first[self.runs[run]])
            for row, run in enumerate(group.members)
            if not self.runs[run].ended
        ]

    def _step(self, group: Group, adaptive: tuple[bool, ...], number: int) -> None:
        """One step of a group."""
        # As a tensor where the step is recorded: each epoch has another.
        epoch = self.epoch if self.replays.on else number
        draw, bits, sizes = group.drawn
        batch = self.patients.batch(draw.rows, draw.answers)
        batch, target = augment(batch, self.target.index_select(0, draw.rows), draw)
        by_run = (len(group.members), group.size)
        batch, target = {name: part.unflatten(0, by_run) for name, part in batch.items()}, target.unflatten(0, by_run)
        gradients, losses = self.network.gradients(
            self.state_of_all,
            None if len(group.members) == len(self.runs) else group.numbers,
            batch,
            target,
            make_masks(bits, self.needs[group.size]),
            epoch,
        )
        # Steps are counted by run; alone, each weight's own are.
        self.trained = self.trained or frozenset(gradients)
        if self.trained != gradients.keys():
            raise ValueError(f"{min(self.trained ^ gradients.keys())} has a gradient in some steps alone")
        # Nothing is changed before all that may fail is done.
        for row, run in enumerate(group.members):
            own = {name: gradient[row] for name, gradient in gradients.items()}
            self.state_of_all.step(run, own, sizes[row], adaptive[row], self.runs[run].method.clip_norm)
        self.totals.index_add_(0, group.numbers, losses * group.size)

    def validate(self) -> Sequence[Tensor]:
        if self.held_out:
            self.replays.call("logits", None, self._validate)
        return [own[: len(run.held_out)] for own, run in zip(self.logits.float().cpu(), self.runs, strict=True)]

    def _validate(self) -> None:
        logits = self.network.logits(self.state_of_all, self.held_out)
        self.logits.copy_(logits.unflatten(1, (-1, self.logits.shape[1])).mean(1))

    def state(self, run: int) -> dict[str, Tensor]:
        return self.state_of_all.of(run)

    def drop_ended(self) -> None:
        going = [number for number, run in enumerate(self.runs) if not run.ended]
        if len(self.runs) - len(going) > MOST_ENDED * len(self.runs):
            self.runs = [self.runs[number] for number in going]
            self.state_of_all.keep(going)
            self._place()

    def _call_hooks(self, epoch: int) -> None:
        """`before_epoch`, where it does something: on the CPU, and one run after the other."""
        if not any(run.method.acts_before(epoch) for run in self.runs):
            return
        for number, run in enumerate(self.runs):
            run.module.load_state_dict(self.state(number))
            run.module.eval()
            if run.method.acts_before(epoch) and not run.ended:
                run.method.before_epoch(run.module, epoch, run.patients.in_order())
        self.state_of_all.read([run.module for run in self.runs])
        self._place()
