"""`strokebench results diff` and `board`: folders and packages, whichever of the two a side is."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from shared_packages import NAME, SALT, compute
from typer.testing import CliRunner

from strokebench.benchmarks.cli import main as cli
from strokebench.benchmarks.sharing.diff import board_of, diff_results
from strokebench.benchmarks.sharing.export import export_results
from strokebench.benchmarks.sharing.files import read_files
from strokebench.benchmarks.sharing.load import import_results
from strokebench.errors import StrokebenchError
from strokebench.files import home as home_path


def test_a_package_is_held_against_the_folder_that_it_came_from(tmp_path: Path):
    compute("random_forest", "svm")
    folder = home_path("results", *NAME.split("/"))
    export_results(tmp_path / "all.zip", [], SALT)
    section = diff_results(folder.parent, tmp_path / "all.zip", "", lambda: SALT)
    assert section.lead.startswith("Nothing differs in what the two results state. 24 patients are in both. No diff")
    assert not section.warnings
    assert {cells["same"].text for cells in (row.cells for row in section.panels[-1].content.rows)} == {"2 of 2"}
    with pytest.raises(StrokebenchError, match="no patient in common"):
        diff_results(folder, tmp_path / "all.zip", "", lambda: type(SALT)(b"another salt of our own"))


def test_a_folder_of_weights_stays_at_home_and_differs_from_no_package(tmp_path: Path):
    folder = home_path("results", *NAME.split("/"))
    pair = "monai:resnet18@/home/anna/trial/my.pth+minilm"
    results = compute("svm")
    named = [frame.assign(variant=pair) for frame in (results.predictions, results.runs.assign(variant_label=pair))]
    facts = None if results.patient_facts is None else results.patient_facts.assign(variant=pair)
    replace(
        results,
        predictions=named[0],
        runs=named[1],
        patient_facts=facts,
        provenance={**results.provenance, "encoder_pair": pair},
    ).write(folder)
    export_results(tmp_path / "all.zip", [], SALT)
    everything = b"".join(read_files(tmp_path / "all.zip").values())
    assert b"anna" not in everything and b"monai:resnet18@my.pth+minilm" in everything
    section = diff_results(folder, tmp_path / "all.zip", "", lambda: SALT)
    assert section.lead.startswith("Nothing differs in what the two results state. 24 patients are in both.")


def test_weights_of_one_file_name_stay_two_encoders(tmp_path: Path):
    folder = home_path("results", *NAME.split("/"))
    pairs = [f"monai:resnet10@/home/anna/seed{seed}/best.pt+minilm" for seed in (1, 2)]
    results = compute("svm")

    def of_both(frame: pd.DataFrame) -> pd.DataFrame:
        labels = "variant_label" in frame
        return pd.concat(
            [frame.assign(variant=pair, **({"variant_label": pair} if labels else {})) for pair in pairs],
            ignore_index=True,
        )

    facts = results.patient_facts
    replace(
        results,
        predictions=of_both(results.predictions),
        runs=of_both(results.runs),
        patient_facts=None if facts is None else of_both(facts),
        provenance={**results.provenance, "encoder_pair": pairs[0]},
    ).write(folder)
    export_results(tmp_path / "all.zip", [], SALT)
    assert b"anna" not in b"".join(read_files(tmp_path / "all.zip").values())
    [imported] = import_results([tmp_path / "all.zip"]).values()
    assert imported.provenance["encoder_pair"].startswith("monai:resnet10@best.pt+minilm_")
    assert {setting.variant for setting in imported.settings.values()} > {imported.provenance["encoder_pair"]}
    section = diff_results(folder, tmp_path / "all.zip", "", lambda: SALT)
    assert section.lead.startswith("Nothing differs in what the two results state. 24 patients are in both.")


def test_several_experiments_are_to_be_chosen_from(tmp_path: Path):
    results = compute("svm")
    folder = home_path("results", *NAME.split("/"))
    results.write(folder.parent / "other")
    with pytest.raises(StrokebenchError, match="has several experiments") as caught:
        diff_results(folder.parent, folder, "", lambda: SALT)
    assert "other, table1" in (caught.value.hint or "")
    assert diff_results(folder.parent, folder, "table1", lambda: SALT).panels
    results.write(folder.parents[1] / "again" / folder.name)
    export_results(tmp_path / "two.zip", ["table1"], SALT)
    with pytest.raises(StrokebenchError, match="has several experiments 'table1'") as caught:
        diff_results(tmp_path / "two.zip", folder, "table1", lambda: SALT)
    assert (caught.value.hint or "").endswith(f": again/table1, {NAME}.")
    assert diff_results(tmp_path / "two.zip", folder, NAME, lambda: SALT).panels
    missing = results.runs.assign(status="missing")
    replace(results, predictions=results.predictions.iloc[:0], runs=missing).write(tmp_path / "begun")
    with pytest.raises(StrokebenchError, match="begun has no finished run"):
        diff_results(folder, tmp_path / "begun", "", lambda: SALT)
    with pytest.raises(StrokebenchError, match="has no experiment 'tabel'"):
        diff_results(folder, folder, "tabel", lambda: SALT)


def test_the_command_shows_and_writes(tmp_path: Path):
    compute("svm")
    folder = str(home_path("results", *NAME.split("/")))
    shown = CliRunner().invoke(cli.app, ["results", "diff", folder, folder, "--out", str(tmp_path / "out")])
    assert shown.exit_code == 0 and "Nothing differs" in shown.stdout
    assert (tmp_path / "out" / "differences.md").is_file() and not (tmp_path / "out" / "changes.csv").exists()


def test_a_board_of_folders_and_packages(tmp_path: Path):
    compute("svm", folds=5)
    export_results(tmp_path / "north.zip", [], SALT)
    [results] = import_results([tmp_path / "north.zip"]).values()
    elsewhere = results.predictions.assign(patient_id="Q" + results.predictions["patient_id"])
    provenance = {**results.provenance, "data_sha256": "another"}
    replace(results, predictions=elsewhere, provenance=provenance).write(tmp_path / "south")
    call = ["results", "board", str(tmp_path / "north.zip"), str(tmp_path / "south"), "--out", str(tmp_path / "out")]
    shown = CliRunner().invoke(cli.app, call, env={"COLUMNS": "120"})
    assert shown.exit_code == 0 and "2 sites with 120 tested patients" in shown.stdout, shown.output
    assert "north [95 %]" in (tmp_path / "out" / "board.html").read_text()
    with pytest.raises(StrokebenchError, match="given twice"):
        board_of([tmp_path / "south", tmp_path / "south"], "")
