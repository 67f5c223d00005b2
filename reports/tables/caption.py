"""The words around a table of metrics: cohort, outcome, runs, and what the numbers may be compared with."""

from collections.abc import Mapping, Sequence

from strokebench.errors import counted
from strokebench.reports.results import FACTS_FILE, Provenance, Results
from strokebench.reports.summary import judged_runs
from strokebench.tasks.endpoints.parse import TOO_FEW, too_few
from strokebench.tasks.metrics.evaluate import THRESHOLD
from strokebench.tasks.paper_setup import SIZES

PROTOCOLS = {
    "cv5": "5-fold cross-validation, with new folds for each seed",
    "holdout": "one fixed test part of 20 %",
    "loho": "leave one hospital out",
    "own": "the cohort's own folds",
    "external": "models that were fitted before, used as they are",
}
EXTERNAL = "external"
"""The protocol of a validation."""


NAMED = 8
"""Columns that are no input for one reason: so many are named, more are counted (our choice)."""
QUICK = "A quick check: the first two folds of the first seed, networks for eight epochs; no number is a result."
QUICK_MODELS = "A quick check: models fitted by `--quick`, networks for eight epochs; no number is a result."


def cohort_title(results: Results) -> str:
    """Title of the cohort; a synthetic one is always called that, whatever its title."""
    title = results.provenance.get("title") or results.provenance.get("dataset") or "unnamed cohort"
    return patients_title(title, results.provenance.get("synthetic", False))


def patients_title(title: str, synthetic: bool) -> str:
    """The title of a cohort, in which invented patients are always called so."""
    return f"{title} (synthetic patients)" if synthetic and "synthetic" not in title.lower() else title


def facts(results: Results) -> dict[str, str]:
    """What the CSV of a table repeats in each row, so that files of several cohorts can be joined."""
    return {
        "cohort": cohort_title(results),
        "outcome": results.provenance.get("outcome", ""),
        "protocol": results.provenance.get("protocol", ""),
    }


def setting_line(results: Results) -> str:
    """Cohort, outcome and protocol in one line."""
    stated = facts(results) | {"outcome": outcome_title(results)}
    return ", ".join(
        [stated["cohort"], *(f"{name} {stated[name]}" for name in ("outcome", "protocol") if stated[name])]
    )


def outcome_title(results: Results) -> str:
    """What headings call the outcome; empty where it is not known."""
    return results.provenance.get("outcome_title") or results.provenance.get("outcome", "")


def outcome_in_words(results: Results) -> str:
    """`Outcome nihss < 7: 729 patients, 31.8 % positive.`, what is of lesion masks, if external or a quick check."""
    said = f"Outcome {outcome_title(results) or 'not stated'}: {patients_in_words(results)}."
    said += few_in_words(results)
    said += f" From the lesion masks: {made}." if (made := results.provenance.get("from_masks")) else ""
    if is_external(results):
        said += f" Protocol external: {PROTOCOLS[EXTERNAL]}."
        seen, untold = (results.provenance.get(name, 0) for name in ("n_seen", "n_untold"))
        said += f" Models were made of {seen} of these patients, which flatters them." if seen else ""
        said += f" Of {untold} nobody can tell whether a model was made of them." if untold else ""
    check = QUICK_MODELS if is_external(results) else QUICK
    return f"{said} {check}" if results.provenance.get("quick") else said


def few_in_words(results: Results) -> str:
    """` Only 2 patients with label 1 were tested, too few to tell much of a method.`, or empty where more were."""
    y = results.predictions.drop_duplicates("patient_id")["y"]
    counts = y.value_counts().reindex([1, 0], fill_value=0)
    if not results.endpoint.binary or y.empty or not too_few(counts):
        return ""
    were = "was" if counts.min() == 1 else "were"
    who = f"{counted(int(counts.min()), 'patient')} with label {counts.idxmin()}"
    return f" Only {who} {were} tested, too few to tell much of a method."


def is_external(results: Results) -> bool:
    """Whether models were validated here that were fitted elsewhere."""
    return results.provenance.get("protocol") == EXTERNAL


def runs_in_words(results: Results) -> str:
    """`20 runs (5 folds x 4 seeds)`: what the standard deviation is taken over."""
    runs = judged_runs(results)
    folds, seeds = runs["fold"].nunique(), runs["seed"].nunique()
    per_setting = runs.groupby(["method", "variant", "condition"], dropna=False).size().unique()
    if len(per_setting) == 1 and per_setting[0] == folds * seeds:
        return f"{counted(per_setting[0], 'run')} ({counted(folds, 'fold')} × {counted(seeds, 'seed')})"
    return "the runs counted in the last column"


def patients_in_words(results: Results) -> str:
    """`729 patients, 31.8 % positive`, and how many were tested where not all were."""
    tested = results.predictions.drop_duplicates("patient_id")
    n = results.provenance.get("n_patients")
    positive = results.provenance.get("n_positive")
    if n is None or positive is None:
        if tested.empty:
            return "no patient tested yet"
        shares = results.endpoint.shares(tested["y"])
        if n is None:
            return f"{len(tested)} test patients, {shares}"
        words = f"{n} patients, {shares}" if len(tested) == n else f"{n} patients, of those tested {shares}"
    else:
        words = f"{n} patients, {100 * (positive / n):.1f} % positive" if n else "no patients"
    if without := results.provenance.get("n_without_outcome"):
        words += f", {without} more left out without a known outcome"
    return words if len(tested) in (0, n) else f"{words}, {len(tested)} of them tested"


