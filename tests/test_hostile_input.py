"""Whatever is damaged, the answer is a report or one clear line: no foreign exception, no hang, little memory.

`STROKEBENCH_FUZZ=2000 pytest tests/test_hostile_input.py` damages two thousand files of each kind, at random.
"""

import asyncio
import gzip
import io
import json
from contextlib import suppress
from pathlib import Path

import httpx2
import nibabel
import numpy as np
import pandas as pd
import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from mutations import damaged, damaged_zip, fuzzed

from strokebench.benchmarks.cli.cohort import show_check
from strokebench.benchmarks.running.memory import held
from strokebench.benchmarks.sharing.export import export_results
from strokebench.benchmarks.sharing.files import read_files, write_files
from strokebench.benchmarks.sharing.load import import_results
from strokebench.datasets.asking.answers import AnswerStore, Question
from strokebench.datasets.asking.client import Unanswered, VisionClient
from strokebench.datasets.asking.pace import Pace
from strokebench.datasets.asking.protocol import PAPER_SAMPLING
from strokebench.datasets.asking.report import usable_text
from strokebench.datasets.asking.service import ChatService, Secret
from strokebench.datasets.images.contact_sheet import slices_of
from strokebench.datasets.images.mask import read_mask
from strokebench.datasets.images.nifti import VolumeError
from strokebench.datasets.images.quality import examine_images
from strokebench.datasets.images.reading import Reading
from strokebench.datasets.texts.filter import filter_text
from strokebench.errors import StrokebenchError
from strokebench.files import CONTROLS, json_text
from strokebench.reports.cohort import check
from strokebench.reports.tables.console import make_console

MOST_MEMORY = 10**6
"""Kilobytes that the damaged files of one kind may add to the process."""

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def bounded_memory():
    with suppress(OSError):
        # What this process has held before would hide it: the peak starts anew.
        Path("/proc/self/clear_refs").write_text("5")
    before = held("VmHWM")
    yield
    assert held("VmHWM") - before < 1000 * MOST_MEMORY


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STROKEBENCH_HOME", str(tmp_path_factory.mktemp("home")))
        # Sheets are drawn in a test of their own; to draw thousands would take hours.
        patch.setattr(check, "write_contact_sheet", lambda *_: None)
        yield


def one_line(error: StrokebenchError) -> None:
    event("a line")
    assert "\n" not in str(error) and len(str(error)) < 6000, error


TABLE = pd.DataFrame(
    {
        "id": [f"k{i}" for i in range(12)],
        "age": [61.5, 70, 58, 81, 77.25, 69, 55, 90, 48, 66, 73, 82],
        "sex": ["f", "m"] * 6,
        "ward": ["North", "South", "West"] * 4,
        "seen": ["2024-03-05", "n/a", "2024-04-11"] * 4,
        "mrs": [0, 1, 2, 3, 4, 5, 6, 3, 2, 1, 0, 4],
    }
)
YAML = b"""title: Three wards
licence: internal
table: t.csv
id: id
outcome: {poor: mrs > 2, dead: mrs == 6}
site: ward
sites: [North, South, West]
columns:
  age: {unit: years, low: 18, high: 110}
  sex: {categories: [f, m]}
  mrs: {low: 0, high: 6}
banned: [seen]
missing: [unknown]
images: images/{id}*.nii
masks: masks/{id}.nii
mask_grid: resample
text: {files: "{prompt}/{id}.txt", prompts: [report]}
features: {net: {image: v.npz, fitted_on: other, source: a net}}
exclude: {k11: moved}
accept: {text_missing: [k3], image_missing: all}
"""
YAML_WORDS = (
    b"&a ",
    b"*a",
    b"[",
    b"]",
    b"{",
    b"}",
    b"- ",
    b"? ",
    b"|\n",
    b"!!python/name:os.system ",
    b"<<: *a",
    b"\n  ",
)


