"""Results as a package for others: pseudonymous predictions and how they were made; nothing else of a patient."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd

from strokebench.benchmarks.running.provenance import is_in_store, strokebench_version
from strokebench.benchmarks.running.store import Store
from strokebench.benchmarks.sharing.files import write_files
from strokebench.benchmarks.sharing.metadata import described
from strokebench.benchmarks.sharing.pseudonyms import Pseudonyms, write_key
from strokebench.datasets.encoders.registry import without_folder
from strokebench.errors import StrokebenchError, unknown_name
from strokebench.files import digest, home, no_formula
from strokebench.reports.results import RUN, RUN_COLUMNS, RUNS_FILE, Results, read_provenance
from strokebench.reports.tables.results_table import error_line
from strokebench.reports.tables.table import error_kind
from strokebench.tasks.fold import PARTS, Split

SCHEMA = 3
"""Version of the package's form; raised when a reader of the old form would misread the new one."""
IMPORTED = "imported-"
PREDICTION_PARTS = (*RUN, "patient_id", "site", "y")
"""The columns of predictions that every package has, before those of its endpoint."""
PROVENANCE = (
    *("dataset", "title", "synthetic", "outcome", "protocol", "n_patients", "n_positive", "n_of_labels"),
    *("n_without_outcome", "sizes"),
    *("balance", "encoder_pair", "encoders", "untrained_encoders", "quick", "labels_shuffled", "scale_text", "tuned"),
    *("data_sha256", "split_sha256", "versions", "commit", "machine", "created"),
)
"""What a package says of the origin; a key that is not here stays at home."""

README = """Results of strokebench, made to be shared.

Patients and, unless the sender chose otherwise, hospitals bear pseudonyms: keyed hashes whose key stays with the
sender. There are no texts, no values of the clinical table, no paths and no names of machines.

manifest.json     version of this form, and which experiments there are
*/about.json      cohort, outcome, settings, hashes of data and split, versions, descriptions of the methods
*/predictions.csv one line a test patient and run: label y, probability p
*/runs.csv        one line a planned run: what became of it, its cost, hashes of its key and its code
*/split.json      who was in training, validation and test
ro-crate-metadata.json, croissant.json
                  the same for other programs: the files by RO-Crate 1.2, the columns of predictions by Croissant 1.1
SHA256SUMS        checksum of each file: `sha256sum -c SHA256SUMS`
SHA256SUMS.hmac   its signature, where the sender had a key: HMAC-SHA-256

`strokebench results import` verifies and merges such packages.
"""


def export_results(
    target: Path, experiments: Sequence[str], pseudonyms: Pseudonyms, keep_sites: bool = False, key: bytes = b""
) -> dict[str, Path]:
    """Write a package of finished results.

    Args:
        target: a `.zip`, or a folder that is new or empty.
        experiments: names, `table1`, or `FOLDER/NAME` as below `home("results")`; none: all.
        keep_sites: keep the hospitals' names.
        key: what the package is signed with; empty: it is not.

    Returns:
        `FOLDER/NAME` -> the key from pseudonyms to patients, which stays here.

    Raises:
        StrokebenchError: nothing to export, or the split of an experiment is gone.
    """
    files: dict[str, bytes] = {"README.txt": README.encode()}
    keys, exported = {}, {}
    folders = _folders(experiments)
    for folder in folders:
        name = f"{folder.parent.name}/{folder.name}"
        results = Results.read(folder)
        if results.predictions.empty:
            continue
        split = _find_split(results, name)
        for part, content in _experiment_files(results, split, pseudonyms, keep_sites).items():
            files[f"{name}/{part}"] = content
        exported[name] = results
        ids = {id for fold in split.folds for part in PARTS for id in getattr(fold, part)}
        keys[name] = write_key(pseudonyms, ids, folder.parent.name)
    if not keys:
        raise StrokebenchError("None of these experiments has a finished run.", "See `strokebench status`.")
    manifest = {"schema": SCHEMA, "strokebench": strokebench_version(), "experiments": sorted(keys)}
    files["manifest.json"] = _json(manifest)
    files |= {name: _json(content) for name, content in described(files, exported).items()}
    write_files(files, target, key)
    return keys


def without_folders(results: Results) -> Results:
    """Results whose encoders are called by their weights' file, without the folder that it lies in here; files of one
    name are told apart by a hash of the whole one."""
    provenance = dict(results.provenance)
    pair = results.provenance.get("encoder_pair", "")
    # An experiment that compares encoders calls its variants after them; trained weights are often all `best.pt`.
    names = {pair, *results.runs["variant"].dropna(), *results.runs["variant_label"].dropna()}
    files = Counter(map(without_folder, names))
    called = {name: f"{file}_{digest(name)[:8]}" if files[file := without_folder(name)] > 1 else file for name in names}
    if pair:
        provenance["encoder_pair"] = called[pair]

    def renamed(frame: pd.DataFrame) -> pd.DataFrame:
        named = [name for name in ("variant", "variant_label") if name in frame]
        return frame.assign(**{name: frame[name].map(called, na_action="ignore") for name in named})

    facts = results.patient_facts
    return replace(
        results,
        predictions=renamed(results.predictions),
        runs=renamed(results.runs),
        patient_facts=None if facts is None else renamed(facts),
        provenance=provenance,  # type: ignore[arg-type]
    )


