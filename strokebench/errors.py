"""The one error that a user may see, and how it names things."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

_LINES = re.compile(r"\s*[\r\n]+\s*")
_PASSWORD = re.compile(r"((?:passw(?:or)?d|pwd)(?:=|%3D)).*?(?=%3B|[&;\s]|$)", re.IGNORECASE)
"""In an address, behind `?`; also where it is part of a quoted text there."""


class StrokebenchError(Exception):
    """Something the user can mend. The command line prints it as one line, with its hint.

    Args:
        message: what is wrong; names the file, the row or the patient.
        hint: what to do about it; may be empty.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        # Both are one line, also where they quote another library's error of several.
        self.message, self.hint = (_LINES.sub(" ", text) for text in (without_user(message), hint))

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors cross process borders; both parts must survive."""
        return type(self), (self.message, self.hint)


def named(things: Iterable[object], most: int = 4) -> str:
    """`a, b, c, d and 3 more`: the first of some patients, columns or files, and how many others there are."""
    texts = [str(thing) for thing in things]
    more = f" and {len(texts) - most:,} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def counted(n: int, noun: str) -> str:
    """`1 fold`, `5 folds`."""
    return f"{n} {noun}{'' if n == 1 else 's'}"


def without_user(text: str) -> str:
    """A text without the user and the password that an address in it may hold.

    >>> without_user("no answer of postgresql://me:p@ss@host/studies")
    'no answer of postgresql://host/studies'
    >>> without_user("postgresql:///studies?host=far.example&password=p")
    'postgresql:///studies?host=far.example&password=...'
    >>> without_user("mysql+pymysql:///studies?passwd=p&charset=utf8")
    'mysql+pymysql:///studies?passwd=...&charset=utf8'
    """
    return _PASSWORD.sub(r"\1...", re.sub(r"//[^/\s]*@", "//", text))


def first_fault(error: Any) -> str:
    """`part.source: Field required`: the first that a `pydantic.ValidationError` tells, without the value itself."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}" if place else first["msg"]


def no_such_file(path: object) -> StrokebenchError:
    """The error for a file that a user names and that is not there."""
    return StrokebenchError(f"{path}: no such file.", "A relative path counts from the current folder.")


def unknown_name(noun: str, name: str, known: Iterable[str], hint: str = "") -> StrokebenchError:
    """The error for a name that nothing has; names the nearest that something has.

    Args:
        noun: what is looked for, e.g. `method`.
        hint: what to do; by default the names are listed.
    """
    names = {str(other).lower(): str(other) for other in known}
    near = get_close_matches(name.lower(), names, n=1)
    guess = f" Did you mean {names[near[0]]}?" if near else ""
    return StrokebenchError(
        f"No {noun} is called {name!r}.{guess}", hint or f"Choose from: {', '.join(names.values())}."
    )
