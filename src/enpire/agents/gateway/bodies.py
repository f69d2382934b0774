"""Reading what agents post: at most so many bytes, in at most so many seconds."""

import asyncio
import json

import msgspec
from starlette.requests import ClientDisconnect, Request

from enpire.core.records import Json

MODEL_BYTES = 32 << 20
"""Largest request to a model."""
TOOL_BYTES = 1 << 20
"""Largest question to a research tool."""
BODY_S = 60.0
"""Time a request may take to arrive."""


class BadBody(Exception):
    """A request that cannot be used. `status` says how."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


async def read_body(request: Request, cap: int) -> bytes:
    """Whole body of a request.

    Raises:
        BadBody: Too large, too slow, compressed or cut.
    """
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise BadBody(415, "compressed requests are not accepted; send the body as it is")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > cap:
                    raise BadBody(413, f"the request is larger than {cap >> 20} MiB")
    except TimeoutError:
        raise BadBody(408, f"the request did not arrive within {BODY_S:.0f} s") from None
    except ClientDisconnect:
        raise BadBody(400, "the request was cut") from None
    return bytes(body)


def json_object(body: bytes) -> Json:
    """Request as an object. What strict JSON refuses, lone surrogates above all, is read leniently.

    Raises:
        BadBody: It is not a JSON object.
    """
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            raise BadBody(400, "the body is not JSON") from None
    if not isinstance(value, dict):
        raise BadBody(400, "the body is not a JSON object")
    return value
