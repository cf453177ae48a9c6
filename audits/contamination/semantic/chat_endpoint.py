"""One endpoint that speaks OpenAI's chat completions, asked with bounds on time, size and tries.

What a server sends is hostile too: redirects are not followed, bodies are bounded and never repeated in a message,
and the key appears in one header and nowhere else.

Source of the protocol: https://platform.openai.com/docs/api-reference/chat (vLLM, llama.cpp and others speak it).
"""

import ipaddress
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx
import orjson

from audits.contamination.semantic.second_opinion import LlmJudgeConfig
from audits.errors import ModelUnavailable

_MAX_BODY = 1 << 20
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 20.0
_GIVE_UP_AFTER = 10
"""Requests in a row that fail, each after its retries: the endpoint is of no use, and the rest is not tried."""

_FINAL = {401: "did not accept the key", 403: "refused access", 404: "is not there, or does not know the model"}
_PASSING = {408, 409, 425, 429}


@dataclass(frozen=True)
class Reply:
    """The text that the model answered, or what went wrong in our words."""

    text: str | None
    trouble: str = ""


class _Failure(Exception):
    """An answer that is no completion; `passing` if another try may get one, `final` if no request ever will."""

    def __init__(self, trouble: str, *, passing: bool = False, final: bool = False, pause: float | None = None) -> None:
        super().__init__(trouble)
        self.trouble, self.passing, self.final, self.pause = trouble, passing, final, pause


class _Rejected(_Failure):
    """A request that the server does not take as it is (400, 422)."""


class ChatEndpoint:
    """Sends messages, retries what may pass, and gives up on an endpoint that is down."""

    def __init__(self, config: LlmJudgeConfig, answer_format: dict[str, Any]) -> None:
        self.config = config
        self.answer_format: dict[str, Any] | None = answer_format
        self.down = ""
        self._failures_in_a_row = 0
        read_key(config)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """Open connections for one batch of requests; the key is read now and kept nowhere else."""
        headers = {"Accept-Encoding": "identity", "Content-Type": "application/json"}
        if key := read_key(self.config):
            headers["Authorization"] = f"Bearer {key}"
        async with httpx.AsyncClient(
            headers=headers,
            timeout=self.config.timeout_seconds,
            follow_redirects=False,
            # A server on this machine is not behind the proxy that the environment names.
            trust_env=not is_loopback(self.config.url),
        ) as client:
            yield client

    async def complete(self, client: httpx.AsyncClient, messages: list[dict[str, str]]) -> Reply:
        """Return the model's answer to `messages`; raises nothing for whatever the server does."""
        for attempt in range(self.config.retries + 1):
            if self.down:
                return Reply(None, self.down)
            try:
                text = await self._try(client, messages)
            except _Failure as failure:
                last = failure
            else:
                self._failures_in_a_row = 0
                return Reply(text)
            if not last.passing:
                break
            if attempt < self.config.retries:
                pause = _FIRST_PAUSE * 2**attempt if last.pause is None else last.pause
                await anyio.sleep(min(pause, _LONGEST_PAUSE))
        self._count(last)
        return Reply(None, last.trouble)

    def _count(self, failure: _Failure) -> None:
        self._failures_in_a_row += 1
        if failure.final or self._failures_in_a_row >= _GIVE_UP_AFTER:
            self.down = failure.trouble

    async def _try(self, client: httpx.AsyncClient, messages: list[dict[str, str]]) -> str:
        """Ask once; where the server takes no answer format, ask without and, if that works, leave it out from then."""
        try:
            return await self._post(client, messages, self.answer_format)
        except _Rejected:
            if self.answer_format is None:
                raise
        text = await self._post(client, messages, None)
        self.answer_format = None
        return text

    async def _post(
        self, client: httpx.AsyncClient, messages: list[dict[str, str]], answer_format: dict[str, Any] | None
    ) -> str:
        request = {
            "model": self.config.model,
            "messages": messages,
            "temperature": 0,
            "seed": 0,
            "max_tokens": self.config.max_tokens,
            "stream": False,
        } | ({"response_format": answer_format} if answer_format else {})
        try:
            # The client's own time-out is for each read: a server that sends a byte now and then never meets it.
            with anyio.fail_after(self.config.timeout_seconds):
                async with client.stream(
                    "POST", f"{self.config.url}/chat/completions", content=orjson.dumps(request)
                ) as response:
                    _refuse(response)
                    return _content(await _body(response))
        except (TimeoutError, httpx.TimeoutException) as error:
            raise _Failure(f"did not answer within {self.config.timeout_seconds:g} seconds", passing=True) from error
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError) as error:
            raise _Failure("could not be reached, or its certificate is not trusted", passing=True) from error


def read_key(config: LlmJudgeConfig) -> str | None:
    """Return the key from the environment; the messages of what is raised do not show it.

    Raises:
        ModelUnavailable: the variable is not set, or holds what no HTTP header may.
    """
    if config.key_env is None:
        return None
    key = os.environ.get(config.key_env, "").strip()
    if not key:
        raise ModelUnavailable(
            f"second_opinion: the environment variable {config.key_env} for the key of {config.url} is not set",
            "Set it where the audit runs, or leave `key_env:` out if the endpoint needs no key",
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ModelUnavailable(
            f"second_opinion: the environment variable {config.key_env} holds characters that no key has",
            "Set it to the key alone, without quotes or line breaks",
        )
    return key


def is_loopback(url: str) -> bool:
    """Tell whether `url` names this machine.

    >>> is_loopback("http://localhost:8000/v1"), is_loopback("https://judge.example.org/v1")
    (True, False)
    """
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _refuse(response: httpx.Response) -> None:
    """Raise for every status but 200, without reading the body."""
    status = response.status_code
    if status == 200:
        if response.headers.get("content-encoding", "identity") != "identity":
            # A few kilobytes may unpack to gigabytes.
            raise _Failure("sent a compressed answer, which was not asked for")
        return
    if 300 <= status < 400:
        raise _Failure("answered with a redirect, which is not followed", final=True)
    if status in _FINAL:
        raise _Failure(f"{_FINAL[status]} (HTTP {status})", final=True)
    if status in (400, 422):
        raise _Rejected(f"rejected requests (HTTP {status})")
    raise _Failure(
        f"failed with HTTP {status}", passing=status >= 500 or status in _PASSING, pause=_retry_after(response)
    )


def _retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() and len(value) < 6 else None


async def _body(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > _MAX_BODY:
            raise _Failure("sent an answer of more than a megabyte")
    return bytes(body)


def _content(body: bytes) -> str:
    try:
        content = orjson.loads(body)["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError) as error:
        raise _Failure("sent something that is no chat completion") from error
    if not isinstance(content, str):
        raise _Failure("sent a completion without text")
    return content
