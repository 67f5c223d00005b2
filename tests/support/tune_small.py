"""Tunes the tunable method on the small context as a process of its own: tune_small.py TRIALS STORAGE."""

import sys

import tunable_method  # noqa: F401
from rich.console import Console
from small_context import make_context

from strokebench.benchmarks.tuning import Search, run_study

if __name__ == "__main__":
    trials, storage = int(sys.argv[1]), sys.argv[2]
    run_study("tunable", make_context(), Search("random", trials, storage), Console(file=sys.stderr))
