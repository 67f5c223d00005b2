"""How the command line says that something is wrong: one line and a hint; a traceback only on request."""

import codecs
import errno
import sys
from io import TextIOWrapper
from typing import Any

import typer
from typer.core import TyperGroup

from strokebench.errors import StrokebenchError
from strokebench.files import home

NOT_WRITTEN = {
    errno.ENOSPC: "no room is left on the disk",
    errno.EDQUOT: "your share of the disk is used up",
    errno.EROFS: "the disk can only be read",
    errno.EACCES: "you may not read or write there",
    errno.ENOLCK: "the disk gives no locks",
    errno.ENOSYS: "the disk gives no locks",
    errno.EFBIG: "a file there may not become so large (`ulimit -f`)",
}
WRONG_KIND = {
    errno.EISDIR: "a folder lies there, and a file is wanted",
    errno.ENOTDIR: "a file lies on the way there, and a folder is wanted",
    errno.EEXIST: "a file lies there, and a folder is wanted",
}
PLAINER = str.maketrans(
    {"–": "-", "—": "-", "…": "...", "±": "+/-", "×": "x", "≥": ">=", "≤": "<=", "→": "->", "·": "-"}
)
"""What stands for a character that the terminal or the log file cannot hold; for others a question mark does."""
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
            status = getattr(error, "exit_code", None)
            if ctx.params.get("debug") or isinstance(error, typer.Abort):
                raise
            if _interrupted(error):
                raise typer.Exit(INTERRUPTED) from None
            if status is None:
                _show(error)
            elif message := _wrong_usage(error):
                typed = f"{ctx.command_path} {ctx.invoked_subcommand}"
                verb = getattr(getattr(error, "ctx", None), "command_path", typed)
                _show(StrokebenchError(message, f"`{verb} --help` says what there is."))
            else:
                # Typer's own exceptions carry the exit status that they ask for.
                raise
            raise typer.Exit(1 if status is None else status) from None


def _interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind it: a library that it comes upon may wrap it in an error of its own."""
    while error and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__
    return error is not None


def _wrong_usage(error: Any) -> str:
    """What a verb or an option that does not exist, or an argument too few, is answered with; empty for others."""
    return error.format_message() if hasattr(error, "format_message") else ""


def show_in_any_encoding() -> None:
    """Where output is no UTF-8 (`LANG=C`, an old terminal), what it cannot hold is replaced, and nothing ends by it."""
    codecs.register_error("plainer", _plainer)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and stream.encoding.lower() != "utf-8":
            stream.reconfigure(errors="plainer")


def _plainer(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    plain = error.object[error.start : error.end].translate(PLAINER)
    return "".join(char if char.isascii() else "?" for char in plain), error.end


def _not_written(error: Exception) -> StrokebenchError | None:
    """Memory, a GPU or a disk that is full, a file where a folder is wanted, in plain words; None for other errors."""
    if isinstance(error, MemoryError):
        hint = "Give fewer --jobs, or more memory; what was finished is kept, the same command goes on."
        return StrokebenchError("There is not enough memory.", hint)
    # PyTorch's own, by their names: to import it takes seconds.
    kind = type(error).__name__
    if kind == "OutOfMemoryError" or (kind == "AcceleratorError" and "out of memory" in str(error)):
        return StrokebenchError(
            "There is not enough memory on the GPU.", "Give --device cpu; the same command goes on."
        )
    if isinstance(error, OSError) and error.errno in WRONG_KIND:
        # Of a file that takes its name when it is whole, the second one is its name.
        return StrokebenchError(
            f"{error.filename2 or error.filename}: {WRONG_KIND[error.errno]}.", "Give another path."
        )
    if not isinstance(error, OSError) or error.errno not in NOT_WRITTEN:
        return None
    hint = "Make room or take another folder (STROKEBENCH_HOME); what was finished is kept, the same command goes on."
    return StrokebenchError(f"{error.filename or home()}: {NOT_WRITTEN[error.errno]}.", hint)


def _show(error: Exception) -> None:
    from rich.text import Text

    from strokebench.reports.tables.console import make_console

    console = make_console(stderr=True, soft_wrap=True)
    error = _not_written(error) or error
    if isinstance(error, StrokebenchError):
        console.print(Text("Error: ", style="bold red") + Text(error.message))
        if error.hint:
            console.print(Text(error.hint, style="dim"))
        return
    first = str(error).strip().partition("\n")[0]
    console.print(Text("Error: ", style="bold red") + Text(f"{type(error).__name__}: {first}"))
    console.print(Text("This is unexpected. `strokebench --debug ...` shows where it happened.", style="dim"))
