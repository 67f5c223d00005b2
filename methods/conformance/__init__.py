"""What any method must hold to, whoever wrote it: checks on made-up patients that take seconds.

`strokebench check NAME` and `pytest --method NAME` run them. A check is a function of a `Subject` that returns when
all is well and raises otherwise; its docstring's first line says what a method that passes does.
"""

import inspect
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from strokebench.errors import unknown_name
from strokebench.methods.base import Method
from strokebench.methods.conformance import contract, independence, learning, robustness
from strokebench.methods.conformance.subject import Broken, Subject

Check = Callable[[Subject], None]


@dataclass(frozen=True)
class CheckResult:
    """What came of one check.

    Args:
        name: of the check.
        promise: what a method that passes does.
        message: one line on what it did instead; empty when it passed.
        seconds: that the check took.
    """

    name: str
    promise: str
    message: str
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether the method holds the promise."""
        return not self.message


def all_checks() -> dict[str, Check]:
    """Every check by name, in the order in which they are run."""
    rooms = (contract, independence, robustness, learning)
    return {check.__name__: check for room in rooms for check in room.CHECKS}


def check(
    method: type[Method], names: Collection[str] | None = None, parameters: dict[str, Any] | None = None
) -> list[CheckResult]:
    """Run the checks on a method.

    Args:
        method: the class; it need not be registered.
        names: of the checks to run; None: all.
        parameters: hyper-parameters for all fits, over the small and quick ones that are used otherwise.

    Raises:
        StrokebenchError: a check of that name does not exist.
    """
    checks = all_checks()
    if unknown := set(names or ()) - set(checks):
        raise unknown_name("check", min(unknown), checks)
    subject = Subject(method, parameters or {})
    return [run_check(checks[name], subject) for name in checks if names is None or name in names]


def run_check(check: Check, subject: Subject) -> CheckResult:
    """Run one check; whatever it raises becomes the result's message."""
    start = time.perf_counter()
    message = ""
    try:
        check(subject)
    except Broken as error:
        message = str(error)
    except Exception as error:
        message = f"it raised {type(error).__name__}: {' '.join(str(error).split())[:300]}"
    promise = (inspect.getdoc(check) or "").partition("\n")[0]
    return CheckResult(check.__name__, promise, message, time.perf_counter() - start)
