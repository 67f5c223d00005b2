"""Are the tables and figures on disk what these results would give? Then they need not be made again.

Beside the files of a report lies a receipt: the hash of everything that they were made from (results, all of our
code, the libraries that compute and draw) and of each file. A file that was changed or lost voids it.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from strokebench.benchmarks.keys.described import described
from strokebench.benchmarks.keys.sources import house_sha256
from strokebench.benchmarks.running.experiment import Experiment
from strokebench.errors import StrokebenchError
from strokebench.files import digest, file_digest, read_json, write_json
from strokebench.reports.results import RESULT_FILES
from strokebench.reports.tables.terminal import TerminalView
from strokebench.tasks.metrics.evaluate import all_metrics
from strokebench.tasks.metrics.registry import METRICS

RECEIPT_FILE = "receipt.json"
_OURS = "strokebench."
_PACKAGES = ("numpy", "scipy", "pandas", "statsmodels", "scikit-learn", "matplotlib", "jinja2")


@dataclass(frozen=True)
class Receipt:
    """The receipt of one report.

    Args:
        folder: where its files lie.
        made_from: hash of everything that decides them, the results that lie there too; empty where that cannot be
            told.
        asked: hash of everything that decides the results.
    """

    folder: Path
    made_from: str
    asked: str

    def view(self, made: bool) -> TerminalView | None:
        """What the terminal shows of the report, where every file of it is as it would be written again.

        Args:
            made: whether the results that lie there are the ones asked for; otherwise the receipt has to say so.
        """
        if not self.made_from:
            return None
        try:
            kept = read_json(self.folder / RECEIPT_FILE)
            if kept["made_from"] != self.made_from or kept["files"] != self._digests(kept["files"]):
                return None
            if not made and kept["asked"] != self.asked:
                return None
            return TerminalView.from_json(kept["view"])
        except (StrokebenchError, OSError, KeyError, TypeError, ValueError):
            return None

    def write(self, view: object, files: Mapping[str, Path]) -> None:
        """Confirm the files that were just written; nothing is kept of what only prints itself."""
        if self.made_from and isinstance(view, TerminalView):
            digests = self._digests(files)
            receipt = {"made_from": self.made_from, "asked": self.asked, "files": digests, "view": view.to_json()}
            write_json(self.folder / RECEIPT_FILE, receipt)

    def _digests(self, names: Mapping[str, object]) -> dict[str, str]:
        return {name: file_digest(self.folder / name) for name in names}


def receipt_of(experiment: Experiment, methods: Iterable[str], folder: Path, asked: str) -> Receipt:
    """The receipt of an experiment's report on results of these methods that lie in `folder`.

    There is none where code of others has a say, which may change without our noticing.
    """
    modules = [type(experiment).__module__, *(described(method).module for method in methods)]
    modules += [metric.function.__module__ for metric in all_metrics().values()]
    if METRICS.plugins() or not all(module.startswith(_OURS) for module in modules):
        return Receipt(folder, "", asked)
    decides = {
        "experiment": [experiment.name, modules[0]],
        "results": {name: file_digest(folder / name) for name in RESULT_FILES if (folder / name).is_file()},
        "code": house_sha256(),
        "versions": [sys.version, *map(version, _PACKAGES)],
    }
    return Receipt(folder, digest(decides), asked)


def written_files(folder: Path) -> dict[str, Path]:
    """Every file of a report, by its path below `folder`; not the results that it was made from."""
    ours = {*RESULT_FILES, RECEIPT_FILE}
    paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: path for name, path in paths.items() if name not in ours and not path.name.startswith(".")}
