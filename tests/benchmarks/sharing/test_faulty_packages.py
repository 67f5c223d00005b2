"""Packages whose checksums fit, and whose contents do not: each fault is one line, and nothing is written."""

import json
import os
import zipfile
from pathlib import Path

import pytest
from shared_packages import NAME, SALT, changed

from strokebench.benchmarks.sharing.export import export_results
from strokebench.benchmarks.sharing.files import read_files, write_files
from strokebench.benchmarks.sharing.load import import_results
from strokebench.errors import StrokebenchError


@pytest.fixture
def package(shared) -> Path:
    return shared("svm")[1]


def first_line(text: str, old: str, new: str) -> str:
    head, _, rest = text.partition("\n")
    assert old in head
    return f"{head.replace(old, new)}\n{rest}"


def about(**new):
    return "about.json", lambda about: about.update(new)


def provenance(**new):
    return "about.json", lambda about: about["provenance"].update(new)


def cells(part: str, old: str, new: str):
    return part, lambda text: text.replace(old, new)


def leaked(fold):
    fold["train"] = [*fold["train"], fold["test"][0]]


FAULTS = {
    "no such experiment": (about(experiment="nosuch"), "the experiment is 'nosuch'"),
    "no methods": (about(methods=[]), "methods"),
    "methods are a number": (about(methods=7), "methods"),
    "an unknown field": (about(evil=1), "evil"),
    "neither names nor pseudonyms": (about(sites="both"), "sites"),
    "a count in words": (provenance(n_patients="many"), "n_patients"),
    "an outcome that is a table": (provenance(outcome={"a": 1}), "outcome"),
    "an outcome that is no rule": (provenance(outcome="1 < 2 < 3"), "outcome"),
    "versions in a list": (provenance(versions=[1]), "versions"),
    "yes for true": (provenance(synthetic="yes"), "synthetic"),
    "half characters": (provenance(title="\ud800"), "about.json"),
    "no folds": (("split.json", lambda split: split.update(folds=None)), "folds"),
    "a fold in words": (("split.json", lambda split: split["folds"][0].update(fold="first")), "fold"),
    "an empty table": (("predictions.csv", lambda text: ""), "predictions.csv"),
    "a column twice": (("predictions.csv", lambda text: first_line(text, "method,", "seed,")), "column 'method'"),
    "another column": (("runs.csv", lambda text: first_line(text, "params", "parms")), "column 'params'"),
    "no runs": (("runs.csv", lambda text: text.partition("\n")[0] + "\n"), "no run"),
    "an unknown status": (cells("runs.csv", ",done,", ",perhaps,"), "'perhaps'"),
    "a seed beyond all": (cells("predictions.csv", ",39,", f",{'9' * 400},"), "column 'seed'"),
    "a seed of many digits": (cells("predictions.csv", ",39,", f",{'9' * 5000},"), "column 'seed'"),
    "half a fold": (cells("runs.csv", "complete,39,0,", "complete,39,0.5,"), "column 'fold'"),
    "an endless time": (cells("runs.csv", ",0.3333333333333333,", ",inf,"), "column 'fit_seconds'"),
    "another protocol": (provenance(protocol="loho"), "in about.json 'loho'"),
    "fewer than no patients": (provenance(n_patients=-3), "of -3 patients"),
    "more patients than there are": (provenance(n_patients=10**30), "patients are positive"),
    "a fold twice": (("split.json", lambda split: split["folds"].append(split["folds"][0])), "stands twice"),
    "a patient of training and test": (("split.json", lambda split: leaked(split["folds"][0])), "stands twice"),
    # Not dropped without a word.
    "a run that is not planned": (
        ("runs.csv", lambda text: text[: text.index("\n", text.index("\n") + 1)]),
        "not done",
    ),
    "a method without a description": (
        ("about.json", lambda about: about["methods"][0].update(name="other")),
        "not described",
    ),
    "a patient twice": (("predictions.csv", lambda text: text + text.splitlines()[1] + "\n"), "predicted twice"),
    "a run twice": (cells("runs.csv", "complete,39,1,", "complete,39,0,"), "planned twice"),
}


