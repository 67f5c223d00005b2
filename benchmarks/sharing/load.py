"""Packages of results from several machines: verified, compared and merged into one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from strokebench.benchmarks.experiments.find import EXPERIMENTS
from strokebench.benchmarks.running.provenance import strokebench_version
from strokebench.benchmarks.sharing.export import IMPORTED, PREDICTION_PARTS, SCHEMA
from strokebench.benchmarks.sharing.files import read_files
from strokebench.benchmarks.sharing.form import MOST, read_form, read_split, read_table
from strokebench.errors import StrokebenchError
from strokebench.files import home
from strokebench.reports.results import PATIENT_COLUMNS, RUN, RUN_COLUMNS, STATUSES, MethodInfo, Results
from strokebench.tasks.endpoint import Endpoint
from strokebench.tasks.endpoints.parse import parse_endpoint
from strokebench.tasks.fold import PARTS

SAME = (
    *("dataset", "outcome", "protocol", "balance", "encoders", "quick", "labels_shuffled", "scale_text", "tuned"),
    *("data_sha256", "split_sha256", "n_patients", "n_positive"),
)
"""What two machines must agree on before their results are put together."""
TOLERANCE = 1e-6
"""Probabilities of one run that differ by more contradict each other."""


@dataclass(frozen=True)
class Shared:
    """One experiment of one package."""

    source: str
    name: str
    about: dict[str, Any]
    split: dict[str, Any]
    predictions: pd.DataFrame
    runs: pd.DataFrame
    patient_facts: pd.DataFrame | None
    oracle: pd.DataFrame | None

    @property
    def endpoint(self) -> Endpoint:
        """What was predicted."""
        return parse_endpoint(self.about["provenance"]["outcome"])


def import_results(sources: Sequence[Path], key: bytes = b"") -> dict[str, Results]:
    """Read, verify and merge packages, and write what comes of it below `home("results", "imported-...")`.

    Nothing is written unless everything fits.

    Args:
        key: that the packages must be signed with; empty: no signature is looked at.

    Returns:
        `imported-FOLDER/EXPERIMENT` -> its results.

    Raises:
        StrokebenchError: a package that is damaged, of another schema, unsigned, or does not match the others;
            says in what they differ.
    """
    by_name: dict[str, list[Shared]] = {}
    for source in sources:
        for shared in read_package(source, key):
            by_name.setdefault(shared.name, []).append(shared)
    merged = {f"{IMPORTED}{name}": merge(parts) for name, parts in by_name.items()}
    for name, results in merged.items():
        results.write(home("results", *name.split("/")))
    return merged


def read_package(source: Path, key: bytes = b"") -> list[Shared]:
    """The experiments of a package, each whole in itself.

    Raises:
        StrokebenchError: see `import_results`.
    """
    files = read_files(source, key)
    where, hint = f"{source}: manifest.json", "This is no whole package; export it again."
    try:
        manifest = read_form(_part(files, "manifest.json"), "manifest")
        if manifest["schema"] != SCHEMA:
            raise StrokebenchError(
                f"{source} is of schema {manifest['schema']}; this strokebench reads schema {SCHEMA}.",
                "Use the same version of strokebench on both machines.",
            )
        if manifest["strokebench"] != (here := strokebench_version()):
            hint = f"It is of strokebench {manifest['strokebench']}, and here is {here}: use the same on both machines."
        experiments = []
        listed = dict.fromkeys(manifest["experiments"])
        if unlisted := {name.rpartition("/")[0] for name in files} - {"", *listed}:
            raise ValueError(f"does not list {min(unlisted)!r}, which is there")
        for name in listed:
            where = f"{source}: {name!r}"
            experiments.append(_shared(files, str(source), name))
        return experiments
    except (ValueError, TypeError, OverflowError) as error:
        line = " ".join(str(error).split())[:300]
        raise StrokebenchError(f"{where}: {line}", hint) from None


def merge(parts: Sequence[Shared]) -> Results:
    """One experiment's results from several packages.

    A run that several have must be the same in all; a finished one stands for a failed or missing one.

    Raises:
        StrokebenchError: they differ in data, split, versions, code or pseudonyms, or contradict each other.
    """
    first = parts[0]
    for other in parts[1:]:
        _match(first, other)
    runs = pd.concat([part.runs.assign(part=number) for number, part in enumerate(parts)], ignore_index=True)
    _same_code(runs, parts)
    for run, copies in runs[runs["status"] == "done"].groupby(list(RUN), dropna=False):
        if len(copies) > 1:
            _same_predictions(run, copies, parts)
    order = runs["status"].map({status: rank for rank, status in enumerate(STATUSES)})
    best = runs.assign(order=order).sort_values("order", kind="stable").drop_duplicates(list(RUN))
    # In the order of the plans, not of what is finished.
    best = best.loc[best.index.sort_values()]
    kept = best.loc[best["status"] == "done", [*RUN, "part"]]
    facts = [part.patient_facts for part in parts]
    about = first.about
    provenance = {**about["provenance"], "imported": True}
    for field in ("machine", "commit"):
        if values := _of(parts, field):
            provenance[field] = " + ".join(dict.fromkeys(values))
    if created := _of(parts, "created"):
        provenance["created"] = max(created)
    predictions = _rows(kept, [part.predictions for part in parts]).assign(
        experiment=about["experiment"],
        dataset=provenance["dataset"],
        outcome=provenance["outcome"],
        protocol=provenance["protocol"],
        split=provenance["split_sha256"],
    )
    methods = {method["name"]: method for part in parts for method in part.about["methods"]}
    try:
        return Results(
            predictions=predictions[[*PATIENT_COLUMNS, *first.endpoint.prediction_columns]].reset_index(drop=True),
            runs=best[list(RUN_COLUMNS)].reset_index(drop=True),
            methods=[MethodInfo.from_json(method) for method in methods.values()],
            provenance=provenance,  # type: ignore[arg-type]
            oracle=first.oracle,
            patient_facts=_rows(kept, facts).reset_index(drop=True) if any(f is not None for f in facts) else None,
        )
    except StrokebenchError as error:
        sources = " and ".join(part.source for part in parts)
        raise StrokebenchError(f"{sources}: {first.name}: {error.message}", "Export it again.") from None


def _shared(files: Mapping[str, bytes], source: str, name: str) -> Shared:
    def read(part: str, reader: Callable[..., Any], *how: Any) -> Any:
        try:
            return reader(_part(files, f"{name}/{part}"), *how)
        except (ValueError, OverflowError) as error:
            raise ValueError(f"{part}: {error}") from None

    about = read("about.json", read_form, "about")
    if about["experiment"] != name.rpartition("/")[2]:
        raise ValueError(f"about.json: the experiment is {about['experiment']!r}")
    try:
        EXPERIMENTS.find(about["experiment"])
        endpoint = parse_endpoint(about["provenance"]["outcome"])
    except StrokebenchError as error:
        raise ValueError(f"about.json: {error.message}") from None
    facts, oracle = (f"{name}/{part}.csv" in files for part in ("patient_facts", "oracle"))
    shared = Shared(
        source,
        name,
        about,
        split=read("split.json", read_split),
        predictions=read("predictions.csv", read_table, (*PREDICTION_PARTS, *endpoint.prediction_columns)),
        runs=read("runs.csv", read_table, (*RUN_COLUMNS, "code")),
        patient_facts=read("patient_facts.csv", read_table, (*RUN, "patient_id"), True) if facts else None,
        oracle=read("oracle.csv", read_table, ("patient_id", "p")) if oracle else None,
    )
    _check(shared)
    return shared


def _part(files: Mapping[str, bytes], name: str) -> bytes:
    if name not in files:
        raise ValueError(f"there is no {name!r}")
    return files[name]


def _check(shared: Shared) -> None:
    """The parts of one package fit each other, and the numbers can be what they are called."""
    endpoint, runs = shared.endpoint, shared.runs
    if runs.empty:
        raise ValueError("runs.csv: there is no run")
    if unknown := set(runs["status"]) - set(STATUSES):
        raise ValueError(f"runs.csv: the status {min(unknown)!r} is none of {', '.join(STATUSES)}")
    if runs.duplicated(list(RUN)).any():
        raise ValueError("runs.csv: a run is planned twice")
    y = shared.predictions["y"]
    try:
        endpoint.check(y.to_numpy(), endpoint.probabilities(shared.predictions))
    except ValueError as error:
        raise StrokebenchError(f"{shared.source}: {shared.name}: {error}") from None
    shared.predictions["y"] = y.astype(np.int8)
    tested = _tested(shared.split, about := shared.about["provenance"])
    n, positive = about.get("n_patients") or 0, about.get("n_positive") or 0
    if not 0 <= positive <= n <= MOST:
        raise ValueError(f"about.json: {positive} of {n} patients are positive")
    counts = about.get("n_of_labels") or [n] + (endpoint.levels - 1) * [0]
    if len(counts) != endpoint.levels or min(counts) < 0 or sum(counts) != n:
        raise ValueError(f"about.json: {counts} are not {n} patients of {endpoint.levels} labels")
    if shared.oracle is not None and not shared.oracle["p"].between(0, 1).all():
        raise ValueError("oracle.csv: probabilities must be within [0, 1]")
    finished = set(runs.loc[runs["status"] == "done", list(RUN)].itertuples(index=False, name=None))
    for (*names, seed, fold), part in shared.predictions.groupby(list(RUN), dropna=False):
        if (*names, seed, fold) not in finished:
            raise ValueError(f"predictions.csv: the run {(*names, seed, fold)} is not done by runs.csv")
        if set(part["patient_id"]) != tested.get((seed, fold)):
            raise StrokebenchError(
                f"{shared.source}: {shared.name}, seed {seed}, fold {fold}: the predicted patients are not those"
                " of the split.",
                "Export it again.",
            )


def _tested(split: Mapping[str, Any], about: Mapping[str, Any]) -> dict[tuple[Any, Any], set[str]]:
    """The test patients of each seed and fold, of a split that parts patients."""
    if split["protocol"] != about["protocol"]:
        raise ValueError(f"split.json: the protocol is {split['protocol']!r}, in about.json {about['protocol']!r}")
    tested: dict[tuple[Any, Any], set[str]] = {}
    for fold in split["folds"]:
        ids = [id for part in PARTS for id in fold[part]]
        if len(set(ids)) < len(ids) or (fold["seed"], fold["fold"]) in tested:
            raise ValueError(f"split.json: fold {fold['fold']} of seed {fold['seed']} or a patient in it stands twice")
        tested[fold["seed"], fold["fold"]] = set(fold["test"])
    return tested


def _match(one: Shared, other: Shared) -> None:
    a, b = one.about["provenance"], other.about["provenance"]
    differing = [field for field in SAME if a.get(field) != b.get(field)]
    versions, others = a.get("versions", {}), b.get("versions", {})
    # Those of methods that only one of the two ran are the one's alone.
    common = sorted(versions.keys() & others.keys())
    differing += [f"version of {name}" for name in common if versions[name] != others[name]]
    differing += [field for field in ("experiment", "pseudonyms", "sites") if one.about[field] != other.about[field]]
    if not differing and one.split != other.split:
        differing = ["split"]
    if not differing:
        return
    hint = "Only results of the same data, split and versions can be merged; import the others by themselves."
    if differing == ["pseudonyms"]:
        hint = "Export both with the same --salt-file, so that a patient bears one pseudonym."
    raise StrokebenchError(
        f"{one.source} and {other.source} do not match in {one.name}: other {', '.join(differing)}.", hint
    )


def _same_code(runs: pd.DataFrame, parts: Sequence[Shared]) -> None:
    known = runs[(runs["status"] == "done") & (runs["code"] != "")]
    for method, of_method in known.groupby("method"):
        if len(set(of_method["code"])) > 1:
            sources = [parts[number].source for number in of_method.drop_duplicates("code")["part"]]
            raise StrokebenchError(
                f"{' and '.join(dict.fromkeys(sources))} do not match: other code of method {method}.",
                "Run it again with one version of strokebench.",
            )


def _same_predictions(run: tuple, copies: pd.DataFrame, parts: Sequence[Shared]) -> None:
    """All packages that have a finished run have it with one key and the same predictions."""
    sources = " and ".join(parts[number].source for number in copies["part"])
    named = ", ".join(f"{name} {value}" for name, value in zip(RUN, run, strict=True) if str(value))
    where = f"{sources} contradict each other in run {named}"
    hint = "Find out which one is right, and leave the other out."
    if len(set(copies["key"])) > 1:
        raise StrokebenchError(f"{where}: other key, so other settings or code.", hint)
    rows = _rows(copies[[*RUN, "part"]], [part.predictions for part in parts]).groupby("patient_id")
    values = rows[["y", *parts[0].endpoint.prediction_columns]]
    # A patient whom one of them lacks is a contradiction too.
    if (rows.size() != len(copies)).any() or ((values.max() - values.min()) > TOLERANCE).any(axis=None):
        raise StrokebenchError(f"{where}: other predictions under one key.", hint)


def _rows(kept: pd.DataFrame, frames: Sequence[pd.DataFrame | None]) -> pd.DataFrame:
    """The rows of each run from the package that it is taken from, in the order of the runs."""
    found = [frame.assign(part=number) for number, frame in enumerate(frames) if frame is not None]
    return kept.merge(pd.concat(found, ignore_index=True), on=[*RUN, "part"], how="inner").drop(columns="part")


def _of(parts: Sequence[Shared], field: str) -> list[str]:
    return [part.about["provenance"][field] for part in parts if field in part.about["provenance"]]
