"""One request to a provider and the way of its answer back to the agent, byte for byte."""

import time
from collections.abc import Awaitable, Callable

import httpx2
from starlette.responses import Response
from starlette.types import Send

from enpire.agents.gateway.bodies import BadBody, json_object
from enpire.agents.gateway.dialects.meter import Meter, part
from enpire.agents.gateway.redact import Redactor
from enpire.agents.gateway.sessions import Session
from enpire.core.records import encode

KEPT_HEADERS = {b"accept", b"content-type", b"user-agent", b"anthropic-version", b"anthropic-beta", b"openai-beta"}
"""Headers of agents that providers get to see."""
DROPPED_HEADERS = {
    "connection",
    "content-encoding",
    "content-length",
    "keep-alive",
    "proxy-authenticate",
    "server",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
"""Headers of providers that agents do not get to see: they belong to one connection."""
ANSWER_BYTES = 64 << 20
"""Largest answer that is not a stream."""
ERROR_CHARACTERS = 300
"""Of a provider's complaint that are kept."""


def address(upstream: str, path: str, query: str) -> str:
    """URL at a provider; its root may end in `/v1` or not."""
    root = upstream.rstrip("/").removesuffix("/v1")
    return f"{root}/v1/{path}{'?' + query if query else ''}"


def provider_headers(session: Session, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Headers for the provider: a few of the agent's, and the real key instead of the session's."""
    kept = [(name, value) for name, value in headers if name in KEPT_HEADERS]
    if key := session.provider_key.encode(errors="surrogateescape"):
        as_bearer = session.opened.header == "bearer"
        kept.append((b"authorization", b"Bearer " + key) if as_bearer else (b"x-api-key", key))
    return [*kept, (b"accept-encoding", b"identity")]


class Relay:
    """Passes one request on and its answer back.

    Args:
        client: Connections to providers.
        session: Whose request it is.
        meter: Reads along.
        over: Awaited once, before the last byte reaches the agent.

    Attributes:
        status: HTTP status that the agent got; 0 before one.
        error: Why there was no good answer, as one line; empty if there was one.
        first_byte_s, latency_s: Since the request went out; until now while the answer is on its way.
    """

    def __init__(
        self, client: httpx2.AsyncClient, session: Session, meter: Meter, over: Callable[[], Awaitable[None]]
    ) -> None:
        self._client, self._session, self._meter, self._over = client, session, meter, over
        self._redactor = Redactor(session.provider_key)
        self._began: float | None = None
        self.status = 0
        self.error = ""
        self.first_byte_s = 0.0

    @property
    def begun(self) -> bool:
        """Whether the request went out."""
        return self._began is not None

    @property
    def latency_s(self) -> float:
        """Seconds since the request went out; 0 before that."""
        return time.monotonic() - self._began if self._began is not None else 0.0

    async def run(self, request: httpx2.Request, send: Send) -> None:
        """Ask the provider. An answer that it cuts is cut for the agent, too."""
        self._began = time.monotonic()
        try:
            response = await self._client.send(request, stream=True)
        except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError) as error:
            await self.refuse(502, f"the provider cannot be reached: {type(error).__name__}", send)
            return
        try:
            if response.headers.get("content-type", "").startswith("text/event-stream"):
                await self._stream(response, send)
            else:
                await self._whole(response, send)
        finally:
            await response.aclose()

    async def refuse(self, status: int, text: str, send: Send) -> None:
        """Answer in the provider's place."""
        self.status, self.error = status, text
        await self._over()
        await _send(status, [], encode(self._session.dialect.refusal(status, text)), send)

    async def _stream(self, response: httpx2.Response, send: Send) -> None:
        self.status, told = response.status_code, False
        self.error = f"HTTP status {self.status}" if response.is_error else ""
        await send({"type": "http.response.start", "status": self.status, "headers": self._headers(response)})
        complete = True
        try:
            async for chunk in response.aiter_bytes():
                self.first_byte_s = self.first_byte_s or self.latency_s
                self._meter.feed(chunk)
                if self._meter.ended and not told:
                    told = True
                    await self._over()
                if clean := self._redactor.feed(chunk):
                    await send({"type": "http.response.body", "body": clean, "more_body": True})
        except httpx2.HTTPError:
            complete = False
            self.error = "the provider broke off its answer"
        self._meter.finish()
        if not told:
            await self._over()
        await send({"type": "http.response.body", "body": self._redactor.finish(), "more_body": not complete})

    async def _whole(self, response: httpx2.Response, send: Send) -> None:
        body = bytearray()
        try:
            async for chunk in response.aiter_bytes():
                self.first_byte_s = self.first_byte_s or self.latency_s
                body += chunk
                if len(body) > ANSWER_BYTES:
                    await self.refuse(502, f"the provider's answer is larger than {ANSWER_BYTES >> 20} MiB", send)
                    return
        except httpx2.HTTPError as error:
            await self.refuse(502, f"the provider broke off its answer: {type(error).__name__}", send)
            return
        clean = self._redactor.whole(bytes(body))
        self.status, self.error = response.status_code, _complaint(clean) if response.is_error else ""
        self._meter.feed(bytes(body))
        self._meter.finish()
        await self._over()
        await _send(self.status, self._headers(response), clean, send)

    def _headers(self, response: httpx2.Response) -> list[tuple[bytes, bytes]]:
        """Headers of a provider's answer for the agent; one that holds the key is left out."""
        pairs = [(n.encode(), v.encode()) for n, v in response.headers.items() if n.lower() not in DROPPED_HEADERS]
        clean = [(name, value) for name, value in pairs if self._redactor.whole(name + value) == name + value]
        if response.status_code == 429 and "retry-after" not in response.headers:
            clean.append((b"retry-after", b"2"))  # codex gives up without it
        return clean


def _complaint(body: bytes) -> str:
    """What an error body says, as one line."""
    try:
        said = part(json_object(body), "error").get("message")
    except BadBody:
        said = None
    text = said if isinstance(said, str) and said else body.decode(errors="replace")
    return " ".join(text.split())[:ERROR_CHARACTERS]


async def _send(status: int, headers: list[tuple[bytes, bytes]], body: bytes, send: Send) -> None:
    """Send an answer that is complete."""
    answer = Response(body, status, media_type=None if headers else "application/json")
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *answer.raw_headers]})
    await send({"type": "http.response.body", "body": body})
