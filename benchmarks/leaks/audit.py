"""All alarms: the quick ones before every experiment, all of them on request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace

from strokebench.benchmarks.keys.code import code_of
from strokebench.benchmarks.leaks import canary, columns, doubles, patients, site, texts, untouched
from strokebench.benchmarks.leaks.finding import Finding
from strokebench.benchmarks.running.context import Context
from strokebench.errors import StrokebenchError
from strokebench.files import digest, home, read_json, write_json


@dataclass(frozen=True)
class Alarm:
    """One alarm: what it looks for, in plain words, and how.

    Args:
        of_split: it asks who is in which part, and is looked for again under every split.
    """

    title: str
    check: Callable[[Context], list[Finding]]
    of_split: bool = False


QUICK: Mapping[str, Alarm] = {
    "patient_in_two_parts": Alarm("A patient in two parts of a fold", patients.patient_in_two_parts, of_split=True),
    "one_patient_two_ids": Alarm("Two ids that look like one person", patients.one_patient_two_ids, of_split=True),
    "doubled_images": Alarm("The same image in two parts", doubles.doubled_images, of_split=True),
    "doubled_texts": Alarm("The same long text in two parts", doubles.doubled_texts, of_split=True),
    "doubled_rows": Alarm("The same clinical row in two parts", doubles.doubled_rows, of_split=True),
    "column_gives_outcome": Alarm("A column that tells the outcome", columns.column_gives_outcome),
    "missing_gives_outcome": Alarm("A missing value that tells the outcome", columns.missing_gives_outcome),
    "column_derived_from_outcome": Alarm("A column derived from the outcome", columns.column_derived_from_outcome),
    "text_states_outcome": Alarm("Text that speaks of the outcome", texts.text_states_outcome),
    "text_gives_outcome": Alarm("Text that tells the outcome", texts.text_gives_outcome),
    "site_predicts_outcome": Alarm("A hospital that predicts the outcome", site.site_predicts_outcome),
    "preprocessing_touched": Alarm(
        "Test patients that move what is fitted", untouched.preprocessing_touched, of_split=True
    ),
}
"""Seconds, all together."""

FULL: Mapping[str, Alarm] = {
    **QUICK,
    "preprocessing_touched": replace(
        QUICK["preprocessing_touched"], check=lambda context: untouched.preprocessing_touched(context, folds=5)
    ),
    "shuffled_labels": Alarm("Methods that beat chance on shuffled labels", canary.shuffled_labels, of_split=True),
}
"""Minutes: also the canary, and more folds."""

ALARMS = FULL


@dataclass(frozen=True)
class Audit:
    """What came of an audit.

    Args:
        findings: in the order of the alarms.
        broken: alarm -> why it could not be run.
    """

    full: bool
    findings: list[Finding]
    broken: Mapping[str, str] = field(default_factory=dict)

    @property
    def alarmed(self) -> bool:
        """Some finding is an alarm, not a warning."""
        return any(finding.severity == "alarm" for finding in self.findings)


def run_audit(context: Context, full: bool = False, on_alarm: Callable[[str], None] | None = None) -> Audit:
    """Every alarm of the form. One that breaks is named and does not keep the others from running.

    Args:
        on_alarm: called with each alarm's title before it runs.
    """
    return _run(FULL if full else QUICK, context, full, on_alarm)


def _run(
    alarms: Mapping[str, Alarm], context: Context, full: bool = False, on_alarm: Callable[[str], None] | None = None
) -> Audit:
    findings: list[Finding] = []
    broken = {}
    for name, alarm in alarms.items():
        if on_alarm:
            on_alarm(alarm.title)
        try:
            findings += alarm.check(context)
        except StrokebenchError as error:
            broken[name] = error.message
        except Exception as error:
            broken[name] = f"{type(error).__name__}: {error}"
    return Audit(full, findings, broken)


def remembered_audit(context: Context) -> Audit:
    """The quick audit, kept below `home("audit")` until data, split, settings or the alarms themselves change.

    What was found without looking at the split is not looked for again under another one.
    """
    site = context.cohort.site
    decides: dict[str, object] = {
        "data": context.data_sha256,
        "outcome": context.endpoint.expression,
        "source": context.cohort.table[[context.endpoint.column, *context.banned_columns]].to_csv(),
        "site": None if site is None else site.to_csv(),
        "scale_text": context.settings.keep_scale_text,
        "code": code_of(f"{__name__}.QUICK").sha256,
    }
    parts: dict[str, object] = {"split": context.split.sha256, "balance": context.settings.balance}
    halves = [_remembered(context, False, decides), _remembered(context, True, decides | parts)]
    found = [finding for half in halves for finding in half.findings]
    return Audit(
        False,
        sorted(found, key=lambda finding: list(QUICK).index(finding.alarm)),
        {name: why for half in halves for name, why in half.broken.items()},
    )


def _remembered(context: Context, of_split: bool, decides: Mapping[str, object]) -> Audit:
    """The quick alarms that look at the split, or those that do not.

    Args:
        decides: everything that their findings depend on.
    """
    path = home("audit", f"{context.cohort.name}-{context.endpoint.name}-{digest(decides)[:16]}.json")
    if path.is_file():
        try:
            kept = read_json(path)
            return Audit(False, [Finding(**finding) for finding in kept["findings"]])
        except (StrokebenchError, KeyError, TypeError):
            pass
    audit = _run({name: alarm for name, alarm in QUICK.items() if alarm.of_split == of_split}, context)
    if not audit.broken:
        write_json(path, {"findings": [asdict(finding) for finding in audit.findings]})
    return audit
