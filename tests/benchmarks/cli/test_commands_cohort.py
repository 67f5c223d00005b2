import json
import re
import shlex
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hospital_folder import brain, clinical_table, save
from small_cohort import make_cohort
from typer.testing import CliRunner

from strokebench.benchmarks.cli.cohort import app
from strokebench.datasets.catalogue import COHORTS
from strokebench.datasets.own.cohort_file import KEYS
from strokebench.datasets.own.load import load
from strokebench.reports.cohort import describe
from strokebench.reports.cohort.check import check_cohort

DOCUMENT = Path(__file__).parents[3] / "docs" / "bring_your_cohort.md"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "home"


def run(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def write_table(folder, yaml="", edit=lambda table: table, n=40):
    edit(clinical_table(n)).to_csv(folder / "t.csv", index=False)
    path = folder / "c.yaml"
    path.write_text(f"table: t.csv\nid: id\noutcome: mrs > 2\nsite: hospital\n{yaml}")
    return path


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)


def test_a_file_that_seems_misspelt_is_not_hidden_among_missing_ones(tmp_path):
    path = write_table(tmp_path, 'text: {files: "{id}.txt"}\n', n=40)
    for i in range(6, 40):
        (tmp_path / f"p{i:02d}.txt").write_text(f"Infarct of {i} ml.")
    (tmp_path / "p5.txt").write_text("Infarct.")
    said = run("check", path).output
    assert "5 patients\n  text_missing  p00, p01, p02, p03, p04. First: no file p00.txt" in said
    assert "no file p05.txt; is it p5.txt? The id has lost its leading zeros." in said


def test_the_document_works_as_it_stands(tmp_path, monkeypatch):
    yaml, commands = blocks("yaml"), blocks("sh")
    assert sum(block.count("\n") for block in yaml + commands) < 40
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    table = clinical_table(30).rename(columns={"id": "patient", "mrs": "mrs90"})
    table["patient"] = [f"p{i:02d}" for i in range(30)]
    table["toast"] = rng.choice(["cardioembolic", "large artery"], 30)
    table["nihss"] = rng.integers(0, 30, 30)
    table["discharge_date"] = pd.Timestamp("2024-05-01") + pd.to_timedelta(rng.integers(0, 90, 30), "D")
    table.loc[5, "mrs90"] = None
    table.to_excel("patients.xlsx", index=False)
    for i, id in enumerate(table["patient"]):
        volume = brain(i, (5, 5, 5))
        save(Path("images") / f"{id}.nii.gz", volume, (5, 5, 5), ("LPS", "RAS")[i % 2])
        save(Path("masks") / f"{id}.nii.gz", volume > volume.max() * 0.8, (5, 5, 5), ("LPS", "RAS")[i % 2], np.uint8)
        Path("texts").mkdir(exist_ok=True)
        Path("texts", f"{id}.txt").write_text(f"Infarct of {i + 1} ml, no mass effect.")
    Path("cohort.yaml").write_text(yaml[0])
    for command in commands[0].splitlines():
        words = shlex.split(command)
        if words[0] == "strokebench":
            assert words[1] == "cohort"
            result = run(*words[2:])
            assert result.exit_code == 0, result.output
    cohort = load(Path("cohort.yaml"))
    assert len(cohort) == 29
    assert "p03" not in cohort.ids
    assert np.isnan(cohort.table.loc["p05", "mrs90"])
    assert cohort.masks is not None
    assert cohort.banned == ("discharge_date",)


def test_the_document_lists_every_key():
    text = DOCUMENT.read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == set(KEYS)


def test_check_of_a_clean_table_ends_with_status_0_and_says_what_was_inferred(tmp_path):
    result = run("check", write_table(tmp_path))
    assert result.exit_code == 0
    assert "inferred as numeric: age, glucose, mrs" in result.output
    assert "inferred as categorical: sex" in result.output
    assert "No problems" in result.output


def test_check_lists_problems_by_patient_with_what_to_do(tmp_path):
    def spoil(table):
        table.loc[3, "age"] = "seventy"
        table.loc[7, "hospital"] = "north"
        return table

    result = run("check", write_table(tmp_path, edit=spoil))
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert lines.index("Patient p03") < lines.index("Patient p07")
    assert "not_a_number" in lines[lines.index("Patient p03") + 1]
    assert "→" in lines[lines.index("Patient p03") + 2]
    assert "2 problems, 2 patients" in result.output


def test_a_problem_that_many_share_is_one_line_in_the_terminal_and_complete_in_json(tmp_path):
    def commas(table):
        table["glucose"] = table["glucose"].astype(str).str.replace(".", ",")
        return table

    path = write_table(tmp_path, edit=commas)
    assert run("check", path).output.count("decimal_comma") == 1
    report = json.loads(run("check", path, "--json").stdout)
    assert report["codes"] == {"decimal_comma": 40}
    assert {problem["patient"] for problem in report["problems"]} == {f"p{i:02d}" for i in range(40)}


