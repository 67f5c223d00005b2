"""Several fits of one neural method at once, equal to fitting each alone; what a GPU needs to be busy.

The way for a GPU, where one small network leaves almost all of it idle. On a CPU little is to be won (a seventh of
the time for eight runs of EarthMind on one thread) or something lost (VDAFM), because the parameters of all runs pass
through memory in each step.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn

from strokebench.errors import StrokebenchError
from strokebench.methods.base import Method
from strokebench.methods.neural import NeuralMethod
from strokebench.methods.stacking.replay import own_stream
from strokebench.methods.stacking.stack import Stack
from strokebench.methods.training.loop import train
from strokebench.methods.training.protocol import TrainingRun
from strokebench.tasks.inputs import Inputs, made_up_sizes

Fit = tuple[Inputs, NDArray[Any], Inputs, NDArray[Any]]
"""Training part, its labels, validation part, its labels."""

OWN_TO_EACH = frozenset(
    {"random_state", "learning_rate", "patience", "warmup_epochs", "clip_norm"}
    | {"noise", "noise_probability", "mixup_alpha", "mixup_probability"}
)
"""Hyper-parameters in which runs of a stack may differ: no network or loss depends on them."""

MOST_THREADS = 8
"""That draw what a stack's next step is given: on one thread that takes longer than the step of a GPU."""


def can_stack(methods: Sequence[Method]) -> str | None:
    """Why these methods cannot be fitted together, in any number; None if they can.

    Their parts must have the same `sizes` besides.

    Raises:
        Exception: whatever `build` raises on settings that are none.
    """
    first = methods[0]
    if not isinstance(first, NeuralMethod):
        return f"{first.name} is no network"
    if any(type(method) is not type(first) for method in methods):
        return "they are different methods"
    if type(first).fit is not NeuralMethod.fit:
        return f"{first.name} has its own fit"
    known = first.get_params()
    for method in methods[1:]:
        for name, value in method.get_params().items():
            if name not in OWN_TO_EACH and value != known[name]:
                return f"they differ in {name}"
    with torch.random.fork_rng(devices=[]):
        layers = list(first.build(made_up_sizes()).modules())
    if any(isinstance(layer, nn.modules.dropout._DropoutNd) for layer in layers):
        return f"{first.name} has PyTorch's own dropout; strokebench.methods.parts.layers.Dropout can be stacked"
    if any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in layers):
        # The gradient of a bias before it is nothing but rounding, which RAdam blows up to steps of full size:
        # the running means follow, and with them the validation curve and the epoch that is kept.
        return f"{first.name} normalises batches, which does not repeat when sums are in another order"
    return None


def fit_stacked(methods: Sequence[NeuralMethod], parts: Sequence[Fit], device: str | torch.device = "cpu") -> None:
    """Fit each method on its own part, all together: afterwards each is as `fit` would have left it.

    Everything random is drawn by each run alone, from the same generators and in the same order as in `fit`, so
    that a run's result does not depend on its neighbours or on the device, up to the rounding of sums.

    Args:
        methods: of one class and architecture; see `can_stack`.
        parts: for each method the arguments of its `fit`.
        device: where the stack is trained; the fitted networks are on the CPU.

    Raises:
        StrokebenchError: they cannot be stacked; nothing was fitted.
        ValueError: the runs do not agree on a constant, or a weight has a gradient in some steps alone.
        RuntimeError: PyTorch cannot map an operation of the network over runs, or memory is out
            (`torch.OutOfMemoryError`).
    """
    sizes = [part[0].sizes for part in parts]
    reason = "their patients differ in shape" if any(own != sizes[0] for own in sizes) else can_stack(methods)
    if reason:
        raise StrokebenchError(f"These fits cannot be stacked: {reason}.", "Fit them one by one.")
    runs = [TrainingRun(method, *part) for method, part in zip(methods, parts, strict=True)]
    where = torch.device(device)
    with own_stream(where), ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1)) as threads:
        train(Stack(runs, where, threads))
    for method, run in zip(methods, runs, strict=True):
        method.finish(run)
