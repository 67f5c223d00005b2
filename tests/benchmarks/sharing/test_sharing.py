"""Results that leave the house: nothing of a patient goes with them, and nothing that does not fit comes in."""

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from shared_packages import IDS, NAME, SALT, changed, compute
from typer.testing import CliRunner

from strokebench.benchmarks.cli import main as cli
from strokebench.benchmarks.sharing.export import export_results
from strokebench.benchmarks.sharing.files import read_files, write_files
from strokebench.benchmarks.sharing.load import import_results
from strokebench.benchmarks.sharing.pseudonyms import Pseudonyms, load_pseudonyms
from strokebench.errors import StrokebenchError
from strokebench.files import home as home_path
from strokebench.reports.results import RUN, Results
from strokebench.tasks.fold import Split


@pytest.fixture
def whole(shared) -> tuple[Results, Path]:
    return shared("random_forest", "svm", "mlp")


def same(one: Results, other: Results, pseudonyms: Pseudonyms = SALT) -> None:
    order = [*RUN, "patient_id"]
    a = one.predictions.assign(
        patient_id=one.predictions["patient_id"].map(pseudonyms.patient),
        site=one.predictions["site"].map(pseudonyms.site),
    )
    pd.testing.assert_frame_equal(
        a.sort_values(order, ignore_index=True),
        other.predictions.sort_values(order, ignore_index=True),
        check_dtype=False,
    )
    pd.testing.assert_frame_equal(
        one.runs.drop(columns="error").sort_values(list(RUN), ignore_index=True),
        other.runs.drop(columns="error").sort_values(list(RUN), ignore_index=True),
        check_dtype=False,
    )
    assert sorted(m.name for m in one.methods) == sorted(m.name for m in other.methods)


def test_round_trip(whole):
    results, package = whole
    [(name, imported)] = import_results([package]).items()
    assert name == f"imported-{NAME}"
    same(results, imported)
    same(results, Results.read(home_path("results", *name.split("/"))))
    for key in ("data_sha256", "split_sha256", "versions", "title", "synthetic", "outcome"):
        assert imported.provenance[key] == results.provenance[key]
    assert set(imported.runs["status"]) == {"done", "failed"}


def test_a_folder_is_as_good_as_an_archive(whole, tmp_path: Path):
    results, _ = whole
    export_results(tmp_path / "folder", [NAME], SALT)
    same(results, next(iter(import_results([tmp_path / "folder"]).values())))
    with pytest.raises(StrokebenchError, match="not empty"):
        export_results(tmp_path / "folder", [], SALT)


def test_nothing_of_a_patient_or_the_machine_leaves(tmp_path: Path, home: Path):
    compute("random_forest", "svm", "mlp")
    package = tmp_path / "whole.zip"
    export_results(package, ["table1"], SALT)
    files = read_files(package)
    everything = b"\n".join([*files.values(), *(name.encode() for name in files)]).decode()
    for id in IDS:
        assert id not in everything
    for site in ("north", "south", "west"):
        assert site not in everything
    for secret in (str(home), str(Path.cwd()), "Traceback", "planted", "/data", SALT.secret.decode(), "/tmp"):
        assert secret not in everything
    import platform

    assert len(platform.node()) < 4 or platform.node() not in everything
    assert "groups" not in everything
    # The archive itself bears no time, user or path either.
    with zipfile.ZipFile(package) as archive:
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}
    [key] = (home / "private").glob("pseudonyms-*.csv")
    back = pd.read_csv(key)
    assert set(back["pseudonym"]) >= set(import_results([package])[f"imported-{NAME}"].predictions["patient_id"])
    assert key.stat().st_mode & 0o077 == 0 and key.parent.stat().st_mode & 0o077 == 0


def test_sites_can_be_kept_and_leave_one_hospital_out_hides_them(tmp_path: Path):
    compute("svm", protocol="loho", folds=3)
    for keep in (False, True):
        export_results(tmp_path / f"{keep}.zip", [], SALT, keep)
        everything = b"".join(read_files(tmp_path / f"{keep}.zip").values())
        assert (b"north" in everything) == keep
        import_results([tmp_path / f"{keep}.zip"])


def test_the_salt_stays_and_decides(home: Path, tmp_path: Path):
    own = load_pseudonyms()
    assert own == load_pseudonyms() and own.patient("p1") != SALT.patient("p1")
    assert (home / "private" / "salt").stat().st_mode & 0o077 == 0
    assert own.patient("1") != own.site("1")
    shared = tmp_path / "salt"
    shared.write_text(own.secret.decode() + "\n")
    assert load_pseudonyms(shared) == own
    shared.write_text("short")
    with pytest.raises(StrokebenchError, match="only 5 characters"):
        load_pseudonyms(shared)
    assert own.secret.decode() not in repr(own)


