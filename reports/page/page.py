"""One self-contained HTML page of everything that was computed on a cohort and outcome.

It asks for nothing from a network: style, script, tables and figures are in it, and a content security policy
forbids the rest.
"""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from strokebench.errors import StrokebenchError
from strokebench.files import write_text
from strokebench.reports.cohort.describe import CohortDescription
from strokebench.reports.comparison.words import join
from strokebench.reports.page.cautions import cautions
from strokebench.reports.page.checklist import Checklist, fill_checklist
from strokebench.reports.page.parts import PagePart, cohorts_of, common_facts, find_parts, own_parts, versions_of
from strokebench.reports.page.scrub import Scrubber
from strokebench.reports.results import MethodInfo
from strokebench.reports.table1.table import family_place
from strokebench.reports.tables.caption import PROTOCOLS, short
from strokebench.reports.tables.render import prose, style_sheet, templates_in
from strokebench.tasks.inputs import in_order

TEMPLATES = Path(__file__).parent / "templates"
COHORT_TEMPLATES = Path(__file__).parents[1] / "cohort" / "templates"
ASKED = {
    "added_value": ("Whether image and text add anything to the clinical table", "strokebench run added_value"),
    "comparison": ("Which methods can be told apart", "strokebench run comparison"),
}
"""Topic that every reader asks for -> what is not known without its experiment, and the command that computes it."""
PAGE_FILE, CHECKLIST_FILES = "report.html", ("checklist.md", "checklist.csv")


def write_page(
    settings: Iterable[Path], folder: Path, description: CohortDescription | None = None, order: Sequence[str] = ()
) -> Path:
    """Write `report.html`, `checklist.md` and `checklist.csv`; the page's path.

    Args:
        settings: folders of results, one a cohort, outcome and protocol, each with one folder an experiment.
        folder: where to write.
        description: of the cohort, for Table One; its pictures and ids are not used.
        order: names of experiments in reading order; others follow by name.

    Raises:
        StrokebenchError: there is no experiment below `settings`.
    """
    parts = find_parts(settings, order)
    if not parts:
        raise StrokebenchError(f"No experiment was computed yet for {folder.name}.", "Start with `make table1`.")
    checklist = fill_checklist(parts, description.sample_size if description else "")
    scrub = Scrubber(_patients(parts, description))
    markdown, table = CHECKLIST_FILES
    write_text(folder / markdown, scrub(checklist.to_markdown()))
    write_text(folder / table, scrub(checklist.to_csv()))
    write_text(folder / PAGE_FILE, render_page(parts, checklist, description, scrub))
    return folder / PAGE_FILE


def render_page(
    parts: Sequence[PagePart], checklist: Checklist, description: CohortDescription | None, scrub: Scrubber
) -> str:
    """The page as text.

    Args:
        scrub: takes patients' ids and folders out of everything that experiments wrote.
    """
    environment = templates_in(TEMPLATES, COHORT_TEMPLATES)
    environment.filters |= {
        "scrub": lambda text: scrub(str(text)),
        "prose": lambda text: prose(scrub(str(text))),
        "scrub_html": lambda html: Markup(scrub(html)),
        "data_url": lambda text, media: Markup(f"data:{media};charset=utf-8,{quote(scrub(text), safe='')}"),
        "short": lambda identifier: short(str(identifier or "–")),
    }
    script = _template("report.js")
    facts, cohorts, methods = common_facts(parts), cohorts_of(parts), _methods(parts)
    topics = {part.topic for part in parts}
    uses = in_order({name for method in methods for name in method.uses})
    outcomes = {part.facts["outcome"] for part in own_parts(parts) if part.facts.get("outcome")}
    scope = "several outcomes of one cohort" if len(outcomes) > 1 else "one outcome of one cohort"
    return environment.get_template("report.html.j2").render(
        parts=parts,
        facts=facts,
        cohort="; ".join(cohorts),
        several=len(cohorts) > 1 or len(outcomes) > 1,
        scope="these cohorts" if len(cohorts) > 1 else scope,
        outcome=facts.get("outcome_title") or facts.get("outcome", ""),
        protocols={part.protocol: PROTOCOLS.get(part.protocol, "") for part in parts if part.protocol},
        cautions=cautions(parts),
        unanswered={words: command for topic, (words, command) in ASKED.items() if topic not in topics},
        complete=sum(part.complete for part in parts),
        methods=methods,
        uses=join(uses) if uses else "",
        checklist=checklist,
        checklist_files=zip(CHECKLIST_FILES, (checklist.to_markdown(), checklist.to_csv()), strict=True),
        d=description,
        versions=versions_of(parts),
        machines=sorted({str(part.facts["machine"]) for part in parts if part.facts.get("machine")}),
        hours=computing_hours(parts),
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        style=Markup(style_sheet() + _template("report.css")),
        script=Markup(script),
        # The hash is of the element's whole text, the line break after the opening tag included.
        script_hash=base64.b64encode(hashlib.sha256(f"\n{script}".encode()).digest()).decode(),
    )


def _template(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _patients(parts: Sequence[PagePart], description: CohortDescription | None) -> set[str]:
    found: set[str] = set() if description is None else set(map(str, description.cohort.ids))
    for part in parts:
        if part.results is not None:
            found |= set(part.results.predictions["patient_id"].astype(str))
            if part.results.oracle is not None:
                found |= set(part.results.oracle["patient_id"].astype(str))
    return found


def _methods(parts: Sequence[PagePart]) -> list[MethodInfo]:
    """Every method of any part once, by family."""
    found: dict[str, MethodInfo] = {}
    for part in parts:
        for method in part.results.methods if part.results else []:
            found.setdefault(method.name, method)
    return sorted(found.values(), key=family_place)


def computing_hours(parts: Sequence[PagePart]) -> float:
    """Hours of computing; a fit that several experiments share, or test under several conditions, counts once."""
    seconds: dict[Any, float] = {}
    for part in parts:
        if part.runs is not None:
            done = part.runs[part.runs["status"] == "done"].fillna({"fit_seconds": 0, "predict_seconds": 0})
            seconds |= dict(zip(done["key"], done["predict_seconds"], strict=True))
            # Runs that test one fit all tell its seconds, which no two fits have alike to the last digit.
            seconds |= {fit: fit[-1] for fit in done[["method", "seed", "fold", "fit_seconds"]].itertuples(index=False)}
    return sum(seconds.values()) / 3600
