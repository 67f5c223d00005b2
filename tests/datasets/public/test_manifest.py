"""Another public cohort by a manifest of its own, from a server on this machine."""

import csv
import gzip
import hashlib
from pathlib import Path

import pytest
from bucket_server import BucketServer

from strokebench.datasets.public import remote
from strokebench.datasets.public.manifest import RECORD, Manifest, patients_with_values, read_manifest
from strokebench.datasets.public.plan import fetch
from strokebench.errors import StrokebenchError

TABLE = "patient\tage\tnotes\ns1\t70\tn/a\ns2\tn/a\t\ns3\t\t61\n"
SCANS = {f"scans/{id}.nii.gz": gzip.compress(id.encode() * 400, mtime=0) for id in ("s1", "s2", "s3", "s4")}
FILES = {"study/people.tsv": TABLE.encode(), **{f"web/{path}": data for path, data in SCANS.items()}}
TEXT = """
name: another
title: Another public cohort
citation: Somebody, 2024
table: people.tsv
id: patient
sources:
  bucket: {{url: "{url}", prefix: study/}}
  web: {{url: "{url}/web", sha256: web.csv}}
parts:
  table: {{what: people, source: bucket, files: [people.tsv], licence: CC0, about: small}}
  scans: {{what: scans, source: web, files: ["scans/{{id}}.nii.gz"], licence: CC BY 4.0}}
"""


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(remote, "FIRST_WAIT", 0.001)


def write_manifest(folder: Path, url: str, text: str = TEXT, rows: dict[str, bytes] = SCANS) -> Path:
    with (folder / "web.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "bytes", "sha256"])
        writer.writerows([path, len(data), hashlib.sha256(data).hexdigest()] for path, data in rows.items())
    path = folder / "another.yaml"
    path.write_text(text.format(url=url))
    return path


def fetch_all(manifest: Manifest, folder: Path) -> list[str]:
    """Table first, then the rest; the paths of what was missing."""
    missing = []
    for parts in (("table",), tuple(manifest.parts)):
        plan = manifest.plan(parts, folder)
        missing += plan.missing
        fetch(plan)
        manifest.record(plan)
    return missing


def test_only_files_of_patients_with_values_are_fetched_and_nothing_twice(tmp_path: Path):
    with BucketServer(FILES) as server:
        manifest = read_manifest(write_manifest(tmp_path, server.url))
        assert manifest.most("scans") == sum(map(len, SCANS.values())) and manifest.most("table") is None
        data = tmp_path / "data"
        assert fetch_all(manifest, data) == ["people.tsv", "scans/s1.nii.gz", "scans/s3.nii.gz"]
        asked, pages = dict(server.asked), server.pages
        assert fetch_all(manifest, data) == []
        assert dict(server.asked) == asked and server.pages == pages, "a second call needs no network"
    assert (data / "scans/s3.nii.gz").read_bytes() == SCANS["scans/s3.nii.gz"]


def test_a_patient_whose_files_are_not_published_is_named(tmp_path: Path):
    files = {**FILES, "study/people.tsv": f"{TABLE}s9\t50\t\n".encode()}
    with BucketServer(files) as server:
        manifest = read_manifest(write_manifest(tmp_path, server.url))
        fetch_all(manifest, tmp_path)
        assert manifest.plan(("scans",), tmp_path).incomplete == {"s9": ("scans",)}


def test_an_interrupted_fetch_goes_on_and_a_damaged_file_is_fetched_again(tmp_path: Path):
    key, size = "web/scans/s1.nii.gz", len(SCANS["scans/s1.nii.gz"])
    with BucketServer(FILES, lambda asked, n: "cut:1" if asked == key else "ok") as server:
        manifest = read_manifest(write_manifest(tmp_path, server.url))
        with pytest.raises(StrokebenchError, match=r"s1\.nii\.gz"):
            fetch_all(manifest, tmp_path)
        with pytest.raises(StrokebenchError, match="still to be fetched"):
            manifest.check_whole(tuple(manifest.parts), tmp_path)
        server.behave = lambda asked, n: "ok"
        assert "scans/s1.nii.gz" in fetch_all(manifest, tmp_path)
        assert server.sent[key] == size, "what had arrived is not sent again"
        manifest.check_whole(tuple(manifest.parts), tmp_path)

        (tmp_path / "scans/s3.nii.gz").write_bytes(SCANS["scans/s1.nii.gz"])
        assert fetch_all(manifest, tmp_path) == ["scans/s3.nii.gz"]
        assert (tmp_path / "scans/s3.nii.gz").read_bytes() == SCANS["scans/s3.nii.gz"]


def test_a_file_that_is_not_the_one_of_the_list_is_refused(tmp_path: Path):
    with BucketServer({**FILES, "web/scans/s1.nii.gz": SCANS["scans/s2.nii.gz"]}) as server:
        manifest = read_manifest(write_manifest(tmp_path, server.url))
        with pytest.raises(StrokebenchError, match=r"s1\.nii\.gz.*not those that are listed"):
            fetch_all(manifest, tmp_path)
    assert not (tmp_path / "scans/s1.nii.gz").exists()


def test_what_no_list_told_counts_as_it_was_first_fetched(tmp_path: Path):
    with BucketServer(FILES) as server:
        manifest = read_manifest(write_manifest(tmp_path, server.url))
        fetch_all(manifest, tmp_path)
        assert hashlib.sha256(TABLE.encode()).hexdigest() in (tmp_path / RECORD).read_text()
        (tmp_path / "people.tsv").write_text(TABLE.replace("70", "80"))
        assert fetch_all(manifest, tmp_path) == ["people.tsv"]
        assert (tmp_path / "people.tsv").read_text() == TABLE
        server.files["study/people.tsv"] = TABLE.replace("70", "80").encode()
        (tmp_path / "people.tsv").unlink()
        with pytest.raises(StrokebenchError, match="not those that are listed"):
            fetch_all(manifest, tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("title: Another public cohort", "", "title"),
        ("citation:", "colour: red\ncitation:", "colour"),
        ("source: web", "source: wed", "wed.*Did you mean web"),
        ("  table:", "  people:", "'table'"),
        ("sha256: web.csv", "sha256: none.csv", r"none\.csv"),
    ],
)
def test_every_fault_of_a_manifest_is_one_line(tmp_path: Path, old: str, new: str, message: str):
    path = write_manifest(tmp_path, "http://127.0.0.1:9", TEXT.replace(old, new))
    with pytest.raises(StrokebenchError, match=message) as caught:
        read_manifest(path).most("scans")
    assert "\n" not in str(caught.value)


