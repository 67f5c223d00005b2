"""A call as a file gives the same call again, and says what it cannot read."""

from dataclasses import fields, replace
from pathlib import Path

import pytest

from strokebench.benchmarks.calls.run_file import OF_THE_MACHINE, read_run_file, write_run_file
from strokebench.benchmarks.running.settings import Settings, usable_cores
from strokebench.errors import StrokebenchError

CHOSEN = Settings(
    outcome="nihss < 7",
    seeds=(3, 5),
    quick=True,
    methods=("vdafm", "svm"),
    balance="none",
    shuffle_labels=0,
    compared_encoders=("embedded", "paper"),
)


def test_what_was_written_is_read_again(tmp_path: Path):
    write_run_file(tmp_path / "run.yaml", "table2", replace(CHOSEN, jobs=1, tracking=False, device="cpu"))
    experiment, settings = read_run_file(tmp_path / "run.yaml")
    assert experiment == "table2" and Settings(**settings) == replace(CHOSEN, jobs=usable_cores())
    # Defaults may change, and another machine has other cores; encoders chosen apart are a pair by now.
    apart = {"image_encoder", "text_encoder"}
    assert settings.keys() == {each.name for each in fields(Settings)} - {*OF_THE_MACHINE, "params", *apart}


def test_a_name_by_which_run_would_not_know_it_is_refused(tmp_path: Path):
    with pytest.raises(StrokebenchError, match=r"end in \.yaml"):
        write_run_file(tmp_path / "run", "table1", CHOSEN)


def test_files_move_with_the_file_that_names_them(tmp_path: Path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    (here / "cohort.yaml").touch()
    elsewhere = tmp_path / "svm.yaml"
    chosen = Settings(dataset=str(here / "cohort.yaml"), params=(here / "vdafm.yaml", elsewhere))
    write_run_file(here / "run.yaml", "table1", chosen)
    here.rename(there)
    _, settings = read_run_file(there / "run.yaml")
    assert settings["dataset"] == str(there / "cohort.yaml")
    assert settings["params"] == (there / "vdafm.yaml", elsewhere)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seeds: [1]", "does not name an experiment"),
        ("experiment: table1\nseds: [1]", "Did you mean seeds?"),
        ("experiment: table1\njobs: many", "jobs: 'many' cannot be read"),
        ("experiment: table1\nquick: perhaps", "quick"),
        ("experiment: table1\nseeds: {a: 1}", "Seeds"),
        ("experiment: table1\nseeds: [99999999999]", "Seeds"),
        ("experiment: table1\njobs: 1000000000", "jobs is above 1024"),
        ("experiment: nosuch", "No experiment is called 'nosuch'"),
        ("experiment: table1\nprotocol: cv7", "Did you mean cv5?"),
        ("experiment: table1\nimage_encoder: 'hf:../x@main'", "does not name a model"),
        ("experiment: table1\ndevice: cpu\nbackend: stack", "The stack needs a GPU"),
        ("experiment: table1\njobs: " + "9" * 3000, "jobs is above 1024"),
        ("experiment: table1\nmethods: [[svm]]", "methods"),
        ("experiment: table1\nparams: [[b]]", "params"),
        ("experiment: table1\nweights: [b]", "weights"),
        ("experiment: table1\ndataset: [b]", "dataset"),
        ("experiment: table1\nexperiment: table2", "twice"),
        ("experiment: table1\nscheduler: tcp://far.example:8786", "Type --scheduler"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, text: str, said: str):
    (tmp_path / "run.yaml").write_text(text)
    with pytest.raises(StrokebenchError, match=r"run\.yaml") as error:
        read_run_file(tmp_path / "run.yaml")
    assert said in str(error.value) and len(str(error.value)) < 1000


def test_written_by_hand_it_may_be_short(tmp_path: Path):
    (tmp_path / "run.yaml").write_text(
        "experiment: clinical\nseeds: 1,2\nmethods: svm, mlp\nquick: yes\noutcome:\nparams: svm.yaml\n"
    )
    assert read_run_file(tmp_path / "run.yaml") == (
        "clinical",
        {"seeds": (1, 2), "methods": ("svm", "mlp"), "quick": True, "params": (tmp_path / "svm.yaml",)},
    )
