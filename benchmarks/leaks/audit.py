"""All alarms: the quick ones before every experiment, all of them on request."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace

from strokebench.benchmarks.keys.code import code_of
from strokebench.benchmarks.leaks import canary, columns, doubles, learnt_from, patients, texts, untouched
from strokebench.benchmarks.leaks.finding import Finding
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.task import usual_settings
from strokebench.errors import StrokebenchError
from strokebench.files import digest, home, read_kept, write_json
from strokebench.tasks.inputs import modality_of


@dataclass(frozen=True)
class Alarm:
    """One alarm: what it looks for, in plain words, and how.

    Args:
        reads: attribute of the cohort without which there is nothing to look at; empty: every cohort has it.
        of_event: asks who has the event, and of grades who lies above each cut.
        of_parts: asks what the parts of a fold share; nothing of a model that is made of all patients.
    """

    title: str
    check: Callable[[Context], list[Finding]]
    reads: str = ""
    of_event: bool = False
    of_parts: bool = False

    def applies(self, context: Context) -> bool:
        """Whether this cohort has what the alarm looks at; images may be there as features alone."""
        if self.reads == "images":
            return any(modality_of(name) == "image" for name in context.embeddings.arrays)
        return not self.reads or getattr(context.cohort, self.reads) is not None

    def findings(self, context: Context) -> Iterator[Finding]:
        """What is found; of one cut of grades it is said of which."""
        for asked in context.by_cut if self.of_event else (context,):
            of_cut = "" if asked is context else f"{asked.endpoint.expression}: "
            for finding in self.check(asked):
                yield replace(finding, message=of_cut + finding.message)


QUICK: Mapping[str, Alarm] = {
    "patient_in_two_parts": Alarm("A patient in two parts of a fold", patients.patient_in_two_parts, of_parts=True),
    "one_patient_two_ids": Alarm("Two ids that look like one person", patients.one_patient_two_ids, of_parts=True),
    "doubled_images": Alarm("The same image in two parts", doubles.doubled_images, "images", of_parts=True),
    "doubled_texts": Alarm("The same long text in two parts", doubles.doubled_texts, "texts", of_parts=True),
    "doubled_rows": Alarm("The same clinical row in two parts", doubles.doubled_rows, of_parts=True),
    "column_gives_outcome": Alarm("A column that tells the outcome", columns.column_gives_outcome, of_event=True),
    "feature_gives_outcome": Alarm("A feature that tells the outcome", columns.feature_gives_outcome, of_event=True),
    "missing_gives_outcome": Alarm(
        "A missing value that tells the outcome", columns.missing_gives_outcome, of_event=True
    ),
    "column_derived_from_outcome": Alarm("A column derived from the outcome", columns.column_derived_from_outcome),
    "text_states_outcome": Alarm("Text that speaks of the outcome", texts.text_states_outcome, "texts"),
    "text_gives_outcome": Alarm("Text that tells the outcome", texts.text_gives_outcome, "texts", of_event=True),
    "site_predicts_outcome": Alarm(
        "A hospital that predicts the outcome", columns.site_predicts_outcome, "site", of_event=True
    ),
    "learnt_from_cohort": Alarm("An encoder that has learnt from these patients", learnt_from.learnt_from_cohort),
    "preprocessing_touched": Alarm(
        "Test patients that move what is fitted", untouched.preprocessing_touched, of_parts=True
    ),
}
"""Seconds, all together."""

FULL: Mapping[str, Alarm] = {
    **QUICK,
    "preprocessing_touched": replace(
        QUICK["preprocessing_touched"], check=lambda context: untouched.preprocessing_touched(context, folds=5)
    ),
    "shuffled_labels": Alarm("Methods that beat chance on shuffled labels", canary.shuffled_labels),
}
"""Minutes: also the canary, and more folds."""


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


def run_audit(
    context: Context,
    full: bool = False,
    on_alarm: Callable[[str], None] = lambda title: None,
    parts: bool = True,
) -> Audit:
    """Run every alarm of the form; one that breaks does not keep the others from running.

    Args:
        parts: also those of the parts of a fold.
        on_alarm: called with each alarm's title before it runs.
    """
    found: list[Finding] = []
    broken = {}
    for name, alarm in (FULL if full else QUICK).items():
        if alarm.of_parts and not parts:
            continue
        on_alarm(alarm.title)
        try:
            with usual_settings():
                found += alarm.findings(context)
        except StrokebenchError as error:
            broken[name] = error.message
        except Exception as error:
            broken[name] = f"{type(error).__name__}: {error}"
    return Audit(full, found, broken)


def remembered_audit(context: Context) -> Audit:
    """The quick audit, kept below `home("audit")` until data, split, settings or the alarms themselves change."""
    site = context.cohort.site
    decides: dict[str, object] = {
        "data": context.data_sha256,
        "outcome": context.endpoint.expression,
        "source": context.cohort.table[[context.endpoint.column, *context.banned_columns]].to_csv(),
        "site": None if site is None else site.to_csv(),
        "scale_text": context.settings.keep_scale_text,
        "split": context.split.sha256,
        "models": [dict(context.embeddings.trained_on), dict(context.cohort.about), context.cohort.title],
        "balance": context.settings.balance,
        "code": code_of(f"{__name__}.QUICK").sha256,
    }
    path = home("audit", f"{context.cohort.name}-{context.endpoint.name}-{digest(decides)[:16]}.json")
    if kept := read_kept(path):
        with suppress(KeyError, TypeError):
            return Audit(False, [Finding(**finding) for finding in kept["findings"]])
    audit = run_audit(context)
    if not audit.broken:
        write_json(path, {"findings": [asdict(finding) for finding in audit.findings]})
    return audit
