"""`strokebench doctor`: is this machine, and this installation, fit for the suite?"""

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

import typer
from packaging.requirements import Requirement
from rich.table import Table
from rich.text import Text

from strokebench.benchmarks.cli.options import JsonOption, echo_json
from strokebench.benchmarks.experiments.find import EXPERIMENTS
from strokebench.benchmarks.running.provenance import processor
from strokebench.benchmarks.running.settings import usable_cores
from strokebench.benchmarks.running.tracking.mlflow import tracking_uri
from strokebench.datasets.catalogue import COHORTS
from strokebench.datasets.encoders.registry import ENCODERS
from strokebench.errors import without_user
from strokebench.files import home
from strokebench.methods.registry import METHODS
from strokebench.plugins import Registry
from strokebench.reports.tables.console import make_console
from strokebench.tasks.metrics.registry import METRICS

GOOD, NOTE, BAD = "ok", "note", "problem"
MIN_FREE_GB = 5.0
MIN_MEMORY_GB = 6.0
REGISTRIES: tuple[Registry[Any], ...] = (METHODS, ENCODERS, COHORTS, EXPERIMENTS, METRICS)


Remark = tuple[str, str, str]
"""State, what was looked at, and what was found."""


def doctor(as_json: JsonOption = False) -> None:
    """Look at this machine and installation, and say what is wrong."""
    findings = [finding for look in LOOKS for finding in look()]
    if as_json:
        echo_json([dict(zip(("state", "what", "found"), finding, strict=True)) for finding in findings])
    else:
        table = Table(box=None, pad_edge=False, show_header=False)
        styles = {GOOD: "green", NOTE: "yellow", BAD: "bold red"}
        for state, what, message in findings:
            table.add_row(Text(state, styles[state]), what, message)
        make_console().print(table)
    if any(state == BAD for state, _, _ in findings):
        raise typer.Exit(1)


def _python() -> Iterator[Remark]:
    yield GOOD, "Python", f"{platform.python_version()} ({sys.executable})"


def _packages() -> Iterator[Remark]:
    needed = [Requirement(line) for line in requires("strokebench") or [] if "extra ==" not in line]
    if wrong := [found for requirement in needed if (found := _unlike(requirement))]:
        yield BAD, "Packages", f"{'; '.join(wrong)}. Run `make clean-environment`, then `make`."
    else:
        yield GOOD, "Packages", f"strokebench {version('strokebench')} and what it needs"


def _pins() -> Iterator[Remark]:
    """In a checkout, whether the versions are the pinned ones."""
    pins = Path(__file__).parents[2] / "constraints.txt"
    if not pins.is_file():
        return
    lines = [line.partition("#")[0].strip() for line in pins.read_text().splitlines()]
    found = [_unlike(Requirement(line)) for line in lines if line]
    if others := [what for what in found if what and not what.endswith("is missing")]:
        yield NOTE, "Pinned versions", f"other than in constraints.txt: {', '.join(others)}"
    else:
        yield GOOD, "Pinned versions", "as in constraints.txt"


def _openmp() -> Iterator[Remark]:
    """XGBoost alone of what pip installs needs a library of the system: OpenMP, which macOS and slim images lack."""
    try:
        import xgboost  # noqa: F401
    except Exception as error:
        yield BAD, "XGBoost", " ".join(str(error).split())


def _unlike(requirement: Requirement) -> str:
    """What is wrong with an installed package; empty where it is as required."""
    try:
        installed = version(requirement.name)
    except PackageNotFoundError:
        return f"{requirement.name} is missing"
    fits = requirement.specifier.contains(installed, prereleases=True)
    return "" if fits else f"{requirement.name} {installed} is not {requirement.specifier}"


def _processor() -> Iterator[Remark]:
    yield GOOD, "Processor", f"{processor()}, usable cores: {usable_cores()}"


def _memory() -> Iterator[Remark]:
    try:
        gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (ValueError, OSError):
        return
    yield GOOD if gb >= MIN_MEMORY_GB else NOTE, "Memory", f"{gb:.1f} GB"


def _home() -> Iterator[Remark]:
    folder = home()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    named = "" if os.environ.get("STROKEBENCH_HOME") else " (STROKEBENCH_HOME moves it)"
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        yield BAD, "Folder", f"{folder} cannot be written: {error.strerror}{named}"
        return
    free = shutil.disk_usage(existing).free / 1e9
    yield GOOD if free >= MIN_FREE_GB else BAD, "Folder", f"{folder}{named}, {free:.0f} GB free"


def _gpu() -> Iterator[Remark]:
    import torch

    if torch.cuda.is_available():
        names = map(torch.cuda.get_device_name, range(torch.cuda.device_count()))
        yield GOOD, "GPU", ", ".join(names)
    else:
        yield GOOD, "GPU", "none; none is needed"


def _tracking() -> Iterator[Remark]:
    uri = without_user(tracking_uri())
    where = "from MLFLOW_TRACKING_URI" if os.environ.get("MLFLOW_TRACKING_URI") else "local"
    yield GOOD, "MLflow", f"{uri} ({where}); telemetry off"


def _soop() -> Iterator[Remark]:
    given = os.environ.get("STROKEBENCH_SOOP")
    fetched = home("fetched", "soop")
    # A folder that may not be looked into has been told of.
    if not given and os.access(fetched, os.R_OK):
        yield GOOD, "SOOP", f"fetched into {fetched}"
    elif not given:
        yield NOTE, "SOOP", "not here: DATASET=soop fetches it after asking, or STROKEBENCH_SOOP names a folder"
    elif not Path(given).is_dir():
        yield BAD, "SOOP", f"STROKEBENCH_SOOP={given}: no such folder"
    else:
        yield GOOD, "SOOP", given


def _plugins() -> Iterator[Remark]:
    """What other packages bring, whole or broken."""
    found = [plugin for registry in REGISTRIES for plugin in registry.plugins()]
    for plugin in found:
        message = str(plugin) if plugin.problem else f"{plugin.noun} {plugin.name} of {plugin.package}"
        yield BAD if plugin.problem else GOOD, "Plugin", message
    if not found:
        yield GOOD, "Plugins", f"none; {', '.join(each.group for each in REGISTRIES)}"


LOOKS = (_python, _packages, _pins, _openmp, _plugins, _processor, _memory, _home, _gpu, _tracking, _soop)
"""What the doctor looks at, in this order."""
