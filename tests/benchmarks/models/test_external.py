"""`strokebench external`: two hospitals' files, both directions."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from strokebench.benchmarks.cli import main as cli
from strokebench.benchmarks.models.external import external
from strokebench.benchmarks.running.settings import Settings
from strokebench.errors import StrokebenchError
from strokebench.files import home
from strokebench.reports.tables.console import make_console


def hospital(folder: Path, name: str, seed: int, outcome: str = "mrs > 2") -> str:
    random = np.random.default_rng(seed)
    age = random.normal(70, 9, 60).round(2)
    table = pd.DataFrame({"id": [f"{name}{i}" for i in range(60)], "age": age, "sex": random.choice(["F", "M"], 60)})
    table["glucose"] = random.normal(7, 1, 60).round(2)
    table["mrs"] = np.clip(((age - 55) / 5 + random.normal(0, 1, 60)).round(), 0, 6).astype(int)
    table.to_csv(folder / f"{name}.csv", index=False)
    (folder / f"{name}.yaml").write_text(f"title: {name}\ntable: {name}.csv\nid: id\noutcome: {outcome}\n")
    return str(folder / f"{name}.yaml")


def test_both_directions_stand_in_one_table(tmp_path: Path):
    given = [hospital(tmp_path, "north", 1), hospital(tmp_path, "south", 2), "--methods", "logistic_regression"]
    given += ["--quick", "--no-tracking", "--jobs", "1"]
    shown = CliRunner().invoke(cli.app, ["external", *given])
    assert shown.exit_code == 0, shown.output
    [written] = home("results").glob("north-*-south-*-mrs_gt_2-cv5-quick/external/external.csv")
    table = pd.read_csv(written)
    assert list(table["category"]) == [
        "Made of north, quick check, not a result (60 patients), tested on south (60)",
        "Made of south, quick check, not a result (60 patients), tested on north (60)",
    ]
    assert table[["made", "tested", "there"]].notna().all(axis=None)


def test_other_outcomes_are_refused_before_anything_is_computed(tmp_path: Path):
    cohorts = hospital(tmp_path, "north", 1), hospital(tmp_path, "south", 2, "mrs > 3")
    with pytest.raises(StrokebenchError, match="other outcomes: mrs > 2; mrs > 3"):
        external(*cohorts, Settings(), make_console(stderr=True))


def test_grades_are_refused_before_anything_is_computed(tmp_path: Path):
    cohorts = [hospital(tmp_path, name, seed, "mrs 0 to 6") for seed, name in enumerate(("north", "south"))]
    with pytest.raises(StrokebenchError, match="told of an AUC, and 'mrs 0 to 6' has none"):
        external(*cohorts, Settings(), make_console(stderr=True))
