"""What experiments left in their folders, read for the page."""

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import escape

from strokebench.errors import StrokebenchError
from strokebench.files import file_digest
from strokebench.reports.page.inline import inline_svg, inline_table
from strokebench.reports.results import FACTS_FILE, Results, read_provenance
from strokebench.reports.tables.caption import EXTERNAL, PROTOCOLS, patients_title
from strokebench.reports.tables.section import SECTION_FILE, read_section, results_in

LARGEST_SVG = 1_500_000
"""Bytes; a larger drawing (many thousand points) is shown as its PNG."""

WORDS = ("name", "kind", "title", "shows", "does_not_show")
DOWNLOADS = {"csv": "text/csv", "tex": "application/x-tex"}


@dataclass(frozen=True)
class PagePanel:
    """A table or figure, ready to be put in. `problem` says why `html` is empty, where it is."""

    id: str
    kind: str
    title: str
    shows: str
    does_not_show: str
    html: str = ""
    problem: str = ""
    downloads: tuple[tuple[str, str, str], ...] = ()
    """File name, media type, text."""


@dataclass(frozen=True)
class PagePart:
    """One experiment under one protocol.

    Args:
        id: anchor, unique in the page. name: the experiment's. topic: what order and checklist know it by.
        provenance: where there are no results; see `facts`.
        results: None where there are none, or where `problems` says that they cannot be read.
        outdated: its tables were made from other runs or predictions than those of `results`.
        distinction: what tells it from other parts of the same experiment; empty where there are none.
    """

    id: str
    name: str
    title: str
    topic: str = ""
    cohort: str = ""
    lead: str = ""
    panels: tuple[PagePanel, ...] = ()
    warnings: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    results: Results | None = field(default=None, repr=False)
    provenance: Mapping[str, Any] = field(default_factory=dict, repr=False)
    outdated: bool = False
    distinction: str = ""

    @property
    def facts(self) -> dict[str, Any]:
        """Provenance; empty where it is not known."""
        return dict(self.results.provenance if self.results else self.provenance)

    @property
    def protocol(self) -> str:
        """`cv5`, `holdout`, `loho` or empty."""
        return str(self.facts.get("protocol", ""))

    @property
    def runs(self) -> pd.DataFrame | None:
        """The planned runs; None where nothing is trained."""
        return self.results.runs if self.results is not None and len(self.results.runs) else None

    def count(self, status: str = "") -> int:
        """Planned runs, or those of one status."""
        if self.runs is None:
            return 0
        return int((self.runs["status"] == status).sum()) if status else len(self.runs)

    @property
    def complete(self) -> bool:
        """Nothing is left to compute; where runs belong and none was planned, nothing was computed."""
        planned = self.results is None or self.runs is not None
        return planned and not self.problems and self.count("done") == self.count()

    @property
    def progress(self) -> str:
        """`240/240 runs`, or empty where nothing is trained."""
        return f"{self.count('done')}/{self.count()} runs" if self.count() else ""


def facts_of(folder: Path) -> Mapping[str, Any]:
    """Where what lies in an experiment's folder comes from; empty where it does not say so."""
    if facts := read_provenance(folder):
        return facts
    try:
        return read_section(folder)["provenance"]
    except (StrokebenchError, KeyError, TypeError):
        return {}


def find_parts(folders: Iterable[Path], order: Sequence[str] = ()) -> list[PagePart]:
    """Read the experiments below the given folders of results, one folder a cohort, outcome and protocol.

    What is damaged is no error: the part says so.

    Args:
        order: names of experiments in reading order; others follow by name.
    """
    found = []
    for setting in folders:
        for folder in sorted(path for path in setting.glob("*") if path.is_dir()):
            if (folder / SECTION_FILE).is_file() or (folder / FACTS_FILE).is_file():
                found.append(_read(folder))
    places = {name: place for place, name in enumerate(order)}
    protocols = {name: place for place, name in enumerate(PROTOCOLS)}
    return sorted(
        _named_apart(found),
        key=lambda part: (
            *(places.get(part.topic, len(places)), part.name),
            *(protocols.get(part.protocol, len(protocols)), part.distinction),
        ),
    )


