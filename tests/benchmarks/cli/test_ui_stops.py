"""`strokebench ui` ends with all that it started."""

import os
import subprocess
import sys
import time

UI = """
import strokebench.benchmarks.cli.ui as verb
from strokebench.benchmarks.running.process import stop_like_ctrl_c

verb.ui_command = lambda port: ["sh", "-c", "trap '' TERM; sleep 600 & sleep 3; echo $$; wait"]
verb.GRACE = 0.2
stop_like_ctrl_c()
verb.ui()
"""


def alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_stopped_ui_takes_its_servers_with_it():
    ui = subprocess.Popen([sys.executable, "-c", UI], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # The server's own number, behind the line of the address: it leads a group with what it started. It comes
    # late, since a ui that is stopped while it still starts its server has nothing to end.
    group = next(int(line) for line in ui.stdout if line.strip().isdigit())
    assert alive(group)
    ui.terminate()
    ui.communicate(timeout=60)
    assert ui.returncode != 0
    limit = time.monotonic() + 30
    while alive(group) and time.monotonic() < limit:
        time.sleep(0.05)
    assert not alive(group)
