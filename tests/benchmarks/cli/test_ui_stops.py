"""`strokebench ui` ends with all that it started."""

import os
import signal
import subprocess
import sys
import time

import pytest

from strokebench.benchmarks.cli.ui import _end
from strokebench.benchmarks.running.process import stops_held_back

UI = """
import strokebench.benchmarks.cli.ui as verb
from strokebench.benchmarks.running.process import stop_like_ctrl_c

verb.ui_command = lambda port: ["sh", "-c", "trap '' TERM; sleep 600 & echo $$; wait"]
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
    # The server's own number, behind the line of the address: it leads a group with what it started, and may tell it
    # before the ui knows that the server has begun.
    group = next(int(line) for line in ui.stdout if line.strip().isdigit())
    assert alive(group)
    ui.terminate()
    ui.communicate(timeout=60)
    assert ui.returncode != 0
    limit = time.monotonic() + 30
    while alive(group) and time.monotonic() < limit:
        time.sleep(0.05)
    assert not alive(group)


def test_a_mac_permits_no_signal_to_servers_that_have_ended(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "killpg", refuse)
    _end(subprocess.Popen(["true"]))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_within_takes_effect_when_what_began_is_known(number):
    before, stopped, known = signal.getsignal(number), [], []
    signal.signal(number, lambda *_: stopped.append(list(known)))
    try:
        with stops_held_back():
            signal.raise_signal(number)
            assert not stopped
            known.append("server")
        assert stopped == [["server"]]
        signal.raise_signal(number)
        assert len(stopped) == 2, "as before, afterwards"
    finally:
        signal.signal(number, before)
