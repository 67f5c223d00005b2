"""What a reader must know before any number of the page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from strokebench.reports.page.parts import PagePart
from strokebench.reports.tables.caption import EXTERNAL


@dataclass(frozen=True)
class Caution:
    """One caution.

    Args:
        title: two or three words. text: a sentence or two. links: parts that it is about.
        minor: no number is wrong or unfinished for it.
    """

    title: str
    text: str
    links: tuple[PagePart, ...] = ()
    minor: bool = False


def cautions(parts: Sequence[PagePart]) -> list[Caution]:
    """Everything that limits what may be concluded, the gravest first."""
    return [
        *_warnings(parts, alarms=True),
        *_damaged(parts),
        *_outdated(parts),
        *_synthetic(parts),
        *_remarks(parts),
        *_incomplete(parts),
        *_warnings(parts, alarms=False),
        *_mixed(parts),
        *_encoders(parts),
        *_uncommitted(parts),
    ]


def _warnings(parts: Sequence[PagePart], alarms: bool) -> list[Caution]:
    """What experiments warn of themselves; leaks first of all."""
    title = "Leak alarm" if alarms else "Caution"
    about = [part for part in parts if (part.topic == "leaks") == alarms]
    return [Caution(title, warning, (part,)) for part in about for warning in part.warnings]


def _damaged(parts: Sequence[PagePart]) -> list[Caution]:
    panels = [(part, panel.problem) for part in parts for panel in part.panels if panel.problem]
    whole = [(part, problem) for part in parts for problem in part.problems]
    return [Caution("Not readable", problem, (part,)) for part, problem in whole + panels]


def _outdated(parts: Sequence[PagePart]) -> Iterator[Caution]:
    for part in parts:
        if part.outdated:
            yield Caution(
                "Older tables",
                "Its tables, figures and findings are of an earlier call, not of the runs that are there now: "
                f"`strokebench report {part.name}` writes them anew.",
                (part,),
            )


def _synthetic(parts: Sequence[PagePart]) -> Iterator[Caution]:
    invented = tuple(part for part in parts if part.facts.get("synthetic"))
    if invented:
        yield Caution(
            "Synthetic patients",
            "These patients are invented by a generator. The numbers show that the suite works and how methods "
            "behave on data of known make; they say nothing about real patients.",
            invented if any(part.facts.get("synthetic") is False for part in parts) else (),
        )


REMARKS = {
    "quick": Caution(
        "Quick check",
        "One seed, two folds and eight epochs: it shows that everything runs. None of its numbers is a result.",
    ),
    "labels_shuffled": Caution(
        "Labels shuffled",
        "The outcomes were permuted among patients as a check of the suite: every AUC must be near 50.",
    ),
    "scale_text": Caution(
        "Text may state the outcome",
        "Sentences that state the outcome's own scale were left in the text on request. Methods that read text may "
        "copy the answer.",
    ),
}
"""Facts of the provenance that must not be overlooked, and the warning that follows."""


def _remarks(parts: Sequence[PagePart]) -> Iterator[Caution]:
    for fact, caution in REMARKS.items():
        # Not by their truth: the seed of shuffled labels may be 0.
        about = tuple(p for p in parts if (value := p.facts.get(fact)) is not None and value is not False)
        if about:
            yield replace(caution, links=() if len(about) == len(parts) else about)


def _incomplete(parts: Sequence[PagePart]) -> Iterator[Caution]:
    for part in parts:
        done, planned, failed = part.count("done"), part.count(), part.count("failed")
        if done == planned or part.runs is None:
            continue
        lacking = part.runs[part.runs["status"] != "done"].groupby("method", sort=False).size()
        names = {method.name: method.label for method in part.results.methods} if part.results else {}
        # Labels have commas: `Logistic regression, table`.
        methods = "; ".join(f"{n} of {names.get(str(name), name)}" for name, n in lacking.items())
        finished = f"{done}/{planned} runs are finished"
        finished += f", {failed} failed" if failed else ""
        yield Caution("Incomplete", f"{finished}. Still to be finished: {methods}.", (part,))


def _mixed(parts: Sequence[PagePart]) -> Iterator[Caution]:
    for key, what in (("data_sha256", "data"), ("commit", "versions of the code"), ("encoders", "encoders")):
        # A validation is of other patients, by its nature.
        values = {str(part.facts[key]) for part in parts if part.facts.get(key) and part.protocol != EXTERNAL}
        if len(values) > 1:
            text = f"The experiments were made from {len(values)} different {what}; see the provenance."
            yield Caution("Not all alike", text, minor=key == "commit")


def _encoders(parts: Sequence[PagePart]) -> Iterator[Caution]:
    untrained = sorted({name for part in parts for name in part.facts.get("untrained_encoders", ())})
    if untrained:
        yield Caution(
            "Untrained encoder",
            f"Images were encoded by {', '.join(untrained)}: it keeps where signal is, not what a trained network "
            "knows of brains. Methods that read images may do better with the paper's encoders (ENCODERS=paper).",
            minor=True,
        )


def _uncommitted(parts: Sequence[PagePart]) -> list[Caution]:
    changed = tuple(part for part in parts if str(part.facts.get("commit", "")).endswith("+changes"))
    if not changed:
        return []
    text = "The code had changes that are in no commit when the results were gathered; the commit does not name it all."
    return [Caution("Uncommitted code", text, changed if len(changed) < len(parts) else (), minor=True)]
