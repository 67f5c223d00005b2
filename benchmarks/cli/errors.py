"""How the command line says that something is wrong: one line and a hint; a traceback only on request."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from strokebench.errors import StrokebenchError

INTERRUPTED = 130
"""The exit status of a command that Ctrl-C stopped, as shells have it."""


class ReadableErrors(TyperGroup):
    """A group of commands whose errors are readable."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; turn its exception into a line and an exit status."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # Whoever reads has had enough (`| head`): Click ends the command without a word.
            raise
        except Exception as error:
            # Typer's own exceptions carry the exit status that they ask for.
            if isinstance(error, typer.Abort) or hasattr(error, "exit_code") or ctx.params.get("debug"):
                raise
            _say(error)
            raise typer.Exit(1) from None


def _say(error: Exception) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, soft_wrap=True)
    if isinstance(error, StrokebenchError):
        console.print(Text("Error: ", style="bold red") + Text(error.message))
        if error.hint:
            console.print(Text(error.hint, style="dim"))
        return
    first = str(error).strip().partition("\n")[0]
    console.print(Text("Error: ", style="bold red") + Text(f"{type(error).__name__}: {first}"))
    console.print(Text("This is unexpected. `strokebench --debug ...` shows where it happened.", style="dim"))
