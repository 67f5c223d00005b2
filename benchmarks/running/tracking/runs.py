"""An experiment and its runs as hooks hear of them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import pandas as pd

from strokebench.benchmarks.keys.described import all_params
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.run import Run
from strokebench.benchmarks.running.tracking.hooks import TaskRecord, Work, facts_of
from strokebench.files import digest
from strokebench.tasks.conditions import COMPLETE
from strokebench.tasks.metrics.evaluate import evaluate, metrics_of

COSTS = ("fit_seconds", "predict_seconds", "cpu_seconds", "peak_mb")


def work_of(experiment: str, context: Context, keys: Iterable[str]) -> Work:
    """An experiment, and the keys of its runs."""
    title = context.results_folder(experiment).parent.name
    averaged = (*metrics_of(context.endpoint), *COSTS)
    return Work(experiment, title, digest([title, sorted(keys)]), "strokebench.key", facts_of(context), averaged)


def record_of(run: Run, context: Context, predictions: pd.DataFrame, record: Mapping[str, Any]) -> TaskRecord:
    """A finished run, of the predictions and the record that the store holds."""
    endpoint = context.endpoint
    values = evaluate(endpoint, predictions["y"], endpoint.probabilities(predictions)) | record["facts"]
    values |= {name: record[name] for name in COSTS}
    curves = [(name, value, step) for name, curve in record["history"].items() for step, value in enumerate(curve, 1)]
    parts = [run.method, run.label or run.variant, "" if run.condition.id == COMPLETE.id else run.condition.name]
    group = " ".join(filter(None, parts))
    params = all_params(run.method, run.params)
    params.pop("random_state", None)
    return TaskRecord(
        name=f"{group} seed {run.seed} fold {run.fold}",
        started=datetime.fromisoformat(record["started"]),
        ended=datetime.fromisoformat(record["finished"]),
        params={
            **run.names(),
            "protocol": run.protocol,
            "balance": run.balance,
            "dataset": context.cohort.name,
            "outcome": endpoint.expression,
            **{f"{modality}_encoder": name for modality, name in context.of(run).embeddings.encoders.items()},
            **params,
        },
        metrics=[*((name, value, 0) for name, value in values.items()), *curves],
        facts={name: record[name] for name in ("code_sha256", "commit", "strokebench") if record.get(name)},
        group=group,
    )
