"""`strokebench ui`: MLflow's pages of the logged runs."""

import os
import signal
import subprocess
from contextlib import suppress
from typing import Annotated

import typer

from strokebench.benchmarks.running.tracking.mlflow import comparison_page, ui_command
from strokebench.reports.tables.console import make_console


def ui(port: Annotated[int, typer.Option(help="Port on this machine.")] = 5000) -> None:
    """Show the logged runs in the browser (MLflow)."""
    make_console().print(f"MLflow at {comparison_page(port)} (Ctrl-C ends it)", soft_wrap=True, markup=False)
    # MLflow starts servers of its own: as a group they end together.
    server = subprocess.Popen(ui_command(port), start_new_session=True)
    try:
        status = server.wait()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        server.wait()
    raise typer.Exit(status)
