"""How fast questions are asked: so many a minute, and not at all while the endpoint asks for a pause."""

import asyncio
import math
from collections.abc import Mapping

from urllib3 import Retry
from urllib3.exceptions import InvalidHeader


class Pace:
    """Spaces the starts of requests evenly, so many a minute for all workers together; 0: no limit."""

    def __init__(self, per_minute: float = 0.0) -> None:
        self.interval = 60.0 / per_minute if per_minute > 0 else 0.0
        self._free_at = 0.0

    async def turn(self) -> None:
        """Wait until a request may start."""
        clock = asyncio.get_running_loop().time
        # A pause may be asked for meanwhile, so the turn is taken only on waking up.
        while (wait := self._free_at - clock()) > 0:
            await asyncio.sleep(wait)
        self._free_at = clock() + self.interval

    def pause(self, seconds: float) -> None:
        """No request starts for this long."""
        self._free_at = max(self._free_at, asyncio.get_running_loop().time() + seconds)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a response asks to wait: `retry-after-ms`, or `Retry-After` in whole seconds or as a date."""
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        return float(Retry().parse_retry_after(headers["retry-after"]))
    except (KeyError, ValueError, InvalidHeader):
        return None
    except OverflowError:
        return math.inf
