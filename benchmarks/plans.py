"""What plans have in common: which methods can run, and one run for each fold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from strokebench.benchmarks.experiment import Run
from strokebench.benchmarks.settings import QUICK_PARAMS
from strokebench.methods.registry import all_methods, find_method
from strokebench.tasks.conditions import COMPLETE, Condition

if TYPE_CHECKING:
    from strokebench.benchmarks.context import Context


def usable_methods(context: Context) -> tuple[list[str], dict[str, str]]:
    """The wanted methods that the cohort has the modalities for, and why the others are left out.

    Raises:
        StrokebenchError: a wanted method does not exist.
    """
    wanted = context.settings.methods
    names = list(all_methods()) if wanted is None else [find_method(name).name for name in wanted]
    left_out = {
        name: f"it reads {' and '.join(sorted(lacking))}, which {context.cohort.title} does not have"
        for name in names
        if (lacking := find_method(name).uses - context.modalities)
    }
    return [name for name in names if name not in left_out], left_out


def method_runs(
    method: str,
    context: Context,
    params: Mapping[str, Any] | None = None,
    variant: str = "",
    condition: Condition = COMPLETE,
) -> list[Run]:
    """One run for each fold of the context's split."""
    settings = context.settings
    params = dict(params or {})
    if settings.quick:
        known = find_method(method)().get_params()
        params = {**params, **{name: value for name, value in QUICK_PARAMS.items() if name in known}}
    return [
        Run(method, fold.seed, fold.fold, settings.protocol, params, variant, condition, settings.balance)
        for fold in context.split.folds
    ]
