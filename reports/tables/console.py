"""The terminal that verbs print on: what data bring cannot command it."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from strokebench.files import CONTROLS


def make_console(**options: Any) -> Console:
    """Where verbs print: names in angle brackets and numbers are the cohort's own, not markup to be coloured.

    Args:
        options: of Rich's `Console`.
    """
    return _Terminal(highlight=False, **options)


class _Terminal(Console):
    """Shows no character that commands a terminal; Rich's own commands are no text."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """See Rich."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else CONTROLS.sub("", text), style, control)
