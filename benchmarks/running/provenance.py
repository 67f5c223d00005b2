"""What made the results: which patients, under which settings, by which code on which machine?"""

import platform
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.settings import usable_cores
from strokebench.datasets.encoders.encode import encoding_seconds
from strokebench.errors import counted
from strokebench.reports.results import Provenance
from strokebench.reports.tables.caption import EXTERNAL


def provenance_of(context: Context, versions: Mapping[str, str] | None = None) -> Provenance:
    """What is known before any run, and `versions` of the libraries that runs call; what is not so is left out."""
    cohort, settings, embeddings = context.cohort, context.settings, context.embeddings
    provenance: Provenance = {
        "dataset": cohort.name,
        "title": context.title,
        "synthetic": cohort.synthetic,
        "outcome": context.endpoint.expression,
        "outcome_title": context.endpoint.title,
        "protocol": settings.protocol,
        "not_inputs": context.not_inputs,
        "n_patients": len(context.labels),
        "n_without_outcome": len(cohort) - len(context.labels),
        "balance": settings.balance,
        "seeds": list(dict.fromkeys(fold.seed for fold in context.split.folds)),
        "sizes": settings.sizes,
        "encoder_pair": settings.encoders,
        "encoders": dict(embeddings.encoders),
        "untrained_encoders": list(embeddings.untrained),
        "quick": settings.quick,
        "scale_text": settings.keep_scale_text,
        "tuned": {name: tuned.said(context.split.sha256, cohort.name) for name, tuned in context.tuned.items()},
        "data_sha256": context.data_sha256,
        "split_sha256": context.split.sha256,
        "machine": machine(),
    }
    if embeddings.sequences:
        provenance["sequences"] = list(embeddings.sequences)
    if from_masks := cohort.about.get("from_masks"):
        provenance["from_masks"] = from_masks
    if attainable := cohort.about.get("attainable"):
        provenance["attainable"] = attainable
    if context.others:
        provenance["compared_encoders"] = _compared(context)
    if cohort.group is not None:
        provenance["n_persons"] = int(cohort.group.loc[context.labels.index].nunique())
    if context.untested:
        provenance["untested"] = context.untested
    if context.endpoint.binary:
        provenance["n_positive"] = int(context.events.sum())
    elif context.endpoint.dichotomies:
        provenance["n_of_labels"] = [int((context.labels == n).sum()) for n in range(context.endpoint.levels)]
    if settings.shuffle_labels is not None:
        provenance["labels_shuffled"] = settings.shuffle_labels
    if versions:
        provenance["versions"] = dict(versions)
    if found := commit():
        provenance["commit"] = found
    return provenance


def _compared(context: Context) -> dict[str, dict[str, str | float | None]]:
    settings = context.settings
    embeddings = {settings.encoders: context.embeddings, **context.others}
    return {
        pair: {
            **made.encoders,
            **{f"{kind}_seconds": s for kind, s in encoding_seconds(pair, settings.weights).items()},
        }
        for pair, made in embeddings.items()
    }


def is_in_store(facts: Provenance) -> bool:
    """Whether the runs of such results are this machine's: not a package's, nor predictions by a model."""
    return not facts.get("imported") and facts.get("protocol") != EXTERNAL


@cache
def commit() -> str:
    """The commit that the installed code was checked out at, `+changes` where files differ; else empty."""
    folder = Path(__file__).parent
    try:
        # Only the repository that these files belong to: an installed copy may lie within another one.
        if not _git(folder, "ls-files", "--error-unmatch", Path(__file__).name):
            return ""
        return _git(folder, "rev-parse", "HEAD") + (
            "+changes" if _git(folder, "status", "--porcelain", "--untracked-files=no") else ""
        )
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(folder: Path, *arguments: str) -> str:
    answer = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, timeout=10
    )
    return answer.stdout.strip()


@cache
def machine() -> str:
    """Processor, cores and system; no host name, for results that are shared."""
    return f"{processor()}, {counted(usable_cores(), 'core')}, {platform.system()} {platform.release()}"


VECTORS = {"avx512f": "AVX-512", "avx2": "AVX2"}
"""Flag of Linux -> what it is called, the widest first."""


@cache
def processor() -> str:
    """The processor's name as the system gives it, and its widest vectors, by which products of networks round."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    # Of several alike the last is kept.
    said = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = said.get("flags", "").split()
    vectors = [shown for flag, shown in VECTORS.items() if flag in flags]
    return ", ".join([said.get("model name", platform.machine()), *vectors[:1]])


@cache
def strokebench_version() -> str:
    """Version of the installed package."""
    return version("strokebench")
