"""Model calls of agents: checked, limited, masked, passed on and reported."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import httpx2
from starlette.requests import Request
from starlette.types import Receive, Send

from enpire.agents.gateway.bodies import MODEL_BYTES, BadBody, json_object, read_body
from enpire.agents.gateway.budget import Account, Budget, Reservation, UsedUp, tokens_at_most
from enpire.agents.gateway.dialects.images import Images
from enpire.agents.gateway.dialects.meter import Meter
from enpire.agents.gateway.messages import Called, Price, Report
from enpire.agents.gateway.prices import cost_at_most, cost_usd, price_of
from enpire.agents.gateway.relay import Relay, address, provider_headers
from enpire.agents.gateway.sessions import Session
from enpire.core.records import Json
from enpire.core.usage import ModelCall, Usage

NAME_CHARACTERS = 200
"""Longest model name that is booked; agents may send anything."""


@dataclass
class Forward:
    """The way to the providers.

    Attributes:
        client: Connections to providers.
        campaign: What the campaign spends.
        prices: By model.
        post: Sends a report to the supervisor.
        budget: Decides when a call may start.
    """

    client: httpx2.AsyncClient
    campaign: Account
    prices: dict[str, Price]
    post: Callable[[Report], "Future[None]"]
    budget: Budget

    async def pass_on(self, request: Request, session: Session, path: str, send: Send) -> None:
        """A request that is no model call: masked, but neither counted nor reported."""
        body = await read_body(request, MODEL_BYTES)
        if body and session.opened.vision == "none":
            wanted = json_object(body)
            if session.dialect.mask(wanted):
                body = json.dumps(wanted).encode()
        relay = Relay(self.client, session, Meter(session.dialect), _nothing)
        out = self._request(request, session, path, body)
        await _watched(relay.run(out, send), request.receive, session)

    async def call(self, request: Request, session: Session, path: str, send: Send) -> None:
        """A model call. It is reported exactly once, whatever happens to it."""
        body = await read_body(request, MODEL_BYTES)
        call = _Call(self, session, json_object(body), body)
        out = self._request(request, session, path, call.body)
        await _watched(call.run(out, send), request.receive, session)

    def _request(self, request: Request, session: Session, path: str, body: bytes) -> httpx2.Request:
        url = address(session.opened.upstream, path, request.url.query)
        headers = provider_headers(session, request.scope["headers"])
        return self.client.build_request(request.method, url, headers=headers, content=body or None)


class _Call:
    """One model call, from the request to its row in the ledger."""

    def __init__(self, forward: Forward, session: Session, wanted: Json, body: bytes) -> None:
        self._forward, self._session, self.body = forward, session, body
        self._phase, self._idea = session.phase, session.idea
        self._model = str(wanted.get("model", ""))[:NAME_CHARACTERS]
        self._price = price_of(self._model, forward.prices)
        self._images: Images = session.dialect.images(wanted)
        self._masked = session.dialect.mask(wanted) if session.opened.vision == "none" else 0
        if session.dialect.prepare(wanted) or self._masked:
            self.body = json.dumps(wanted).encode()
        self._bound = session.dialect.output_bound(wanted)
        self._meter = Meter(session.dialect)
        self._relay = Relay(forward.client, session, self._meter, self._over)
        self._reservation: Reservation | None = None
        self._answered = False
        self._report: Future[None] | None = None

    async def run(self, out: httpx2.Request, send: Send) -> None:
        """Wait until the budget allows it, then pass the call on."""
        try:
            try:
                self._reservation = await self._reserve()
            except UsedUp as reason:
                await self._relay.refuse(400, str(reason), send)
                return
            await self._relay.run(out, send)
        finally:
            if self._relay.status or self._relay.begun:
                self._settle()

    async def _reserve(self) -> Reservation:
        images = Images() if self._masked else self._images
        text = max(len(self.body) - images.characters, 0)
        read, written = tokens_at_most(text, images.count, self._bound)
        accounts = (self._session.own, self._idea, self._forward.campaign)
        usd = cost_at_most(read, written, self._price)
        return await self._forward.budget.reserve(accounts, read + written, usd)

    async def _over(self) -> None:
        self._answered = True
        await asyncio.shield(asyncio.wrap_future(self._settle()))

    def _settle(self) -> "Future[None]":
        """Book and report the call, the first time it is called."""
        if self._report is None:
            usage = self._meter.usage
            cost = cost_usd(usage, self._price)
            if self._reservation is not None:
                self._reservation.settle(usage.total, cost)
            self._report = self._forward.post(Called(self._row(usage, cost)))
        return self._report

    def _row(self, usage: Usage, cost: float) -> ModelCall:
        opened, relay = self._session.opened, self._relay
        return ModelCall(
            session=opened.session,
            agent=opened.agent,
            phase=self._phase,
            model=self._model,
            dialect=opened.dialect,
            status=relay.status,
            usage=usage,
            latency_s=relay.latency_s,
            first_byte_s=relay.first_byte_s or relay.latency_s,
            images=self._images.count,
            masked=self._masked,
            cost_usd=cost,
            error=relay.error or ("" if self._answered else "broken off by the agent"),
        )


async def _nothing() -> None:
    """For requests that nobody counts."""


async def _watched(work: Coroutine[Any, Any, None], receive: Receive, session: Session) -> None:
    """Run until done, until the agent hangs up or until the session is closed.

    Raises:
        BadBody: The session was closed; the caller says so if the agent can still hear it.
    """
    task = asyncio.create_task(work)
    gone = asyncio.create_task(_until_gone(receive))
    session.tasks.add(task)
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        closed = task.cancelled() and not gone.done()
        gone.cancel()
        task.cancel()
        session.tasks.discard(task)
        await asyncio.wait({task})
    if closed:
        raise BadBody(404, "the session is over")
    if not task.cancelled():
        task.result()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
