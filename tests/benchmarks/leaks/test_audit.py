"""The audit as a whole: remembered, loud, quiet, and never in the way."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from sklearn import config_context
from typer.testing import CliRunner

from strokebench.benchmarks.cli import main as cli
from strokebench.benchmarks.leaks import audit as audit_module
from strokebench.benchmarks.leaks import canary, report
from strokebench.benchmarks.leaks.audit import Alarm, remembered_audit, run_audit
from strokebench.benchmarks.leaks.report import warn_of_leaks, write_section
from strokebench.datasets import catalogue
from strokebench.datasets.encoders import encode
from strokebench.reports.tables.section import read_section


@pytest.fixture
def leaky(make, with_column):
    def plant(cohort):
        return with_column(cohort, "ward", np.where(cohort.table["nihss"] < 7, "home", "clinic"), "categorical")

    return make(cohort=plant)


def test_a_clean_cohort_is_one_quiet_line(make, console: Console):
    warn_of_leaks(make(), console)
    said = console.export_text()
    assert len(said.strip().splitlines()) == 1 and "nothing found" in said


def test_nothing_found_is_not_said_of_what_the_cohort_has_not(make, console: Console):
    context = make(cohort=lambda cohort: replace(cohort, texts=None), text_embeddings=None)
    write_section(run_audit(context), context, context.results_folder("leaks"))
    verdicts = pd.read_csv(context.results_folder("leaks") / "leaks.csv").set_index("key")["verdict"]
    assert any(verdict.startswith("not looked for: the cohort has no ") for verdict in verdicts)
    warn_of_leaks(context, console)
    # Features of images are looked at without the files.
    assert context.cohort.images is None and verdicts["doubled_images"] == "nothing found"
    bare = replace(context, embeddings=replace(context.embeddings, arrays={}))
    assert not audit_module.QUICK["doubled_images"].applies(bare)
    looked = sum(not verdict.startswith("not looked for") for verdict in verdicts)
    assert f"nothing found by {looked} quick checks" in console.export_text()
    lead = read_section(context.results_folder("leaks"))["lead"]
    assert lead == f"{looked} checks, without fits on shuffled labels: nothing was found."


def test_a_leak_is_loud_also_when_remembered(leaky, console: Console, monkeypatch: pytest.MonkeyPatch):
    for _ in range(2):
        warn_of_leaks(leaky, console)
        said = console.export_text()
        assert "ALARM" in said and "ward" in said and "banned" in said
        # The second time nothing is computed.
        monkeypatch.setattr(audit_module, "run_audit", None)


def test_the_page_is_not_left_with_an_audit_of_other_data(make, leaky, console: Console):
    clean, folder = make(), leaky.results_folder("leaks")
    assert clean.results_folder("leaks") == folder
    write_section(run_audit(clean), clean, folder)
    warn_of_leaks(leaky, console)
    assert "ward" in read_section(folder)["warnings"][0]
    write_section(replace(run_audit(leaky), findings=[]), leaky, folder)
    warn_of_leaks(leaky, console)
    assert not read_section(folder)["warnings"]


def test_it_is_remembered_until_something_changes(make, monkeypatch: pytest.MonkeyPatch):
    context = make()
    remembered_audit(context)
    calls: list[int] = []
    monkeypatch.setattr(audit_module, "run_audit", lambda _: calls.append(1) or audit_module.Audit(False, []))
    remembered_audit(context)
    assert not calls
    for other in (
        make(seeds=(39,)),
        make(balance="none"),
        make(outcome="nihss < 9"),
        make(cohort=lambda cohort: replace(cohort, site=None)),
        make(cohort=lambda cohort: replace(cohort, table=cohort.table.assign(age=cohort.table["age"] + 1))),
    ):
        remembered_audit(other)
    assert len(calls) == 5


def test_a_remembered_audit_finds_the_same(leaky):
    assert remembered_audit(leaky) == remembered_audit(leaky) == run_audit(leaky)


def test_an_alarm_that_breaks_stops_nothing(make, console: Console, monkeypatch: pytest.MonkeyPatch):
    def breaks(context):
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(audit_module, "QUICK", {**audit_module.QUICK, "doubled_rows": Alarm("Rows", breaks)})
    warn_of_leaks(make(), console)
    assert "could not be run: ZeroDivisionError: by nothing" in console.export_text()
    monkeypatch.setattr(report, "remembered_audit", breaks)
    warn_of_leaks(make(), console)
    assert "could not be run" in console.export_text()


def test_what_a_notebook_has_set_of_scikit_learn_breaks_no_alarm(leaky):
    with config_context(transform_output="pandas"):
        assert not run_audit(leaky).broken


def test_what_broke_is_tried_again(make, monkeypatch: pytest.MonkeyPatch):
    context = make()
    with monkeypatch.context() as patched:
        patched.setattr(audit_module, "QUICK", {"doubled_rows": Alarm("Rows", lambda context: 1 / 0)})
        assert remembered_audit(context).broken
    assert not remembered_audit(context).broken


def test_the_section_names_what_was_found(leaky, tmp_path):
    write_section(run_audit(leaky), leaky, tmp_path)
    section = read_section(tmp_path)
    assert section["name"] == "leaks" and "2 went off" in section["lead"] and "synthetic" in section["cohort"]
    for ending in ("md", "html", "tex", "csv"):
        text = (tmp_path / f"leaks.{ending}").read_text()
        assert "ALARM" in text and "Method" not in text
    assert "ward" in (tmp_path / "leaks.md").read_text()


def test_no_file_names_a_patient_or_quotes_a_text(make, console: Console, tmp_path, monkeypatch: pytest.MonkeyPatch):
    def tell(cohort):
        texts = cohort.texts.copy()
        texts.loc["p009"] = texts.loc["p004"]
        texts.loc["p003", "mass_effect"] += " The secret infarct volume suggests an NIHSS of about 4."
        return replace(cohort, texts=texts)

    def breaks(context):
        raise ZeroDivisionError("of patient p007")

    monkeypatch.setattr(audit_module, "QUICK", {**audit_module.QUICK, "doubled_images": Alarm("Rows", breaks)})
    context = make(cohort=tell, keep_scale_text=True)
    found = run_audit(context)
    write_section(found, context, tmp_path / "leaks")
    for path in (tmp_path / "leaks").iterdir():
        assert not any(said in path.read_text() for said in ("p003", "p004", "p007", "secret")), path
    report.show_findings(found, console)
    said = console.export_text()
    assert "p004 and p009" in said and "secret infarct" in said and "p007" in said


def with_grades(cohort, with_column):
    return with_column(cohort, "mrs", np.random.default_rng(3).integers(0, 4, len(cohort)))


def test_grades_are_asked_at_each_cut(make, with_column, console: Console):
    context = make(cohort=lambda cohort: with_grades(cohort, with_column), outcome="mrs 0 to 3")
    assert [cut.endpoint.expression for cut in context.by_cut] == ["mrs > 0", "mrs > 1", "mrs > 2"]
    assert [int(cut.events.sum()) for cut in context.by_cut] == [int((context.labels > n).sum()) for n in range(3)]
    assert run_audit(context) == audit_module.Audit(False, [])


def test_a_column_that_tells_one_grade_alone_is_found_at_its_cut(make, with_column):
    def plant(cohort):
        cohort = with_grades(cohort, with_column)
        return with_column(cohort, "ward", np.where(cohort.table["mrs"] > 2, "hospice", "clinic"), "categorical")

    found = run_audit(make(cohort=plant, outcome="mrs 0 to 3")).findings
    assert [f.message for f in found if f.alarm == "column_gives_outcome" and "ward" in f.message] == [
        "mrs > 2: Columns that tell the outcome alone: ward (AUC 100)."
    ]


@pytest.fixture
def command(make, leaky, monkeypatch: pytest.MonkeyPatch):
    """`strokebench ...` on the clean or the leaky cohort."""

    def call(context, *arguments: str):
        cohort = replace(context.cohort, outcomes={"nihss": "nihss < 7"})
        monkeypatch.setitem(catalogue.COHORTS.own, "small", lambda: cohort)
        monkeypatch.setattr(encode, "encode_cohort", lambda *_: context.embeddings)
        monkeypatch.setenv("DATASET", "small")
        monkeypatch.setattr(canary, "PERMUTATIONS", 1)
        return CliRunner().invoke(cli.app, list(arguments), env={"COLUMNS": "160"})

    return call


def test_the_command_ends_with_1_on_an_alarm(make, leaky, command, home):
    clean = command(make(), "audit", "leaks", "--quick", "--seeds", "39")
    assert clean.exit_code == 0 and "nothing found" in clean.output, clean.output
    found = command(leaky, "audit", "leaks", "--quick", "--seeds", "39")
    assert found.exit_code == 1 and "ward" in found.output
    assert (home / "results" / "small-nihss_lt_7-cv5-seeds_39" / "leaks" / "section.json").is_file()


def test_the_full_form_has_the_canary(make, command, monkeypatch: pytest.MonkeyPatch):
    sung = []
    monkeypatch.setattr(
        audit_module, "FULL", {"shuffled_labels": Alarm("Shuffled", lambda context: sung.append(1) or [])}
    )
    monkeypatch.setattr(report, "FULL", audit_module.FULL)
    result = command(make(), "audit", "leaks", "--seeds", "39")
    assert result.exit_code == 0 and sung and "Shuffled" in result.output


def test_an_experiment_says_it_and_goes_on(leaky, command):
    ran = command(leaky, "run", "table1", "--methods", "svm", "--quick", "--seeds", "39", "--no-tracking", "-j", "1")
    assert ran.exit_code == 0, ran.output
    assert "ALARM" in ran.output and "ward" in ran.output and "2/2" in ran.output
