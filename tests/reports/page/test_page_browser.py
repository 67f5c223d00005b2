"""The page in headless Chromium: it renders, sorts, fits, and has nothing to complain about."""

import json

import pandas as pd
import pytest
from browser import CHROMIUM, chromium
from matplotlib.figure import Figure
from small_cohort import make_cohort

from strokebench.reports.cohort.describe import describe_cohort, write_page
from strokebench.reports.tables.hover import name_cell
from strokebench.reports.tables.style import save_figure

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH (Debian: apt install chromium)")

LAPTOP, PHONE = 1366, 390
A4 = 718
"""Between the margins of a browser, in CSS pixels."""
BOX = "document.querySelector('svg').getBoundingClientRect()"
TABLE = "document.querySelector('#table1-cv5--table1 table')"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(params=[LAPTOP, PHONE])
def shown(request, browser, demo_page):
    browser.open(demo_page, request.param)
    return browser


@pytest.fixture
def laptop(browser, demo_page):
    browser.open(demo_page, LAPTOP)
    return browser


def column(browser, key):
    """Values of a column from top to bottom, reference rows left out."""
    rows = f"[...{TABLE}.querySelectorAll('tbody tr.method')]"
    return browser.run(f"{rows}.map((row) => row.querySelector('[data-key=\"{key}\"]').dataset.value)")


def test_it_renders_without_a_complaint_and_asks_for_nothing_else(shown, demo_page):
    assert shown.run("document.querySelectorAll('svg').length") == 6
    assert shown.run("document.querySelector('h1').getBoundingClientRect().height") > 10
    assert shown.console == []
    assert shown.requested == [demo_page.absolute().as_uri()]


def test_complaints_would_be_noticed(browser, demo_page, tmp_path):
    broken = tmp_path / "broken.html"
    text = demo_page.read_text()
    text = text.replace("</main>", '<img src="http://127.0.0.1:9/x.png"></main>')
    broken.write_text(text.replace('"use strict"', "no()"))
    browser.open(broken, LAPTOP)
    # The changed script has another hash, and the address is not allowed.
    assert sum("Content Security Policy" in message for message in browser.console) >= 2


def test_the_page_itself_never_scrolls_sideways(shown):
    assert shown.run("document.documentElement.scrollWidth <= innerWidth && document.body.scrollWidth <= innerWidth")
    wide = "[...document.querySelectorAll('main *')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1"
    wide += " && !e.closest('.scroll')).map((e) => e.outerHTML.slice(0, 90))"
    assert shown.run(wide) == []


def test_every_table_fits_a_printed_page(browser, demo_page, tmp_path, monkeypatch):
    """A browser shrinks all pages to the widest table."""
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path))
    sites = pd.Series([f"hospital number {n % 5}" for n in range(100)], index=make_cohort().ids)
    cohort = make_cohort(outcomes={"nihss": "nihss < 7"}, site=sites, synthetic=True)
    browser.call("Emulation.setEmulatedMedia", media="print")
    for page in (demo_page, write_page(describe_cohort(cohort))):
        browser.open(page, A4)
        tables = "[...document.querySelectorAll('main table')]"
        assert browser.run(f"{tables}.every((e) => e.getBoundingClientRect().right <= innerWidth + 1)"), page.name
    browser.call("Emulation.setEmulatedMedia", media="")


def test_text_is_large_enough(shown):
    sizes = "[...document.querySelectorAll('main p, main dd, main td, main th, nav a')]"
    sizes += ".filter((e) => e.getClientRects().length).map((e) => parseFloat(getComputedStyle(e).fontSize))"
    assert shown.run(f"Math.min(...{sizes})") >= 11
    # What a figure's smallest text measures on the screen.
    drawn = "[...document.querySelectorAll('svg text')].map((e) => e.getBoundingClientRect().height)"
    assert shown.run(f"Math.min(...{drawn}.filter(Boolean))") >= 8


def test_links_of_the_contents_lead_somewhere_visible(laptop):
    links = laptop.run("[...document.querySelectorAll('nav a')].map((link) => link.hash)")
    assert len(links) > 15
    for link in links:
        laptop.run(f"document.querySelector('nav a[href=\"{link}\"]').click()")
        laptop.wait_for(f"location.hash === '{link}'")
        top = laptop.run(f"document.querySelector('{link}').getBoundingClientRect().top")
        assert top < 800, link
    assert laptop.console == []


def test_a_header_sorts_turns_round_and_restores(laptop):
    before = column(laptop, "AUC")
    head = f"{TABLE}.querySelector('th[data-key=AUC]')"
    known = sorted((float(value) for value in before if value), reverse=True)
    for state, wanted in (("descending", known), ("ascending", known[::-1])):
        laptop.run(f"{head}.querySelector('button').click()")
        assert laptop.run(f"{head}.getAttribute('aria-sort')") == state
        now = column(laptop, "AUC")
        # SVM has no finished run: it stays last either way.
        assert [float(value) for value in now[:-1]] == wanted and now[-1] == ""
        assert laptop.run(f"[...{TABLE}.rows].at(-1).classList.contains('reference')")
    laptop.run(f"{head}.querySelector('button').click()")
    assert column(laptop, "AUC") == before and laptop.run(f"{head}.getAttribute('aria-sort')") == "none"


