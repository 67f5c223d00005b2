import math
import shutil
import subprocess
import sys

import numpy as np
import pytest
from rich.console import Console

from strokebench import large
from strokebench.benchmarks.measuring import scale
from strokebench.benchmarks.measuring.scale import bench, expected, foreseen, measure, measure_apart
from strokebench.benchmarks.measuring.scale_data import read_context, write_cohort
from strokebench.benchmarks.measuring.scale_stages import STAGES, Stage
from strokebench.benchmarks.measuring.sizes import CohortSizes
from strokebench.errors import StrokebenchError
from strokebench.reports.measured.scale import Cost, Growth, draw_scale, exponent, scale_table

TINY = CohortSizes(image=32, grid=16, prompts=5, layers=4, text=16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scale") / "120"
    write_cohort(folder, 120, TINY)
    return folder


def test_a_cohort_is_written_in_blocks_and_mapped(folder, tmp_path, monkeypatch: pytest.MonkeyPatch):
    context = read_context(folder)
    arrays = context.embeddings.arrays
    assert arrays["text"].shape == (120, 5, 4, 16) and arrays["image.tokens"].shape == (120, 16, 32)
    assert isinstance(arrays["image.vector"], np.memmap) and np.isfinite(arrays["text"]).all()
    assert list(context.embeddings.ids) == list(context.cohort.ids) and 0 < context.labels.mean() < 0.6
    monkeypatch.setattr("strokebench.benchmarks.measuring.scale_data.BLOCK", 7)
    write_cohort(tmp_path, 120, TINY)
    for name in ("image.vector.npy", "text.npy", "table.csv"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_too_few_patients_are_refused(tmp_path):
    with pytest.raises(StrokebenchError, match="too few"):
        write_cohort(tmp_path, 20, TINY)


def test_a_table_has_as_many_columns_and_hospitals_as_asked_for(tmp_path):
    write_cohort(tmp_path, 720, CohortSizes(image=8, text=4, columns=60))
    cohort = read_context(tmp_path).cohort
    assert cohort.table.shape == (720, 60) and set(cohort.table) == set(cohort.columns)
    assert cohort.site is not None and cohort.site.nunique() == 36


DRAWN = ("clinical", "page")
"""Stages that draw figures, which takes ten seconds."""


@pytest.mark.parametrize("stage", [pytest.param(s, marks=pytest.mark.long) if s in DRAWN else s for s in STAGES])
def test_every_stage_works(stage: str, folder):
    cost = measure(stage, folder)
    # A quick stage takes less processor time than some clocks can tell.
    assert cost.wall_seconds > 0 and cost.seconds >= 0 and cost.total_mb > cost.peak_mb >= 0


def test_preprocessing_and_prediction_hold_a_part_of_the_data(tmp_path, monkeypatch: pytest.MonkeyPatch):
    """65 MB of embeddings, of which a balanced fold is twice as much."""
    write_cohort(tmp_path, 1000)
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path))
    measure("smote", tmp_path)
    for name in ("HELD", "WHOLE", "BLOCK"):
        monkeypatch.setattr(large, name, 2**20)
    for stage in ("smote", "predict"):
        assert measure(stage, tmp_path).peak_mb < 30


def test_a_stage_is_measured_in_a_process_of_its_own(folder, monkeypatch: pytest.MonkeyPatch):
    cost = measure_apart("metrics", folder)
    assert cost.total_mb > 30 and cost.wall_seconds >= 0.5 * cost.seconds
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(StrokebenchError, match="metrics ended with status 1"):
        measure_apart("metrics", folder)


