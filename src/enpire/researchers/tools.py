"""Answers the research tools of running sessions, and does for them what needs a process or a station."""

import base64
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from enpire.agents.adapter import Launch
from enpire.agents.gateway.messages import Answer
from enpire.agents.session import Session
from enpire.core.config import CampaignConfig
from enpire.core.errors import BadInput, EnpireError
from enpire.core.records import Json, Proposal
from enpire.evolution.hub import Hub
from enpire.evolution.verbs import catalogue
from enpire.evolution.verbs.desk import Desk
from enpire.ledger.folder import Folder
from enpire.ledger.state import SessionLog, State

if TYPE_CHECKING:
    from enpire.researchers.sessions import Running

TRAIN_MINUTES = 20.0
LOG_TAIL_BYTES = 2000
WANTED_FILMS = 8
"""Episodes that may wait to be filmed."""


@dataclass
class _Job:
    """A training job of a session: `train.py` of its workspace, behind the same walls as the agent."""

    name: str
    session: Session

    def line(self) -> str:
        outcome = self.session.poll()
        state = "runs" if outcome is None else "done" if outcome == "ok" else f"ended: {outcome} {self.session.detail}"
        return f"{self.name} {state} after {self.session.elapsed_s:.0f} s\n{self.session.tail(LOG_TAIL_BYTES)}"


class Tools:
    """The supervisor's end of the research tools.

    Args:
        folder: Campaign folder.
        config: Campaign settings.
        hub: Where candidates live.
        state: The fold of the ledger; read only.
        hand_in: Takes in the workspace of a session with a proposal; returns the idea.
    """

    def __init__(
        self,
        folder: Folder,
        config: CampaignConfig,
        hub: Hub,
        state: State,
        hand_in: "Callable[[Running, Proposal], str]",
    ) -> None:
        self._folder, self._config, self._hub, self._state = folder, config, hub, state
        self._hand_in = hand_in
        self._jobs: dict[str, list[_Job]] = {}
        self._aside = ThreadPoolExecutor(max_workers=2, thread_name_prefix="literature")
        self._films: deque[int] = deque(maxlen=WANTED_FILMS)
        self._filmed: set[int] = set()
        self._unfilmed: dict[int, str] = {}

    def specs(self) -> list[tuple[str, str, Json]]:
        """Name, description and argument schema of every tool."""
        return catalogue.specs()

    def answer(
        self, running: "Running", request: int, tool: str, arguments: Json, send: Callable[[Answer], None]
    ) -> None:
        """Answer a question of a session. Whatever it asks, the worst is a refusal."""
        if tool == "literature" and self._config.online:  # the network may take seconds, and the loop must not wait
            self._aside.submit(lambda: send(self._answer(running, request, tool, arguments)))
        else:
            send(self._answer(running, request, tool, arguments))

    def _answer(self, running: "Running", request: int, tool: str, arguments: Json) -> Answer:
        try:
            reply = catalogue.answer(self._desk(running), tool, arguments)
        except EnpireError as refusal:
            return Answer(request=request, text=str(refusal), refused=True)
        images = tuple(base64.b64encode(image).decode() for image in reply.images)
        return Answer(request=request, text=reply.text, images=images)

    def _desk(self, running: "Running") -> Desk:
        return Desk(
            state=self._state,
            hub=self._hub,
            folder=self._folder,
            agent=running.member.name,
            session=running.name,
            parent=running.ideas[-1] if running.ideas else running.parent,
            session_folder=running.session.job.folder,
            vision=self._config.vision,
            spent=self._state.sessions.get(running.name, SessionLog("", 0.0)).usage,
            session_tokens=self._config.session_tokens,
            online=self._config.online,
            submit=partial(self._hand_in, running),
            train=partial(self._train, running),
            job=partial(self._job, running),
            film=self._film,
        )

    # ------------------------------------------------------------------ training jobs

    def _train(self, running: "Running") -> str:
        if self.training(running.name):
            raise BadInput(f"{self._jobs[running.name][-1].name} still runs; ask for its `result` first")
        job = running.session.job
        launch = Launch(argv=[sys.executable, "train.py", str(job.folder / "data")])
        jobs = self._jobs.setdefault(running.name, [])
        own = replace(job, login=None)  # training needs no network
        session = Session.start(own, launch, deadline_s=TRAIN_MINUTES * 60.0, walls=running.session.walls)
        jobs.append(_Job(f"job-{len(jobs) + 1}", session))
        return jobs[-1].name

    def _job(self, running: "Running", name: str) -> str:
        jobs = {job.name: job for job in self._jobs.get(running.name, [])}
        if name not in jobs:
            raise BadInput(f"there is no job {name[:40]!r}; known: {', '.join(jobs) or 'none'}")
        return jobs[name].line()

    def training(self, session: str) -> bool:
        """Whether a training job of a session runs."""
        jobs = self._jobs.get(session, [])
        return bool(jobs) and jobs[-1].session.poll() is None

    def end(self, session: str) -> None:
        """Stop the jobs of a session."""
        for job in self._jobs.pop(session, []):
            job.session.stop(grace_s=0.5)

    # ------------------------------------------------------------------ films

    def _film(self, ticket: int) -> None:
        if ticket in self._unfilmed:
            raise BadInput(f"episode {ticket} cannot be filmed: {self._unfilmed[ticket]}")
        if ticket not in self._filmed and ticket not in self._films:
            if len(self._films) == WANTED_FILMS:
                raise BadInput(f"{WANTED_FILMS} episodes wait to be filmed; ask again later")
            self._films.append(ticket)

    def not_filmed(self, ticket: int, reason: str) -> None:
        """There will be no video of an episode."""
        self._unfilmed[ticket] = reason

    def films(self) -> Iterator[int]:
        """Episodes that wait to be filmed, each once."""
        while self._films:
            ticket = self._films.popleft()
            self._filmed.add(ticket)
            yield ticket
