import pytest
from bucket_server import BucketServer
from rich.prompt import Confirm
from soop_bucket import bucket, published
from typer import Typer
from typer.testing import CliRunner

from strokebench.benchmarks import obtain
from strokebench.benchmarks.cli.fetch import fetch
from strokebench.datasets.catalogue import load_cohort
from strokebench.errors import StrokebenchError

APP = Typer()
APP.command()(fetch)


def call(*arguments: str):
    return CliRunner().invoke(APP, list(arguments))


@pytest.fixture
def answers(monkeypatch):
    """What is answered next; whoever asks without an answer fails."""
    given: list[bool] = []
    monkeypatch.setattr(obtain, "agreed", lambda question, console, yes: yes or given.pop())
    monkeypatch.setattr("strokebench.benchmarks.cli.fetch.agreed", obtain.agreed)
    monkeypatch.setattr(Confirm, "ask", lambda *_, **__: pytest.fail("asked twice"))
    return given


def test_originals_say_licence_and_size_and_ask(tmp_path, monkeypatch, answers):
    data = tmp_path / "data"
    with BucketServer(bucket()) as server:
        monkeypatch.setenv("STROKEBENCH_MIRROR", server.mirror)
        arguments = ["soop", "--to", str(data), "--with", "trace,masks", "--patients", "2"]
        answers[:] = [False]
        refused = call(*arguments)
        assert refused.exit_code == 1 and not data.exists() and not server.asked
        for word in ("CC0", "Sci Data 2024", "7 files of 2 patients", "kB"):
            assert word in refused.output
        answers[:] = [True]
        agreed = call(*arguments)
        assert agreed.exit_code == 0, agreed.output
        assert "Absher" in (data / "CITATION.txt").read_text()
        assert len(load_cohort(str(data / "soop.yaml"))) == 2
        assert call(*arguments).exit_code == 0, "nothing is left to fetch, so nothing is asked"
        assert isinstance(call("other").exception, StrokebenchError)
        assert isinstance(call("soop", "--patients", "2").exception, StrokebenchError)


def test_parts_can_be_left_out_and_fetched_later(tmp_path, monkeypatch):
    manifest, files = published(tmp_path, {"sub-2": b"picture"})
    data = tmp_path / "data"
    with BucketServer(files) as server:
        monkeypatch.setenv("STROKEBENCH_MIRROR", server.mirror)
        first = call(str(manifest), "--to", str(data), "--without", "flair", "--yes")
        assert first.exit_code == 0, first.output
        assert "CC BY-SA" in first.output and not (data / "PNG").exists() and len(list(data.glob("NIfTI/bwsr*"))) == 5
        second = call(str(manifest), "--to", str(data), "--yes")
        assert (data / "PNG/rsub-2_lesion.nii.png").read_bytes() == b"picture"
        assert "sub-3 (flair)" in second.output
        assert isinstance(call(str(manifest), "--without", "flare").exception, StrokebenchError)
