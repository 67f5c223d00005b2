import os
import signal
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import nibabel
import pandas as pd
import pytest
import yaml
from bucket_server import BucketServer
from soop_bucket import bucket, nifti
from urllib3 import HTTPResponse

from strokebench.datasets.catalogue import load_cohort
from strokebench.datasets.own.cohort_file import SCHEMA
from strokebench.datasets.own.schema import cohort_form
from strokebench.datasets.public import remote
from strokebench.datasets.public.bucket import list_bucket
from strokebench.datasets.public.plan import fetch
from strokebench.datasets.public.remote import Stopped, is_whole, open_session, part_path
from strokebench.datasets.soop.fetch import plan_fetch
from strokebench.datasets.soop.fetched import write_cohort_file
from strokebench.errors import StrokebenchError

TRACE_2 = "ds004889/sub-2/dwi/sub-2_rec-TRACE_dwi.nii.gz"


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr(remote, "FIRST_WAIT", 0.001)


def tree(folder):
    paths = (path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())
    return {path: (folder / path).read_bytes() for path in paths}


def test_a_listing_of_many_pages(tmp_path):
    with BucketServer(bucket(), page=4) as server, open_session(threading.Event()) as session:
        listed = list_bucket(server.url, "ds004889/", session)
        assert server.pages == -(-len(listed) // 4)
    expected = {key: len(data) for key, data in bucket().items() if key.startswith("ds004889/")}
    assert {key: file.size for key, file in listed.items()} == expected
    assert all(len(file.md5) == 32 for file in listed.values())


def test_only_what_is_asked_for_is_fetched_and_its_size_is_known_before(tmp_path):
    with BucketServer(bucket()) as server:
        plan = plan_fetch(tmp_path, ("masks", "flair"), 2, server.url)
        assert plan.patients == ("sub-2", "sub-10"), "the first two by number that have both"
        assert not server.asked and not tree(tmp_path)
        moved = []
        fetch(plan, on_bytes=moved.append)
        got = tree(tmp_path)
        assert plan.missing_size == plan.size == sum(map(len, got.values())) == sum(moved) == sum(server.sent.values())
    tables = {"participants.tsv", "participants.json", "dataset_description.json"}
    assert got == {path: bucket()[f"ds004889/{path}"] for path in tables | (set(got) - tables)}
    assert set(got) - tables == {
        f"{place.format(id=id)}"
        for id in ("sub-2", "sub-10")
        for place in (
            "{id}/anat/{id}_FLAIR.nii.gz",
            "derivatives/lesion_masks/{id}/dwi/{id}_space-TRACE_desc-lesion_mask.nii.gz",
        )
    }


def test_patients_by_id_and_what_the_bucket_lacks(tmp_path):
    with BucketServer(bucket()) as server:
        plan = plan_fetch(tmp_path, ("trace", "masks"), ["3", "sub-11"], server.url)
        assert plan.patients == ("sub-3", "sub-11") and plan.incomplete == {"sub-3": ("masks",)}
        assert len(plan_fetch(tmp_path, ("trace",), None, server.url).patients) == 5
        assert set(plan_fetch(tmp_path, ("table",), None, server.url).files) <= {
            "participants.tsv",
            "participants.json",
            "dataset_description.json",
        }
        with pytest.raises(StrokebenchError, match="'ct'"):
            plan_fetch(tmp_path, ("ct",), 1, server.url)
        with pytest.raises(StrokebenchError, match="sub-99"):
            plan_fetch(tmp_path, ("trace",), ["99"], server.url)


def test_a_cut_connection_is_taken_up_where_it_broke(tmp_path):
    size = len(bucket()[TRACE_2])
    behave = lambda key, n: f"cut:{size // 3}" if key == TRACE_2 and n < 2 else "ok"  # noqa: E731
    with BucketServer(bucket(), behave) as server:
        moved = []
        fetch(plan_fetch(tmp_path, ("trace",), ["2"], server.url), 1, moved.append)
        assert server.ranges == [(TRACE_2, size // 3), (TRACE_2, 2 * (size // 3))]
        assert server.sent[TRACE_2] == size and server.asked[TRACE_2] == 3
        assert sum(moved) == sum(server.sent.values())
    assert tree(tmp_path)["sub-2/dwi/sub-2_rec-TRACE_dwi.nii.gz"] == bucket()[TRACE_2]


def test_the_next_call_goes_on_and_asks_nothing_twice(tmp_path):
    size = len(bucket()[TRACE_2])
    with BucketServer(bucket(), lambda key, n: "cut:100" if key == TRACE_2 else "ok") as server:
        plan = plan_fetch(tmp_path, ("trace",), ["2"], server.url)
        with pytest.raises(StrokebenchError, match=r"sub-2_rec-TRACE_dwi\.nii\.gz"):
            fetch(plan, 1)
        assert not (tmp_path / "sub-2/dwi/sub-2_rec-TRACE_dwi.nii.gz").exists(), "half a file has no name"
        server.behave = lambda key, n: "ok"
        again = plan_fetch(tmp_path, ("trace",), ["2"], server.url)
        assert again.missing_size == size - 100 * remote.TRIES and len(again.missing) == 1
        fetch(again, 1)
        assert server.sent[TRACE_2] == size
        asked = dict(server.asked)
        last = plan_fetch(tmp_path, ("trace",), ["2"], server.url)
        assert not last.missing and last.missing_size == 0
        fetch(last)
        assert dict(server.asked) == asked
    assert not [path for path in tree(tmp_path) if path.endswith(".part")]


@pytest.mark.parametrize("in_parts", [(), (TRACE_2,)])
def test_a_spoilt_file_is_fetched_anew_and_never_kept(tmp_path, in_parts):
    with BucketServer(bucket(), lambda key, n: "corrupt" if n == 0 else "ok", in_parts=in_parts) as server:
        plan = plan_fetch(tmp_path, ("trace",), ["2"], server.url)
        moved = []
        fetch(plan, 2, moved.append)
        assert server.asked[TRACE_2] == 2 and sum(moved) == plan.size
        assert all(is_whole(tmp_path / path, file) for path, file in plan.files.items())
        server.behave = lambda key, n: "corrupt"
        (tmp_path / "sub-2/dwi/sub-2_rec-TRACE_dwi.nii.gz").unlink()
        with pytest.raises(StrokebenchError, match="not those that are listed"):
            fetch(plan_fetch(tmp_path, ("trace",), ["2"], server.url), 1)
    assert not (tmp_path / "sub-2/dwi/sub-2_rec-TRACE_dwi.nii.gz").exists()


def test_a_file_that_was_damaged_on_disk_is_fetched_again(tmp_path):
    with BucketServer(bucket()) as server:
        fetch(plan_fetch(tmp_path, ("trace",), ["2"], server.url))
        path = tmp_path / "sub-2/dwi/sub-2_rec-TRACE_dwi.nii.gz"
        damaged = bytearray(path.read_bytes())
        damaged[200] ^= 1
        path.write_bytes(damaged)
        plan = plan_fetch(tmp_path, ("trace",), ["2"], server.url)
        assert list(plan.missing) == ["sub-2/dwi/sub-2_rec-TRACE_dwi.nii.gz"]
        fetch(plan)
    assert path.read_bytes() == bucket()[TRACE_2]


def test_a_beginning_of_another_version_is_not_continued(tmp_path):
    files = bucket()
    with BucketServer(files) as server:
        plan = plan_fetch(tmp_path, ("trace",), ["2"], server.url)
        part = part_path(tmp_path / "sub-2/dwi/sub-2_rec-TRACE_dwi.nii.gz", plan.files[TRACE_2[9:]])
        part.parent.mkdir(parents=True)
        part.write_bytes(files[TRACE_2][:300])
        # Listed as before, but replaced since: the server sends the whole new file, which is not the listed one.
        server.files[TRACE_2] = nifti(99)
        with pytest.raises(StrokebenchError):
            fetch(plan, 1)
        part.write_bytes(files[TRACE_2][:300])
        server.ranges.clear()
        server.sent.clear()
        fetch(plan_fetch(tmp_path, ("trace",), ["2"], server.url), 1)
        assert not server.ranges and server.sent[TRACE_2] == len(nifti(99))
    assert (tmp_path / TRACE_2[9:]).read_bytes() == nifti(99)
    assert not [path for path in tree(tmp_path) if path.endswith(".part")]


def test_a_server_without_ranges_and_one_that_is_busy(tmp_path):
    def behave(key, n):
        return ("cut:200", "status:503", "norange")[min(n, 2)] if key == TRACE_2 else "ok"

    with BucketServer(bucket(), behave) as server:
        moved = []
        plan = plan_fetch(tmp_path, ("trace",), ["2"], server.url)
        fetch(plan, 1, moved.append)
        assert sum(moved) == plan.size
    assert (tmp_path / TRACE_2[9:]).read_bytes() == bucket()[TRACE_2]


def test_a_busy_bucket_is_asked_again_after_as_long_as_it_says(tmp_path):
    times = []

    def behave(key, n):
        times.append((key, time.monotonic()))
        return "status:503:1" if n == 0 and key in ("", TRACE_2) else "ok"

    with BucketServer(bucket(), behave) as server:
        fetch(plan_fetch(tmp_path, ("trace",), ["2"], server.url), 1)
    assert (tmp_path / TRACE_2[9:]).read_bytes() == bucket()[TRACE_2]
    for asked in ("", TRACE_2):
        first, second, *_ = [moment for key, moment in times if key == asked]
        assert second - first > 0.95


def test_waiting_is_bounded_and_ends_when_the_download_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(remote, "FIRST_WAIT", 1.0)
    stopped = threading.Event()
    retries = open_session(stopped).get_adapter("https://").max_retries
    stopped.set()
    assert retries.parse_retry_after("7200") == remote.LONGEST_WAIT
    waits = []
    while not retries.is_exhausted() and len(waits) < remote.TRIES - 1:
        retries = retries.increment("GET", "/", response=HTTPResponse(status=503))
        waits.append(retries.get_backoff_time())
    assert waits == [0, 1, 2, 4, 8, 16, 32]
    with pytest.raises(Stopped):
        retries.sleep()


def test_what_cannot_be_had_ends_the_fetch_at_once(tmp_path):
    with BucketServer(bucket()) as server:
        plan = plan_fetch(tmp_path, ("trace",), None, server.url)
        del server.files[TRACE_2]
        with pytest.raises(StrokebenchError, match="404"):
            fetch(plan, 1)
    assert not [thread for thread in threading.enumerate() if "ThreadPool" in thread.name]


def test_ctrl_c_keeps_what_has_arrived(tmp_path):
    held = threading.Event()

    def behave(key, n):
        if key == TRACE_2:
            os.kill(os.getpid(), signal.SIGINT)
            held.wait(1)
        return "cut:300"

    with BucketServer(bucket(), behave) as server:
        plan = plan_fetch(tmp_path, ("trace",), ["2"], server.url)
        with pytest.raises(KeyboardInterrupt):
            fetch(plan, 4)
        held.set()
        server.behave = lambda key, n: "ok"
        fetch(plan_fetch(tmp_path, ("trace",), ["2"], server.url))
        assert server.sent[TRACE_2] == len(bucket()[TRACE_2]), "what had arrived was not fetched again"


def test_a_full_disk_is_said_before(tmp_path, monkeypatch):
    with BucketServer(bucket()) as server:
        plan = plan_fetch(tmp_path, ("trace",), None, server.url)
        monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=10))
        with pytest.raises(StrokebenchError, match="free"):
            fetch(plan)
        assert not server.asked


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/openneuro.org", "wrong bucket"])
def test_a_bucket_that_is_none_is_named(tmp_path, url):
    with BucketServer({"ds004889/a": b""}) as server, pytest.raises(StrokebenchError, match=r"127\.0\.0\.1"):
        plan_fetch(tmp_path, ("trace",), 1, server.url if url == "wrong bucket" else url)


def test_the_fetched_cohort_loads(tmp_path):
    with BucketServer(bucket()) as server:
        fetch(plan_fetch(tmp_path, ("trace", "masks", "flair"), None, server.url))
    made = write_cohort_file(tmp_path)
    assert (made.patients, made.image) == (4, "trace") and made.left_out["no acute ischaemic stroke"] == 1
    assert made.path.read_text().startswith(f"# yaml-language-server: $schema={SCHEMA}\n") and SCHEMA.is_file()
    cohort_form().model_validate(yaml.safe_load(made.path.read_text()))
    cohort = load_cohort(str(made.path))
    assert list(cohort.ids) == ["sub-2", "sub-3", "sub-10", "sub-11"]
    assert cohort.table.loc["sub-10", "age"] == 89 and cohort.outcomes["nihss"] == "nihss < 7"
    assert cohort.images.loc["sub-2", "image"].endswith("sub-2_rec-TRACE_dwi.nii.gz")
    assert pd.isna(cohort.masks["sub-3"]) and cohort.masks.notna().sum() == 3
    assert nibabel.load(cohort.masks["sub-2"]).shape == nibabel.load(cohort.images.loc["sub-2", "image"]).shape
    assert "mrs" in cohort.banned and "CC0" in cohort.about["licence"]
    # Masks are drawn on TRACE; on FLAIR they would lie elsewhere.
    assert load_cohort(str(write_cohort_file(tmp_path, "flair").path)).masks is None


@pytest.mark.skipif("STROKEBENCH_SOOP" not in os.environ, reason="STROKEBENCH_SOOP is not set")
def test_the_table_of_the_real_data_set_makes_a_cohort(tmp_path):
    source = Path(os.environ["STROKEBENCH_SOOP"]) / "participants.tsv"
    (tmp_path / "participants.tsv").write_bytes(source.read_bytes())
    cohort = load_cohort(str(write_cohort_file(tmp_path).path))
    assert len(cohort) > 500 and cohort.images is None
    assert cohort.table["nihss"].between(0, 42).all() and cohort.table["age"].max() == 89
