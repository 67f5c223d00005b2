"""Values where a pointer rests, in the file that a browser gets."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from strokebench.reports.tables.hover import MOST, ON_HOVER, name_cell
from strokebench.reports.tables.style import LOOKS, dots, save_figure


def titles(figure: Figure, folder: Path) -> list[str]:
    """What a pointer finds, in the order of drawing."""
    drawn = ElementTree.parse(save_figure(figure, folder / "a.svg"))
    return [
        title.text
        for group in drawn.iter("{http://www.w3.org/2000/svg}g")
        for title in group.findall("{http://www.w3.org/2000/svg}title")
    ]


def test_a_point_says_its_row_value_and_bar(tmp_path):
    figure = Figure()
    axes = figure.add_subplot()
    dots(axes, [61.25, np.nan, 70], [0, 1, 2], LOOKS[0], xerr=[1, np.nan, 2], label="AUC")
    axes.set_yticks([0, 1, 2], ["Concat", "SVM", "VDAFM\n(ours)"])
    assert titles(figure, tmp_path) == ["AUC, Concat, 61.25, bar 60.25 to 62.25", "AUC, VDAFM (ours), 70, bar 68 to 72"]


def test_two_numbers_go_by_the_titles_of_their_axes(tmp_path):
    figure = Figure()
    axes = figure.add_subplot(xlabel="patients", ylabel="AUC")
    axes.plot([100, 200], [60, 65.5], "s")
    assert titles(figure, tmp_path) == ["AUC 60, patients 100", "AUC 65.5, patients 200"]


def test_bars_and_curves_say_what_they_are(tmp_path):
    figure = Figure()
    left, right, curve = figure.subplots(1, 3)
    left.barh(["width", "rate"], [0.25, 0.75])
    right.hist([1, 1, 3], bins=[0, 2, 4], label="events")
    curve.plot([0, 1], [0, 1], label="treat all")
    curve.plot([0, 1], [1, 0])
    assert titles(figure, tmp_path) == [
        "width, 0.25",
        "rate, 0.75",
        "events, 0 to 2, 2",
        "events, 2 to 4, 1",
        "treat all",
    ]


def test_words_of_its_own_stay_and_a_cloud_has_none(tmp_path):
    figure = Figure()
    axes = figure.add_subplot()
    axes.plot(1, 2, "o", gid=f"{ON_HOVER}the best")
    axes.plot(np.arange(MOST + 1), np.arange(MOST + 1), ".")
    assert titles(figure, tmp_path) == ["the best"]


def test_words_of_two_lines_are_words_and_no_id(tmp_path):
    figure = Figure()
    axes = figure.add_subplot(xlabel="patients\nof a hospital", ylabel="AUC")
    axes.plot(100, 60, "s")
    assert [" ".join(title.split()) for title in titles(figure, tmp_path)] == ["AUC 60, patients of a hospital 100"]


def test_a_cell_of_a_matrix_has_its_words(tmp_path):
    figure = Figure()
    axes = figure.add_subplot()
    axes.imshow([[1, 2]])
    before = axes.get_xlim(), axes.get_ylim()
    name_cell(axes, 1, 0, "width 64, rate < 0.1: AUC 2")
    assert titles(figure, tmp_path) == ["width 64, rate < 0.1: AUC 2"]
    assert (axes.get_xlim(), axes.get_ylim()) == before


def test_the_figure_is_as_it_was(tmp_path):
    figure = Figure()
    axes = figure.add_subplot()
    axes.plot([1, 2], [3, 4], "o")
    before = axes.get_xlim(), axes.get_ylim(), len(axes.get_children())
    first = save_figure(figure, tmp_path / "first.svg").read_bytes()
    assert (axes.get_xlim(), axes.get_ylim(), len(axes.get_children())) == before
    assert save_figure(figure, tmp_path / "second.svg").read_bytes() == first
