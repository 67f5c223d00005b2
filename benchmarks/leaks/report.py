"""An audit in the terminal and as a section of the report."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console, RenderableType
from rich.panel import Panel as Frame
from rich.text import Text

from strokebench.benchmarks.leaks.audit import FULL, QUICK, Alarm, Audit, remembered_audit, run_audit
from strokebench.benchmarks.leaks.finding import by_severity
from strokebench.benchmarks.leaks.nearness import EXAMINED
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.provenance import provenance_of
from strokebench.errors import counted
from strokebench.files import read_kept
from strokebench.reports.tables.caption import patients_title
from strokebench.reports.tables.section import SECTION_FILE, Panel, Section, publish
from strokebench.reports.tables.table import Cell, Column, Kind, Row, Table

SHOWS = (
    "Whether anything tells the methods what they could not know of a new patient: a patient on both sides of a"
    " split, or a column, a text or a hospital that stands in for the outcome."
)
DOES_NOT_SHOW = (
    "That there is no leak: these checks find the common ones. A finding may also be honest (two patients can be"
    " alike), so look at what it names."
)


def warn_of_leaks(context: Context, console: Console) -> None:
    """The quick audit before an experiment: one line when it is clean, a red panel otherwise. Never stops anything."""
    try:
        audit = remembered_audit(context)
    except Exception as error:
        console.print(f"Leak check  could not be run: {type(error).__name__}: {error}", style="yellow")
        return
    folder = context.results_folder("leaks")
    kept = (read_kept(folder / SECTION_FILE) or {}).get("provenance", {})
    if any(kept.get(name) != value for name, value in _judged(context).items()):
        # A full audit of the same patients says more, and stays.
        write_section(audit, context, folder)
    show_findings(audit, console)
    if not audit.findings:
        console.print(f"Leak check  nothing found by {_ran(audit, context)} quick checks")


def _judged(context: Context) -> dict[str, str]:
    """What an audit is of, as a section's provenance has it."""
    return {"data_sha256": context.data_sha256, "split_sha256": context.split.sha256}


def warn_before_fit(context: Context, console: Console) -> None:
    """What stands in for the outcome, before a model is made of all patients; likewise stops nothing."""
    show_findings(run_audit(context, parts=False), console)


def show_findings(audit: Audit, console: Console) -> None:
    """What went off and what could not be run, with the patients that no file names; nothing where all is clean."""
    for name, why in audit.broken.items():
        console.print(f"Leak check  {_alarms(audit)[name].title!r} could not be run: {why}", style="yellow")
    if audit.findings:
        console.print(_panel(audit))


def write_section(audit: Audit, context: Context, folder: Path) -> RenderableType:
    """Write the audit as a section of the report; returns how the terminal shows it."""
    title = patients_title(context.title, context.cohort.synthetic)
    panel = Panel("leaks", _table(audit, context, title), shows=SHOWS, does_not_show=DOES_NOT_SHOW)
    alarms = [f"Leak alarm: {finding.message}" for finding in audit.findings if finding.severity == "alarm"]
    section = Section(
        "leaks",
        "Leak alarms",
        title,
        [panel],
        _lead(audit, context),
        warnings=alarms,
        provenance=provenance_of(context),
    )
    return publish(section, folder)


def _alarms(audit: Audit) -> Mapping[str, Alarm]:
    return FULL if audit.full else QUICK


def _ran(audit: Audit, context: Context) -> int:
    """How many checks looked at something: called alarms, they read as if all had gone off."""
    return sum(alarm.applies(context) for name, alarm in _alarms(audit).items() if name not in audit.broken)


def _verdict(audit: Audit, name: str, context: Context) -> str:
    severities = {finding.severity for finding in audit.findings if finding.alarm == name}
    if name in audit.broken:
        return "not run"
    if not severities and not (alarm := _alarms(audit)[name]).applies(context):
        return f"not looked for: the cohort has no {alarm.reads}"
    return "ALARM" if "alarm" in severities else "warning" if severities else "nothing found"


def _lead(audit: Audit, context: Context) -> str:
    start = f"{counted(_ran(audit, context), 'check')}{'' if audit.full else ', without fits on shuffled labels'}: "
    if not audit.findings:
        return f"{start}nothing was found."
    alarms = [finding.message for finding in audit.findings if finding.severity == "alarm"]
    warnings = len(audit.findings) - len(alarms)
    beside = f"{counted(warnings, 'warning')} to look at" if warnings else ""
    if not alarms:
        return f"{start}none went off; {beside}."
    told = f"{start}{len(alarms)} went off{f', {beside}' if beside else ''}. {' '.join(alarms)}"
    return f"{told} Results are not believable until {'these are' if len(alarms) > 1 else 'this is'} cleared."


def _table(audit: Audit, context: Context, title: str) -> Table:
    verdicts = {name: {"verdict": Cell(text=_verdict(audit, name, context))} for name in _alarms(audit)}
    notes = [f"{f.severity.capitalize()}: {f.message} {f.remedy}" for f in by_severity(audit.findings)]
    if audit.broken or any(finding.who for finding in audit.findings):
        notes.append("`strokebench audit leaks` names, on the terminal alone, the patients and what could not be run.")
    if (n := len(context.embeddings.ids)) > EXAMINED:
        notes.append(
            f"Images that are nearly, but not quite, the same were looked for around {EXAMINED} of {n} patients."
        )
    split = context.split
    return Table(
        name="leaks",
        title="Leak alarms",
        cohort=title,
        caption=f"Outcome {context.endpoint.expression}, protocol {split.protocol}, {len(context.labels)} patients,"
        f" {counted(len(split.folds), 'fold')} (split {split.sha256[:10]}).",
        columns=[Column("verdict", "Verdict", Kind.TEXT)],
        rows=[Row(name, alarm.title, "", verdicts[name], 1, 1) for name, alarm in _alarms(audit).items()],
        notes=notes,
        facts={"cohort": title, "outcome": context.endpoint.expression, "protocol": split.protocol},
        head="Looks for",
        counts_runs=False,
    )


def _panel(audit: Audit) -> RenderableType:
    text = Text()
    for finding in by_severity(audit.findings):
        text.append("\n\n" if text else "")
        text.append(finding.severity.upper(), style="bold red" if finding.severity == "alarm" else "bold yellow")
        text.append(f"  {finding.message} {finding.who}".rstrip())
        text.append(f"\n{finding.remedy}", style="dim")
    title = "Leak alarm: results may not be believable" if audit.alarmed else "Leak check: worth a look"
    return Frame(text, title=title, title_align="left", border_style="bold red" if audit.alarmed else "yellow")
