"""The sessions that are let in, by the secret part of their addresses."""

import asyncio
import hmac
import os
from dataclasses import dataclass, field
from pathlib import Path

from enpire.agents.gateway.budget import Account
from enpire.agents.gateway.dialects import Dialect, dialect
from enpire.agents.gateway.messages import Close, Open, Phase

FIRST_PHASE = "propose"


@dataclass(eq=False)
class Session:
    """One agent's session.

    Attributes:
        opened: What the supervisor said about it.
        dialect: Its wire form.
        own, idea: Spending in all, and since the last idea.
        phase: What calls are booked as.
        tasks: Its calls in flight.
    """

    opened: Open
    dialect: Dialect
    own: Account
    idea: Account
    phase: str = FIRST_PHASE
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    @property
    def provider_key(self) -> str:
        """Key for the provider; empty if there is none in the gateway's environment."""
        return os.environ.get(self.opened.key_variable, "").strip() if self.opened.key_variable else ""

    def shows_key(self, headers: dict[str, str]) -> bool:
        """Whether a request carries the session's key, as bearer or `x-api-key`."""
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        shown = [headers.get("x-api-key", ""), bearer.strip() if scheme.lower() == "bearer" else ""]
        return any(hmac.compare_digest(key.encode(), self.opened.key.encode()) for key in shown)


class Sessions:
    """All sessions that are open."""

    def __init__(self) -> None:
        self._by_token: dict[str, Session] = {}
        self._by_name: dict[str, Session] = {}

    def find(self, token: str) -> Session | None:
        """Session of an address; None if there is none (any more)."""
        return self._by_token.get(token)

    def folder(self, name: str) -> Path:
        """Folder of an open session; one that does not exist for others."""
        session = self._by_name.get(name)
        return Path(session.opened.folder if session else os.devnull)

    def open(self, order: Open) -> None:
        """Let a session in; an open one of the same name ends."""
        self.close(Close(order.session))
        own, idea = Account("session", order.per_session), Account("idea", order.per_idea)
        session = Session(order, dialect(order.dialect), own, idea)
        self._by_token[order.token] = self._by_name[order.session] = session

    def phase(self, order: Phase) -> None:
        """Book what follows as something else. Calls in flight stay with the idea they began with."""
        if session := self._by_name.get(order.session):
            session.phase = order.phase
            if order.new_idea:
                session.idea = Account("idea", session.opened.per_idea)

    def close(self, order: Close) -> None:
        """End a session and break off its calls."""
        if session := self._by_name.pop(order.session, None):
            del self._by_token[session.opened.token]
            for task in list(session.tasks):
                task.cancel()
