"""The terminal that verbs print on: what data bring cannot command it."""

from __future__ import annotations

from typing import Any

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.segment import Segment

from strokebench.files import CONTROLS


def make_console(**options: Any) -> Console:
    """Where verbs print: names in angle brackets and numbers are the cohort's own, not markup to be coloured.

    Args:
        options: of Rich's `Console`.
    """
    console = Console(highlight=False, **options)
    console.push_render_hook(_NoControls())
    return console


class _NoControls(RenderHook):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """See Rich."""
        return [_Tame(renderable) for renderable in renderables]


class _Tame:
    """What is shown, without the characters that command a terminal; Rich's own commands stay."""

    def __init__(self, shown: ConsoleRenderable) -> None:
        self.shown = shown

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for text, style, control in console.render(self.shown, options):
            yield Segment(text if control else CONTROLS.sub("", text), style, control)
