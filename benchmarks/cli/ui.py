"""`strokebench ui`: MLflow's pages of the logged runs, or optuna-dashboard's of the studies."""

import os
import signal
import subprocess
from contextlib import ExitStack, suppress
from importlib.util import find_spec
from typing import Annotated

import typer

from strokebench.benchmarks.running.process import stops_held_back
from strokebench.benchmarks.running.tracking.mlflow import SERVERS, tracking_uri
from strokebench.benchmarks.running.tracking.shown import comparison_page, ui_command
from strokebench.errors import StrokebenchError, without_user
from strokebench.reports.tables.console import make_console

GRACE = 5.0
"""Seconds that MLflow's servers have to end by themselves; those that are still starting take longer."""

QUIET = {"MLFLOW_LOGGING_LEVEL": "WARNING", "PYTHONWARNINGS": "ignore"}
"""Environment of MLflow's servers, which else tell of their own libraries; what the user has set stays."""


def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 5000,
    studies: Annotated[
        bool, typer.Option("--studies", help="Show the studies of `strokebench tune` (optuna-dashboard) instead.")
    ] = False,
    storage: Annotated[
        str | None, typer.Option("--storage", help="With --studies: where they are kept, as for `tune`.")
    ] = None,
) -> None:
    """Show the logged runs in the browser (MLflow), or the studies (optuna-dashboard)."""
    if storage and not studies:
        raise StrokebenchError("--storage is where studies are kept.", "Give --studies too.")
    if studies:
        show_studies(storage, port)
    else:
        show_runs(port)


def show_studies(storage: str | None, port: int) -> None:
    """Serve optuna-dashboard to this machine until Ctrl-C.

    Raises:
        StrokebenchError: it is not installed, or there is no study yet.
    """
    if find_spec("optuna_dashboard") is None:
        raise StrokebenchError("optuna-dashboard is not installed.", "pip install 'strokebench[studies]'.")
    from optuna_dashboard import run_server

    from strokebench.benchmarks.tuning.space import default_storage, open_storage

    opened = open_storage(storage or default_storage())
    if not opened.get_all_studies():
        raise StrokebenchError("There is no study yet.", "`strokebench tune METHOD` makes one.")
    make_console().print(f"Studies at http://127.0.0.1:{port} (Ctrl-C ends it)")
    run_server(opened, "127.0.0.1", port)


def show_runs(port: int) -> None:
    """Serve MLflow's pages to this machine until Ctrl-C; those of a server that runs are named.

    Raises:
        StrokebenchError: MLflow is installed without its server.
    """
    if (uri := tracking_uri()).startswith(SERVERS):
        make_console().print(f"MLflow at {without_user(uri)} (MLFLOW_TRACKING_URI)", soft_wrap=True)
        return
    if find_spec("flask") is None:
        raise StrokebenchError("MLflow is here without its pages.", "pip install 'strokebench[ui]'.")
    make_console().print(f"MLflow at {comparison_page(port)} (Ctrl-C ends it)", soft_wrap=True)
    with ExitStack() as stack:
        with stops_held_back():
            store = {"MLFLOW_BACKEND_STORE_URI": uri}
            # MLflow starts servers of its own: as a group they end together.
            server = subprocess.Popen(ui_command(port), start_new_session=True, env={**QUIET, **os.environ, **store})
            stack.callback(_end, server)
        status = server.wait()
    raise typer.Exit(status)


def _end(server: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        # A Mac permits no signal to a group that has ended and is not yet waited for.
        with suppress(ProcessLookupError, PermissionError, subprocess.TimeoutExpired):
            os.killpg(server.pid, number)
            server.wait(GRACE)
