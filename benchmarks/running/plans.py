"""What plans have in common: which methods can run, one run for each fold, and the fits that runs share."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from strokebench.benchmarks.keys.described import described, described_methods
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.parameters import TUNED
from strokebench.benchmarks.running.provenance import commit, strokebench_version
from strokebench.benchmarks.running.run import Run
from strokebench.benchmarks.running.settings import QUICK_PARAMS
from strokebench.benchmarks.running.task import Task
from strokebench.methods.registry import find_method
from strokebench.reports.results import variant_id
from strokebench.reports.tuning.records import params_in_words
from strokebench.tasks.conditions import COMPLETE, Condition
from strokebench.tasks.inputs import modalities_of
from strokebench.tasks.paper_setup import SIZES


def usable_methods(
    context: Context,
    default: Sequence[str] | None = None,
    parameters: Sequence[str] = (),
    references: bool = False,
) -> tuple[list[str], dict[str, str]]:
    """The wanted methods that the cohort has the modalities for, and why the others are left out.

    Args:
        default: wanted where the user names none; None: all but references and those on request.
        parameters: hyper-parameters that a method must have.
        references: with references too.

    Raises:
        StrokebenchError: a wanted method does not exist.
    """
    wanted = default if context.settings.methods is None else context.settings.methods
    if wanted is None:
        known = described_methods().items()
        names = [name for name, method in known if not method.library and (references or not method.is_reference)]
    else:
        names = [described(name).name for name in wanted]
    left_out = {name: reason for name in names if (reason := why_lacking(uses(name, context), context))}
    for name in names:
        if unknown := [role for role in described(name).needs if role not in context.roles]:
            left_out.setdefault(name, f"it needs {_why_not(unknown, context)}")
    for name in names if parameters else ():
        defaults = described(name).defaults
        if absent := [parameter for parameter in parameters if parameter not in defaults]:
            left_out.setdefault(name, f"it has no parameter {' and '.join(absent)}")
    return [name for name in names if name not in left_out], left_out


def uses(name: str, context: Context) -> frozenset[str]:
    """The modalities that a method reads in any of its runs: `inputs` of a file of parameters may add to them.

    Raises:
        StrokebenchError: the file lacks a fold, or its `inputs` are none of the method's.
    """
    given, split, default = context.tuned.get(name), context.split, described(name).uses
    params = [given.params_for(split.sha256, fold.seed, fold.fold) for fold in split.folds] if given else [{}]
    read = [modalities_of(find_method(name)(**one).arrays()) if "inputs" in one else default for one in params]
    return frozenset().union(*read)


def why_lacking(read: frozenset[str], context: Context) -> str:
    """Which of the modalities that a method reads the cohort lacks, in words; empty where it has all."""
    lacking = sorted(read - context.modalities)
    return f"it reads {' and '.join(lacking)}, which {context.cohort.title} does not have" if lacking else ""


def _why_not(roles: Sequence[str], context: Context) -> str:
    """Why these roles are not known here, in words."""
    barred = [role for role in roles if role in context.cohort.roles]
    absent = [role for role in roles if role not in barred]
    parts = [f"{', '.join(barred)}, no input where {context.endpoint.expression} is predicted"] if barred else []
    if absent:
        # Columns of these names are here, and only their file's line is not.
        line = f" {{{', '.join(f'{role}: {role}' for role in absent)}}}"
        line = line if {*absent} <= {*context.cohort.columns} else ""
        parts.append(f"{', '.join(absent)} (`roles:{line}` of the cohort's file)")
    return "; ".join(parts)


def method_runs(
    method: str,
    context: Context,
    params: Mapping[str, Any] | None = None,
    label: str = "",
    condition: Condition = COMPLETE,
    variant: str | None = None,
) -> list[Run]:
    """One run for each fold of the context's split.

    Args:
        params: what the experiment itself wants; goes before the parameters of a file (`--params`).
        label: what people call it; where there is none, the runs of a method with such a file are called tuned.
        variant: its id; default: that of `params`.
    """
    settings = context.settings
    tuned = context.tuned.get(method)
    short = quick_params(method) if settings.quick else {}
    sized = size_params(method, settings.sizes)
    runs = []
    for fold in context.split.folds:
        given = tuned.params_for(context.split.sha256, fold.seed, fold.fold) if tuned else {}
        merged = {**sized, **given, **(params or {}), **short}
        named = variant_id(params or {}) if variant is None else variant
        called = label or variant or params_in_words(params or {}) or (TUNED if tuned else "")
        runs.append(
            Run(method, fold.seed, fold.fold, settings.protocol, merged, named, called, condition, settings.balance)
        )
    return runs


def size_params(method: str, sizes: str) -> dict[str, int]:
    """Where a network of Table 1 differs from its defaults at one of `SIZES`; other methods have sizes of their own."""
    return {name: SIZES[sizes][name] for name, size in default_size(method).items() if SIZES[sizes][name] != size}


def default_size(method: str) -> dict[str, int]:
    """The size of a network of Table 1 by its defaults; nothing for other methods."""
    known, names = described(method), SIZES["small"]
    sized = known.paper_row and known.defaults.keys() >= names.keys()
    return {name: known.defaults[name] for name in names} if sized else {}


def quick_params(method: str) -> dict[str, Any]:
    """What a quick check changes of this method."""
    known = described(method).defaults
    return dict(QUICK_PARAMS) if QUICK_PARAMS.keys() <= known.keys() else {}


def fits(todo: Mapping[str, tuple[Run, Context]]) -> list[Task]:
    """One task a fit: runs that differ in the condition of the test part alone share theirs."""
    shared: dict[str, dict[str, Run]] = {}
    for key, (run, context) in todo.items():
        shared.setdefault(context.key(replace(run, condition=run.condition.trained)), {})[key] = run
    tasks = []
    for runs in shared.values():
        first, context = todo[next(iter(runs))]
        tasks.append(Task(runs, context.fold(first), about(context, first), described(first.method).module))
    return tasks


def about(context: Context, run: Run) -> dict[str, Any]:
    """What a run's record keeps of the code and the data that it was computed with."""
    code = context.code(run)
    return {
        "code_sha256": code.sha256,
        "data_sha256": context.of(run).data_sha256,
        "split_sha256": context.split.sha256,
        "versions": dict(code.versions),
        "strokebench": strokebench_version(),
        "commit": commit(),
    }
