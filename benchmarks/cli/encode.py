"""`strokebench encode`: the embeddings of a cohort, without training."""

from strokebench.benchmarks.cli.options import ENCODERS, takes_settings
from strokebench.benchmarks.running.build import build_embeddings
from strokebench.benchmarks.running.settings import Settings
from strokebench.reports.tables.console import make_console


@takes_settings("dataset", "outcome", *ENCODERS, "jobs", "weights", "device", "keep_scale_text")
def encode(settings: Settings) -> None:
    """Make the embeddings of a cohort, without training."""
    build_embeddings(settings, make_console())
