"""`strokebench audit leaks`: does anything tell a method what it should not know?"""

from __future__ import annotations

from typing import Annotated

import typer

from strokebench.benchmarks import options
from strokebench.benchmarks.settings import SEEDS

_SEEDS = ",".join(map(str, SEEDS))


def leaks(
    dataset: options.DatasetOption = "virtual",
    outcome: options.OutcomeOption = "",
    protocol: options.ProtocolOption = "cv5",
    encoders: options.EncodersOption = "embedded",
    seeds: options.SeedsOption = _SEEDS,
    jobs: options.JobsOption = 0,
    balance: options.BalanceOption = "smote",
    shuffle_labels: options.ShuffleOption = None,
    weights: options.WeightsOption = None,
    device: options.DeviceOption = "auto",
    keep_scale_text: options.ScaleTextOption = False,
    full: Annotated[
        bool, typer.Option("--full/--quick", help="Also fit fast methods on shuffled labels (minutes).")
    ] = True,
) -> None:
    """Look for leaks in a cohort, its split and the pipeline; exit status 1 if an alarm goes off."""
    from rich.console import Console

    from strokebench.benchmarks.leaks.audit import run_audit
    from strokebench.benchmarks.leaks.showing import show_audit
    from strokebench.benchmarks.pipeline import build_context

    console = Console(highlight=False)
    chosen = options.settings(
        dataset=dataset,
        outcome=outcome,
        protocol=protocol,
        encoders=encoders,
        seeds=seeds,
        jobs=jobs,
        quick=False,
        tracking=False,
        balance=balance,
        shuffle_labels=shuffle_labels,
        weights=weights,
        device=device,
        keep_scale_text=keep_scale_text,
    )
    context = build_context(chosen, console)
    with console.status("Leak alarms") as status:
        audit = run_audit(context, full, lambda title: status.update(f"Leak alarms: {title}"))
    console.print()
    folder = show_audit(audit, context, console)
    console.print(f"Written to {folder}", soft_wrap=True, style="dim")
    if audit.alarmed or audit.broken:
        raise typer.Exit(1)
