"""Where questions to a language model go: an address that the user gave, and a key that is never shown."""

import ipaddress
import os
from dataclasses import dataclass
from urllib.parse import quote, urlsplit
from urllib.request import getproxies, proxy_bypass

from strokebench.errors import StrokebenchError

ENDPOINT_VARIABLE = "STROKEBENCH_TEXT_ENDPOINT"
KEY_VARIABLE = "STROKEBENCH_TEXT_KEY"
HIDDEN = "[key]"


class Secret:
    """A key that neither `print`, an error nor a traceback's list of variables shows."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The key itself; for the request's header alone."""
        return self._value

    def __repr__(self) -> str:
        return HIDDEN if self._value else "[no key]"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("A key is not written to files or sent to other processes.")

    def redact(self, text: str) -> str:
        """`text` without the key, plain or as in an address."""
        for form in {self._value, quote(self._value, safe="")} - {""}:
            text = text.replace(form, HIDDEN)
        return text


@dataclass(frozen=True)
class ChatService:
    """An OpenAI-compatible service.

    Args:
        url: base address, as `https://dashscope.aliyuncs.com/compatible-mode/v1`.
        key: may be empty for a server of one's own.
        key_variable: the environment variable that the key came from, for messages.
    """

    url: str
    key: Secret
    key_variable: str = KEY_VARIABLE

    @property
    def host(self) -> str:
        """Host, with its port where one is given."""
        return urlsplit(self.url).netloc

    @property
    def is_local(self) -> bool:
        """The address is this machine's own, so that nothing leaves it."""
        name = urlsplit(self.url).hostname or ""
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return name == "localhost"

    @property
    def is_encrypted(self) -> bool:
        """What is sent cannot be read on the way."""
        return urlsplit(self.url).scheme == "https"

    @property
    def proxy(self) -> str:
        """Host of the proxy that the environment sets for this address; empty where there is none."""
        parts = urlsplit(self.url)
        if self.is_local or proxy_bypass(parts.netloc):
            return ""
        proxies = getproxies()
        return urlsplit(proxies.get(parts.scheme) or proxies.get("all") or "").hostname or ""


def find_service(url: str = "", key_variable: str = "") -> ChatService:
    """The endpoint that the user named; there is no default, so that nothing is sent by accident.

    Args:
        url: empty: the environment variable `STROKEBENCH_TEXT_ENDPOINT`.
        key_variable: environment variable that holds the key; empty: `STROKEBENCH_TEXT_KEY`, which may be
            unset for a server without keys.

    Raises:
        StrokebenchError: no endpoint named, an address that is none or that holds a key, or `key_variable`
            given and unset.
    """
    url = (url or os.environ.get(ENDPOINT_VARIABLE, "")).strip().rstrip("/")
    if not url:
        raise StrokebenchError(
            "No endpoint is named, and pictures of patients are sent nowhere by default.",
            f"Give --endpoint or set {ENDPOINT_VARIABLE}, e.g. http://localhost:8000/v1 for a model of your own.",
        )
    parts = urlsplit(url)
    # The message must not repeat an address that holds a key.
    if parts.username or parts.password or parts.query or parts.fragment:
        raise StrokebenchError(
            "The endpoint's address holds a user name, password or parameters.",
            f"Give the plain address, and the key by the environment variable {KEY_VARIABLE}.",
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise StrokebenchError(f"The endpoint {url!r} is not an http(s) address.")
    value = os.environ.get(key_variable or KEY_VARIABLE, "").strip()
    # Somebody may have given the key in place of the variable's name, so neither is repeated.
    if key_variable and not value:
        raise StrokebenchError(
            "The environment variable that should hold the key is not set.",
            "Give its name, not the key itself, and export it.",
        )
    if not (value.isascii() and value.isprintable()):
        raise StrokebenchError("The endpoint's key holds characters that no key has.", "Set it again.")
    return ChatService(url.removesuffix("/chat/completions"), Secret(value), key_variable or KEY_VARIABLE)