@pytest.mark.parametrize(("change", "said"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_one_line_that_names_its_place(package, tmp_path, home, change, said):
    with pytest.raises(StrokebenchError) as error:
        import_results([changed(package, tmp_path / "bad.zip", *change)])
    assert "bad.zip" in error.value.message and said in error.value.message
    assert "\n" not in str(error.value) and len(error.value.message) < 600
    assert not list((home / "results").glob("imported-*"))


def manifest(content: bytes):
    return {"manifest.json": content}


@pytest.mark.parametrize(
    "parts",
    [
        manifest(b"[" * 100_000),
        manifest(b'{"schema": 3, "strokebench": "1", "experiments": []}'),
        manifest(b'{"schema": 3, "strokebench": "1", "experiments": {"a/table1": 1}}'),
        manifest(b'{"schema": 3, "strokebench": "1", "experiments": ["a/nosuch"]}'),
        manifest(b'{"schema": "two", "strokebench": "1", "experiments": ["a/table1"]}'),
        manifest(b"\xff\xfe"),
        manifest(b"null"),
        {f"{NAME}/about.json": b"[" * 100_000},
        {f"{NAME}/split.json": b'{"protocol": "cv5"}'},
        {f"{NAME}/about.json": None},
        {"another-cv5/table1/about.json": b"{}"},
        {f"{NAME}/oracle.csv": b"patient_id,p\nP-1,7\n"},
        {f"{NAME}/runs.csv": b"method\n\xff\xfe\0"},
    ],
    ids=range(13),
)
def test_files_of_another_form_are_one_line(package, tmp_path, parts):
    files = {name: content for name, content in {**read_files(package), **parts}.items() if content is not None}
    del files["SHA256SUMS"]
    write_files(files, tmp_path / "bad.zip")
    with pytest.raises(StrokebenchError, match=r"bad\.zip"):
        import_results([tmp_path / "bad.zip"])


@pytest.mark.parametrize(
    ("part", "field", "said"),
    [("manifest.json", {"schema": 4}, "schema 4"), (f"{NAME}/about.json", {}, r"new.*It is of strokebench 9\.1, and")],
)
def test_a_package_of_a_later_version_is_told_from_a_broken_one(package, tmp_path, part, field, said):
    files = read_files(package)
    del files["SHA256SUMS"]
    for name, fields in (("manifest.json", {"strokebench": "9.1"}), (part, {"new": 1, **field})):
        files[name] = json.dumps({**json.loads(files[name]), **fields}).encode()
    write_files(files, tmp_path / "later.zip")
    with pytest.raises(StrokebenchError, match=rf"(?s){said}"):
        import_results([tmp_path / "later.zip"])


def test_a_folder_of_results_that_is_named_without_its_path_is_pointed_to(home: Path):
    (home / "results" / "small-cv5").mkdir(parents=True)
    with pytest.raises(StrokebenchError, match=r"Is it .*results.small-cv5\?"):
        read_files(Path("small-cv5"))


def test_what_unpacks_to_very_much_is_not_unpacked(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{NAME}/predictions.csv", b"0" * 5_000_000)
    with pytest.raises(StrokebenchError, match="as no table packs"):
        read_files(tmp_path / "bomb.zip")
    with zipfile.ZipFile(tmp_path / "large.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", os.urandom(2_000_000))
    with pytest.raises(StrokebenchError, match="too large"):
        read_files(tmp_path / "large.zip")


def test_damaged_archives_and_pipes_are_one_line(package, tmp_path: Path):
    whole, files = package.read_bytes(), read_files(package)
    for place in range(0, len(whole), len(whole) // 50):
        (tmp_path / "bad.zip").write_bytes(whole[:place] + bytes(8) + whole[place + 8 :])
        try:
            # A date that nobody reads may be damaged.
            assert read_files(tmp_path / "bad.zip") == files
        except StrokebenchError as error:
            assert "bad.zip" in error.message
    os.mkfifo(tmp_path / "pipe.zip")
    with pytest.raises(StrokebenchError, match="no such file"):
        read_files(tmp_path / "pipe.zip")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "folder" / "manifest.json")
    with pytest.raises(StrokebenchError, match="no plain file"):
        read_files(tmp_path / "folder")


def test_what_a_mac_leaves_in_folders_is_no_file_of_a_package(package, tmp_path: Path):
    files = read_files(package)
    write_files({name: content for name, content in files.items() if name != "SHA256SUMS"}, tmp_path / "folder")
    (tmp_path / "folder" / ".DS_Store").touch()
    assert read_files(tmp_path / "folder") == files


def test_a_signature_by_a_key_that_two_sites_share(package, tmp_path: Path):
    key, other = b"a key that two sites share", b"a key that someone else has"
    export_results(tmp_path / "signed.zip", [], SALT, key=key)
    assert import_results([tmp_path / "signed.zip"], key)
    assert import_results([tmp_path / "signed.zip"]), "without a key nobody asks for a signature"
    with pytest.raises(StrokebenchError, match="signed with another key"):
        import_results([tmp_path / "signed.zip"], other)
    with pytest.raises(StrokebenchError, match="not signed"):
        import_results([package], key)
    # Whoever changes a package can mend its checksums, but not its signature.
    forged = {name: content for name, content in read_files(tmp_path / "signed.zip").items() if name != "SHA256SUMS"}
    forged[f"{NAME}/predictions.csv"] = forged[f"{NAME}/predictions.csv"].replace(b",1,", b",0,")
    signature = forged.pop("SHA256SUMS.hmac")
    write_files(forged, tmp_path / "forged")
    (tmp_path / "forged" / "SHA256SUMS.hmac").write_bytes(signature)
    with pytest.raises(StrokebenchError, match="another key"):
        import_results([tmp_path / "forged"], key)