def test_two_halves_are_the_whole(whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    results, _ = whole
    halves = []
    for number, methods in enumerate([("random_forest", "mlp"), ("svm",)]):
        monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path / f"machine {number}"))
        compute(*methods)
        halves.append(tmp_path / f"half{number}.zip")
        export_results(halves[-1], [], SALT)
    [merged] = import_results(halves).values()
    same(results, merged)


def test_the_same_package_twice_changes_nothing(whole):
    results, package = whole
    same(results, next(iter(import_results([package, package]).values())))


def test_a_finished_run_stands_for_a_missing_one(whole, tmp_path: Path):
    results, package = whole
    files = read_files(package)
    files.pop("SHA256SUMS")
    runs = pd.read_csv(package_file(files, "runs.csv"), keep_default_na=False)
    runs.loc[runs["method"] == "svm", "status"] = "missing"
    files[f"{NAME}/runs.csv"] = runs.to_csv(index=False).encode()
    predictions = pd.read_csv(package_file(files, "predictions.csv"), keep_default_na=False)
    files[f"{NAME}/predictions.csv"] = predictions[predictions["method"] != "svm"].to_csv(index=False).encode()
    write_files(files, tmp_path / "less.zip")
    assert "missing" in set(import_results([tmp_path / "less.zip"])[f"imported-{NAME}"].runs["status"])
    same(results, import_results([tmp_path / "less.zip", package])[f"imported-{NAME}"])


def package_file(files, part):
    return io.BytesIO(files[f"{NAME}/{part}"])


def test_a_tampered_file_is_refused(whole, tmp_path: Path, home: Path):
    _, package = whole
    folder = tmp_path / "open"
    write_files({name: content for name, content in read_files(package).items() if name != "SHA256SUMS"}, folder)
    path = folder / NAME / "predictions.csv"
    path.write_text(path.read_text().replace(",1,", ",0,", 1))
    with pytest.raises(StrokebenchError, match=r"predictions.csv does not fit its checksum"):
        import_results([folder])
    path.unlink()
    with pytest.raises(StrokebenchError, match=r"predictions.csv' is missing"):
        import_results([folder])
    assert not list((home / "results").glob("imported-*"))
    broken = tmp_path / "cut.zip"
    broken.write_bytes(package.read_bytes()[:-50])
    with pytest.raises(StrokebenchError, match="cannot be read"):
        import_results([broken])


@pytest.mark.parametrize(
    "name", ["../../evil.txt", "/etc/evil", "a/../manifest.json", "a/b/evil.py", "../x/about.json", "C:\\evil"]
)
def test_a_file_that_a_package_does_not_have_is_refused(whole, tmp_path: Path, name: str):
    _, package = whole
    files = {n: c for n, c in read_files(package).items() if n != "SHA256SUMS"} | {name: b"evil"}
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {n}\n" for n, content in files.items())
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        for n, content in {**files, "SHA256SUMS": sums.encode()}.items():
            archive.writestr(n, content)
    with pytest.raises(StrokebenchError, match="does not have"):
        import_results([tmp_path / "evil.zip"])
    assert not list(tmp_path.rglob("evil.txt")) and not list(tmp_path.rglob("evil"))


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from strokebench.benchmarks.sharing import files as share_files

    monkeypatch.setattr(share_files, "LARGEST_SHORT", 1000)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", "0" * 100_000)
    with pytest.raises(StrokebenchError, match="too large"):
        read_files(tmp_path / "bomb.zip")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda about: about["provenance"].update(split_sha256="f" * 64), "split_sha256"),
        (lambda about: about["provenance"].update(data_sha256="f" * 64), "data_sha256"),
        (lambda about: about["provenance"].update(outcome="nihss < 5"), "outcome"),
        (lambda about: about["provenance"]["versions"].update(torch="0.1"), "version of torch"),
        (lambda about: about.update(pseudonyms="f" * 16), "pseudonyms"),
    ],
)
def test_what_does_not_match_is_named(whole, tmp_path: Path, change, said: str):
    _, package = whole
    other = changed(package, tmp_path / "other.zip", "about.json", change)
    with pytest.raises(StrokebenchError, match=f"do not match .* other {said}"):
        import_results([package, other])
    assert import_results([other])


