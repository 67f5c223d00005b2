"""The page as text: it is whole, well-formed, asks for nothing, and tells nothing that it must not."""

import re
import shutil
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace
from urllib.parse import unquote

import pandas as pd
import pytest
from demo_results import FOLDER, PATIENT

from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.errors import StrokebenchError
from strokebench.files import write_json
from strokebench.reports.page.cautions import cautions
from strokebench.reports.page.inline import inline_svg, inline_table
from strokebench.reports.page.page import computing_hours, write_page
from strokebench.reports.page.parts import PagePart, find_parts
from strokebench.reports.page.scrub import Scrubber
from strokebench.reports.tables.section import Section, publish, read_section

VOID = {"meta", "link", "br", "img", "hr", "input"}


class Document(HTMLParser):
    """Elements with attributes, and whether every element is closed by its own end tag."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements, self.open, self.wrong = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append((tag, self.getpos()))


@pytest.fixture(scope="module")
def text(demo_page) -> str:
    return demo_page.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def document(text) -> Document:
    return Document(text)


def test_every_picture_is_there_in_every_format(demo):
    assert {path.suffix for path in demo.glob("*/figure2/figure2_1.*")} == {".svg", ".png", ".pdf"}


def test_it_is_well_formed(document):
    assert document.wrong == [] and document.open == []


def test_ids_are_unique_though_figures_share_them(document, demo):
    ids = Counter(attributes["id"] for _, attributes in document.elements if "id" in attributes)
    assert [id for id, n in ids.items() if n > 1] == []
    # The test bites: the files of two figures do share ids.
    folder = demo / "virtual-nihss_lt_7-cv5" / "figure2"
    first, second = (set(re.findall(r' id="([^"]+)"', (folder / f"figure2_{n}.svg").read_text())) for n in (1, 2))
    assert first & second


def test_every_reference_within_the_page_resolves(document, text):
    ids = {attributes.get("id") for _, attributes in document.elements}
    for tag, attributes in document.elements:
        for name in ("href", "aria-labelledby", "aria-controls", "aria-describedby"):
            value = attributes.get(name, "")
            if value.startswith("#") or name != "href":
                assert all(part.lstrip("#") in ids for part in value.split()), (tag, value)
    used = set(re.findall(r"url\(#([^)]+)\)", text))
    assert used and used <= ids


def test_it_asks_for_nothing(document, text):
    for tag, attributes in document.elements:
        for name in ("src", "href", "srcset", "action", "data"):
            value = attributes.get(name) or ""
            assert value.startswith(("#", "data:")) or not value, (tag, name, value)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    assert "@import" not in style and "url(" not in style
    assert [tag for tag, _ in document.elements].count("script") == 1
    assert "default-src 'none'" in text


def test_every_panel_is_there_with_its_words(document, text, demo):
    parts = find_parts(sorted(path for path in demo.iterdir() if path.is_dir()))
    ids = {attributes.get("id") for _, attributes in document.elements}
    panels = [panel for part in parts for panel in part.panels]
    assert len(panels) == 3 + 3 + 2 + 2 and {panel.id for panel in panels} <= ids
    assert text.count("<svg") == 2 + 4
    assert text.count("What it does not show") == len(panels)
    read = {attributes.get("aria-describedby") for tag, attributes in document.elements if tag in ("article", "figure")}
    assert {f"{panel.id}-reading" for panel in panels} == read - {None}


def test_known_parts_come_in_reading_order_and_unknown_ones_last(document):
    wanted = ["overview", "table1-cv5", "table1-holdout", "figure2", "figure4", "leaks", "zebra"]
    parts = [a["id"] for tag, a in document.elements if tag == "section" and "part" in a.get("class", "").split()]
    assert parts == [*wanted, "methods", "provenance", "checklist"]


def test_what_is_lacking_is_counted_before_labels_that_have_commas(make_results):
    results = make_results(missing={"svm": 2, "mlp": 1})
    methods = [replace(m, label="Logistic regression, table") if m.name == "svm" else m for m in results.methods]
    [said] = [
        one.text
        for one in cautions([PagePart(id="a", name="a", title="a", results=replace(results, methods=methods))])
        if one.title == "Incomplete"
    ]
    assert said.endswith("runs are finished. Still to be finished: 1 of MLP; 2 of Logistic regression, table.")


def test_cautions_come_first_and_nothing_unfinished_is_hidden(text):
    cautions = text[text.index("Read this first") : text.index("<h2>Experiments")]
    for said in ("Column x tells the outcome", "invented by a generator", "65/80 runs", "untrained"):
        assert said in cautions, said
    assert "10 of SVM" in cautions and "2 of VDAFM" in cautions
    assert cautions.index("Column x") < cautions.index("invented by a generator")
    # Results without a report.
    assert "strokebench report figure4" in cautions
    assert cautions.index("65/80 runs") < cautions.index("<summary>Also:") < cautions.index("keeps where signal is")


def test_findings_come_before_facts_and_say_what_is_not_known(text):
    findings = text[text.index("<h2>Findings") : text.index("<h2>Experiments")]
    assert findings.index("strokebench run added_value") < findings.index("Experiments complete")


def test_no_patient_and_no_folder_is_named(text, demo, demo_page):
    stored = pd.read_parquet(demo / "virtual-nihss_lt_7-cv5" / "table1" / "predictions.parquet")
    ids = set(stored["patient_id"])
    assert PATIENT in ids
    whole = unquote(text)
    assert not ids & set(re.findall(r"sub-\d+", whole))
    assert FOLDER not in whole and str(demo) not in whole
    for ending in ("md", "html", "tex", "csv"):
        written = (demo / f"virtual-nihss_lt_7-cv5/table1/table1.{ending}").read_text()
        assert PATIENT not in written and FOLDER not in written and "cut off" not in written
    assert "<code>OSError</code>" in whole
    for name in ("checklist.md", "checklist.csv"):
        assert str(demo) not in (demo_page.parent / name).read_text()


@pytest.mark.parametrize(
    ("said", "clean"),
    [
        ("no file /data/mri/sub-01_t1.nii", "no file [folder]/[patient]_t1.nii"),
        (r"C:\scans\x\a.nii", r"[folder]/a.nii"),
        ("~/secret/a.nii", "[folder]/secret/a.nii"),
        ("Patient 17 has no image", "Patient [patient] has no image"),
        (
            "patient 'Heß, Anna': x; patient Heß; patient &#39;O&#39;Neil&#39;",
            "patient '[patient]': x; patient Heß; patient &#39;[patient]&#39;",
        ),
        ("17 runs, 17/20, 0.17 %, patient 170", "17 runs, 17/20, 0.17 %, patient 170"),
        ("sub-012 and sub-01.", "sub-012 and [patient]."),
        ("</section></div> a/b/c 1/2/3", "</section></div> a/b/c 1/2/3"),
        ('"data:image/png;base64,AA/BB/CC+/aa/bb/c=="', '"data:image/png;base64,AA/BB/CC+/aa/bb/c=="'),
    ],
)
def test_scrubbing(said, clean):
    assert Scrubber(["sub-01", "17", "Heß, Anna", "O'Neil"])(said) == clean


def test_what_could_run_is_taken_out_of_a_figure(tmp_path):
    figure = tmp_path / "x.svg"
    figure.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="72pt" onload="x()">'
        '<style>*{color:red}</style><script>x()</script><foreignObject><p/></foreignObject><path id="a" d="M0 0"/>'
        '<use xlink:href="#a" onclick="x()"/><use href="https://x.org/y.svg#a"/><image href="http://x.org/y.png"/>'
        '<rect clip-path="url(#a)" fill="url(https://x.org)"/><a href="javascript:x()"><path/></a></svg>'
    )
    clean = inline_svg(figure, "p", 'say "this"')
    assert not re.search(r"script|style>|foreign|onload|onclick|http|<a\b", clean)
    assert 'id="p-a"' in clean and 'href="#p-a"' in clean and "url(#p-a)" in clean and "--natural: 96px" in clean


def test_a_damaged_table_or_figure_is_said(tmp_path):
    with pytest.raises(StrokebenchError):
        inline_table("<p>nothing</p>", "p")
    for foreign in ("<meta http-equiv='refresh' content='0;url=http://x.org'>", "<iframe/src='x'>", "<!--", "</style>"):
        with pytest.raises(StrokebenchError, match="no table of ours"):
            inline_table(f'<section class="sb-table"><h2>a</h2>{foreign}</section>', "p")
    (tmp_path / "x.svg").write_text("<svg")
    with pytest.raises(StrokebenchError):
        inline_svg(tmp_path / "x.svg", "p", "")


def test_damage_is_shown_and_the_rest_stays(tmp_path, demo):
    root = tmp_path / "Hans Abel"
    folder = shutil.copytree(demo / "virtual-nihss_lt_7-cv5", root / "virtual-nihss_lt_7-cv5")
    (folder / "figure2" / "figure2_1.svg").unlink()
    (folder / "zebra" / "predictions.parquet").write_bytes(b"cut off")
    text = write_page([folder], root / "page").read_text()
    assert "figure2_1 cannot be shown" in text and "Curves 2" in text
    assert "Its results cannot be read (predictions.parquet does" in text
    assert "Abel" not in text


def test_no_file_outside_of_a_folder_is_shown(tmp_path, demo):
    """A folder of results may be another's."""
    folder = shutil.copytree(demo / "virtual-nihss_lt_7-cv5" / "table1", tmp_path / "theirs" / "table1")
    said = read_section(folder)
    shutil.copytree(folder, tmp_path / "mine")
    said["panels"][0]["name"] = "../../mine/table1"
    write_json(folder / "section.json", said)
    [shown, *_] = find_parts([tmp_path / "theirs"])[0].panels
    assert not shown.html and "no name of a file" in shown.problem


