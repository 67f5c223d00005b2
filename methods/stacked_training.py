"""The training protocol on several runs at once: `train_network`, with every step taken by all runs together.

What is drawn, when a run stops and which epoch it keeps are each run's own and the same as alone: the single
path's functions draw from the run's own generators on the CPU. Only the arithmetic is shared, and so differs in
the order of its sums. Nothing is padded in training: in each step the runs whose batches have the same size go
through the network together, as a rule all of them, and at an epoch's end one group a size. Losses across
patients (InfoNCE) therefore see what they see alone. A run that has stopped leaves the
stack before the next epoch.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import torch

from strokebench.methods.neural import Batch, NeuralMethod
from strokebench.methods.stacked_dropout import draw_masks
from strokebench.methods.stacked_network import StackedNetwork
from strokebench.methods.stacked_run import Group, StackedRun, held_out_batches, steps
from strokebench.methods.stacked_state import Stack
from strokebench.methods.training import learning_rate


def train_stacked(runs: Sequence[StackedRun], device: torch.device) -> None:
    """Train the modules of `runs`, and leave each at its best epoch, in evaluation mode, with its `result`.

    Raises:
        ValueError: the networks cannot be stacked.
        RuntimeError: PyTorch cannot map an operation of the network over runs.
    """
    active = list(runs)
    network, stack = StackedNetwork(runs[0].module, runs[0].method, device), Stack([r.module for r in runs], device)
    held_out = held_out_batches(active, device)
    for epoch in range(runs[0].method.max_epochs):
        _call_hooks(active, stack, epoch)
        totals = _train_epoch(network, stack, active, epoch)
        logits = network.logits(stack, held_out).float().cpu() if held_out else torch.zeros(len(active), 0)
        ends = [
            run.close_epoch(epoch, total / len(run.patients), own[: len(run.held_out)])
            for run, total, own in zip(active, totals, logits, strict=True)
        ]
        stack.keep_best([number for number, end in enumerate(ends) if end.best])
        going = [number for number, end in enumerate(ends) if not end.last]
        if len(going) < len(active):
            for number, end in enumerate(ends):
                if end.last:
                    active[number].finish(stack.state(number, best=True))
            active = [active[number] for number in going]
            if not active:
                return
            stack.keep(going)
            held_out = [Batch(*(part[going] for part in batch)) for batch in held_out]
    for number, run in enumerate(active):
        run.finish(stack.state(number, best=True))


def _train_epoch(network: StackedNetwork, stack: Stack, runs: Sequence[StackedRun], epoch: int) -> list[float]:
    """One epoch; each run's sum of losses over its patients."""
    methods = [run.method for run in runs]
    rates = [learning_rate(epoch, m.learning_rate, m.warmup_epochs, m.max_epochs) for m in methods]
    clip_norms = [m.clip_norm for m in methods]
    totals = torch.zeros(len(runs), device=network.device)
    for groups in _drawn(runs, network.device):
        summed = torch.zeros((), device=network.device)
        stepping = [False] * len(runs)
        for numbers, batch, target in groups:
            generators = [runs[number].dropout for number in numbers]
            masks = draw_masks(generators, network.dropout(stack, batch), network.device)
            everyone = len(numbers) == len(runs)
            rows = None if everyone else torch.tensor(numbers, device=network.device)
            losses = network.losses(stack, rows, batch, target, masks, epoch)
            weighted = losses.detach() * target.shape[1]
            totals = totals + weighted if rows is None else totals.index_add(0, rows, weighted)
            summed = summed + losses.sum()
            for number in numbers:
                stepping[number] = True
        gradients = torch.autograd.grad(summed, list(stack.parameters.values()), allow_unused=True)
        stack.step(dict(zip(stack.parameters, gradients, strict=True)), rates, clip_norms, stepping)
    return totals.tolist()


def _call_hooks(runs: Sequence[StackedRun], stack: Stack, epoch: int) -> None:
    """`before_epoch` of the runs whose method has one: on the CPU, and one run after the other."""
    if type(runs[0].method).before_epoch is NeuralMethod.before_epoch:
        return
    for number, run in enumerate(runs):
        run.module.load_state_dict(stack.state(number))
        run.module.eval()
        run.method.before_epoch(run.module, epoch, run.patients.in_order())
    stack.read([run.module for run in runs])


def _drawn(runs: Sequence[StackedRun], device: torch.device) -> Iterator[list[Group]]:
    """The epoch's steps; for an accelerator drawn by threads, one step ahead of it."""
    if device.type == "cpu":
        yield from steps(runs, device)
        return
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(min(len(runs), os.cpu_count() or 1)))
        ahead = stack.enter_context(ThreadPoolExecutor(1))
        items = steps(runs, device, pool.map)
        coming = ahead.submit(next, items, None)
        while (groups := coming.result()) is not None:
            coming = ahead.submit(next, items, None)
            yield groups
