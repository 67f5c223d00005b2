import json

import nibabel
import numpy as np
import pandas as pd
import pytest
from hospital_folder import SPACINGS, brain, clinical_table, edit_table, image, save, write_hospital, write_image
from typer.testing import CliRunner

from strokebench.benchmarks.cli.cohort import app
from strokebench.datasets.encoders.encode import encode_cohort
from strokebench.datasets.images import quality
from strokebench.datasets.images.quality import examine_images
from strokebench.datasets.own.load import load


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(autouse=True, scope="module")
def each_file_is_measured_once():
    """Twelve sound images are beside what thirty tests plant."""
    examine, kept = quality._examine, {}

    def examined(path, masks, reading):
        if masks:
            return examine(path, masks, reading)
        key = path, path.read_bytes(), reading
        if key not in kept:
            kept[key] = examine(path, masks, reading)
        return kept[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quality, "_examine", examined)
        yield


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
    # All 37 would take half a minute.
    chosen = ["p00", "p07", "p12", "p33"]
    embeddings = encode_cohort(cohort.subset(pd.Index(chosen)), "embedded", jobs=1)
    assert np.isfinite(embeddings.arrays["image.vector"]).all()
    assert np.isnan(embeddings.arrays["text"][embeddings.rows(pd.Index(["p33"]))]).all()
    assert np.isfinite(np.delete(embeddings.arrays["text"], embeddings.rows(pd.Index(["p33"])), axis=0)).all()


@pytest.fixture(scope="module")
def cohort_of_images(tmp_path_factory):
    """Twelve sound images of mixed orientation and spacing."""
    folder = tmp_path_factory.mktemp("images")
    for number in range(12):
        write_image(folder, number)
    return folder


def found(folder, number=99, extra=None):
    """Codes of the images' problems; none may be of another patient than `number`."""
    paths = {path.name[:3]: path for path in sorted((folder / "images").glob("*.nii.gz"))}
    if extra is not None:
        paths[f"p{number}"] = extra
    problems = examine_images(pd.DataFrame({"image": paths}), jobs=1)
    assert {problem.patient for problem in problems} <= {f"p{number}"}
    return [problem.code for problem in problems]


def upright(number=50):
    return brain(number, (4, 4, 4))


@pytest.mark.parametrize(
    ("change", "spacing", "code"),
    [
        (lambda v: v, (4, 4, 4), None),
        (lambda v: v[..., None], (4, 4, 4), None),
        (lambda v: v * 0, (4, 4, 4), "image_empty"),
        (lambda v: v * 0 + 7, (4, 4, 4), "image_empty"),
        (lambda v: np.where(np.arange(v.size).reshape(v.shape) == 5, v.max(), 0), (4, 4, 4), "image_empty"),
        (lambda v: v - 1024, (4, 4, 4), "image_ct"),
        (lambda v: v / v.max(), (4, 4, 4), "image_scale"),
        (lambda v: v * 1000, (4, 4, 4), "image_scale"),
        (lambda v: v - v.mean(), (4, 4, 4), "image_scale"),
        (lambda v: (v > v.mean()) * 1000, (4, 4, 4), "image_scale"),
        (lambda v: v[:, :, 20:26], (4, 4, 4), "image_few_slices"),
        (lambda v: v[:, :, 20:30], (4, 4, 5), "image_few_slices"),
        (lambda v: v[15:32], (4, 4, 4), "image_field_of_view"),
        (lambda v: v, (1, 1, 1), "image_field_of_view"),
        (lambda v: np.repeat(v[:, :, ::2], 2, axis=2), (4, 4, 4), "image_missing_slices"),
        (lambda v: v.clip(max=v.max() / 3), (4, 4, 4), "image_clipped"),
        (lambda v: brain(50, (4, 4, 4), noise=0.2), (4, 4, 4), "image_noise"),
        (with_motion, (4, 4, 4), "image_motion"),
        (with_nan, (4, 4, 4), "image_nan"),
        (lambda v: np.stack([v, v], -1), (4, 4, 4), "image_4d"),
        (lambda v: v, (40, 4, 4), "image_affine"),
        (lambda v: v, (14, 14, 14), "image_affine"),
    ],
)
def test_each_defect_has_its_code_and_a_sound_image_none(cohort_of_images, tmp_path, change, spacing, code):
    path = tmp_path / "extra.nii.gz"
    save(path, change(upright()), spacing, "LAS", np.float32)
    codes = found(cohort_of_images, extra=path)
    assert set(codes) == ({code} if code else set())