def _read(folder: Path) -> PagePart:
    problems, results = [], None
    if (folder / FACTS_FILE).is_file():
        try:
            results = Results.read(folder)
        except (StrokebenchError, KeyError, ValueError, TypeError) as error:
            # A folder's name of several words may be a person's.
            told = str(error).replace(f"{folder}/", "").replace(str(folder), folder.name)
            problems.append(
                f"Its results cannot be read ({told}); `strokebench report {folder.name}` writes them again."
            )
    part = PagePart(id=folder.name, name=folder.name, title=folder.name, topic=folder.name, results=results)
    try:
        section, made_from = read_section(folder), results_in(folder)
        part = replace(
            part,
            title=section["title"],
            topic=section["topic"],
            provenance=section["provenance"],
            cohort=section["cohort"],
            lead=section["lead"],
            warnings=tuple(section.get("warnings", ())),
            outdated=results is not None and section.get("made_from", made_from) != made_from,
            # Ids are given below, once all names are known.
            panels=tuple(PagePanel(*(panel[name] for name in WORDS)) for panel in section["panels"]),
        )
    except (StrokebenchError, KeyError, TypeError):
        section = {}
        if results is not None and not (folder / SECTION_FILE).exists() and not part.complete:
            lead = f"No tables yet: `strokebench report {folder.name}` writes those of the runs that are finished."
            part = replace(part, lead=lead)
        else:
            problems.append(
                f"Its report is lacking, damaged or not made for pages; `strokebench report {folder.name}` writes it, "
                "if the experiment publishes it."
            )
    part = replace(part, problems=tuple(problems))
    checksums = section.get("files", {})
    return replace(part, panels=tuple(_filled(panel, folder, checksums) for panel in part.panels))


def _filled(panel: PagePanel, folder: Path, checksums: Mapping[str, str]) -> PagePanel:
    prefix = anchor(f"{folder.parent.name}-{folder.name}-{panel.id}")
    try:
        # A folder of results may be another's.
        if outside := [name for name in (panel.id, *checksums) if Path(name).name != name]:
            raise StrokebenchError(f"{outside[0]} is no name of a file")
        for name in checksums:
            if Path(name).stem == panel.id and file_digest(folder / name) != checksums[name]:
                raise StrokebenchError(f"{name} is damaged")
        if panel.kind == "table":
            html = inline_table((folder / f"{panel.id}.html").read_text(encoding="utf-8"), prefix)
            files = [(folder / f"{panel.id}.{form}", media) for form, media in DOWNLOADS.items()]
            downloads = tuple(
                (f"{folder.name}-{path.name}" if folder.name not in path.name else path.name, media, _text(path))
                for path, media in files
                if path.is_file()
            )
            return replace(panel, html=html, downloads=downloads)
        return replace(panel, html=_figure(folder / f"{panel.id}.svg", prefix, panel.title))
    except (StrokebenchError, OSError, UnicodeDecodeError) as error:
        reason = error.message if isinstance(error, StrokebenchError) else type(error).__name__
        return replace(panel, problem=f"{panel.id} cannot be shown ({reason}); `strokebench report` writes it again.")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _figure(path: Path, prefix: str, label: str) -> str:
    picture = path.with_suffix(".png")
    if path.stat().st_size <= LARGEST_SVG or not picture.is_file():
        return inline_svg(path, prefix, label)
    data = b64encode(picture.read_bytes()).decode()
    return f'<img src="data:image/png;base64,{data}" alt="{escape(label)}">'


def _named_apart(parts: Sequence[PagePart]) -> list[PagePart]:
    """Anchors: the experiment's name alone where it is the only one of it, else with what tells it apart."""
    done = []
    for part in parts:
        same = [other for other in parts if other.name == part.name]
        distinction = _distinction(part, same)
        id = anchor(f"{part.name}-{distinction}" if distinction else part.name)
        panels = tuple(replace(panel, id=f"{id}--{anchor(panel.id)}") for panel in part.panels)
        done.append(replace(part, id=id, panels=panels, distinction=distinction))
    return done