def test_texts_are_sorted_by_the_number_they_begin_with(laptop):
    shown = ["< 0.001", "–", "-3.1 [-5, 1]", "+0.2", "12/20"]
    laptop.run(
        f"const shown = {json.dumps(shown)}; const cells = {TABLE}.querySelectorAll('tr.method [data-key=F1]');"
        "cells.forEach((cell, n) => { cell.dataset.value = shown[n % shown.length]; })"
    )
    laptop.run(f"{TABLE}.querySelector('th[data-key=F1] button').click()")
    wanted = ["12/20", "+0.2", "< 0.001", "< 0.001", "-3.1 [-5, 1]", "-3.1 [-5, 1]", "–", "–"]
    assert column(laptop, "F1") == wanted


def test_sorting_by_keyboard_and_by_name(laptop):
    head = f"{TABLE}.querySelector('thead th')"
    laptop.run(f"{head}.querySelector('button').focus()")
    laptop.press("Enter", 13)
    assert laptop.run(f"{head}.getAttribute('aria-sort')") == "ascending"
    names = laptop.run(f"[...{TABLE}.querySelectorAll('tr.method')].map((row) => row.dataset.row)")
    assert names == ["concat", "image_net", "mlp", "sparsemm", "svm", "table_net", "vdafm", "xgboost"]


def test_rows_are_filtered_by_the_name_of_their_group(laptop):
    box = f"{TABLE}.closest('.sb-table').querySelector('input.filter')"
    shown = (
        f"[...{TABLE}.querySelectorAll('tr.method')].filter((row) => row.offsetHeight).map((row) => row.dataset.row)"
    )
    every = laptop.run(shown)
    for typed, left in (("multimodal", ["concat", "sparsemm"]), ("TableNet", ["table_net"]), ("", every)):
        laptop.run(f"{box}.value = '{typed}'; {box}.dispatchEvent(new Event('input'))")
        assert laptop.run(shown) == left


def test_the_contents_fold_on_a_phone_and_stay_on_a_laptop(browser, demo_page):
    browser.open(demo_page, LAPTOP)
    visible = "document.getElementById('contents').getClientRects().length > 0"
    assert browser.run(visible)
    browser.run("scrollTo(0, 3000); new Promise((done) => setTimeout(done, 100))")
    assert browser.run("document.getElementById('contents').getBoundingClientRect().top") >= 0
    browser.open(demo_page, PHONE)
    assert not browser.run(visible)
    browser.run("document.getElementById('menu').click()")
    assert browser.run(visible) and browser.run("menu.getAttribute('aria-expanded')") == "true"
    browser.press("Escape", 27)
    assert not browser.run(visible) and browser.run("document.activeElement.id") == "menu"


def test_a_figure_is_saved_as_svg(laptop):
    laptop.run(
        "window.saved = null; URL.createObjectURL = (blob) => { blob.text().then((text) => { window.saved = text; });"
        " return '#'; }"
    )
    laptop.run("document.querySelector('button[data-save]').click()")
    laptop.wait_for("window.saved !== null")
    assert laptop.run("new DOMParser().parseFromString(window.saved, 'image/svg+xml').documentElement.tagName") == "svg"


def test_headings_stand_as_their_cells(laptop):
    unlike = """[...document.querySelectorAll('.sb-table table')].flatMap((table) => {
        const cells = table.querySelector('tbody tr.method, tbody tr.reference').cells;
        return [...table.tHead.rows[0].cells].filter(
            (heading, i) => getComputedStyle(heading).textAlign !== getComputedStyle(cells[i]).textAlign
        ).map((heading) => heading.textContent);
    })"""
    assert laptop.run(unlike) == []


def test_a_pointer_finds_the_words_of_a_point_and_of_a_cell_over_its_whole_square(browser, tmp_path):
    figure = Figure(figsize=(4, 3))
    axes = figure.add_subplot()
    axes.imshow([[1, 2], [3, 4]], aspect="auto")
    for x, y in ((0, 0), (1, 0), (0, 1), (1, 1)):
        axes.text(x, y, "81.06", ha="center", va="center")
        name_cell(axes, x, y, f"cell {x} {y}")
    axes.plot(1.3, 0.3, "o", label="a point")
    page = tmp_path / "cells.html"
    page.write_text(
        "<svg" + save_figure(figure, tmp_path / "cells.svg").read_text(encoding="utf-8").partition("<svg")[2]
    )
    browser.open(page, LAPTOP)
    for x, y in ((0, 0), (1, 0), (0, 1), (0.6, 1.4), (1.3, 0.3)):
        right, up = figure.transFigure.inverted().transform(axes.transData.transform((x, y)))
        found = browser.run(
            f"document.elementFromPoint({right} * {BOX}.width + {BOX}.left, (1 - {up}) * {BOX}.height + {BOX}.top)"
            ".closest('g:has(> title)').querySelector(':scope > title').textContent"
        )
        assert found == ("a point, up 0.3, across 1.3" if y == 0.3 else f"cell {round(x)} {round(y)}")
