"""Pictures of tables: matplotlib, readable in black and white and by the colour-blind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from textwrap import fill, wrap
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from strokebench.files import CONTROLS, atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette; the shape of the point says the same without colour.
LOOKS: tuple[tuple[str, str], ...] = (
    ("#0072B2", "o"),
    ("#D55E00", "s"),
    ("#009E73", "^"),
    ("#CC79A7", "D"),
    ("#E69F00", "v"),
    ("#56B4E9", "P"),
)
INK, SOFT, PALE = "#1b1f24", "#57606a", "#e5e8eb"

ROWS = ("top", "right", "left")
"""Sides that a figure goes without whose rows are labelled at the left."""
LEGEND, LABEL = 8.5, 60
"""Points of a legend's letters, and how many of them a line of it holds."""
LONGEST = 40
"""Letters of a row's label: what it takes is taken from what is drawn."""


@contextmanager
def usual_look(more: dict[str, Any] | None = None) -> Iterator[None]:
    """Draw by matplotlib's own settings, and `more`, whatever a notebook, or the user's `matplotlibrc`, has set."""
    import matplotlib.style

    with matplotlib.style.context(["default", more or {}]):
        yield


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure; the ending decides the format (`.png`, `.svg`, `.pdf`), and equal figures are equal files."""
    from matplotlib.text import Text

    from strokebench.reports.tables.hover import titled, values_on_hover

    form = path.suffix.removeprefix(".").lower()
    dateless: dict[str, dict[str, str | None]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    # A fixed salt and no date; text stays text, so that it can be searched and read aloud. Type 42
    # (TrueType), since journals refuse PDF with fonts of type 3. What stands between two dollar signs of a name is no
    # formula, also in ticks that are made only now.
    written = {"font.family": "DejaVu Sans", "text.parse_math": False, "pdf.fonttype": 42}
    written |= {"svg.hashsalt": "strokebench", "svg.fonttype": "none"}
    with usual_look(written), atomic_path(path) as temporary:
        for text in figure.findobj(Text):
            text.set_parse_math(False)
        with values_on_hover(figure) if form == "svg" else nullcontext():
            figure.savefig(temporary, format=form, dpi=200, metadata=dateless.get(form))
        if form == "svg":
            svg = titled(temporary.read_text(encoding="utf-8"))
            # A control character in a label would make it no XML, and would command a terminal.
            temporary.write_text(CONTROLS.sub("", svg), encoding="utf-8")
    return path


def dots(axes: Axes, x: ArrayLike, y: ArrayLike, look: tuple[str, str], hollow: bool = False, **more: Any) -> None:
    """Points of one of `LOOKS` at x and y, (n,) each or single numbers, hollow where that says something.

    Args:
        more: as for `Axes.errorbar`: `xerr` and `yerr` become thin bars; `linestyle` joins the points.
    """
    colour, shape = look
    usual: dict[str, Any] = {"linestyle": "", "markersize": 6, "elinewidth": 1.2, "capsize": 2.5}
    usual |= {"markerfacecolor": "white" if hollow else colour, "markeredgecolor": INK, "markeredgewidth": 0.6}
    axes.errorbar(x, y, color=colour, marker=shape, **(usual | more))


def head(figure: Figure, text: str, size: float = 9, weight: str = "normal", colour: str = SOFT) -> None:
    """Say what a figure is of, in as many lines as it takes: cut off at the side, `(synthetic patients)` goes first."""
    letters = int(72 * figure.get_figwidth() / (size * (0.56 if weight == "normal" else 0.66)))
    lines = [fold for line in text.splitlines() for fold in wrap(line, letters)]
    figure.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=size, fontweight=weight, color=colour)


def legend_below(figure: Figure, handles: Sequence[Any] | None = None, labels: Sequence[str] | None = None) -> None:
    """A legend below all axes, in as many columns as the figure is wide enough for; what is long is folded.

    Args:
        handles: default: what the first axes drew. labels: default: those of the handles.
    """
    if handles is None:
        handles, labels = figure.axes[0].get_legend_handles_labels()
    if not handles:
        return
    folded = [fill(label, LABEL) for label in labels or [str(handle.get_label()) for handle in handles]]
    long = [max(map(len, label.splitlines())) for label in folded]

    def inches(columns: int) -> float:
        # The columns that matplotlib makes; beside a label of letters of 0.56 em stand handle and gaps of 5 em.
        return sum(0.56 * max(part) + 5 for part in np.array_split(long, columns)) * LEGEND / 72

    columns = next((n for n in range(len(folded), 1, -1) if inches(n) <= figure.get_figwidth()), 1)
    figure.legend(handles, folded, loc="outside lower center", ncols=columns, frameon=False, fontsize=LEGEND)


def look(number: int) -> tuple[tuple[str, str], str]:
    """Colour and shape of the method of this number, and what fills its points: `LOOKS` come round in four fills."""
    colour, shape = LOOKS[number % len(LOOKS)]
    return (colour, shape), (colour, "white", "#d5d9dd", INK)[number // len(LOOKS) % 4]


def short_name(name: str) -> str:
    """A name in at most `LONGEST` letters, of which the ends are kept: there names of one kind differ."""
    half = (LONGEST - 3) // 2
    return name if len(name) <= LONGEST else f"{name[:half].rstrip()}...{name[-half:].lstrip()}"


def plain(axes: Axes, grid: Literal["both", "x", "y"] | None = "both", sides: Sequence[str] = ("top", "right")) -> None:
    """Without these sides of the frame, and with pale lines behind what is drawn.

    Args:
        grid: across which axes the lines stand; None: no lines. Rows of labels (`grid="x"`) need no ticks.
    """
    if grid is not None:
        axes.grid(axis=grid, color=PALE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(labelcolor=INK)
    if "left" in sides:
        axes.tick_params(axis="y", length=0)
    for side in sides:
        axes.spines[side].set_visible(False)
