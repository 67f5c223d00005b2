"""A method that is edited between its key and its fit: never a result of the one under the key of the other."""

import os
import py_compile
from pathlib import Path

import pytest
from guest_package import install
from rich.console import Console
from small_context import make_context

from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.benchmarks.keys import reach, sources
from strokebench.benchmarks.keys.code import refuse_edited
from strokebench.benchmarks.running.plans import fits
from strokebench.benchmarks.running.runner import plan_runs
from strokebench.benchmarks.running.task import compute
from strokebench.errors import StrokebenchError

HALF = '''
from dataclasses import dataclass

import numpy as np

from strokebench.methods.svm import SVM


@dataclass(kw_only=True, eq=False, repr=False)
class Half(SVM):
    """One half."""

    name, label, paper_row = "half", "Half", None

    def predict_proba(self, x):
        return np.full((len(x), 2), 1 / 2)
'''


def test_what_is_edited_while_it_is_in_use_is_not_computed(tmp_path: Path, monkeypatch, console: Console):
    # What is edited here is no concern of later tests.
    monkeypatch.setattr(sources, "_READ", {})
    install(tmp_path, monkeypatch, "halving", HALF, {"methods": {"half": "Half"}})
    context = make_context(folds=1, methods=("half",))
    [task] = fits({key: (run, context) for run, key in plan_runs(Table1(), context, console)})
    (tmp_path / "halving.py").write_text(HALF.replace("One half.", "A half."))
    assert compute(task, context.material).predictions
    (tmp_path / "halving.py").write_text(HALF.replace("1 / 2", "2 / 4"))
    [record] = compute(task, context.material).records.values()
    assert "halving.Half, or what it calls, was edited" in record["error"]
    with pytest.raises(StrokebenchError, match="Start the command, or Python, anew"):
        plan_runs(Table1(), context, console)


def test_what_is_read_again_for_each_fit_is_not_kept(tmp_path: Path, monkeypatch, console: Console):
    monkeypatch.setattr(sources, "_READ", {})
    install(tmp_path, monkeypatch, "touched", HALF, {"methods": {"half": "Half"}})
    context = make_context(folds=1, methods=("half",))
    [(run, _)] = plan_runs(Table1(), context, console)
    (tmp_path / "touched.py").touch()
    sizes = set()
    for _ in range(3):
        refuse_edited(context.code(run).sha256, "touched.Half", run.balance, type(context.endpoint))
        sizes.add(reach._reading.cache_info().currsize)
    assert len(sizes) == 1


def test_an_older_text_that_python_has_compiled_is_not_run(tmp_path: Path, monkeypatch, console: Console):
    monkeypatch.setattr(sources, "_READ", {})
    place = tmp_path / "aged.py"
    install(tmp_path, monkeypatch, "aged", HALF, {"methods": {"half": "Half"}})
    py_compile.compile(str(place))
    written = place.stat()
    context = make_context(folds=1, methods=("half",))
    assert plan_runs(Table1(), context, console)
    # As `cp -p` and archives of one time do.
    place.write_text(HALF.replace("1 / 2", "1 / 3"))
    os.utime(place, ns=(written.st_atime_ns, written.st_mtime_ns))
    with pytest.raises(StrokebenchError, match=r"runs an older text of .*aged\.py"):
        plan_runs(Table1(), context, console)
