"""One question to a vision language model by the OpenAI protocol, asked until it is answered or hopeless.

What is sent: the pictures, the question, the sampling settings and the key; no patient id and no header that
says who or what asks. Redirections are not followed: pictures go to the host that was named, or nowhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from strokebench.datasets.asking.answers import Answer
from strokebench.datasets.asking.endpoint import Endpoint
from strokebench.datasets.asking.pace import Pace, retry_after, sleep_until
from strokebench.datasets.asking.protocol import Sampling, messages_for, read_answer
from strokebench.errors import StrokebenchError
from strokebench.files import digest

SENT_HEADERS = frozenset(
    {"host", "accept", "accept-encoding", "connection", "content-type", "content-length"}
    | {"authorization", "user-agent", "idempotency-key"}
)
"""Every header that leaves the machine; the client library would add the operating system and more."""

LONGEST_PAUSE = 600.0
"""Seconds; an endpoint that asks for a longer wait is given up for now."""

REPEATABLE = frozenset({408, 409, 425, 429})
"""Statuses below 500 after which the same request may succeed."""


@dataclass(frozen=True)
class Patience:
    """How long and how often one question is asked.

    Args:
        timeout: seconds until a request is given up, from its first byte sent to its last received.
        tries: requests for one answer at most.
        first_wait: seconds before the second request; doubled each time, with jitter, up to `longest_wait`.
            An endpoint's `Retry-After` goes before it.
    """

    timeout: float = 120.0
    tries: int = 6
    first_wait: float = 2.0
    longest_wait: float = 60.0

    def wait(self, failed: int, random: np.random.Generator) -> float:
        """Seconds to wait after this many failed requests."""
        return min(self.longest_wait, self.first_wait * 2 ** (failed - 1)) * random.uniform(0.5, 1.0)


PATIENT = Patience()
"""The default."""


class Unanswered(Exception):
    """A request brought no answer.

    Args:
        kind: `timeout`, `connection`, `bad response`, or `status 429` and so on.
        reason: one line.
        repeat: the same request may succeed.
        fatal: no other request can succeed either.
        billed: the endpoint may have worked, and may charge for it.
        after: seconds that the endpoint asks to wait.
    """

    def __init__(
        self,
        kind: str,
        reason: str,
        repeat: bool = True,
        fatal: bool = False,
        billed: bool = False,
        after: float | None = None,
    ) -> None:
        super().__init__(f"{kind}: {reason}")
        self.kind, self.reason = kind, reason
        self.repeat, self.fatal, self.billed, self.after = repeat, fatal, billed, after


OnFailure = Callable[[Unanswered], None]


class VisionClient:
    """Asks a model about pictures. To be used inside one event loop, as an asynchronous context manager.

    Once `stopped` is set, a failed request is not repeated; one that is on its way is still waited for.

    Raises:
        StrokebenchError: the `openai` package is not installed.
    """

    def __init__(self, endpoint: Endpoint, model: str, sampling: Sampling, patience: Patience, pace: Pace) -> None:
        self.endpoint, self.model, self.sampling = endpoint, model, sampling
        self.patience, self.pace = patience, pace
        self.stopped = asyncio.Event()
        self._random = np.random.default_rng()
        self._client = _open_client(endpoint, patience.timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def ask(self, prompt: str, pictures: Sequence[bytes], occasion: str, on_failure: OnFailure) -> Answer:
        """An answer to a prompt, however many requests it takes.

        Args:
            prompt: a name of `prompts.PROMPTS`.
            pictures: PNG.
            occasion: differs between several answers to one prompt. An endpoint that heeds `Idempotency-Key`
                can thus tell a repeated request from a further one.
            on_failure: told of each request without an answer.

        Raises:
            Unanswered: the last failure, if it was hopeless or one too many; or kind `stopped`, before any
                request.
        """
        messages = messages_for(prompt, pictures)
        same_request = digest([messages, self.model, asdict(self.sampling), occasion])
        for failed in range(1, self.patience.tries + 1):
            if not await self.pace.turn(self.stopped):
                raise Unanswered("stopped", "not asked any more")
            try:
                return await self._request(messages, same_request)
            except Unanswered as error:
                on_failure(error)
                if error.fatal or not error.repeat or failed == self.patience.tries:
                    raise
                wait = self.patience.wait(failed, self._random)
                if error.after is not None:
                    # The endpoint speaks of all requests, so all of them wait.
                    self.pace.pause(error.after)
                    wait = max(error.after, wait if error.after == 0 else 0.0)
                await sleep_until(self.stopped, wait)
                if self.stopped.is_set():
                    raise
        raise AssertionError("the last try returns or raises")

    async def _request(self, messages: list[dict[str, Any]], same_request: str) -> Answer:
        import openai

        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            # The library's own limit is one for each read: a trickle of bytes would go on for ever.
            async with asyncio.timeout(self.patience.timeout):
                # Unparsed: the library would accept a body of any form as an answer.
                response = await self._client.post(
                    "/chat/completions",
                    cast_to=object,
                    body={"model": self.model, "messages": messages, **asdict(self.sampling)},
                    options={"headers": {"Idempotency-Key": same_request}},
                )
            answer = read_answer(response)
        except (TimeoutError, openai.APITimeoutError):
            raise Unanswered("timeout", f"no answer in {self.patience.timeout:g} s", billed=True) from None
        except openai.APIStatusError as error:
            raise self._refused(error) from None
        except openai.APIConnectionError as error:
            reason = self._line(str(error.__cause__ or error)) or type(error.__cause__).__name__
            raise Unanswered("connection", reason, billed=True) from None
        except ValueError as error:
            raise Unanswered("bad response", self._line(str(error)), billed=True) from None
        redact = self.endpoint.key.redact
        told = {name: redact(getattr(answer, name)) for name in ("text", "refusal", "served_model", "fingerprint")}
        return Answer(
            **told,
            finish_reason=redact(answer.finish_reason),
            endpoint=self.endpoint.host,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            seconds=round(clock() - began, 3),
        )

    def _refused(self, error: Any) -> Unanswered:
        status, code = int(error.status_code), str(error.code or "")
        reason = self._line(error.message).removeprefix(f"Error code: {status}").lstrip(" -") or "no reason given"
        if 300 <= status < 400:
            reason = "the endpoint redirects elsewhere, and pictures are not sent on"
        # No wait mends an empty account, whatever the status says.
        spent = "quota" in code or "arrears" in code.lower() or status == 402
        after = retry_after(error.response.headers)
        too_long = after is not None and after > LONGEST_PAUSE
        return Unanswered(
            f"status {status}",
            f"{reason}; it asks to wait {after:.0f} s" if too_long else reason,
            repeat=(status in REPEATABLE or status >= 500) and not too_long,
            fatal=spent or too_long or status in (401, 403, 404, 405) or 300 <= status < 400,
            # A server that broke down may have worked before; one that declined has not.
            billed=status >= 500,
            after=after,
        )

    def _line(self, text: str) -> str:
        return " ".join(self.endpoint.key.redact(text).split())[:300]


def require_openai() -> Any:
    """The `openai` package.

    Raises:
        StrokebenchError: it is not installed.
    """
    try:
        import openai
    except ModuleNotFoundError:
        raise StrokebenchError(
            "Asking a language model needs the package `openai`.", "Install it: pip install 'strokebench[text]'."
        ) from None
    return openai


def _open_client(endpoint: Endpoint, timeout: float) -> Any:
    openai = require_openai()

    async def strip(request: Any) -> None:
        for name in [name for name in request.headers if name.lower() not in SENT_HEADERS]:
            del request.headers[name]

    # A server without keys ignores it; the library insists on one, and would look for another service's.
    key = endpoint.key.reveal() or "none"
    return openai.AsyncOpenAI(
        base_url=endpoint.url,
        api_key=key,
        timeout=timeout,
        max_retries=0,
        default_headers={"Authorization": f"Bearer {key}", "User-Agent": "strokebench"},
        http_client=openai.DefaultAsyncHttpxClient(
            follow_redirects=False,
            timeout=timeout,
            event_hooks={"request": [strip]},
            # A proxy would take what is meant for this machine out of it.
            trust_env=not endpoint.is_local,
        ),
    )