def test_another_split_under_the_same_hash_is_refused(whole, tmp_path: Path):
    _, package = whole

    def swap(split):
        fold = split["folds"][0]
        fold["train"][0], fold["validation"][0] = fold["validation"][0], fold["train"][0]

    with pytest.raises(StrokebenchError, match="other split"):
        import_results([package, changed(package, tmp_path / "other.zip", "split.json", swap)])


def test_predictions_of_other_patients_than_the_split_has_are_refused(whole, tmp_path: Path):
    _, package = whole
    other = changed(package, tmp_path / "other.zip", "split.json", lambda split: split["folds"][0]["test"].pop())
    with pytest.raises(StrokebenchError, match="not those of the split"):
        import_results([other])


def test_contradicting_runs_are_refused(whole, tmp_path: Path):
    results, package = whole

    def flip(text: str) -> str:
        frame = pd.read_csv(io.StringIO(text), keep_default_na=False)
        svm = frame["method"] == "svm"
        frame.loc[svm, "p"] = np.clip(frame.loc[svm, "p"] + 0.01, 0, 1)
        return frame.to_csv(index=False)

    other = changed(package, tmp_path / "p.zip", "predictions.csv", flip)
    with pytest.raises(StrokebenchError, match=r"contradict each other in run method svm.*other predictions"):
        import_results([package, other])
    key = results.runs.loc[results.runs["method"] == "svm", "key"].iloc[0]
    other = changed(package, tmp_path / "key.zip", "runs.csv", lambda text: text.replace(key, "e" * 64))
    with pytest.raises(StrokebenchError, match="other key"):
        import_results([package, other])


def test_other_code_of_a_method_is_refused(whole, tmp_path: Path):
    _, package = whole

    def recode(text: str) -> str:
        frame = pd.read_csv(io.StringIO(text), keep_default_na=False)
        assert (frame.loc[frame["method"] == "svm", "code"].str.len() == 64).all()
        frame.loc[frame["method"] == "svm", "code"] = "c" * 64
        return frame.to_csv(index=False)

    with pytest.raises(StrokebenchError, match="other code of method svm"):
        import_results([package, changed(package, tmp_path / "code.zip", "runs.csv", recode)])


def test_another_schema_is_refused(whole, tmp_path: Path):
    _, package = whole
    other = changed(
        package, tmp_path / "new.zip", "manifest.json", lambda manifest: manifest.update(schema=99), name=""
    )
    with pytest.raises(StrokebenchError, match="of schema 99"):
        import_results([other])


def test_a_split_that_is_gone_is_told(tmp_path: Path):
    results = compute("svm")
    for path in home_path("splits").glob("*.json"):
        assert Split.read(path).sha256 == results.provenance["split_sha256"]
        path.unlink()
    with pytest.raises(StrokebenchError, match="split"):
        export_results(tmp_path / "x.zip", [], SALT)


def test_the_commands(whole, tmp_path: Path, home: Path):
    def call(*arguments: str):
        return CliRunner().invoke(cli.app, ["results", *arguments], env={"COLUMNS": "200"})

    out = tmp_path / "out.zip"
    exported = call("export", str(out), "table1")
    assert exported.exit_code == 0 and NAME in exported.output, exported.output
    imported = call("import", str(out))
    assert imported.exit_code == 0 and "SVM" in imported.output, imported.output
    folder = home / "results" / f"imported-{NAME.split('/')[0]}" / "table1"
    assert (folder / "table1.md").is_file() and (folder / "section.json").is_file()
    # What was imported is neither exported again nor called missing.
    assert call("export", str(tmp_path / "again.zip")).exit_code == 0
    assert not any("imported" in name for name in read_files(tmp_path / "again.zip"))
    status = CliRunner().invoke(cli.app, ["status"], env={"COLUMNS": "200"})
    assert status.exit_code == 0 and "imported" in status.output
    assert call("export", str(tmp_path / "y.zip"), "table99").exit_code == 1
    (tmp_path / "key").write_text("a key that two sites share\n")
    assert call("import", str(out), "--key-file", str(tmp_path / "key")).exit_code == 1
    signed = str(tmp_path / "signed.zip")
    assert call("export", signed, "table1", "--key-file", str(tmp_path / "key")).exit_code == 0
    assert call("import", signed, "--key-file", str(tmp_path / "key")).exit_code == 0
    assert call("import", str(tmp_path / "nothing.zip")).exit_code == 1
