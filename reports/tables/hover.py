"""What is drawn says its value where a pointer rests on it, in a browser and without a script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from matplotlib.category import StrCategoryFormatter
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

ON_HOVER = "on hover: "
"""What the id (`gid`) of something drawn begins with whose rest a browser shows where a pointer rests on it."""

MOST = 100
"""Points of one line; a cloud of more is looked at as a whole."""


def name_cell(axes: Axes, x: float, y: float, words: str) -> None:
    """Give the cell of a matrix around (x, y) these words; a square of side 1 that nobody sees lies over it."""
    # Of what is wholly transparent only the outline is drawn, which no pointer finds.
    axes.add_patch(
        Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor="white", alpha=0.004, linewidth=0, zorder=9, gid=ON_HOVER + words)
    )


def titled(svg: str) -> str:
    """A figure's SVG with the words of such ids as titles, which browsers show."""
    return re.sub(rf"""<g id=(["']){ON_HOVER}(.*?)\1>""", r"<g><title>\2</title>", svg, flags=re.DOTALL)


@contextmanager
def values_on_hover(figure: Figure) -> Iterator[None]:
    """Gives every point, bar and curve that has no words of its own its value in words, while the figure is written.

    Over a point lies a larger one that is not seen: a pointer finds it more easily.
    """
    unseen: list[Line2D] = []
    for axes in figure.axes:
        with_bars = [drawn for drawn in axes.containers if isinstance(drawn, ErrorbarContainer)]
        caps = {cap for drawn in with_bars for cap in drawn.lines[1]}
        of = {drawn.lines[0]: drawn for drawn in with_bars}
        for line in axes.get_lines():
            if line in caps or (line.get_gid() or "").startswith(ON_HOVER):
                continue
            name, ends = _label(of.get(line, line)), _ends(of.get(line))
            points = np.asarray(line.get_xydata(), dtype=float)
            if line.get_marker() in ("None", "", " ") or len(points) > MOST:
                line.set_gid(ON_HOVER + name if name else None)
                continue
            for number, (x, y) in enumerate(points):
                if np.isfinite([x, y]).all():
                    words = ON_HOVER + _joined(name, _place(axes, x, y), ends.get(number, ""))
                    unseen.append(Line2D([x], [y], marker="o", markersize=11, alpha=0, zorder=9, gid=words))
                    unseen[-1].set_in_layout(False)
                    axes.add_artist(unseen[-1])
        for drawn in axes.containers:
            if isinstance(drawn, BarContainer):
                _name_bars(axes, drawn)
    yield
    for artist in unseen:
        artist.remove()


def _label(drawn: Any) -> str:
    """What a legend calls it; empty where it does not stand there."""
    label = str(drawn.get_label())
    return "" if label.startswith("_") else label


def _ends(drawn: ErrorbarContainer | None) -> dict[int, str]:
    """Number of a point -> where its error bar ends."""
    if drawn is None or drawn.has_xerr == drawn.has_yerr:
        return {}
    axis = 0 if drawn.has_xerr else 1
    bars = enumerate(drawn.lines[2][0].get_segments())
    return {number: f"bar {s[0][axis]:.4g} to {s[1][axis]:.4g}" for number, s in bars if len(s) == 2}


def _name_bars(axes: Axes, bars: BarContainer) -> None:
    label = _label(bars) or _label(bars.patches[0])  # `hist` names the first alone
    for bar in bars.patches:
        low, high = (bar.get_y(), bar.get_y() + bar.get_height())
        value, axis = bar.get_width(), cast("Axis", axes.yaxis)
        if bars.orientation == "vertical":
            low, high = bar.get_x(), bar.get_x() + bar.get_width()
            value, axis = bar.get_height(), axes.xaxis
        where = _name(axis, (low + high) / 2) or f"{low:.4g} to {high:.4g}"
        bar.set_gid(ON_HOVER + _joined(label, where, f"{value:.4g}"))


def _place(axes: Axes, x: float, y: float) -> str:
    """Names of rows and columns before numbers; two numbers by the titles of their axes."""
    across, upwards = _name(axes.xaxis, x), _name(axes.yaxis, y)
    if across or upwards:
        return _joined(upwards, across, "" if upwards else f"{y:.4g}", "" if across else f"{x:.4g}")
    return _joined(f"{axes.get_ylabel() or 'up'} {y:.4g}", f"{axes.get_xlabel() or 'across'} {x:.4g}")


def _name(axis: Axis, at: float) -> str:
    """What the nearest tick is called, where ticks have names."""
    formatter, ticks = axis.get_major_formatter(), axis.get_majorticklocs()
    if not isinstance(formatter, FuncFormatter | StrCategoryFormatter) or not len(ticks):
        return ""
    return str(formatter(min(ticks, key=lambda tick: abs(tick - at)))).replace("\n", " ")


def _joined(*words: str) -> str:
    return ", ".join(word for word in words if word)
