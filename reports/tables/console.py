"""The terminal that verbs print on: what data bring cannot command it."""

import re
from collections.abc import Iterator
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from strokebench.files import CONTROLS

LABEL = 12
"""Characters of the label before a fact, as in `Cohort      729 patients`."""
_LABEL = re.compile(r"[A-Z][a-z]+( [a-z]+)? {2,}")


def make_console(**options: Any) -> Console:
    """Where verbs print, a `Console` of Rich: brackets, numbers and `:x:` are the cohort's own and stay as they are."""
    return _Terminal(highlight=False, markup=False, emoji=False, **options)


class _Terminal(Console):
    """Shows no character that commands a terminal; Rich's own commands are no text."""

    def print(self, *objects: Any, **options: Any) -> None:
        """See Rich; a line of a label and its text, as calls say their facts, goes on beneath the text."""
        line, wrapped = objects[0] if len(objects) == 1 else None, not options.get("soft_wrap")
        line = Text(line) if isinstance(line, str) else line
        if wrapped and isinstance(line, Text) and _LABEL.fullmatch(line.plain[:LABEL]) and len(line) > LABEL:
            fact = Table.grid()
            fact.add_column(width=LABEL)
            fact.add_column(overflow="fold")
            fact.add_row(line[:LABEL], line[LABEL:])
            objects = (fact,)
        super().print(*objects, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """See Rich."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else CONTROLS.sub("", text), style, control)
