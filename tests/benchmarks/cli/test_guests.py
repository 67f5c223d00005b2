"""An experiment, a cohort, an encoder and a metric of another package, through a run; and a package that is broken."""

from pathlib import Path

import pandas as pd
import pytest
from guest_package import install
from typer.testing import CliRunner, Result

from strokebench import plugins
from strokebench.benchmarks.cli import main as cli
from strokebench.benchmarks.experiments.find import all_experiments
from strokebench.reports.results import Results

WARD = '''
"""Two wards, letters counted in their texts, and how far probabilities are from what came."""

import numpy as np
import pandas as pd

from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.datasets.cohort import Cohort, Column, Kind
from strokebench.datasets.encoders.contract import LAYERS, TextEncoder
from strokebench.tasks.metrics.registry import metric


def load():
    """Two wards: sixty invented patients."""
    random = np.random.default_rng(0)
    ids = [f"w{i:02d}" for i in range(60)]
    table = pd.DataFrame({"age": random.integers(40, 90, 60), "mrs": random.integers(0, 7, 60)}, index=ids)
    columns = {"age": Column(Kind.NUMERIC), "mrs": Column(Kind.NUMERIC, low=0, high=6)}
    texts = pd.DataFrame({"findings": ["Infarct of the left side."] * 60}, index=ids)
    return Cohort("wards", "two wards", table, columns, texts=texts, outcomes={"mrs": "mrs > 2"}, synthetic=True)


class Letters(TextEncoder):
    name = "letter counts"
    dim = 3

    def fingerprint(self):
        return "letters 1"

    def encode(self, texts, device="cpu"):
        counts = np.array([[text.count(letter) for letter in "aei"] for text in texts], np.float32)
        return np.repeat(counts[:, None], LAYERS, axis=1)


@metric("Brier", higher_is_better=False)
def brier(endpoint, y, p):
    return float(np.mean((p - endpoint.events(y)) ** 2))


class WardTable(Table1):
    name, title, order = "ward_table", "Table of the wards", 1000
'''
POINTS = {
    "cohorts": {"wards": "load"},
    "encoders": {"letters": "Letters"},
    "metrics": {"Brier": "brier"},
    "experiments": {"ward_table": "WardTable"},
}
RUN = (
    *("run", "ward_table", "--dataset", "wards", "--encoders", "untrained_resnet+letters"),
    *("--jobs", "1", "--seeds", "39"),
)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, list(arguments), env={"COLUMNS": "200"})


def test_an_experiment_a_cohort_an_encoder_and_a_metric_join_from_outside(tmp_path, monkeypatch, home: Path):
    install(tmp_path / "site", monkeypatch, "ward", WARD, POINTS)
    ran = call(*RUN, "--methods", "xgboost,svm", "--no-tracking")
    assert ran.exit_code == 0, ran.output
    assert "two wards: 60 patients" in ran.output and "letter counts" in ran.output
    [folder] = (home / "results").glob("*/ward_table")
    brier = pd.read_csv(folder / "table1.csv").set_index("key").loc[["xgboost", "svm"]]
    assert brier.loc[brier["Brier"].idxmin(), "Brier_mark"] == "best"
    assert len(Results.read(folder).predictions) == 120
    assert list(all_experiments())[-1] == "ward_table"
    for what, name in (("datasets", "wards"), ("encoders", "letters"), ("metrics", "Brier")):
        assert name in call("list", what).output
    assert "metric Brier of ward 1.0" in call("doctor").output


@pytest.mark.parametrize("fault", ["title = None", "order = 'first'", "report = abstractmethod(lambda self: 0)"])
def test_an_experiment_that_no_list_could_show_is_a_broken_one(tmp_path, monkeypatch, fault: str):
    odd = f"from abc import abstractmethod\n{WARD}\n\nclass Odd(WardTable):\n    name = 'odd'\n    {fault}\n"
    install(tmp_path / "site", monkeypatch, "ward", odd, {"experiments": {"odd": "Odd", "ward_table": "WardTable"}})
    assert list(all_experiments())[-1] == "ward_table"


@pytest.mark.parametrize("noun", ["methods", "encoders", "cohorts", "experiments", "metrics"])
def test_a_broken_package_stops_only_who_asks_for_what_it_brings(tmp_path, monkeypatch, caplog, noun: str):
    plugins.warn_once.cache_clear()
    install(tmp_path / "site", monkeypatch, "ward", "import no_such_module", {noun: {"wards": "load"}})
    listed = call("list", {"cohorts": "datasets"}.get(noun, noun))
    assert listed.exit_code == 0 and "wards" not in listed.output
    [line] = caplog.messages
    assert "of the package ward 1.0 cannot be used: ModuleNotFoundError" in line
    asked = {
        "methods": ("check", "wards"),
        "encoders": ("encode", "--encoders", "untrained_resnet+wards"),
        "cohorts": ("encode", "--dataset", "wards"),
        "experiments": ("run", "wards"),
    }
    if noun in asked:
        result = call(*asked[noun])
        assert result.exit_code == 1 and "package ward 1.0" in result.stderr
    ill = call("doctor")
    assert ill.exit_code == 1 and "ward 1.0" in ill.output
