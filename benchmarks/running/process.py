"""What every process of ours sets before it computes anything."""

import atexit
import gc
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

MOST_FILES = 2**16
"""That a process may have open at once: no chunk on a GPU has so many runs."""


def set_privacy() -> None:
    """No telemetry of the libraries used, no password of a server shown, no long waiting for one that is not there.

    What the user has set in the environment stays.
    """
    defaults = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # It prints the server's address after each run, with the password in it.
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "DO_NOT_TRACK": "true",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)


def collect_seldom() -> None:
    """Collect garbage a seventieth as often, and not once more when the process ends.

    PyTorch, pandas and MLflow bring several hundred thousand objects that stay. To look through them again and
    again is a sixth of the time that they take to import, and to do so at the end is another second.
    """
    gc.set_threshold(50_000)
    # Frozen objects are left out of the interpreter's last collection; their memory is given back all the same.
    atexit.register(gc.freeze)


def allow_many_files() -> None:
    """Let this process open more files than the usual 1,024, as far as the system permits: each lock is one."""
    try:
        import resource
    except ModuleNotFoundError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # A Mac names a hard limit that it does not grant.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, MOST_FILES)), hard))


def stop_like_ctrl_c() -> None:
    """SIGTERM, which schedulers and `kill` send, does what Ctrl-C does: it stops cleanly and says what is kept."""
    signal.signal(signal.SIGTERM, _stop)


def _stop(*_: object) -> None:
    # What a script starts in the background ignores Ctrl-C; SIGTERM it must not ignore.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        raise KeyboardInterrupt
    signal.raise_signal(signal.SIGINT)


@contextmanager
def stops_held_back() -> Iterator[None]:
    """Ctrl-C and SIGTERM that come within take effect at its end: what is begun here is known to who must end it."""
    held: list[int] = []
    before = {
        number: signal.signal(number, lambda which, _: held.append(which)) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for come in held:
        signal.raise_signal(come)


def keep_private() -> None:
    """Whatever this process and its workers write is for the user alone, for most of it names patients; and no process
    that it starts runs Python files of the current folder, which may hold another's cohort."""
    os.umask(0o077)
    os.environ.setdefault("PYTHONSAFEPATH", "1")