def caption(results: Results, metrics: bool = True) -> str:
    """How to read the numbers, in full sentences.

    Args:
        metrics: every metric stands there, with its deviation and the best marked; else means of one.
    """
    facts = results.provenance
    protocol = facts.get("protocol", "")
    sentences = [
        outcome_in_words(results),
        f"Mean{' (population standard deviation)' * metrics} in percent over {runs_in_words(results)}.",
        units_in_words(results).strip() if metrics else "",
        f"Protocol {protocol}: {PROTOCOLS.get(protocol, 'as named')}." if protocol else "",
        persons_in_words(facts),
        f"Encoders: {_encoders(facts['encoders'])}." if facts.get("encoders") else "",
        sequences_in_words(facts),
        sizes_in_words(facts["sizes"]) if facts.get("sizes") else "",
        not_inputs_in_words(facts.get("not_inputs", {})),
        results.endpoint.how_called(THRESHOLD),
        "Best bold, second best underlined." if metrics else "",
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def units_in_words(results: Results) -> str:
    """Which metrics are no percentage, and of which less is better, after a blank; empty where none is."""
    said = [f" {name} is no percentage." for name, metric in results.judged_by.items() if not metric.unit]
    said += [f" A lower {name} is better." for name, metric in results.judged_by.items() if not metric.higher_is_better]
    return "".join(said)


def persons_in_words(facts: Provenance) -> str:
    """That rows of one person were never parted, and what that leaves; empty where each row is a person."""
    if not (persons := facts.get("n_persons")):
        return ""
    return (
        f"The rows are of {persons} persons, who are never parted between training and test; intervals and tests take"
        " each row as a patient of its own, and are too narrow where persons have several."
    )


def sequences_in_words(facts: Provenance) -> str:
    """Of which images a patient's is made up; empty for a single one."""
    if not (sequences := facts.get("sequences")):
        return ""
    return f"Image: {', '.join(sequences)}, each encoded by itself on one grid and laid side by side."


def sizes_in_words(sizes: str) -> str:
    """`Networks of the paper: small sizes, 128 hidden units and width 64, where a row says no other.`"""
    said = "Networks of the paper: {} sizes, {hidden} hidden units and width {width}, where a row says no other."
    return said.format(sizes, **SIZES[sizes])


def not_inputs_in_words(reasons: Mapping[str, str]) -> str:
    """`No inputs: mrs90 (the outcome is read from it); ward, nurse (banned).`, of column -> why; empty for none.

    Of many of one reason their number stands there, and where they are listed.
    """
    columns = _by_reason(reasons)
    counted = any(len(names) > NAMED for names in columns.values())
    said = "; ".join(
        f"{', '.join(names) if len(names) <= NAMED else f'{len(names)} columns'} ({reason})"
        for reason, names in columns.items()
    )
    where = f" All by name: the notes of Table 1's files, and `not_inputs` in {FACTS_FILE}."
    return f"No inputs: {said}.{where * counted}" if said else ""


def counted_not_inputs(results: Results) -> str:
    """The columns that `not_inputs_in_words` only counts, by name; empty where it names all."""
    columns = _by_reason(results.provenance.get("not_inputs", {}))
    said = "; ".join(f"{', '.join(names)} ({reason})" for reason, names in columns.items() if len(names) > NAMED)
    return f"No inputs, by name: {said}." if said else ""


def _by_reason(reasons: Mapping[str, str]) -> dict[str, list[str]]:
    columns: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        columns.setdefault(reason, []).append(name)
    return columns


def left_out(results: Results) -> str:
    """Which hospitals are in no number, and why; empty where all are."""
    said = []
    if results.too_small:
        which = ", ".join(results.too_small.values())
        said.append(f"Left out of every number, with {TOO_FEW} (patients, of them outside it): {which}.")
    if untested := results.provenance.get("untested"):
        said.append(f"Not tested: {untested_in_words(untested)}.")
    return " ".join(said)


def untested_in_words(hospitals: Sequence[str]) -> str:
    """Why these hospitals are never left out."""
    names = ", ".join(hospitals)
    return f"{names}, without which too few patients of one class are left to learn from"


def identity(results: Results) -> str:
    """Which data, split and code made the numbers, by the first letters of their hashes."""
    facts = results.provenance
    named = {"data": facts.get("data_sha256"), "split": facts.get("split_sha256"), "code": facts.get("commit")}
    words = [f"{name} {short(value)}" for name, value in named.items() if value]
    return f"Made from {', '.join(words)}." if words else ""


def short(identifier: str) -> str:
    """Ten letters of a hash, and all of what is said about it (`+changes`)."""
    sha, plus, remark = identifier.partition("+")
    return sha[:10] + plus + remark


def _encoders(encoders: str | dict[str, str]) -> str:
    if isinstance(encoders, str):
        return encoders
    return ", ".join(f"{modality} {name}" for modality, name in encoders.items())
