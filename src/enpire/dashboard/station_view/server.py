"""The page on a port of this machine, for whoever knows the secret part of its address."""

import asyncio
import errno
import json
import secrets
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import TracebackType

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from enpire.core.errors import BadInput
from enpire.dashboard.station_view.board import Board, Order

HOST = "127.0.0.1"
PAGE = Path(__file__).with_name("page")
MOST_BYTES = 1000
"""Of an order."""
_POLL_S = 1.0 / 40.0
_ALIVE_S = 10.0
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class PageServer:
    """Serves the page while entered, from a thread of its own.

    Args:
        board: What to show, and where orders go.
        port: 0: any free one.

    Attributes:
        address: Of the page, with its secret; known once made.

    Raises:
        BadInput: The port is in use, or not allowed.
    """

    def __init__(self, board: Board, port: int = 0) -> None:
        self._socket = _listen(port)
        bound = self._socket.getsockname()[1]
        secret = secrets.token_urlsafe(18)
        self.address = f"http://{HOST}:{bound}/{secret}/"
        app = _Guard(_app(board, secret), hosts={f"{HOST}:{bound}", f"localhost:{bound}"})
        config = uvicorn.Config(
            app, ws="none", lifespan="off", log_config=None, access_log=False, proxy_headers=False, server_header=False
        )
        self._server = uvicorn.Server(config)
        self._board = board
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    def __enter__(self) -> "PageServer":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._board.closed.set()
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(timeout=5.0)
        self._socket.close()


class _Guard:
    """Lets only pages of this server talk to it: no other host name, no other origin."""

    def __init__(self, app: ASGIApp, hosts: set[str]) -> None:
        self._app, self._hosts = app, hosts
        self._origins = {f"http://{host}" for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        origin = headers.get("origin")
        if headers.get("host") not in self._hosts or (origin is not None and origin not in self._origins):
            refusal = PlainTextResponse("this page answers to its own address only\n", status_code=403)
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _app(board: Board, secret: str) -> Starlette:
    async def file(request: Request) -> Response:
        name = request.path_params.get("name") or "index.html"
        path = PAGE / name
        if name not in {entry.name for entry in PAGE.iterdir()} or path.suffix not in _TYPES:
            return PlainTextResponse("no such file\n", status_code=404)
        return FileResponse(path, media_type=_TYPES[path.suffix], headers=_HEADERS)

    async def shapes(request: Request) -> Response:
        return JSONResponse(board.shapes(), headers=_HEADERS)

    async def frames(request: Request) -> Response:
        return StreamingResponse(_frames(board), media_type="text/event-stream", headers=_HEADERS)

    async def picture(request: Request) -> Response:
        found = board.picture(request.path_params["camera"])
        if found is None:
            return PlainTextResponse("no picture\n", status_code=404)
        return Response(found, media_type="image/png", headers=_HEADERS)

    async def order(request: Request) -> Response:
        if request.headers.get("content-type") != "application/json":
            return PlainTextResponse("orders are application/json\n", status_code=415)
        try:
            board.orders.put(msgspec.json.decode(await _body(request), type=Order))
        except (msgspec.DecodeError, ValueError) as error:
            return PlainTextResponse(f"not an order: {error}\n", status_code=400)
        return Response(status_code=204)

    routes: list[tuple[str, Callable[[Request], Awaitable[Response]], str]] = [
        ("", file, "GET"),
        ("shapes", shapes, "GET"),
        ("frames", frames, "GET"),
        ("picture/{camera}", picture, "GET"),
        ("order", order, "POST"),
        ("{name}", file, "GET"),
    ]
    return Starlette(routes=[Route(f"/{secret}/{path}", answer, methods=[verb]) for path, answer, verb in routes])


async def _body(request: Request) -> bytes:
    """Body of a request.

    Raises:
        ValueError: It is too long.
    """
    found = b""
    async for part in request.stream():
        found += part
        if len(found) > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES} bytes")
    return found


async def _frames(board: Board) -> AsyncIterator[bytes]:
    """Server-sent events: one per frame; who is slow misses some."""
    board.come()
    try:
        seen, silent_s = 0, 0.0
        while not board.closed.is_set():
            number, frame = board.newest()
            if number != seen:
                seen, silent_s = number, 0.0
                yield b"data: " + frame + b"\n\n"
            elif silent_s > _ALIVE_S:
                silent_s = 0.0
                yield b": alive\n\n"
            silent_s += _POLL_S
            await asyncio.sleep(_POLL_S)
        yield f"event: closed\ndata: {json.dumps('the view has ended')}\n\n".encode()
    finally:
        board.go()


def _listen(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen(16)
    except (OSError, OverflowError) as error:
        listening.close()
        in_use = getattr(error, "errno", None) == errno.EADDRINUSE
        problem = "is in use by another program" if in_use else f"cannot be used ({error})"
        raise BadInput(
            f"port {port} of {HOST} {problem}; choose another with --port, or --port 0 for any free one"
        ) from None
    return listening