ODD_VALUES = (
    *(
        "",
        "~",
        "[]",
        "{}",
        "[a, b]",
        "[[a]]",
        "{a: b}",
        "{a: {b: c}}",
        "all",
        "0",
        "-1",
        "1e999",
        "nan",
        "mrs",
        "age > x",
    ),
    *(
        "mrs > 9",
        "mrs == 3 == 4",
        "*.csv",
        "/",
        "..",
        "a/../../b",
        "{id}",
        "{prompt}",
        "**/{id}*",
        "[{id}",
        "{id}[z-a]",
    ),
    *(
        "hex",
        "utf-16",
        "utf-7",
        "idna",
        "undefined",
        "kgü/ml",
        "x" * 300,
        '"\\e[31m"',
        '"\\ud800"',
        '"a\\nb"',
        "!!int 3",
        "|",
    ),
)


def another_value() -> st.SearchStrategy[bytes]:
    """The file with one value in place of another, so that what follows its reading is reached."""
    lines = YAML.decode().splitlines()

    def changed(number: int, value: str) -> bytes:
        key = lines[number].partition(":")[0]
        return "\n".join([*lines[:number], f"{key}: {value}", *lines[number + 1 :]]).encode()

    return st.builds(changed, st.integers(0, len(lines) - 1), st.sampled_from(ODD_VALUES))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    for name in ("images", "masks", "report"):
        (folder / name).mkdir()
    TABLE.to_csv(folder / "t.csv", index=False)
    TABLE.to_excel(folder / "t.xlsx", index=False)
    np.savez(folder / "v.npz", ids=TABLE["id"].to_numpy(str), vectors=np.zeros((len(TABLE), 4), np.float32))
    (folder / "images" / "k1.nii").write_bytes(volume())
    (folder / "masks" / "k1.nii").write_bytes(volume())
    (folder / "report" / "k2.txt").write_text("Infarct of the left insula.")
    (folder / "c.yaml").write_bytes(YAML)
    return folder


def volume() -> bytes:
    data = np.arange(6 * 7 * 8, dtype=np.int16).reshape(6, 7, 8)
    image = nibabel.Nifti1Image(data, np.diag([20.0, 22, 18, 1]))
    image.set_qform(image.affine, 1)
    return image.to_bytes()


def examine(path: Path) -> None:
    """Check a cohort and show what was found."""
    try:
        report = check.check_cohort(str(path), jobs=1)
    except StrokebenchError as error:
        one_line(error)
        return
    event("a report")
    stream = io.StringIO()
    show_check(report, str(path), make_console(file=stream, width=80))
    for shown in (stream.getvalue(), json_text(report.to_json())):
        assert not CONTROLS.search(shown)


@fuzzed
@given(st.data())
def test_a_damaged_yaml(folder, data):
    (folder / "damaged.yaml").write_bytes(data.draw(damaged(YAML, YAML_WORDS) | another_value()))
    examine(folder / "damaged.yaml")


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
@fuzzed
@given(data=st.data())
def test_a_damaged_table(folder, suffix, data):
    whole = (folder / f"t.{suffix}").read_bytes()
    words = (b"sep=;\n", b"1.234,5", b"<3", b"#REF!", b"</v>", b"<v>", b'r="XFD1048576"', b'<c r="A9999999">', b"&lol;")
    content = data.draw(damaged(whole, words) if suffix == "csv" else damaged_zip(whole, words))
    (folder / f"damaged.{suffix}").write_bytes(content)
    path = folder / "table.yaml"
    path.write_text(f"table: damaged.{suffix}\nid: id\noutcome: mrs > 2\nsite: ward\ncolumns: {{mrs: {{high: 6}}}}\n")
    examine(path)


@fuzzed
@given(data=st.data())
def test_a_damaged_archive_of_features(folder, data):
    words = (b"'shape': (9999999, 9999999)", b"'descr': '|O'", b"\x93NUMPY\x01\x00", b"NaN")
    (folder / "damaged.npz").write_bytes(data.draw(damaged_zip((folder / "v.npz").read_bytes(), words)))
    path = folder / "features.yaml"
    path.write_text("table: t.csv\nid: id\noutcome: mrs > 2\nfeatures: {net: {image: damaged.npz, fitted_on: other}}\n")
    examine(path)