def test_tables_of_an_earlier_call_are_not_taken_for_those_of_the_runs_that_are_there(tmp_path, make_results):
    folder = tmp_path / "made-up" / "table1"
    results = make_results()
    results.write(folder)
    Table1().report(results, folder)
    assert not any("Older" in caution.title for caution in cautions(find_parts([folder.parent])))
    replace(results, runs=results.runs.assign(status="missing"), predictions=results.predictions[:0]).write(folder)
    said = {caution.title: caution.text for caution in cautions(find_parts([folder.parent]))}
    assert "`strokebench report table1` writes them anew" in said["Older tables"] and "Incomplete" in said


def test_an_experiment_that_was_stopped_before_its_first_table_is_incomplete_and_not_damaged(tmp_path, make_results):
    make_results(missing={"mlp": 3}).write(tmp_path / "made-up" / "table1")
    parts = find_parts([tmp_path / "made-up"])
    assert "No tables yet: `strokebench report table1`" in parts[0].lead
    titles = [caution.title for caution in cautions(parts)]
    assert "Incomplete" in titles and "Not readable" not in titles


def test_its_title_names_what_the_methods_read(results, tmp_path):
    for name, methods in ("all", results.methods), ("table", [m for m in results.methods if m.uses == ("table",)]):
        known = {method.name for method in methods}
        runs, predictions = (part[part["method"].isin(known)] for part in (results.runs, results.predictions))
        some = replace(results, methods=methods, runs=runs, predictions=predictions)
        some.write(tmp_path / name / "virtual-nihss_lt_7-cv5" / "table1")
        page = write_page([tmp_path / name / "virtual-nihss_lt_7-cv5"], tmp_path / f"{name}_page").read_text()
        title = "Stroke prognosis from " + ("image, text and table" if name == "all" else "table")
        assert f">{title}</h1>" in page


