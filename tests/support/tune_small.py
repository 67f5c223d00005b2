"""Tunes the tunable method on the small context as a process of its own: tune_small.py TRIALS STORAGE."""

import sys

from rich.console import Console
from small_context import make_context
from tunable_method import Tunable

from strokebench.benchmarks.tuning.study import Search, run_study
from strokebench.methods import registry

registry.all_methods()
registry.register(Tunable)

if __name__ == "__main__":
    trials, storage = int(sys.argv[1]), sys.argv[2]
    run_study("tunable", make_context(), Search("random", trials, storage), Console(file=sys.stderr))
