"""The server: three dialects below `/<session>/v1/`, and the truth about every answer."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from enpire.agents.scripted_model import chat, messages, responses
from enpire.agents.scripted_model.operations import NotOffered, call_for
from enpire.agents.scripted_model.play import Mind, Play, Step
from enpire.agents.scripted_model.wire import Answer, Dialect, Request, plain_text
from enpire.core.records import Json, to_builtins
from enpire.core.usage import Usage

DIALECTS = {name: cast(Dialect, m) for name, m in (("responses", responses), ("messages", messages), ("chat", chat))}

_HEARD = 50


@dataclass(frozen=True, kw_only=True)
class Told:
    """One answer as it was sent, failures included.

    Attributes:
        session: Path below which it was asked.
        turn: Number of the answer in its part; -1 for side calls and sub-agents.
        usage: What was put on the wire.
        images: Image parts of the request.
        tools: What the request offered.
        broken: Whether the connection was broken off.
    """

    session: str
    dialect: str
    model: str
    status: int
    turn: int
    usage: Usage
    images: int
    tools: tuple[str, ...]
    broken: bool


class ScriptedModel:
    """Plays a mind for every session.

    Attributes:
        app: ASGI application.
        truth: Every answer sent so far, in order.
        heard: What the user side said in the latest requests, each in full.
    """

    def __init__(self, mind: Mind, folder_of: Callable[[str], Path] | None = None) -> None:
        self.truth: list[Told] = []
        self.heard: deque[str] = deque(maxlen=_HEARD)
        self._play = Play(mind)
        self._folder_of = folder_of
        self._answers = 0
        routes = [
            Route(f"/{{session}}{d.PATH}", self._route(name, d), methods=["POST"]) for name, d in DIALECTS.items()
        ]
        routes += [
            Route("/{session}/v1/messages/count_tokens", self._count, methods=["POST"]),
            Route("/{session}/v1/models", self._models),
            Route("/truth", self._truth),
            Route("/{session}", self._greet),
        ]
        self.app = Starlette(routes=routes)
        self.app.state.model = self

    def _route(self, name: str, dialect: Dialect) -> Callable[[HttpRequest], Awaitable[Response]]:
        async def route(http: HttpRequest) -> Response:
            return await self._answer(name, dialect, http)

        return route

    async def _answer(self, name: str, dialect: Dialect, http: HttpRequest) -> Response:
        body: Json = await http.json()
        request, session = dialect.read(body), str(http.path_params["session"])
        self.heard.append(request.said)
        step = await asyncio.to_thread(self._play.step, session, request, name)
        turn = step.turn
        if turn.hang_s and await _gone(http, turn.hang_s):
            return Response(status_code=499)
        told = Told(
            session=session,
            dialect=name,
            model=request.model,
            status=turn.error or 200,
            turn=step.number,
            usage=Usage(),
            images=request.images,
            tools=tuple(tool.full_name for tool in request.tools),
            broken=step.broken,
        )
        if turn.error:
            self.truth.append(told)
            headers = {"Retry-After": "1"} if turn.error == 429 else {}
            return JSONResponse(dialect.failure(turn.error, turn.message), turn.error, headers)
        answer = self._spoken(session, request, step)
        if step.broken and not request.stream:
            self.truth.append(told)
            return _Stream((), broken=True)
        self.truth.append(replace(told, usage=dialect.told(answer)))
        if request.stream:
            return _Stream(dialect.stream(answer), broken=step.broken)
        return JSONResponse(dialect.whole(answer))

    def _spoken(self, session: str, request: Request, step: Step) -> Answer:
        """The answer in words and calls. An operation that no tool of the request can do becomes words about that."""
        self._answers += 1
        id, turn, text, call = f"scripted_{self._answers}", step.turn, step.turn.say, None
        workspace = self._folder_of(session) / "workspace" if self._folder_of is not None else None
        try:
            call = call_for(turn, request, workspace, f"call_{self._answers}")
        except NotOffered as error:
            text = f"{text}\n{error}".strip()
        usage = step.usage
        if turn.usage is None:
            size = len(text) + (len(plain_text(call.arguments)) if call is not None else 0)
            usage = replace(usage, output=max(1, size // 4))
        text = text or ("" if call is not None else "ok")
        return Answer(id=id, model=request.model, text=text, call=call, usage=usage, broken=step.broken)

    async def _truth(self, http: HttpRequest) -> Response:
        return JSONResponse([to_builtins(told) for told in self.truth])

    async def _greet(self, http: HttpRequest) -> Response:
        return Response()

    async def _models(self, http: HttpRequest) -> Response:
        return JSONResponse({"object": "list", "data": []})

    async def _count(self, http: HttpRequest) -> Response:
        asked = messages.read(await http.json())
        return JSONResponse({"input_tokens": max(1, len(asked.text) // 4)})


class _Stream(Response):
    """Server-sent events; a broken one never says that it is over, so the server cuts the connection."""

    def __init__(self, events: Iterable[bytes], *, broken: bool) -> None:
        super().__init__(media_type="text/event-stream")
        del self.headers["content-length"]
        self._events = events
        self._broken = broken

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        for event in self._events:
            await send({"type": "http.response.body", "body": event, "more_body": True})
        if not self._broken:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(http: HttpRequest, wait_s: float) -> bool:
    """Whether the client went away within a time."""

    async def disconnected() -> None:
        while (await http.receive())["type"] != "http.disconnect":
            pass

    try:
        await asyncio.wait_for(disconnected(), wait_s)
    except TimeoutError:
        return False
    return True
