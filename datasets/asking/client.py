"""One question to a vision language model by the OpenAI protocol, asked until it is answered or hopeless.

What is sent: the pictures, the question, the sampling settings and the key; no patient id and no header that
says who or what asks. Redirections are not followed: pictures go to the host that was named, or nowhere.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict, dataclass, replace
from json import JSONDecodeError
from typing import Any, Self

from strokebench.datasets.asking.answers import Answer
from strokebench.datasets.asking.pace import Pace, retry_after
from strokebench.datasets.asking.protocol import NoCompletion, Sampling, messages_for, read_answer
from strokebench.datasets.asking.service import ChatService
from strokebench.errors import StrokebenchError
from strokebench.files import digest

SENT_HEADERS = frozenset(
    {"host", "accept", "accept-encoding", "connection", "content-type", "content-length"}
    | {"authorization", "user-agent", "idempotency-key"}
)
"""Every header that leaves the machine; the client library would add the operating system and more."""

FIRST_WAIT, LONGEST_WAIT = 2.0, 60.0
"""Seconds before the second request; doubled each time, with jitter. What an endpoint asks for goes before them."""

LARGEST_RESPONSE = 2**20
"""Bytes; an answer of the paper's 250 tokens has a thousandth of them."""

LONGEST_PAUSE = 600.0
"""Seconds; an endpoint that asks for a longer wait is given up for now."""

REPEATABLE = frozenset({408, 409, 425, 429})
"""Statuses below 500 after which the same request may succeed."""


@dataclass(eq=False)
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

    kind: str
    reason: str
    repeat: bool = True
    fatal: bool = False
    billed: bool = True
    after: float | None = None

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}"