def test_a_list_that_leads_out_of_the_folder_is_refused(tmp_path: Path):
    rows = {"scans/s1.nii.gz": b"1", "scans/../../s3.nii.gz": b"3"}
    text = TEXT.replace('"scans/{{id}}.nii.gz"', "scans/*")
    with BucketServer(FILES) as server, pytest.raises(StrokebenchError, match="outside the folder"):
        fetch_all(read_manifest(write_manifest(tmp_path, server.url, text, rows)), tmp_path / "data")


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"patient\tage\nJ\xf6rg\t5\n", "not UTF-8"), (b"age\tpatient\n70\ts1\n61\n", "no 'patient'")],
)
def test_a_table_that_cannot_be_read_is_named(tmp_path: Path, content, said):
    (tmp_path / "people.tsv").write_bytes(content)
    with pytest.raises(StrokebenchError, match=f"people.tsv: .*{said}"):
        patients_with_values(tmp_path / "people.tsv", "patient")


def test_the_mark_of_a_folder_in_a_bucket_is_no_file(tmp_path: Path):
    text = TEXT.replace("files: [people.tsv]", 'files: [people.tsv, "extra/*"]')
    with BucketServer({**FILES, "study/extra/": b"", "study/extra/a.txt": b"a"}) as server:
        fetch_all(read_manifest(write_manifest(tmp_path, server.url, text)), tmp_path / "here")
    assert (tmp_path / "here" / "extra" / "a.txt").read_bytes() == b"a"
