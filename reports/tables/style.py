"""Pictures of tables: matplotlib, readable in black and white and by the colour-blind."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Literal

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
LONGEST = 40
"""Letters of a row's label: what it takes is taken from what is drawn."""


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure; the ending decides the format (`.png`, `.svg`, `.pdf`), and equal figures are equal files."""
    import matplotlib as mpl

    from strokebench.reports.tables.hover import titled, values_on_hover

    form = path.suffix.removeprefix(".").lower()
    dateless: dict[str, dict[str, str | None]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    # A fixed salt and no date; text stays text, so that it can be searched and read aloud.
    with (
        mpl.rc_context({"svg.hashsalt": "strokebench", "font.family": "DejaVu Sans", "svg.fonttype": "none"}),
        atomic_path(path) as temporary,
    ):
        with values_on_hover(figure) if form == "svg" else nullcontext():
            figure.savefig(temporary, format=form, dpi=200, metadata=dateless.get(form))
        if form == "svg":
            text = titled(temporary.read_text(encoding="utf-8"))
            # A control character in a label would make it no XML, and would command a terminal.
            temporary.write_text(CONTROLS.sub("", text), encoding="utf-8")
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


def short_name(name: str) -> str:
    """A hospital's name in at most `LONGEST` letters, of which the ends are kept: there names of one kind differ."""
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
