"""`strokebench audit ...`: does what was printed or shared hold what it claims to hold?"""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, help="Checks of printed numbers and of data.")


@app.callback()
def _common() -> None:
    """Commands of their own, however many there are."""