def _folders(experiments: Sequence[str]) -> list[Path]:
    found = sorted(path.parent for path in home("results").glob(f"*/*/{RUNS_FILE}"))
    # Imported results are another's to share, and what a model predicts has no split to share.
    own = [folder for folder in found if is_in_store(read_provenance(folder))]
    if not own:
        raise StrokebenchError(f"There are no results below {home('results')}.", "Run an experiment first.")
    chosen = []
    for wanted in experiments:
        fitting = [folder for folder in own if wanted in (folder.name, f"{folder.parent.name}/{folder.name}")]
        if not fitting:
            raise unknown_name("experiment with results", wanted, sorted({folder.name for folder in own}))
        chosen += fitting
    return sorted(set(chosen)) if experiments else own


def _find_split(results: Results, name: str) -> Split:
    sha256 = results.provenance["split_sha256"]
    for path in home("splits").glob(f"*-{sha256[:12]}.json"):
        split = Split.read(path)
        if split.sha256 == sha256:
            return split
    raise StrokebenchError(f"The split of {name} is not below {home('splits')}.", "Run the experiment again.")


def _experiment_files(results: Results, split: Split, pseudonyms: Pseudonyms, keep_sites: bool) -> dict[str, bytes]:
    site: Callable[[str], str] = no_formula if keep_sites else pseudonyms.site
    results = without_folders(results)
    predictions = _by_pseudonym(results.predictions, pseudonyms)
    predictions["site"] = predictions["site"].map(site, na_action="ignore")
    runs = results.runs[list(RUN_COLUMNS)].assign(error=results.runs["error"].map(_kind_of_error), code=_code(results))
    files = {
        "about.json": _json(_about(results, pseudonyms, keep_sites)),
        "predictions.csv": _csv(predictions[[*PREDICTION_PARTS, *results.endpoint.prediction_columns]]),
        "runs.csv": _csv(runs),
        "split.json": _json(_shared_split(split, pseudonyms, site)),
    }
    if (facts := results.patient_facts) is not None:
        numbers = [name for name in facts.select_dtypes("number") if name not in RUN]
        files["patient_facts.csv"] = _csv(_by_pseudonym(facts, pseudonyms)[[*RUN, "patient_id", *numbers]])
    if results.oracle is not None:
        files["oracle.csv"] = _csv(_by_pseudonym(results.oracle, pseudonyms)[["patient_id", "p"]])
    return files


def _by_pseudonym(frame: pd.DataFrame, pseudonyms: Pseudonyms) -> pd.DataFrame:
    """With pseudonyms in place of ids, sorted by them: the order of the patients would tell of their ids."""
    frame = frame.assign(patient_id=frame["patient_id"].astype(str).map(pseudonyms.patient))
    return frame.sort_values([name for name in (*RUN, "patient_id") if name in frame])


def _about(results: Results, pseudonyms: Pseudonyms, keep_sites: bool) -> dict[str, Any]:
    provenance: dict[str, Any] = dict(results.provenance)
    return {
        "experiment": str(results.predictions["experiment"].iloc[0]),
        "provenance": {key: provenance[key] for key in PROVENANCE if key in provenance},
        "methods": [method.to_json() for method in results.methods],
        "pseudonyms": pseudonyms.mark,
        "sites": "names" if keep_sites else "pseudonyms",
    }


def _shared_split(split: Split, pseudonyms: Pseudonyms, site: Callable[[str], str]) -> dict[str, Any]:
    folds = []
    for fold in split.folds:
        parts: dict[str, Any] = {part: tuple(sorted(map(pseudonyms.patient, getattr(fold, part)))) for part in PARTS}
        # Leave-one-hospital-out calls a fold by its hospital.
        folds.append(replace(fold, name=site(fold.name) if split.protocol == "loho" else fold.name, **parts))
    return asdict(Split(split.protocol, tuple(folds)))


def _code(results: Results) -> list[str]:
    """Hash of the code of each finished run, from its record; empty where the record is gone."""
    store = Store()
    return [
        str(store.read(key)[1].get("code_sha256", "")) if status == store.status(key) == "done" else ""
        for key, status in zip(results.runs["key"], results.runs["status"], strict=True)
    ]


def _kind_of_error(error: object) -> str:
    return error_kind(error_line(error)) if isinstance(error, str) and error.strip() else ""


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _csv(frame: pd.DataFrame) -> bytes:
    # Floats are written with all the digits that they need to be read back the same.
    return frame.to_csv(index=False, lineterminator="\n").encode()