VARIED: Mapping[str, Callable[[Any], str]] = {
    "imported": lambda _: "imported",
    "dataset": str,
    "outcome": str,
    "protocol": str,
    "encoders": lambda encoders: ", ".join(encoders.values()) if isinstance(encoders, Mapping) else str(encoders),
    "compared_encoders": lambda pairs: f"{len(pairs)} pairs of encoders compared",
    "balance": lambda balance: f"balance {balance}",
    "seeds": lambda seeds: f"seeds {', '.join(map(str, seeds))}",
    "sizes": lambda sizes: f"sizes {sizes}",
    "quick": lambda _: "quick",
    "scale_text": lambda _: "scale text",
    "labels_shuffled": lambda seed: f"labels shuffled {seed}",
    "tuned": lambda tuned: "; ".join(tuned.values()),
}
"""Facts in which parts of one experiment may differ -> in words, empty for the usual."""


def _in_words(name: str, facts: Mapping[str, Any]) -> str:
    value = facts.get(name)
    return "" if value is None or value is False else VARIED[name](value)


def _distinction(part: PagePart, same: Sequence[PagePart]) -> str:
    """What tells a part from the others of its experiment: their facts that are not all alike, else its number."""
    if len(same) == 1:
        return ""
    known = [{name: words for name in VARIED if (words := _in_words(name, other.facts))} for other in same]
    apart = [name for name in VARIED if len({facts.get(name) for facts in known}) > 1]
    differing = [", ".join(facts[name] for name in apart if name in facts) for facts in known]
    number = next(place for place, other in enumerate(same) if other is part)
    alone = differing[number] and differing.count(differing[number]) == 1
    return differing[number] if alone else ", ".join(filter(None, (differing[number], f"no. {number + 1}")))


def best_known(parts: Sequence[PagePart]) -> PagePart:
    """The part of which most is recorded."""
    return max(parts, key=lambda part: (len(part.facts), bool(part.cohort)))


def own_parts(parts: Sequence[PagePart]) -> list[PagePart]:
    """Those whose facts stand for the page; validations, which are of other patients, where there is nothing else."""
    return [part for part in parts if part.facts and part.protocol != EXTERNAL] or list(parts)


def common_facts(parts: Sequence[PagePart]) -> dict[str, Any]:
    """What may be said of all `own_parts`: facts of the best known one that no other contradicts."""
    own = own_parts(parts)
    known = best_known(own).facts
    common = {name: fact for name, fact in known.items() if all(part.facts.get(name, fact) == fact for part in own)}
    if "outcome" not in common:
        # A part of grades has none of these, and so contradicts none.
        common = {name: fact for name, fact in common.items() if name not in ("outcome_title", "n_positive")}
    if "title" in common:
        common["title"] = patients_title(common["title"], common.get("synthetic", False))
    return common


def cohorts_of(parts: Sequence[PagePart]) -> list[str]:
    """Titles of the cohorts of `own_parts`, the best known first."""
    own = own_parts(parts)
    titles = [
        patients_title(part.facts["title"], part.facts.get("synthetic", False))
        if part.facts.get("title")
        else part.cohort
        for part in (best_known(own), *own)
    ]
    return list(dict.fromkeys(filter(None, titles)))


def versions_of(parts: Sequence[PagePart]) -> dict[str, str]:
    """Package -> the version, or the versions where they differ."""
    found: dict[str, set[str]] = {}
    for part in parts:
        for name, version in (part.facts.get("versions") or {}).items():
            found.setdefault(name, set()).add(version)
    return {name: ", ".join(sorted(versions)) for name, versions in sorted(found.items())}


def anchor(text: str) -> str:
    """Text as an id: letters, digits, dashes and underscores."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-") or "part"
