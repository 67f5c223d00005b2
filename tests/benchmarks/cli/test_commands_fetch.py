from bucket_server import BucketServer
from soop_bucket import bucket
from typer import Typer
from typer.testing import CliRunner

from strokebench.benchmarks.cli.fetch import fetch
from strokebench.datasets.catalogue import load_cohort
from strokebench.errors import StrokebenchError


def test_the_command_says_licence_and_size_and_asks(tmp_path):
    app = Typer()
    app.command()(fetch)
    with BucketServer(bucket()) as server:
        arguments = ["soop", "--to", str(tmp_path), "--patients", "2", "--endpoint", server.url]
        refused = CliRunner().invoke(app, arguments, input="n\n")
        assert refused.exit_code == 1 and not list(tmp_path.iterdir()) and not server.asked
        for word in ("CC0", "Sci Data 2024", "7 files of 2 patients", "kB"):
            assert word in refused.output
        agreed = CliRunner().invoke(app, arguments, input="y\n")
        assert agreed.exit_code == 0, agreed.output
        assert "Absher" in (tmp_path / "CITATION.txt").read_text()
        assert len(load_cohort(str(tmp_path / "soop.yaml"))) == 2
        assert CliRunner().invoke(app, arguments).exit_code == 0, "nothing is left to fetch, so nothing is asked"
        assert isinstance(CliRunner().invoke(app, ["other"]).exception, StrokebenchError)
