"""Results side by side, wherever they lie: folders of results, or packages, whose patients bear pseudonyms."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from strokebench.benchmarks.sharing.export import PROVENANCE, without_folders
from strokebench.benchmarks.sharing.load import merge, read_package
from strokebench.benchmarks.sharing.pseudonyms import Pseudonyms
from strokebench.errors import StrokebenchError
from strokebench.reports.board.board import board_section
from strokebench.reports.results import FACTS_FILE, Results
from strokebench.reports.tables.section import Section
from strokebench.reports.two_results.section import two_results_section


def diff_results(a: Path, b: Path, experiment: str, pseudonyms: Callable[[], Pseudonyms]) -> Section:
    """What changed from A to B, and what that did to each method on the same patients.

    Args:
        a, b: folder of an experiment or of several, or a package.
        experiment: which one, where there are several; else empty.
        pseudonyms: asked for where one of the two has pseudonyms for patients and the other has ids.

    Raises:
        StrokebenchError: nothing to read, several experiments and none chosen, other outcomes, nothing in common.
    """
    results = [_read(source, experiment) for source in (a, b)]
    if len({one.provenance.get("imported", False) for one in results}) > 1:
        known = pseudonyms()
        results = [one if one.provenance.get("imported") else _as_exported(one, known) for one in results]
    return two_results_section(results[0], results[1], str(a), str(b))


def board_of(sources: Sequence[Path], experiment: str) -> Section:
    """Each method's AUC at each of several sites, and pooled; a column is called as its file or folder.

    Raises:
        StrokebenchError: nothing to read, several experiments and none chosen, or what `board_section` refuses.
    """
    stems = [source.resolve().stem for source in sources]
    names = [stem if stems.count(stem) == 1 else str(source) for stem, source in zip(stems, sources, strict=True)]
    if twice := [name for name in names if names.count(name) > 1]:
        raise StrokebenchError(f"{twice[0]} is given twice.")
    return board_section({name: _read(source, experiment) for name, source in zip(names, sources, strict=True)})


def _read(source: Path, experiment: str) -> Results:
    found = _experiments(source)
    # A package calls an experiment by its folder too, and a folder that it lies in does not.
    wanted = experiment, experiment.rpartition("/")[2]
    chosen = {
        name: read
        for name, read in found.items()
        if not experiment or name in wanted or name.rpartition("/")[2] == experiment
    }
    if len(chosen) != 1:
        called = f" {experiment!r}" if experiment else ""
        has = f"no experiment{called}" if called and not chosen else f"several experiments{called}"
        raise StrokebenchError(f"{source} has {has}.", f"Choose by --experiment: {', '.join(sorted(chosen or found))}.")
    [read] = chosen.values()
    if (results := read()).predictions.empty:
        raise StrokebenchError(f"{source} has no finished run.", "See `strokebench status`.")
    return results


def _experiments(source: Path) -> Mapping[str, Callable[[], Results]]:
    if (source / FACTS_FILE).is_file():
        return {source.resolve().name: partial(Results.read, source)}
    below = {path.parent.name: partial(Results.read, path.parent) for path in sorted(source.glob(f"*/{FACTS_FILE}"))}
    return below or {shared.name: partial(merge, [shared]) for shared in read_package(source)}


def _as_exported(results: Results, pseudonyms: Pseudonyms) -> Results:
    """With the pseudonyms that a package gives its patients, and of the provenance what a package carries."""
    results = without_folders(results)
    ids = results.predictions["patient_id"].astype(str).map(pseudonyms.patient)
    carried = {name: value for name, value in results.provenance.items() if name in PROVENANCE}
    return replace(results, predictions=results.predictions.assign(patient_id=ids), provenance=carried)  # type: ignore[arg-type]
