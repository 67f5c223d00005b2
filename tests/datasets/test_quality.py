import json

import numpy as np
import pandas as pd
import pytest
from hospital_folder import SPACINGS, brain, clinical_table, edit_table, image, save, write_hospital, write_image
from typer.testing import CliRunner

from strokebench.benchmarks.commands_cohort import app
from strokebench.datasets.encode import encode_cohort
from strokebench.datasets.folder import load


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def check(path):
    result = CliRunner().invoke(app, ["check", str(path), "--json", "--jobs", "1"])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    report = json.loads(result.stdout)
    assert result.exit_code == (1 if report["problems"] else 0)
    return report


def with_motion(volume, seed=0):
    """A third of the phase-encoding lines are acquired after the head has moved."""
    rng = np.random.default_rng(seed)
    frequency = np.fft.fftfreq(volume.shape[1])
    moved = rng.choice(len(frequency), len(frequency) // 3, replace=False)
    phase = np.zeros(len(frequency))
    phase[moved] = 2 * np.pi * frequency[moved] * rng.uniform(-5, 5, len(moved))
    lines = np.fft.fft(volume, axis=1) * np.exp(1j * phase)[None, :, None]
    return np.abs(np.fft.ifft(lines, axis=1))


def spoil(folder, number, change, spacing=None, dtype=np.float32):
    given = SPACINGS[number % len(SPACINGS)]
    save(image(folder, number), change(brain(number, given)), spacing or given, "LAS", dtype)


def cut_short(folder, number):
    path = image(folder, number)
    path.write_bytes(path.read_bytes()[:-2000])


def blank(volume):
    volume[:, :, 20:23] = 0
    return volume


def with_nan(volume):
    volume[10, 10, 10] = np.nan
    return volume


DEFECTS = {
    # number of the patient -> (code, how it is planted)
    1: ("image_missing", lambda folder: image(folder, 1).unlink()),
    4: ("image_unreadable", lambda folder: cut_short(folder, 4)),
    7: ("image_4d", lambda folder: spoil(folder, 7, lambda v: np.stack([v, v], axis=-1))),
    9: ("image_nan", lambda folder: spoil(folder, 9, with_nan)),
    12: ("image_affine", lambda folder: spoil(folder, 12, lambda v: v, (0.0035, 0.0035, 0.005))),
    15: ("image_doubled", lambda folder: image(folder, 15).write_bytes(image(folder, 10).read_bytes())),
    18: ("image_missing_slices", lambda folder: spoil(folder, 18, blank)),
    21: ("image_clipped", lambda folder: spoil(folder, 21, lambda v: v.clip(max=np.quantile(v[v > 200], 0.9)))),
    24: ("image_motion", lambda folder: spoil(folder, 24, with_motion)),
    27: ("not_a_number", lambda folder: edit_table(folder, lambda t: put(t, 27, "age", "seventy"))),
    30: ("site_spelling", lambda folder: edit_table(folder, lambda t: put(t, 30, "hospital", t.hospital[30] + " "))),
    33: ("text_missing", lambda folder: (folder / "texts" / "p33.txt").write_text(" \n")),
}


def put(table, row, column, value):
    table.loc[row, column] = value
    return table


def test_twelve_defects_are_found_and_no_other_and_after_mending_the_cohort_encodes(tmp_path, home):
    path = write_hospital(tmp_path)
    table = clinical_table()
    for _, plant in DEFECTS.values():
        plant(tmp_path)
    files = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}

    report = check(path)

    found = {(problem["patient"], problem["code"]) for problem in report["problems"]}
    assert found == {(f"p{number:02d}", code) for number, (code, _) in DEFECTS.items()}
    assert len(report["problems"]) == 12
    assert all(problem["remedy"] for problem in report["problems"])
    assert [sheet.startswith(str(home)) for sheet in report["sheets"]] == [True]
    assert {file: file.read_bytes() for file in files} == files, "check changes nothing"

    # What can be mended is mended; three images are excluded, one missing text is accepted.
    for number in (1, 4, 7, 9, 12, 15):
        write_image(tmp_path, number)
    table.to_csv(tmp_path / "patients.csv", index=False)
    excluded = {"p18": "slices missing", "p21": "clipped", "p24": "motion"}
    lines = "".join(f"  {id}: {reason}\n" for id, reason in excluded.items())
    with path.open("a") as file:
        file.write(f"exclude:\n{lines}accept:\n  text_missing: [p33]\n")
    report = check(path)
    assert not report["problems"]
    assert [(p["patient"], p["code"]) for p in report["accepted"]] == [("p33", "text_missing")]

    cohort = load(path)
    assert len(cohort) == 37
    assert cohort.about["left_out"] == "slices missing: 1; clipped: 1; motion: 1"
    # Every patient that was mended, and a few others: all 37 would take half a minute.
    chosen = [f"p{number:02d}" for number in (0, 1, 2, 4, 7, 9, 12, 15, 27, 30, 33)]
    embeddings = encode_cohort(cohort.subset(pd.Index(chosen)), "embedded", jobs=1)
    assert np.isfinite(embeddings.image).all()
    assert np.isnan(embeddings.text[embeddings.rows(pd.Index(["p33"]))]).all()
    assert np.isfinite(np.delete(embeddings.text, embeddings.rows(pd.Index(["p33"])), axis=0)).all()