def test_a_sheared_or_singular_affine_is_found(cohort_of_images, tmp_path):
    for entry, value in (((0, 1), 2.0), ((2, 2), 0.0), ((1, 1), np.nan)):
        affine = np.diag([4.0, 4, 4, 1])
        affine[entry] = value
        path = tmp_path / "extra.nii"
        header = nibabel.Nifti1Header()
        header.set_data_dtype(np.float32)
        image = nibabel.Nifti1Image(upright(), None, header)
        image.header["sform_code"], image.header["qform_code"] = 2, 0
        image.header["srow_x"], image.header["srow_y"], image.header["srow_z"] = affine[:3]
        nibabel.save(image, path)
        stored = bytearray(path.read_bytes())
        # nibabel writes its own affine; the rows go straight into the header.
        stored[252:256] = np.array([0, 2], "<i2").tobytes()
        stored[280:328] = affine[:3].astype("<f4").tobytes()
        path.write_bytes(bytes(stored))
        assert found(cohort_of_images, extra=path) == ["image_affine"], entry


def test_an_image_that_is_no_nifti_is_unreadable(cohort_of_images, tmp_path):
    path = tmp_path / "extra.nii.gz"
    path.write_bytes(b"<html>404</html>")
    assert found(cohort_of_images, extra=path) == ["image_unreadable"]


def test_the_same_image_in_another_orientation_and_data_type_is_doubled(cohort_of_images, tmp_path):
    first = sorted((cohort_of_images / "images").glob("*.nii.gz"))[0]
    image = nibabel.as_closest_canonical(nibabel.load(first))
    path = tmp_path / "extra.nii.gz"
    spacing = tuple(float(edge) for edge in image.header.get_zooms())
    save(path, np.asarray(image.dataobj), spacing, "PSR", np.float64)
    assert found(cohort_of_images, extra=path) == ["image_doubled"]


def test_one_image_for_two_sequences_is_doubled(cohort_of_images):
    first = sorted((cohort_of_images / "images").glob("*.nii.gz"))[0]
    problems = examine_images(pd.DataFrame({"dwi": {"a": first}, "adc": {"a": first}}), jobs=1)
    assert [(p.patient, p.code, p.sequence) for p in problems] == [("a", "image_doubled", "adc")]


def altered(data, how):
    changes = {
        "scaled": lambda: (data * 3.7 - 120).astype(np.float32),
        "bytes": lambda: np.round(data / data.max() * 255).astype(np.uint8),
        "shifted": lambda: np.roll(data, 1, axis=0),
        "mirrored": lambda: data[::-1].copy(),
        "mirrored and scaled": lambda: np.round(data[::-1] / data.max() * 4095).astype(np.int16),
    }
    return changes[how]()


@pytest.mark.parametrize("how", ["scaled", "bytes", "shifted", "mirrored", "mirrored and scaled"])
def test_a_copy_that_was_altered_is_found_in_whatever_sequence(cohort_of_images, tmp_path, how):
    paths = sorted((cohort_of_images / "images").glob("*.nii.gz"))
    stored = nibabel.as_closest_canonical(nibabel.load(paths[3]))
    path = tmp_path / "copy.nii.gz"
    nibabel.save(nibabel.Nifti1Image(altered(np.asarray(stored.dataobj), how), stored.affine), path)
    images = {"dwi": {"a": paths[3], "b": paths[5], "c": path}, "adc": {"a": path}}
    problems = examine_images(pd.DataFrame(images), jobs=1)
    what = f"holds {'a mirrored' if 'mirrored' in how else 'an altered'} copy of the image of"
    assert {(p.patient, p.what) for p in problems if p.code == "image_doubled"} == {
        ("c", f"dwi: {what} patient a"),
        ("a", "adc: holds the same image as dwi of patient c"),
    }


