"""A folder of results as a half-finished study leaves it, from invented predictions: for tests of the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.reports.results import Results
from strokebench.reports.tables.section import Panel, Section, publish
from strokebench.reports.tables.style import INK, LOOKS

PATIENT = "sub-0042"
"""An id that the demo plants in a run's error, together with a path."""
COHORT = "made-up virtual cohort"
FOLDER = "/home/somebody/data/mri"


def write_demo(root: Path, make_results: Callable[..., Results]) -> Path:
    """Table 1 unfinished under `cv5` and finished under `holdout`, two figures, a leak alarm, and one broken part.

    Returns:
        `root`, with one folder a cohort, outcome and protocol.
    """
    cv5 = root / "virtual-nihss_lt_7-cv5"
    unfinished = _planted(make_results(failed={"vdafm": 2, "svm": 10}, missing={"mlp": 3}, seeds=(39, 40)), "cv5")
    _report(unfinished, cv5 / "table1")
    _report(_planted(make_results(seeds=(39,)), "holdout"), root / "virtual-nihss_lt_7-holdout" / "table1")
    whole = _planted(make_results(seeds=(39,)), "cv5")
    for name in ("figure2", "zebra"):
        whole.write(cv5 / name)
        panels = [Panel(f"{name}_{n}", _curves(n), f"Curves {n}", "Two curves.", "Anything else.") for n in (1, 2)]
        publish(Section(name, f"{name.title()}: made-up curves", COHORT, panels, "They cross."), cv5 / name)
    alarms = ["Column x tells the outcome."]
    publish(Section("leaks", "Leak alarms", COHORT, [], "One.", alarms), cv5 / "leaks")
    whole.write(cv5 / "figure4")
    return root


def _planted(results: Results, protocol: str) -> Results:
    """The same results with telling ids, and an error that names a patient and a path."""
    ids = {id: f"sub-{int(id[1:]):04d}" for id in results.predictions["patient_id"].unique()}
    predictions = results.predictions.assign(patient_id=results.predictions["patient_id"].map(ids), protocol=protocol)
    runs = results.runs.copy()
    failed = runs["status"] == "failed"
    runs.loc[failed, "error"] = f"OSError: {FOLDER}/{PATIENT}.nii.gz of patient {PATIENT} is cut off"
    oracle = results.oracle.assign(patient_id=results.oracle["patient_id"].map(ids).fillna("sub-none"))
    provenance = {
        **results.provenance,
        "protocol": protocol,
        "commit": "c" * 40,
        "versions": {"torch": "2.13.0", "numpy": "2.4"},
        "machine": "Some CPU, 2 cores, Linux",
        "created": "2026-01-02T03:04:05+00:00",
        "encoders": {"image": "3D ResNet-10 (untrained, seeded)", "text": "MiniLM"},
        "untrained_encoders": ["3D ResNet-10 (untrained, seeded)"],
    }
    return replace(results, predictions=predictions, runs=runs, oracle=oracle, provenance=provenance)


def _report(results: Results, folder: Path) -> None:
    results.write(folder)
    Table1().report(results, folder)


def _curves(number: int) -> Figure:
    """A picture with clip paths, markers and text, as real ones have."""
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.add_subplot()
    x = np.linspace(0, 6, 60)
    for shift, (colour, marker) in zip((0, 1), LOOKS, strict=False):
        axes.plot(x, np.sin(x * number + shift), color=colour, marker=marker, markevery=6, label=f"shift {shift}")
    axes.set_xlabel("made-up axis", color=INK)
    axes.set_ylim(-0.8, 0.8)
    axes.legend(frameon=False)
    return figure
