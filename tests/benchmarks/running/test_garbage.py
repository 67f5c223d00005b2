"""Garbage is looked for seldom, and not at the end of a process."""

import subprocess
import sys

CODE = """
import atexit, gc
from strokebench.benchmarks.running.backends.processes import start_worker

# Called after what is registered later.
atexit.register(lambda: print(gc.get_freeze_count() > 10_000))
usual = gc.get_threshold()[0]
start_worker()
print(gc.isenabled() and gc.get_threshold()[0] > 10 * usual)
"""


def test_a_worker_collects_seldom_and_leaves_its_objects_out_of_the_last_collection():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"], done.stderr
