"""A page for one patient, to be read on this machine alone: it asks for nothing from a network."""

from base64 import b64encode
from pathlib import Path

from markupsafe import Markup

from strokebench.datasets.encoders.contract import GRID
from strokebench.files import write_text
from strokebench.reports.explanation.effects import UNTOLD, Breakdown, Effect, Explanation
from strokebench.reports.tables.render import templates_in

TEMPLATES = Path(__file__).parent / "templates"
SHOWN = 12
"""Columns of the table that have a line of their own; the others are folded away."""


def write_explanation(explanation: Explanation, path: Path) -> None:
    """Write the page, readable by the user alone wherever it lies."""
    write_text(path, render_explanation(explanation), private=True)


def render_explanation(explanation: Explanation) -> str:
    """The page as text."""
    environment = templates_in(TEMPLATES)
    environment.filters |= {
        "data_url": lambda png: Markup(f"data:image/png;base64,{b64encode(png).decode()}"),
        "strength": lambda effect, part: f"{0.65 * abs(effect.effect) / largest(part):.3f}",
    }
    environment.globals |= {"position": position, "square": square, "finding": finding, "shown": SHOWN, "grid": GRID}
    environment.globals["untold"] = UNTOLD
    style = (TEMPLATES / "explanation.css").read_text(encoding="utf-8")
    return environment.get_template("explanation.html.j2").render(e=explanation, style=Markup(style))


def largest(part: Breakdown) -> float:
    """The largest effect of the model, by which places are tinted; never 0."""
    return max(abs(each.effect) for each in part.effects) or 1.0


def position(part: Breakdown, effect: float) -> str:
    """Where an effect lies on the line of its part, in percent from the left; 50 is no effect."""
    return f"{50 + 49 * effect / part.largest:.1f}"


def square(place: int) -> tuple[int, int]:
    """Column and row of a place of the image in a picture: the patient's right on the left, the front up."""
    return GRID - 1 - place // GRID, GRID - 1 - place % GRID


def finding(part: Breakdown) -> str:
    """The largest effect that repeats, or the largest at all, in a sentence."""
    effects = sorted(part.effects, key=lambda each: -abs(each.effect))
    if not effects:
        return part.missing
    chosen: Effect = next((each for each in effects if each.repeats(part.unit)), effects[0])
    which = "The largest effect that repeats" if chosen.repeats(part.unit) else "The largest effect"
    return f"{which}: {chosen.name.rstrip('.')}, {part.unit.show(chosen.effect)}. {part.stability}"