def test_problems_of_one_kind_are_one_line(tmp_path, home):
    def spoil(table):
        columns = {f"lab{i}": [f"<{i + j}" for j in range(len(table))] for i in range(5)}
        return table.assign(**columns, glucose=["high", "low", "?!", "none yet", *table["glucose"][4:]])

    result = run("check", str(write_table(tmp_path, edit=spoil)))
    assert result.output.count("censored  lab0, lab1, lab2, lab3, lab4. First: ") == 1
    assert result.output.count("not_a_number  p00, p01, p02, p03. First: ") == 1
    assert result.exit_code == 1


def test_the_outcome_is_checked(tmp_path):
    def spoil(table):
        table["mrs"] = table["mrs"].astype(object)
        table.loc[4, "mrs"] = None
        return table

    path = write_table(tmp_path, edit=spoil)
    codes = {(p.patient, p.code) for p in check_cohort(str(path)).problems}
    assert codes == {("p04", "outcome_missing")}

    path.write_text(path.read_text().replace("mrs > 2", "mrs"))
    assert {p.code for p in check_cohort(str(path)).problems} == {"outcome_missing"}

    path.write_text(path.read_text().replace("outcome: mrs", "outcome: age"))
    assert {p.code for p in check_cohort(str(path)).problems} == {"outcome_not_binary"}
    path.write_text(path.read_text().replace("outcome: age", "outcome: mrs"))

    path.write_text(path.read_text().replace("outcome: mrs", "outcome: mrs > 9"))
    assert {p.code for p in check_cohort(str(path)).problems} == {"outcome_missing", "outcome_one_class"}

    path.write_text(path.read_text().replace("mrs > 9", "mrs at least 2"))
    assert {p.code for p in check_cohort(str(path)).problems} == {"column_unknown"}


def test_describe_shows_no_patients_values_and_writes_a_page_that_needs_nothing_else(tmp_path, home):
    secret = "Zebedee & <script>alert(1)</script>"
    path = write_table(tmp_path, f"title: '{secret}'\n", lambda table: table.assign(age=table["age"] + 0.123))
    result = run("describe", path)
    assert result.exit_code == 0
    assert ".123" not in result.output.replace(" ", "")
    assert not re.search(r"\bp\d\d\b", result.output)
    [page] = [path.read_text() for path in (home / "results").glob("c-*/cohort.html")]
    assert "<script>" not in page
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    assert "By site" in page
    assert "By outcome: mrs &gt; 2" in page


def test_a_page_with_patients_images_says_that_it_is_not_to_be_passed_on(tmp_path, monkeypatch):
    (tmp_path / "x.nii").touch()
    cohort = make_cohort(30)
    cohort = replace(cohort, images=pd.DataFrame({"image": [str(tmp_path / "x.nii")] * 30}, index=cohort.ids))
    monkeypatch.setattr(describe, "slices_of", lambda *_: [(np.zeros((9, 9), np.float32),) * 2] * 3)
    for synthetic in (False, True):
        page = describe.write_page(describe.describe_cohort(replace(cohort, synthetic=synthetic))).read_text()
        assert "data:image/png" in page and ("not to be passed on" in page) != synthetic
        assert "default-src 'none'" in page


def test_describe_works_without_sites_images_text_and_outcome(home, monkeypatch):
    bare = make_cohort(30, site=None)
    monkeypatch.setitem(COHORTS.own, "bare", lambda: bare)
    result = run("describe", "bare")
    assert result.exit_code == 0
    assert "Sites: none" in result.output
    assert (home / "results" / "small" / "cohort.html").is_file()


def test_there_are_no_fewer_than_no_pictures():
    called = run("describe", "virtual", "--pictures", "-1")
    assert called.exit_code == 2 and "--pictures" in called.output


def test_an_invented_cohort_says_so(home, monkeypatch):
    invented = make_cohort(60, synthetic=True, outcomes={"nihss": "nihss < 7"})
    monkeypatch.setitem(COHORTS.own, "invented", lambda: invented)
    assert "invented" in run("describe", "invented").output
    assert "invented" in (home / "results" / "small" / "cohort.html").read_text()


def test_thousands_of_patients_are_checked_in_seconds(tmp_path):
    rng = np.random.default_rng(0)
    n = 5_000

    def widen(table):
        for i in range(25):
            table[f"laboratory_{i}"] = rng.lognormal(1, 0.4, n).round(2)
        return table

    path = write_table(tmp_path, edit=widen, n=n)
    start = time.process_time()
    report = check_cohort(str(path))
    seconds = time.process_time() - start
    assert report.patients == n
    assert report.problems == []
    # Less than one second here; the limit leaves room for a slow machine.
    assert seconds < 5
    assert len(load(path)) == n


def test_what_a_cohort_of_the_suite_is_known_to_lack_is_no_problem(monkeypatch: pytest.MonkeyPatch):
    cohort = make_cohort(60)
    texts = pd.DataFrame({"size": ["A small lesion.", *["A large lesion."] * 58, None]}, index=cohort.ids)
    cohort = replace(cohort, images=None, texts=texts)
    monkeypatch.setitem(COHORTS.own, "known", lambda: cohort)
    report = check_cohort("known")
    assert not report.problems and [(p.patient, p.code) for p in report.accepted] == [
        (str(cohort.ids[-1]), "text_missing")
    ]
