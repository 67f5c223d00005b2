"""The OpenAI protocol's chat completions: what a question about pictures looks like, and what an answer."""

import base64
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from strokebench.datasets.asking.answers import Answer
from strokebench.datasets.texts.prompts import INSTRUCTIONS, QUESTIONS


@dataclass(frozen=True)
class Sampling:
    """How an answer is drawn (the paper, section 3.2)."""

    max_tokens: int = 250
    top_p: float = 0.8
    temperature: float = 0.7

    def as_json(self) -> str:
        """For the store."""
        return json.dumps(asdict(self), sort_keys=True)


PAPER_SAMPLING = Sampling()

MOST_TOKENS = 10**9
"""A count beyond this is no count: it would spoil the bill of all others."""


class NoCompletion(ValueError):
    """JSON that is no completion, such as a proxy's notice; the next request may bring one."""


def messages_for(prompt: str, pictures: Sequence[bytes]) -> list[dict[str, Any]]:
    """The messages of a request: instructions, pictures, question."""
    images = [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{base64.b64encode(picture).decode()}"}}
        for picture in pictures
    ]
    return [
        {"role": "system", "content": INSTRUCTIONS},
        {"role": "user", "content": [*images, {"type": "text", "text": QUESTIONS[prompt]}]},
    ]


def read_answer(response: Any) -> Answer:
    """The answer in a response's parsed JSON.

    Raises:
        NoCompletion: it is none; says what is wrong with it.
        UnicodeEncodeError: it holds half characters, which no file can hold.
    """
    try:
        choice = response["choices"][0]
        message = choice["message"]
        content = message.get("content")
    except (TypeError, KeyError, IndexError, AttributeError):
        raise NoCompletion(f"JSON, but no completion: {str(response)[:80]!r}") from None
    if isinstance(content, list):
        content = "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    if content is not None and not isinstance(content, str):
        raise NoCompletion("the answer is not text")
    usage = response.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    words: dict[str, Any] = {
        "text": content or "",
        "finish_reason": str(choice.get("finish_reason") or ""),
        "refusal": str(message.get("refusal") or ""),
        "served_model": str(response.get("model") or ""),
        "fingerprint": str(response.get("system_fingerprint") or ""),
    }
    for word in words.values():
        word.encode()
    return Answer(
        **words,
        input_tokens=_count(usage.get("prompt_tokens")),
        output_tokens=_count(usage.get("completion_tokens")),
    )


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS else None