class VisionClient:
    """Asks a model about pictures. To be used inside one event loop, as an asynchronous context manager.

    Args:
        timeout: seconds until a request is given up, from its first byte sent to its last received.
        tries: requests for one answer at most.

    Once `stopped` is set, a failed request is not repeated. The tasks in `at_work` have a request on its way.

    Raises:
        StrokebenchError: a package that it needs is not installed.
    """

    def __init__(
        self, service: ChatService, model: str, sampling: Sampling, timeout: float, tries: int, pace: Pace
    ) -> None:
        self.service, self.model, self.sampling = service, model, sampling
        self.timeout, self.tries, self.pace = timeout, tries, pace
        self.stopped = False
        self.at_work: set[asyncio.Task[Any] | None] = set()
        self._client = _open_client(service, timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def ask(
        self, prompt: str, pictures: Sequence[bytes], occasion: str, on_failure: Callable[[Unanswered], None]
    ) -> Answer:
        """An answer to a prompt, however many requests it takes.

        Args:
            prompt: a name of `prompts.PROMPTS`.
            pictures: PNG.
            occasion: differs between several answers to one prompt. An endpoint that heeds `Idempotency-Key`
                can thus tell a repeated request from a further one.
            on_failure: called with each request that brings no answer.

        Raises:
            Unanswered: the last failure, if it was hopeless or one too many.
        """
        import stamina

        messages = messages_for(prompt, pictures)
        same_request = digest([messages, self.model, asdict(self.sampling), occasion])
        async for attempt in stamina.retry_context(
            self._repeats, self.tries, None, FIRST_WAIT, LONGEST_WAIT, wait_jitter=FIRST_WAIT
        ):
            with attempt:
                await self.pace.turn()
                try:
                    return await self._request(messages, same_request)
                except Unanswered as error:
                    on_failure(error)
                    # The endpoint speaks of all requests, so all of them wait.
                    self.pace.pause(error.after or 0.0)
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _repeats(self, error: Exception) -> bool | float:
        if not isinstance(error, Unanswered) or self.stopped or error.fatal or not error.repeat:
            return False
        return error.after or True

    async def _request(self, messages: list[dict[str, Any]], same_request: str) -> Answer:
        import openai

        clock, task = asyncio.get_running_loop().time, asyncio.current_task()
        began = clock()
        self.at_work.add(task)
        try:
            # The library's own limit is one for each read: a trickle of bytes would go on for ever.
            async with asyncio.timeout(self.timeout):
                # Unparsed: the library would accept a body of any form as an answer.
                response = await self._client.post(
                    "/chat/completions",
                    cast_to=object,
                    body={"model": self.model, "messages": messages, **asdict(self.sampling)},
                    options={"headers": {"Idempotency-Key": same_request}},
                )
            answer = read_answer(response)
        except (TimeoutError, openai.APITimeoutError):
            raise Unanswered("timeout", f"no answer in {self.timeout:g} s") from None
        except openai.APIStatusError as error:
            raise self._refused(error) from None
        except openai.APIConnectionError as error:
            reason = self._line(str(error.__cause__ or error)) or type(error.__cause__).__name__
            raise Unanswered("connection", reason) from None
        except Exception as error:
            # What broke off may come whole; what came whole and cannot be read was paid for, and would come again.
            broken_off = isinstance(error, JSONDecodeError | NoCompletion)
            reason = self._line(str(error)) or type(error).__name__
            raise Unanswered("bad response", reason, repeat=broken_off) from None
        finally:
            self.at_work.discard(task)
        words: dict[str, Any] = {
            name: self.service.key.redact(getattr(answer, name))
            for name in ("text", "finish_reason", "refusal", "served_model", "fingerprint")
        }
        return replace(answer, **words, endpoint=self.service.host, seconds=round(clock() - began, 3))

    def _refused(self, error: Any) -> Unanswered:
        status, code = int(error.status_code), error.code if isinstance(error.code, str) else ""
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
        line = " ".join(self.service.key.redact(text).split())[:300]
        return line.encode("utf-8", "backslashreplace").decode()


def require_openai() -> Any:
    """The `openai` package.

    Raises:
        StrokebenchError: it, or what repeats its requests, is not installed.
    """
    try:
        import openai
        import stamina  # noqa: F401
    except ModuleNotFoundError as error:
        raise StrokebenchError(
            f"Asking a language model needs the package `{error.name}`.", "Install it: pip install 'strokebench[text]'."
        ) from None
    # Failures are kept and counted; a warning at each would only break the progress bar.
    logging.getLogger("stamina").addHandler(logging.NullHandler())
    return openai


def _open_client(service: ChatService, timeout: float) -> Any:
    openai = require_openai()
    from httpx2 import AsyncByteStream

    class Bounded(AsyncByteStream):
        """A response's bytes, up to `LARGEST_RESPONSE`."""

        def __init__(self, stream: Any) -> None:
            self.stream = stream

        async def __aiter__(self) -> AsyncIterator[bytes]:
            size = 0
            async for part in self.stream:
                if (size := size + len(part)) > LARGEST_RESPONSE:
                    raise ValueError(f"the response has more than {LARGEST_RESPONSE:,} bytes")
                yield part

        async def aclose(self) -> None:
            await self.stream.aclose()

    async def bound(response: Any) -> None:
        # A kilobyte can unpack to a thousand, so none was asked for that is packed.
        if (packed := response.headers.get("content-encoding", "identity")) != "identity":
            raise ValueError(f"the response is packed ({packed}), which was not asked for")
        response.stream = Bounded(response.stream)

    async def strip(request: Any) -> None:
        for name in [name for name in request.headers if name.lower() not in SENT_HEADERS]:
            del request.headers[name]

    # A server without keys ignores it; the library insists on one, and would look for another service's.
    key = service.key.reveal() or "none"
    return openai.AsyncOpenAI(
        base_url=service.url,
        api_key=key,
        timeout=timeout,
        # Its own retries neither slow the other requests nor leave a record of what may be billed.
        max_retries=0,
        default_headers={"Authorization": f"Bearer {key}", "User-Agent": "strokebench", "Accept-Encoding": "identity"},
        http_client=openai.DefaultAsyncHttpxClient(
            follow_redirects=False,
            event_hooks={"request": [strip], "response": [bound]},
            # A proxy would take what is meant for this machine out of it.
            trust_env=not service.is_local,
        ),
    )