def test_few_images_set_no_limits_of_their_own(tmp_path):
    for number in range(4):
        write_image(tmp_path, number, noise=0.02 + 0.1 * (number == 3))
    assert found(tmp_path) == []


def test_masks_are_held_against_their_images(tmp_path):
    good = (upright() > 800).astype(np.uint8)
    masks = {"a": good, "b": good[:-1], "c": np.arange(good.size).reshape(good.shape) % 7}
    images = {}
    for number, (id, mask) in enumerate(masks.items()):
        images[id] = tmp_path / f"{id}.nii.gz"
        # Each head fades another way, so that none is a copy of another.
        save(images[id], upright() * np.linspace(1, 1 + number / 3, len(good))[:, None, None], (4, 4, 4))
        save(tmp_path / f"{id}_mask.nii.gz", mask, (4, 4, 4), dtype=np.uint8)
    paths = pd.Series({id: tmp_path / f"{id}_mask.nii.gz" for id in masks}, dtype=object)
    # One has no mask, and one a mask and no image, which is for others to say.
    save(tmp_path / "d.nii.gz", upright() * np.linspace(2, 1, len(good))[:, None, None], (4, 4, 4))
    images |= {"d": tmp_path / "d.nii.gz", "e": None}
    paths["d"], paths["e"] = None, paths["a"]
    problems = examine_images(pd.DataFrame({"image": images}), {"image": [paths]}, jobs=1)
    assert [(p.patient, p.code) for p in problems] == [("b", "mask_grid"), ("c", "mask_values")]


def test_progress_is_told(cohort_of_images):
    told = []
    paths = pd.Series({p.name[:3]: p for p in sorted((cohort_of_images / "images").glob("*.nii.gz"))[:3]})
    examine_images(paths.to_frame("image"), jobs=1, progress=lambda done, all: told.append((done, all)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_guessed_side_is_a_question_and_one_damaged_header_ends_no_check(cohort_of_images, tmp_path):
    path = tmp_path / "extra.nii"
    save(path, upright(), (4, 4, 4), "LAS", np.float32)
    stored = bytearray(path.read_bytes())
    for codes, expected in ((b"\0\0\0\0", ["image_side"]), (b"\0\0\2\0", [])):
        stored[252:256] = codes
        path.write_bytes(bytes(stored))
        assert found(cohort_of_images, extra=path) == expected
    for start, bad in ((40, b"\xff" * 16), (70, b"\x80\x00"), (108, b"\xff" * 4), (0, b"\0" * 348)):
        damaged = bytearray(stored)
        damaged[start : start + len(bad)] = bad
        path.write_bytes(bytes(damaged))
        assert found(cohort_of_images, extra=path) == ["image_unreadable"]


def test_a_volume_that_defeats_a_measure_is_a_problem_of_its_patient(cohort_of_images, tmp_path, monkeypatch):
    path = tmp_path / "extra.nii"
    save(path, upright(), (4, 4, 4))

    def measure(volume, *_):
        if volume.spacing == (4.0, 4.0, 4.0) and volume.shape == upright().shape:
            raise FloatingPointError("no such number")

    monkeypatch.setattr("strokebench.datasets.images.quality.measure_image", measure)
    (problem,) = examine_images(pd.DataFrame({"image": {"p99": path}}), jobs=1)
    assert (problem.patient, problem.code) == ("p99", "image_unreadable")
    assert "FloatingPointError" in problem.what
