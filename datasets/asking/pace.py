"""How fast questions are asked: so many a minute, and not at all while the endpoint asks for a pause."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


class Pace:
    """Spaces the starts of requests evenly, for all workers together.

    Args:
        per_minute: requests a minute; 0: no limit.
    """

    def __init__(self, per_minute: float = 0.0) -> None:
        self.interval = 60.0 / per_minute if per_minute > 0 else 0.0
        self._free_at = 0.0
        self._paused_until = 0.0

    async def turn(self, stopped: asyncio.Event) -> bool:
        """Wait until a request may start; False if `stopped` is set first."""
        clock = asyncio.get_running_loop().time
        while not stopped.is_set():
            now = clock()
            start = max(now, self._free_at, self._paused_until)
            if start <= now:
                self._free_at = now + self.interval
                return True
            # A pause may have been asked for meanwhile, so the turn is taken only on waking up.
            await sleep_until(stopped, start - now)
        return False

    def pause(self, seconds: float) -> None:
        """No request starts for this long."""
        self._paused_until = max(self._paused_until, asyncio.get_running_loop().time() + seconds)


async def sleep_until(stopped: asyncio.Event, seconds: float) -> None:
    """Sleep, but no longer than until `stopped` is set."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopped.wait(), seconds)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a response asks to wait (`retry-after-ms`, `Retry-After` in seconds or as a date)."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) / unit
        except ValueError:
            continue
        # `nan` and `inf` are floats as well.
        return seconds if 0 <= seconds < 1e9 else None
    try:
        date = parsedate_to_datetime(headers.get("retry-after", ""))
    except (TypeError, ValueError):
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
