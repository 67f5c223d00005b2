"""The notebooks run from their first cell to their last, each in a folder and a work folder of its own."""

import json
import sys
from pathlib import Path

import pytest

from strokebench.datasets.encoders.registry import ENCODERS
from strokebench.methods.registry import METHODS

NOTEBOOKS = sorted((Path(__file__).parents[1] / "docs" / "tutorials").glob("*.ipynb"))


def run(notebook: Path) -> dict:
    """Its names after all cells, each compiled apart as a notebook does."""
    names = {"__name__": "__main__"}
    for number, cell in enumerate(json.loads(notebook.read_text(encoding="utf-8"))["cells"]):
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"{notebook.name}, cell {number}", "exec"), names)
    return names


@pytest.fixture
def ran(request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path / "work"))
    monkeypatch.setattr(sys, "path", [*sys.path])
    for registry in (METHODS, ENCODERS):
        registry.names()
        monkeypatch.setattr(registry, "own", {**registry.own})
    return run(NOTEBOOKS[0].with_name(f"{request.param}.ipynb"))


def test_each_is_run_below():
    assert [path.stem for path in NOTEBOOKS] == ["own_cohort", "own_encoder", "own_method"]


@pytest.mark.every_format
@pytest.mark.parametrize("ran", ["own_cohort"], indirect=True)
def test_own_data_from_files_to_a_validation(ran):
    report = ran["report"]
    assert set(report.table["key"]) == {"random_forest", "image_net"} and (report.table["runs_done"] == 2).all()
    assert report.plot().size[0] > 400
    assert ran["validation"].results.metrics["AUC"].between(0, 1).all() and len(ran["probabilities"]) == 40


@pytest.mark.parametrize("ran", ["own_method"], indirect=True)
def test_a_method_of_one_file(ran):
    assert [check.passed for check in ran["checks"]] == [True] * 3
    assert (ran["report"].table.set_index("key")["runs_done"] == 2).to_dict() == {
        "random_forest": True,
        "two_layers": True,
    }


@pytest.mark.parametrize("ran", ["own_encoder"], indirect=True)
def test_an_encoder(ran):
    assert ran["vector"].shape == (3, 2) and ran["tokens"].shape == (3, 16, 2)
    # The first token is the first cell, left and back.
    assert ran["tokens"][0, 0] == pytest.approx(
        [ran["volumes"][0, :8, :8].mean(), ran["volumes"][0, :8, :8].std()], abs=1e-5
    )
