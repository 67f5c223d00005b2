"""What an alarm says when it goes off."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from strokebench.errors import named

Severity = Literal["alarm", "warning"]


@dataclass(frozen=True)
class Finding:
    """One suspicion.

    Args:
        alarm: name of the alarm, a key of `strokebench.benchmarks.leaks.audit.FULL`.
        severity: `alarm` where results would not be believable; `warning` where a look is due.
        message: what was seen; names the columns or sites.
        remedy: what to do about it.
        who: names patients or quotes their texts, for the terminal alone: tables and pages are passed on.
    """

    alarm: str
    severity: Severity
    message: str
    remedy: str
    who: str = ""


def findings(alarm: str, found: Mapping[Severity, Sequence[str]], message: str, remedy: str) -> list[Finding]:
    """One finding for each severity under which something was found; names it after the message."""
    return [
        Finding(alarm, severity, f"{message}: {named(things)}.", remedy) for severity, things in found.items() if things
    ]


def by_severity(found: Iterable[Finding]) -> list[Finding]:
    """Alarms before warnings."""
    return sorted(found, key=lambda finding: finding.severity != "alarm")
