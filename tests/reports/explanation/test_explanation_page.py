"""A page for one patient: private, self-contained, legible, and said in words where there are pictures."""

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from browser import CHROMIUM, chromium
from PIL import Image

from strokebench.reports.explanation.effects import Breakdown, Effect, Explanation, Unit
from strokebench.reports.explanation.page import finding, render_explanation, square, write_explanation


def png() -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (56, 64), 90).save(buffer, "PNG")
    return buffer.getvalue()


STEADY, SHAKY = (0.06, 0.05), (0.09, -0.04)
COLUMNS = tuple(Effect(f"c{i}", 0.1, (0.1, 0.1), "70 years") for i in range(20))
PLACES = tuple(Effect(f"place {i}", 0.025, SHAKY) for i in range(16))
PROBABILITY = Unit.PROBABILITY
EXPLANATION = Explanation(
    *("p<7>", "small cohort", True, "VDAFM", "80 patients of small cohort, 2 fits", "nihss < 7"),
    *("Probability of nihss < 7", 0.31, (0.28, 0.34), PROBABILITY, "table"),
    parts=(
        Breakdown("modalities", "Modalities", PROBABILITY, "how", (Effect("table", 0.055, STEADY),), 0.2),
        Breakdown("table", "Table", Unit.LOG_ODDS, "how", COLUMNS),
        Breakdown("image", "Image", PROBABILITY, "how", PLACES, pictures=(png(),) * 6),
        Breakdown("text", "Text", PROBABILITY, "how", (Effect("A <b>lesion</b>.", 0.055, STEADY, group="side"),)),
    ),
)  # fmt: skip


def test_it_is_the_user_s_alone_wherever_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path / "home"))
    for path in (tmp_path / "elsewhere" / "page.html", tmp_path / "home" / "page.html"):
        write_explanation(EXPLANATION, path)
        assert path.stat().st_mode & 0o777 == 0o600


def test_it_asks_for_nothing_and_runs_nothing():
    page = render_explanation(EXPLANATION)
    assert "default-src 'none'" in page and "<script" not in page
    assert {address.partition(":")[0] for address in re.findall(r'(?:href|src)="([^"#]+)', page)} == {"data"}
    assert "p&lt;7&gt;" in page and "A &lt;b&gt;lesion" in page


def test_pictures_bars_and_what_does_not_repeat_are_said_in_words():
    page = render_explanation(EXPLANATION)
    assert page.count('role="img" aria-label=') == 7 and page.count("place 3 ") == 0 and "place 3</span>" in page
    assert page.count("does not repeat: 1 of 2 fits agree in sign") == 16 and "+2.5?" in page
    assert "an invented patient" in page and "made of this patient" in page and "not to be passed on" in page
    assert "8 columns of smaller effect" in page


def test_the_largest_effect_that_repeats_is_the_finding():
    effects = (Effect("shaky", 0.2, (0.5, -0.1)), Effect("steady", 0.055, STEADY))
    assert finding(Breakdown("table", "", PROBABILITY, effects=effects)).startswith(
        "The largest effect that repeats: steady, +5.5 points. 1 of 2 notable effects does not repeat"
    )
    assert finding(Breakdown("text", "", PROBABILITY, missing="none here")) == "none here"


def test_the_front_is_up_and_the_right_is_on_the_left():
    # Token 0 is the patient's left at the back, token 15 the right in front.
    assert square(0) == (3, 3) and square(15) == (0, 0) and square(3) == (3, 0)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
def test_it_fits_a_phone_and_a_desk(tmp_path: Path):
    write_explanation(replace(EXPLANATION, seen=""), tmp_path / "page.html")
    with chromium(tmp_path / "profile") as browser:
        for width in (390, 1366):
            browser.open(tmp_path / "page.html", width)
            assert browser.run("document.documentElement.scrollWidth") <= width
            assert browser.console == []
            assert all(address.startswith(("file:", "data:")) for address in browser.requested)
