"""The picture of Table 1 shows what the table holds."""

from dataclasses import replace
from xml.etree import ElementTree

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from strokebench.files import CONTROLS
from strokebench.reports.statistics.intervals import Interval
from strokebench.reports.table1.figure import draw_table1
from strokebench.reports.table1.table import table1
from strokebench.reports.tables.style import dots, legend_below, look, save_figure, short_name
from strokebench.reports.tables.table import PAPER_LABEL, Kind, show

SVG = "{http://www.w3.org/2000/svg}"


def test_picture_names_cohort_methods_and_unfinished_runs(incomplete, tmp_path):
    text = save_figure(draw_table1(table1(incomplete)), tmp_path / "a.svg").read_text(encoding="utf-8")
    for words in (
        "synthetic",
        "VDAFM (18/20 runs)",
        "SVM (0/20 runs)",
        "Concat",
        "Multimodal",
        "other patients",
    ):
        assert words in text
    assert "Oracle (true probability), 75.46" in text


def test_equal_tables_are_equal_files(results, tmp_path):
    made = table1(results)
    for suffix in ("svg", "png", "pdf"):
        a, b = (save_figure(draw_table1(made), tmp_path / f"{n}.{suffix}").read_bytes() for n in "ab")
        assert a == b


def test_dollar_signs_in_names_are_no_formula(tmp_path):
    axes = (figure := Figure()).subplots()
    axes.barh(["a $\\frac{x}$ ward", "$ day, $ night"], [1, 2])
    axes.set_title("cost $1 to $2")
    said = "".join(ElementTree.parse(save_figure(figure, tmp_path / "a.svg")).getroot().itertext())
    for words in ("a $\\frac{x}$ ward", "$ day, $ night", "cost $1 to $2"):
        assert words in said


@pytest.mark.parametrize("metric", ["F1", "Recall"])
def test_any_metric(results, tmp_path, metric):
    assert metric in save_figure(draw_table1(table1(results), metric), tmp_path / "a.svg").read_text(encoding="utf-8")


def test_a_long_title_of_the_cohort_is_whole_and_leaves_room(results):
    said = "virtual cohort, quick check, not a result, random_forest tuned fold by fold on validation patients, "
    said += "candidates proposed by all folds (synthetic patients)"
    figure = draw_table1(replace(table1(results), cohort=said))
    FigureCanvasAgg(figure).draw()
    heading = figure._suptitle.get_window_extent()
    assert " ".join(figure.get_suptitle().split()).endswith(said)
    assert heading.x0 >= 0 and heading.x1 <= figure.bbox.x1
    assert figure.axes[0].get_position().width > 0.6


def test_a_metric_that_a_test_part_leaves_undefined_is_not_called_a_run_that_is_missing(results):
    made = table1(results)
    undefined = {"AUC": replace(made.rows[0].cells["AUC"], value=None, std=None)}
    rows = [replace(row, cells=row.cells | undefined) if row.key == "svm" else row for row in made.rows]
    texts = [text.get_text() for text in draw_table1(replace(made, rows=rows)).axes[0].texts]
    assert "undefined in a test part" in texts and "no finished run" not in texts


def test_a_control_character_in_a_label_leaves_the_drawing_whole(tmp_path):
    figure = Figure(figsize=(2, 1))
    figure.text(0.1, 0.5, "ward\x1b]0;x\x07\x9b")
    text = save_figure(figure, tmp_path / "a.svg").read_text(encoding="utf-8")
    assert "ward]0;x" in "".join(ElementTree.fromstring(text).itertext())
    assert not CONTROLS.search(text)


def test_values_stand_where_a_pointer_rests(results, tmp_path):
    made = table1(results)
    rows = [replace(row, label=f'{row.label} "<a>"') for row in made.rows]
    value = next(row for row in rows if row.key == "vdafm").cells["AUC"].value
    intervals = {"vdafm": Interval(value, value - 0.05, value + 0.05)}
    path = save_figure(draw_table1(replace(made, rows=rows), "AUC", intervals), tmp_path / "drawn.svg")
    drawn = ElementTree.parse(path).getroot()
    titles = {title.text for group in drawn.iter(f"{SVG}g") for title in group.findall(f"{SVG}title")}
    ours = {title for title in titles if not title.startswith((PAPER_LABEL, "chance", "Oracle"))}
    assert len(ours) == len([row for row in rows if not row.reference]), "the paper's numbers are told apart"
    assert f'VDAFM "<a>": {100 * value:.2f} [{100 * value - 5:.2f}, {100 * value + 5:.2f}]' in titles
    svm = next(row for row in made.rows if row.key == "svm").cells["AUC"]
    assert f'SVM "<a>": {show(svm, Kind.PERCENT)}' in titles
    assert "on hover" not in path.read_text(), "no id is a sentence"


def test_a_legend_is_within_the_figure_however_long_its_labels_are():
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.add_subplot()
    for number in range(4):
        axes.plot(
            [0, 1], [number, 1], label=f"Random Forest, a late fusion of all modalities, {number} " + "x" * 20 * number
        )
    legend_below(figure)
    FigureCanvasAgg(figure).draw()
    drawn = figure.legends[0].get_window_extent()
    assert drawn.x0 >= 0 and drawn.x1 <= figure.bbox.x1 and drawn.y1 <= axes.get_window_extent().y0


def test_twenty_four_methods_look_different():
    axes = Figure().add_subplot()
    looks = set()
    for number in range(24):
        mark, fill = look(number)
        dots(axes, [0], [number], mark, markerfacecolor=fill)
        line = axes.containers[-1].lines[0]
        looks.add((line.get_marker(), line.get_color(), line.get_markerfacecolor()))
    assert len(looks) == 24


def test_fonts_of_a_pdf_are_of_a_type_that_journals_take(tmp_path):
    figure = Figure(figsize=(2, 1))
    figure.text(0.1, 0.5, "AUC")
    drawn = save_figure(figure, tmp_path / "a.pdf").read_bytes()
    assert b"/Type3" not in drawn and b"/Type42" not in drawn and b"/CIDFontType2" in drawn


def test_a_long_name_keeps_its_ends_where_names_of_one_kind_differ():
    town = "St. Mary's and the District General Hospital of a town"
    assert short_name("A" * 40) == "A" * 40
    assert short_name(f"{town} 7") == "St. Mary's and the...spital of a town 7" and len(short_name(town)) <= 40
