"""The one error that a user may see."""

from __future__ import annotations

from typing import Any


class StrokebenchError(Exception):
    """Something the user can mend. The command line prints it as one line, with its hint.

    Args:
        message: what is wrong; names the file, the row or the patient.
        hint: what to do about it; may be empty.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors cross process borders; both parts must survive."""
        return type(self), (self.message, self.hint)
