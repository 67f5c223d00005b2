"""Runs Table 1 on the small context as a process of its own, to be killed: run_small.py METHODS JOBS FOLDS."""

import sys

from rich.console import Console
from small_context import make_context

from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.benchmarks.running.process import stop_like_ctrl_c
from strokebench.benchmarks.running.runner import run_experiment

if __name__ == "__main__":
    stop_like_ctrl_c()
    methods, jobs, folds = sys.argv[1].split(","), int(sys.argv[2]), int(sys.argv[3])
    context = make_context(folds=folds, methods=tuple(methods), jobs=jobs)
    try:
        report = run_experiment(Table1(), context, Console(highlight=False, soft_wrap=True))
    except KeyboardInterrupt:
        sys.exit(130)
    sys.stdout.write(f"FOLDER {report.folder}\n")