def test_a_page_on_two_settings_states_no_fact_of_one_for_both(make_results, tmp_path):
    results = make_results(seeds=(39,))
    others = {"soop": {"title": "SOOP", "synthetic": False}, "virtual": {}}
    for name, other in others.items():
        provenance = {**results.provenance, "outcome": "mrs > 2", "outcome_title": "mrs > 2", **other}
        folders = [tmp_path / name / number / "table1" for number in ("a", "b")]
        results.write(folders[0])
        replace(results, provenance=provenance).write(folders[1])
    pages = {
        name: write_page([tmp_path / name / "a", tmp_path / name / "b"], tmp_path / f"{name}_page").read_text()
        for name in others
    }
    for text, scope in zip(pages.values(), ("these cohorts", "several outcomes of one cohort"), strict=True):
        begin = text[text.index("<title>") : text.index("Experiments complete")]
        assert f"computed for {scope}:" in begin and "outcome nihss" not in begin and "outcome mrs" not in begin
        assert "Patients with the outcome known" not in begin
    assert "<title>SOOP; made-up virtual cohort (synthetic patients) ·" in pages["soop"]


def test_what_an_experiment_warns_of_is_in_its_own_part_too(text):
    assert "Column x tells the outcome" in text[text.index('<section id="leaks"') :]


