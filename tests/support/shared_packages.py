"""Packages of results: computed as runs leave them, and changed with checksums made to fit."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from small_context import make_context

from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.benchmarks.running.collect import Collector
from strokebench.benchmarks.running.store import Store
from strokebench.benchmarks.sharing.files import read_files, write_files
from strokebench.benchmarks.sharing.pseudonyms import Pseudonyms
from strokebench.files import home
from strokebench.reports.results import Results

SALT = Pseudonyms(b"a salt of our own, long enough")
NAME = "small-nihss_lt_7-cv5-seeds_39/table1"
IDS = [f"p{i:03d}" for i in range(60)]


def compute(*methods: str, **settings) -> Results:
    """Results as a run leaves them, with made-up probabilities; every run of `mlp` has failed."""
    context = make_context(methods=methods, **settings)
    context.split.write(home("splits", f"small-{context.split.sha256[:12]}.json"))
    store = Store()
    planned = [(run, context.key(run)) for run in Table1().plan(context).runs]
    for run, key in planned:
        if run.method == "mlp":
            error = f"Traceback (most recent call last):\n  File /data/x.py\nValueError: the planted error of {IDS[3]}"
            store.write_failure(key, {"error": error})
            continue
        test = list(context.fold(run).test)
        p = np.random.default_rng([run.fold, len(run.method)]).random(len(test))
        patients = pd.DataFrame({"patient_id": test, "y": context.labels.loc[test].to_numpy(), "p": p})
        record = {
            "finished": "2026-01-01T00:00:00+00:00",
            "fit_seconds": 1 / 3,
            "code_sha256": context.identity(run)["code"],
        }
        store.write(key, patients.assign(angle=p / 7), record)
    results = Collector("table1", context, planned, store).results()
    results.write(context.results_folder("table1"))
    return results


def changed(package: Path, target: Path, part: str, change, name: str = NAME) -> Path:
    """The package with one part changed, and checksums made to fit: an honest package of other results."""
    files = read_files(package)
    files.pop("SHA256SUMS")
    path = f"{name}/{part}" if name else part
    if part.endswith(".json"):
        content = json.loads(files[path])
        change(content)
        files[path] = json.dumps(content).encode()
    else:
        files[path] = change(files[path].decode()).encode()
    write_files(files, target)
    return target
