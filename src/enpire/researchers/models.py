"""The supervisor's side of model calls: lets sessions into the gateway, and books what they use."""

import contextlib
import queue
import secrets
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from enpire.agents.adapter import Job
from enpire.agents.gateway import messages as m
from enpire.agents.gateway.client import Gateway
from enpire.agents.team import Member
from enpire.agents.walls import Walls, raise_walls
from enpire.core.config import CampaignConfig
from enpire.core.errors import EnpireError
from enpire.core.records import Json
from enpire.core.usage import ModelCall, Usage
from enpire.ledger import events as e
from enpire.ledger.folder import Folder
from enpire.ledger.state import SessionLog, State
from enpire.researchers.door import Append
from enpire.researchers.preflight import login_folder, upstream_url

LAST_WORDS_S = 0.3
"""Time the gateway gets to report what was cut off."""


class Models:
    """The gateway of a campaign. A context manager; without a member that has a model it starts nothing.

    Args:
        folder: Campaign folder.
        config: Campaign settings.
        state: The fold of the ledger; read only.
        append: Writes to the ledger.
        members: The team.
        tools: Name, description and argument schema of every research tool.
    """

    def __init__(
        self,
        folder: Folder,
        config: CampaignConfig,
        state: State,
        append: Append,
        members: list[Member],
        tools: list[tuple[str, str, Json]],
    ) -> None:
        self._folder, self._config, self._state, self._append = folder, config, state, append
        self._inbox: queue.SimpleQueue[m.Report | None] = queue.SimpleQueue()
        keys = {member.adapter.UPSTREAM.key_variable for member in members if member.has_model}
        start = m.Start(
            tools=tuple(m.ToolSpec(*tool) for tool in tools),
            prices={name: m.Price(**price) for name, price in config.prices.items()},
            limits=m.Limits(tokens=config.budget_tokens, usd=config.budget_usd),
            spent_tokens=state.tokens,
            spent_usd=state.cost_usd,
            script=config.script,
            socket=str(folder.root / "gateway.socket"),
        )
        log = folder.root / "gateway.log"
        self._gateway = Gateway(start, self._inbox, key_variables=sorted(keys), log=log) if keys else None
        self._resources = ExitStack()

    def __enter__(self) -> "Models":
        if self._gateway is not None:
            self._resources.enter_context(self._gateway)
        return self

    def __exit__(self, *error: object) -> None:
        self._resources.close()

    def raise_walls(self, readable: tuple[Path, ...]) -> Walls:
        """Walls for sessions: of the outside they see what is readable, and of the network the gateway.

        Raises:
            MissingProgram: The isolation level that was demanded cannot be had.
        """
        if self._gateway is None:
            return raise_walls(self._config.isolation, readable=readable)
        socket = self._folder.root / "gateway.socket"
        return raise_walls(self._config.isolation, readable=readable, socket=socket, port=self._gateway.port)

    def connect(self, job: Job, session: str, member: Member, *, resume: str) -> Job:
        """Let a session into the gateway, and tell its job where that is."""
        config, adapter, gateway = self._config, member.adapter, self._gateway
        assert gateway is not None
        token, key = secrets.token_hex(16), secrets.token_hex(16)
        upstream = gateway.script_url(session) if config.script else upstream_url(adapter.UPSTREAM)
        gateway.open(
            m.Open(
                session=session,
                agent=member.name,
                token=token,
                key=key,
                folder=str(job.folder),
                dialect=adapter.DIALECT,
                upstream=upstream,
                key_variable=adapter.UPSTREAM.key_variable,
                header=adapter.UPSTREAM.header,
                vision=config.vision,
                per_session=m.Limits(tokens=self._left(session)),
                per_idea=m.Limits(tokens=config.idea_tokens),
            )
        )
        login = login_folder(member) if config.login else None
        return replace(
            job,
            model=config.models.get(member.agent, ""),
            model_url="" if login else gateway.url(token),
            key=key,
            tools_url=gateway.tools_url(token),
            resume=resume,
            login=login,
        )

    def _left(self, session: str) -> int | None:
        """Tokens a session may still use; one that goes on has used some before."""
        limit = self._config.session_tokens
        return None if limit is None else max(0, limit - self._used(session).total)

    def _used(self, session: str) -> Usage:
        return self._state.sessions.get(session, SessionLog("", 0.0)).usage

    def disconnect(self, session: str) -> None:
        """End a session's way into the gateway."""
        assert self._gateway is not None
        self._gateway.close_session(session)

    def book(self, session: str, phase: str, *, new_idea: bool = False) -> None:
        """Book later calls of a session under a phase; a new idea has its whole budget."""
        if self._gateway is not None:
            self._gateway.phase(m.Phase(session=session, phase=phase, new_idea=new_idea))

    def answer(self, answer: m.Answer) -> None:
        """Answer a question to a research tool."""
        assert self._gateway is not None
        self._gateway.answer(answer)

    def hear(self) -> list[ModelCall | m.Asked]:
        """What sessions did since the last time. Model calls are in the ledger when this returns.

        Raises:
            EnpireError: The gateway has ended.
        """
        heard: list[ModelCall | m.Asked] = []
        while not self._inbox.empty():
            match self._inbox.get():
                case m.Called(call=call):
                    self._append(e.ModelCalled(call=call))
                    heard.append(call)
                case m.Asked() as asked:
                    heard.append(asked)
                case None:
                    raise EnpireError("the model gateway has ended: see gateway.log in the campaign folder")
        return heard

    def last_words(self) -> None:
        """Book the calls that were cut off when their sessions ended; the gateway reports them at once."""
        if self._gateway is not None:
            time.sleep(LAST_WORDS_S)
            with contextlib.suppress(EnpireError):
                self.hear()

    def settle(self, job: Job, session: str, member: Member, *, phase: str, elapsed_s: float) -> Usage | None:
        """The agent's own count of an ended session; with a login of its own, that is what gets booked."""
        usage: Usage | None = member.adapter.native_usage(job)
        if usage is not None and job.login is not None:
            before = self._used(session)
            new = replace(
                usage,
                input=usage.input - before.input,
                cached=usage.cached - before.cached,
                cache_write=usage.cache_write - before.cache_write,
                output=usage.output - before.output,
            )
            call = ModelCall(
                session=session,
                agent=member.name,
                phase=phase,
                model=job.model,
                dialect=member.adapter.DIALECT,
                status=200,
                usage=new,
                latency_s=elapsed_s,
                source="native",
            )
            self._append(e.ModelCalled(call=call))
        return usage