def test_nothing_computed_is_an_error_with_advice(tmp_path):
    with pytest.raises(StrokebenchError) as error:
        write_page([tmp_path / "none"], tmp_path)
    assert error.value.hint


def test_parts_of_one_experiment_are_told_apart_by_facts_and_not_by_folders(demo, tmp_path):
    tuned = {"tuned": {"svm": "svm tuned on another cohort"}}
    pairs = {"compared_encoders": {"embedded": {}, "paper": {}}}
    facts = [{"protocol": "cv5", "labels_shuffled": 0}, {"protocol": "holdout"}, {"protocol": "cv5", **tuned}]
    facts += [{"protocol": "loho"}, {"protocol": "loho", **pairs}, *2 * [{"protocol": "own"}]]
    for number, provenance in enumerate(facts):
        folder = shutil.copytree(demo / "virtual-nihss_lt_7-cv5" / "leaks", tmp_path / f"holdout-{number}" / "leaks")
        section = read_section(folder)
        write_json(folder / "section.json", section | {"provenance": provenance})
    parts = find_parts(sorted(tmp_path.iterdir()))
    assert {part.distinction for part in parts} == {
        *("cv5, labels shuffled 0", "holdout", "cv5, svm tuned on another cohort"),
        *("loho", "loho, 2 pairs of encoders compared", "own, no. 6", "own, no. 7"),
    }
    assert len({part.id for part in parts}) == 7
    assert [caution.title for caution in cautions(parts) if caution.links] == ["Leak alarm"] * 7 + ["Labels shuffled"]


def test_cautions_follow_facts_and_no_title(results):
    title = "patients with a quick check, labels shuffled, text may state, untrained"
    part = PagePart("table1", "table1", "T", "table1", cohort=title, results=results)
    quiet = {**results.provenance, "title": title, "encoders": {"image": "untrained"}}
    assert [c.title for c in cautions([replace(part, results=replace(results, provenance=quiet))])] == [
        "Synthetic patients"
    ]
    loud = {**results.provenance, "quick": True, "scale_text": True, "untrained_encoders": ["Any"]}
    assert [c.title for c in cautions([replace(part, results=replace(results, provenance=loud))])] == [
        *("Synthetic patients", "Quick check", "Text may state the outcome", "Untrained encoder")
    ]


def test_an_experiment_without_runs_is_not_complete_and_one_that_trains_nothing_is(results):
    nothing = replace(results, runs=results.runs[:0], predictions=results.predictions[:0])
    assert PagePart("a", "table1", "T", results=results).complete and PagePart("b", "leaks", "T").complete
    empty = PagePart("c", "table1", "T", results=nothing)
    assert not empty.complete and empty.progress == ""


def test_tuning_of_any_method_stands_where_tuning_does(tmp_path):
    publish(Section("tune_svm", "Tuning of SVM", "a cohort", [], topic="tuning"), tmp_path / "x" / "tune_svm")
    [part] = find_parts([tmp_path / "x"])
    assert part.topic == "tuning" and not part.problems


def test_computing_time_counts_a_fit_once_however_often_it_is_told():
    columns = ["key", "status", "method", "seed", "fold", "fit_seconds", "predict_seconds"]
    one_fit_under_two_conditions = [["a", "done", "m", 1, 0, 3600.0, 360.0], ["b", "done", "m", 1, 0, 3600.0, 720.0]]
    others = [["c", "done", "m", 1, 1, 1800.0, 0.0], ["d", "failed", "m", 1, 2, 9e9, 0.0]]
    table = pd.DataFrame(one_fit_under_two_conditions + others, columns=columns)
    parts = [SimpleNamespace(runs=runs) for runs in (table, table.iloc[:1], None)]
    assert computing_hours(parts) == pytest.approx(1 + 0.1 + 0.2 + 0.5)