@pytest.mark.parametrize("zipped", [False, True])
@fuzzed
@given(data=st.data())
def test_a_damaged_volume(tmp_path_factory, zipped, data):
    content = data.draw(damaged(volume(), within=352))
    path = tmp_path_factory.getbasetemp() / "damaged.nii.gz"
    path.write_bytes(gzip.compress(content, 1) if zipped else content)
    reading = Reading(data.draw(st.booleans()), data.draw(st.booleans()))
    problems = examine_images(
        pd.DataFrame({"dwi": {"k1": path}}), {"dwi": [pd.Series({"k1": path})]}, 1, reading=reading
    )
    assert {problem.patient for problem in problems} <= {"k1"}
    slices_of(path)
    try:
        read_mask(path, (6, 7, 8), np.diag([20.0, 22, 18, 1]), reading.resample_masks)
    except VolumeError as error:
        one_line(error)


QUESTION = Question("k1", "aspects", 1, "m", 1, "pictures", PAPER_SAMPLING.as_json())
COMPLETION = {
    "id": "c1",
    "model": "m",
    "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "Infarct of the left insula."}}],
    "usage": {"prompt_tokens": 900, "completion_tokens": 12},
}
JSON_WORDS = (
    b"[",
    b"]",
    b"{",
    b"}",
    b"null",
    b"true",
    b"1e400",
    b"\\ud800",
    b"\\u0000",
    b"[" * 3000,
    b"9" * 5000,
    b"NaN",
)


@pytest.fixture(scope="module")
def ask():
    """What a model's answer of this status and body comes to."""
    responses: list[httpx2.Response] = []

    async def start():
        client = VisionClient(ChatService("http://127.0.0.1:1/v1", Secret("")), "m", PAPER_SAMPLING, 5.0, 1, Pace())
        client._client._client._transport = httpx2.MockTransport(lambda request: responses.pop())
        return client

    with asyncio.Runner() as runner:
        client = runner.run(start())

        def answer(status, body):
            responses[:] = [httpx2.Response(status, content=body, headers={"content-type": "application/json"})]
            return runner.run(client.ask("aspects", [b"png"], "1 0", lambda error: None))

        yield answer


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with AnswerStore(tmp_path_factory.mktemp("answers") / "answers.sqlite") as store:
        yield store


WHOLE = json.dumps(COMPLETION).encode()
ODD = st.recursive(st.none() | st.integers() | st.text(), st.lists).map(
    lambda value: json.dumps({**COMPLETION, "choices": value}).encode()
)


@fuzzed
@given(status=st.sampled_from([200] * 6 + [400, 429, 500]), body=damaged(WHOLE, JSON_WORDS) | ODD)
def test_a_damaged_answer(ask, store, status, body):
    try:
        answer = ask(status, body)
    except Unanswered as error:
        event("a failed question")
        store.add_failure(QUESTION, error.kind, error.reason, error.billed)
        assert "\n" not in str(error)
        return
    event("an answer")
    store.add(QUESTION, answer)
    text, _ = usable_text(store.latest()[QUESTION.key])
    filter_text(text)


@pytest.fixture(scope="module")
def package(home, tmp_path_factory) -> Path:
    from shared_packages import SALT, compute

    compute("svm")
    path = tmp_path_factory.mktemp("package") / "whole.zip"
    export_results(path, [], SALT)
    return path


@fuzzed
@given(data=st.data())
def test_a_damaged_package(package, data):
    path = package.with_name("damaged.zip")
    files = read_files(package)
    files.pop("SHA256SUMS")
    if data.draw(st.booleans()):
        # Its checksums fit: an honest package of a strange machine.
        name = data.draw(st.sampled_from(sorted(files)))
        write_files(files | {name: data.draw(damaged(files[name], JSON_WORDS))}, path)
    else:
        path.write_bytes(data.draw(damaged_zip(package.read_bytes(), JSON_WORDS)))
    try:
        import_results([path])
    except StrokebenchError as error:
        one_line(error)
