"""A TRIPOD+AI-style checklist, filled from what the suite knows, with the gaps left visible.

Item numbers are those of TRIPOD+AI (Collins et al., BMJ 2024;385:e078378); the wording is ours, and shorter. It
helps to write a report and does not replace the statement or its explanation.
"""

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

import pandas as pd

from strokebench.errors import counted
from strokebench.files import csv_text
from strokebench.reports.page.parts import PagePart, cohorts_of, common_facts, versions_of
from strokebench.reports.tables.caption import PROTOCOLS, short
from strokebench.reports.tables.render import markdown
from strokebench.tasks.metrics.evaluate import THRESHOLD

SOURCE = "TRIPOD+AI, Collins et al., BMJ 2024;385:e078378"


COMMANDS = {
    "leaks": "strokebench audit leaks",
    "tuning": "strokebench tune METHOD",
    "validation": "strokebench validate MODEL",
}
"""What computes a part that is no experiment."""


class State(StrEnum):
    """How far an item is."""

    FILLED = "filled"
    PARTLY = "partly"
    OPEN = "open"


@dataclass(frozen=True)
class Item:
    """One item.

    Args:
        number: as in TRIPOD+AI. topic: what it is about. asks: what to report, in our words.
        known: what the suite says to it; may be empty.
        see: parts of the report that show it. lacking: names of experiments that would, not computed yet.
        you: what only the authors can write; may be empty.
    """

    number: str
    section: str
    topic: str
    asks: str
    known: str
    see: tuple[PagePart, ...]
    lacking: tuple[str, ...]
    you: str

    @property
    def state(self) -> State:
        """Filled, partly, or open."""
        if not self.known and not self.see:
            return State.OPEN
        return State.PARTLY if self.you or self.lacking else State.FILLED

    @property
    def gaps(self) -> list[str]:
        """What is still to be done."""
        gaps = [f"To be computed: `{COMMANDS.get(name, f'strokebench run {name}')}`." for name in self.lacking]
        return [*gaps, f"To be written by you: {self.you}"] if self.you else gaps


@dataclass(frozen=True)
class Checklist:
    """All items, in order."""

    cohort: str
    items: tuple[Item, ...]

    def count(self, state: State | str) -> int:
        """Items of one state."""
        return sum(item.state == state for item in self.items)

    @property
    def sections(self) -> list[tuple[str, list[Item]]]:
        """Items by section of a paper."""
        found: dict[str, list[Item]] = {}
        for item in self.items:
            found.setdefault(item.section, []).append(item)
        return list(found.items())

    def to_markdown(self) -> str:
        """A Markdown table."""
        counts = ", ".join(f"{self.count(state)} {state}" for state in State)
        lines = [
            f"# Reporting checklist: {markdown(self.cohort)}",
            "",
            f"After {SOURCE}; wording and answers ours. Items: {counts}.",
            "",
            "| Item | Topic | Asks | The suite says | Gaps | State |",
            "|---|---|---|---|---|---|",
        ]
        for number, _, *cells in self._rows():
            lines.append("| " + " | ".join(markdown(str(cell)) for cell in (number, *cells)) + " |")
        return "\n".join(lines) + "\n"

    def to_csv(self) -> str:
        """CSV with columns `item`, `section`, `topic`, `asks`, `suite_says`, `gaps`, `state`."""
        columns = ["item", "section", "topic", "asks", "suite_says", "gaps", "state"]
        return csv_text(pd.DataFrame(self._rows(), columns=columns), index=False)

    def _rows(self) -> list[list[str]]:
        return [
            [item.number, item.section, item.topic, item.asks, _answer(item), " ".join(item.gaps), str(item.state)]
            for item in self.items
        ]


def fill_checklist(parts: Sequence[PagePart], sample_size: str = "") -> Checklist:
    """The checklist for what was computed.

    An answer that needs a fact which nobody recorded is left out, and its item stays open.

    Args:
        sample_size: how many patients a model needs, in words; empty where nobody has described the cohort.
    """
    facts = _facts(parts) | {"sample_size": sample_size}
    by_name: dict[str, list[PagePart]] = {}
    for part in parts:
        by_name.setdefault(part.topic, []).append(part)
    items = []
    for raw in _items():
        wanted = raw.get("see", [])
        # Of invented patients nothing more can be said, by anybody.
        invented = bool(facts.get("synthetic")) and "synthetic" in raw
        known = raw.get("synthetic" if invented else "suite")
        items.append(
            Item(
                number=str(raw["item"]),
                section=raw["section"],
                topic=raw["topic"],
                asks=raw["asks"],
                known=" ".join(filter(None, (_filled(sentence, facts) for sentence in known or []))),
                see=tuple(part for name in wanted for part in by_name.get(name, [])),
                lacking=tuple(name for name in wanted if name not in by_name),
                you="" if invented else raw.get("you", ""),
            )
        )
    return Checklist("; ".join(cohorts_of(parts)), tuple(items))


@cache
def _items() -> list[dict[str, Any]]:
    import yaml

    return yaml.safe_load((files("strokebench.reports.page") / "checklist.yaml").read_text(encoding="utf-8"))


def _filled(sentence: str, facts: Mapping[str, Any]) -> str:
    needs = {name for _, name, _, _ in string.Formatter().parse(sentence) if name}
    return sentence.format(**facts) if all(facts.get(name) not in (None, "") for name in needs) else ""


def _answer(item: Item) -> str:
    titles = "; ".join(part.title for part in item.see)
    return f"{item.known} See: {titles}.".strip() if titles else item.known


def _facts(parts: Sequence[PagePart]) -> dict[str, Any]:
    """What sentences of the checklist may name."""
    facts = common_facts(parts)
    n, positive = facts.get("n_patients"), facts.get("n_positive")
    if n and positive is not None:
        facts["prevalence"] = f"{100 * positive / n:.1f} %"
        facts["smaller_class"] = min(positive, n - positive)
    encoders = facts.get("encoders")
    if isinstance(encoders, dict):
        facts["encoders"] = ", ".join(f"{modality}: {name}" for modality, name in encoders.items())
    protocols = dict.fromkeys(part.protocol for part in parts if part.protocol)
    facts["protocols"] = "; ".join(f"{name} ({PROTOCOLS.get(name, 'as named')})" for name in protocols)
    judged_by = dict.fromkeys(name for part in parts if part.results for name in part.results.judged_by)
    facts["metrics"] = ", ".join(judged_by)
    facts["threshold"] = f"{THRESHOLD:g}"
    binary = all(part.results.endpoint.binary for part in parts if part.results)
    facts["event" if binary else "grades"] = facts.get("outcome")
    methods = {method.label for part in parts if part.results for method in part.results.methods}
    facts["methods"] = counted(len(methods), "method") if methods else None
    sites = {str(site) for part in parts if part.results for site in part.results.predictions["site"].dropna().unique()}
    facts["n_sites"] = len(sites) or None
    if commits := list(dict.fromkeys(str(part.facts["commit"]) for part in parts if part.facts.get("commit"))):
        several = f"commits {', '.join(map(short, commits))} (the provenance says which made what)"
        facts["commits"] = several if len(commits) > 1 else f"commit {commits[0]}"
    facts["versions"] = ", ".join(f"{name} {version}" for name, version in versions_of(parts).items())
    if sha := facts.get("data_sha256"):
        facts["data"] = sha[:10]
    return facts