def test_libraries_are_loaded_before_a_stage(folder):
    # One process for all: what a stage loads it is told of, so that no later one profits unseen.
    code = f"""
import sys
from pathlib import Path
from strokebench.benchmarks.measuring.scale_stages import STAGES
for stage in ("smote", "vdafm", "logistic"):
    given = STAGES[stage].before(Path({str(folder)!r}))
    known = {{name.partition(".")[0] for name in sys.modules}}
    STAGES[stage].work(given)
    print(stage, sorted({{name.partition(".")[0] for name in sys.modules}} - known))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["smote []", "vdafm []", "logistic []"]


def test_memory_that_the_preparation_freed_hides_none(folder, monkeypatch: pytest.MonkeyPatch):
    def before(_):
        parts = [np.ones(12_000) for _ in range(1000)]
        return parts[-1]

    stage = Stage("", before, lambda _: [np.ones(12_000) for _ in range(900)])
    monkeypatch.setitem(scale.STAGES, "blocks", stage)
    assert measure("blocks", folder).peak_mb > 60


def test_growth_is_that_between_the_largest_sizes():
    assert exponent({10: 5.0, 100: 1.0, 1000: 100.0}) == pytest.approx(2)
    assert math.isnan(exponent({10: 1.0}))


def test_what_a_larger_size_needs_follows_from_the_largest_measured():
    sizes = {10: Cost(1, 1, 1, 100), 100: Cost(1, 1, 50, 400)}
    assert expected(sizes, 1000) == 500 + 350 and expected({}, 1000) == 0


def test_what_would_take_too_long_follows_from_the_growth_and_is_said(home, console, monkeypatch: pytest.MonkeyPatch):
    assert foreseen({100: 1.0, 1000: 100.0}, 10_000) == pytest.approx(10_000) and foreseen({100: 1.0}, 1000) == 0
    seconds = iter([1.0, 100.0])
    monkeypatch.setattr(scale, "measure_apart", lambda *_: Cost(next(seconds), 1, 1, 50))
    bench(console, (70, 140, 280), ("svm",), widths=TINY)
    assert "280 patients: it would take about 167 minutes" in (home / "results" / "scale" / "scale.md").read_text()


def test_bench_writes_table_and_figure(home, console: Console, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(scale, "measure_apart", measure)
    bench(console, (70, 140), ("smote", "threshold"), "idle otherwise", TINY)
    written = home / "results" / "scale"
    said = (written / "scale.md").read_text()
    assert "with SMOTE" in said and "idle otherwise" in said and "made-up embeddings" in said
    assert (written / "scale_picture.svg").is_file()
    assert not list((home / "scale").iterdir())


def test_what_does_not_fit_into_memory_is_said_and_not_begun(home, console: Console, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(scale, "measure_apart", lambda *_: Cost(1, 1, 1000, 1500))
    monkeypatch.setattr(scale, "free_mb", lambda: 2000.0)
    bench(console, (70, 140), ("smote",), widths=TINY)
    assert "70" in console.export_text()
    assert "140 patients: it would need about 2 GB" in (home / "results" / "scale" / "scale.md").read_text()


def test_a_stage_that_breaks_is_said(home, console: Console, monkeypatch: pytest.MonkeyPatch):
    def breaks(*_):
        raise StrokebenchError("smote ended with status -9: killed")

    monkeypatch.setattr(scale, "measure_apart", breaks)
    bench(console, (70,), ("smote",), widths=TINY)
    assert "ended with status -9" in (home / "results" / "scale" / "scale.md").read_text()
    with pytest.raises(StrokebenchError, match="No stage is called 'nothing'"):
        bench(console, (70,), ("nothing",))


def test_a_figure_is_drawn_of_what_is_known():
    stages = [
        Growth("one", {10: Cost(1.0, 1.0, 0.2, 50.0), 100: Cost(9.0, 9.0, 30.0, 90.0)}),
        Growth("two", left_out={100: "too large"}),
    ]
    figure = draw_scale(stages, "here")
    assert [axes.get_xscale() for axes in figure.axes] == ["log", "log"]
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["10", "100"]
    table = scale_table(stages, (10, 100), "here")
    assert table.rows[0].cells["s_growth"].text == "0.95" and table.rows[1].cells["s_100"].text == "–"
    assert any("two, 100 patients: too large" in note for note in table.notes)
