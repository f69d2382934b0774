"""The gateway's process from the inside: one event loop, one port on loopback, one line to the supervisor."""

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import httpx2
import msgspec
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from enpire.agents.gateway.app import Gate
from enpire.agents.gateway.budget import Account, Budget
from enpire.agents.gateway.forward import Forward
from enpire.agents.gateway.messages import Answer, Close, Listening, Open, Order, Phase, Report, Start, Unusable
from enpire.agents.gateway.questions import Questions
from enpire.agents.gateway.sessions import Sessions
from enpire.core.line import Line

FIRST_REQUEST_S = 30.0
"""Time a new connection has until the head of its first request is complete."""
KEEP_ALIVE_S = 75
CONNECTIONS = 512
"""At a time; each may need another one to a provider."""
TIMEOUTS = httpx2.Timeout(connect=15.0, read=600.0, write=120.0, pool=None)
"""For providers, seconds. `read`: a model may think in silence for minutes."""
LOOPBACK: dict[str, Any] = {"all://127.0.0.1": None, "all://localhost": None}
"""Never by a proxy."""


class _Connection(H11Protocol):
    """Hangs up on clients that connect and do not come to the point."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.loop.call_later(FIRST_REQUEST_S, self._insist)

    def _insist(self) -> None:
        if self.cycle is None:
            self.transport.close()


class Reporter:
    """Sends reports in order, from a thread of its own: a busy supervisor does not hold up the event loop."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reports")

    def post(self, report: Report) -> "Future[None]":
        """Send a report; the result is there when it is in the supervisor's hands."""
        return self._thread.submit(self._send, report)

    def _send(self, report: Report) -> None:
        try:
            self._line.send(report)
        except OSError:
            pass  # The supervisor is gone; the listener ends the process.


async def serve(start: Start, line: Line) -> None:
    """Serve until the supervisor hangs up."""
    reporter = Reporter(line)
    sessions, questions = Sessions(), Questions(start.tools, reporter.post)
    script: ASGIApp | None = None
    if start.script:
        try:
            script = cast(ASGIApp, _scripted_model(start.script, folder_of=sessions.folder))
        except Exception as error:
            await asyncio.wrap_future(reporter.post(Unusable(f"scripted model: {error}")))
            return
    campaign = Account("campaign", start.limits, start.spent_tokens, start.spent_usd)
    async with httpx2.AsyncClient(
        timeout=TIMEOUTS,
        mounts=LOOPBACK,
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=64),
        follow_redirects=False,
    ) as client:
        forward = Forward(client, campaign, start.prices, reporter.post, Budget())
        with contextlib.ExitStack() as stack:
            listening = [stack.enter_context(_port())]
            if start.socket:
                listening.append(stack.enter_context(_unix_socket(Path(start.socket))))
            server = _server(Gate(sessions, forward, questions, script))
            loop = asyncio.get_running_loop()

            def obey(order: Order | None) -> None:
                match order:
                    case Open():
                        sessions.open(order)
                    case Phase():
                        sessions.phase(order)
                    case Close():
                        sessions.close(order)
                        questions.close(order)
                    case Answer():
                        questions.answer(order)
                    case None:
                        server.should_exit = server.force_exit = True

            listen = threading.Thread(target=_listen, args=(line, loop, obey), daemon=True)
            listen.start()
            reporter.post(Listening(listening[0].getsockname()[1]))
            await server.serve(sockets=listening)


def _scripted_model(script: str, folder_of: Callable[[str], Path]) -> object:
    from enpire.agents.scripted_model import make_app

    return make_app(script, folder_of=folder_of)


def _port() -> socket.socket:
    # Named protocol: only then asyncio switches Nagle's algorithm off, which costs 40 ms per answer.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen(CONNECTIONS)
    return listening


def _unix_socket(path: Path) -> socket.socket:
    """A listening socket that only this user can open. A path of any length: the kernel takes 107 bytes only."""
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    before = os.umask(0o177)
    try:
        listening.bind(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.umask(before)
        os.close(folder)
    listening.listen(CONNECTIONS)
    return listening


def _server(app: ASGIApp) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        http=_Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        limit_concurrency=CONNECTIONS,
        backlog=CONNECTIONS,
    )
    return uvicorn.Server(config)


def _listen(line: Line, loop: asyncio.AbstractEventLoop, obey: Any) -> None:
    """Thread that waits for orders."""
    order: Order | None
    while True:
        try:
            order = line.receive(Order)  # type: ignore[arg-type]
        except (OSError, msgspec.DecodeError):
            order = None
        try:
            loop.call_soon_threadsafe(obey, order)
        except RuntimeError:
            return  # The loop is over.
        if order is None:
            return
