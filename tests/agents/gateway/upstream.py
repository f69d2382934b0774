"""A provider on loopback that plays recorded answers, for tests of the gateway."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route


@dataclass
class Play:
    """One answer: chunks with a pause between them; `cut` ends it without an end."""

    chunks: list[bytes]
    status: int = 200
    kind: str = "text/event-stream"
    headers: dict[str, str] = field(default_factory=dict)
    pause_s: float = 0.0
    cut: bool = False

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)


def as_json(value: object, status: int = 200, **headers: str) -> Play:
    return Play([json.dumps(value).encode()], status, "application/json", headers)


@dataclass
class Seen:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Provider:
    """`plays` are used up one by one, the last one again and again; or `choose` decides by the request."""

    def __init__(self, *plays: Play) -> None:
        self.plays = list(plays)
        self.choose: Callable[[Seen], Play] | None = None
        self.seen: list[Seen] = []
        self.open = self.most_open = 0
        self.url = ""

    async def answer(self, request: Request) -> Response:
        body = await request.body()
        seen = Seen(request.method, request.url.path, request.url.query, dict(request.headers), body)
        self.seen.append(seen)
        play = self.choose(seen) if self.choose else self.plays.pop(0) if len(self.plays) > 1 else self.plays[0]
        self.open += 1
        self.most_open = max(self.open, self.most_open)

        async def flow() -> Any:
            try:
                for chunk in play.chunks:
                    await asyncio.sleep(play.pause_s)
                    yield chunk
                if play.cut:
                    raise ConnectionResetError("as the play says")
            finally:
                self.open -= 1

        headers = {"content-type": play.kind, **play.headers}
        return StreamingResponse(flow(), play.status, headers=headers)


@contextmanager
def serving(provider: Provider) -> Iterator[Provider]:
    app = Starlette(routes=[Route("/{path:path}", provider.answer, methods=["GET", "POST", "HEAD"])])
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        provider.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.005)
        yield provider
        server.should_exit = server.force_exit = True
        thread.join()


# ---------------------------------------------------------------------------- recorded forms


def sse(*events: dict[str, Any], named: bool = True) -> list[bytes]:
    head = [f"event: {e['type']}\n".encode() if named else b"" for e in events]
    return [h + b"data: " + json.dumps(e).encode() + b"\n\n" for h, e in zip(head, events, strict=True)]


def responses_stream(read: int = 1000, cached: int = 600, written: int = 80, reasoning: int = 30) -> Play:
    usage = {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": cached},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": read + written,
    }
    item = {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "Hé"}]}
    response = {"id": "resp_1", "object": "response", "status": "in_progress", "output": [], "usage": None}
    return Play(
        sse(
            {"type": "response.created", "response": response},
            {"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}},
            {"type": "response.output_text.delta", "item_id": "msg_1", "delta": 'Hé, "usage": 7'},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {
                "type": "response.completed",
                "response": {**response, "status": "completed", "output": [item], "usage": usage},
            },
        )
    )


def messages_stream(plain: int = 40, cached: int = 500, created: int = 60, written: int = 75) -> Play:
    usage = {
        "input_tokens": plain,
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": created,
        "output_tokens": 2,
    }
    return Play(
        sse(
            {"type": "message_start", "message": {"id": "msg_1", "role": "assistant", "content": [], "usage": usage}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "ping"},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Grüß"}},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": written}},
            {"type": "message_stop"},
        )
    )


def chat_stream(read: int = 300, cached: int = 120, written: int = 50, *, moonshot: bool = False) -> Play:
    usage: dict[str, Any] = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
    if moonshot:
        usage["cached_tokens"] = cached
    else:
        usage["prompt_tokens_details"] = {"cached_tokens": cached}
        usage["completion_tokens_details"] = {"reasoning_tokens": 11}
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "m"}
    chunks = sse(
        {**base, "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]},
        {**base, "choices": [{"index": 0, "delta": {"content": "你好"}}]},
        {**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {**base, "choices": [], "usage": usage},
        named=False,
    )
    return Play([*chunks, b"data: [DONE]\n\n"])
