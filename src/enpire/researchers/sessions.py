"""Who thinks when: briefs go out, sessions of coding agents run, what they hand in goes through the door."""

import math
import random
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from enpire.agents.adapter import Job, Launch, Upstream
from enpire.agents.gateway.messages import Asked
from enpire.agents.health import Health
from enpire.agents.session import Session, parse_nothing
from enpire.agents.submission import read_submission
from enpire.agents.team import Member, team
from enpire.core.clock import Clock
from enpire.core.config import CampaignConfig
from enpire.core.errors import BadInput, EnpireError
from enpire.core.records import Proposal
from enpire.core.usage import Usage
from enpire.ledger import events as e
from enpire.ledger.folder import Folder
from enpire.ledger.state import State
from enpire.researchers.briefing import LIBRARY, Briefing
from enpire.researchers.door import Append, Door
from enpire.researchers.models import Models
from enpire.researchers.tools import Tools

IDLE_S = 600.0
"""Silence after which a session counts as hanging."""
OPEN_IDEAS = 4
"""Ideas under test at the same time, at least, so that stations do not wait for a researcher."""
LONG_IN_FLIGHT = 2
"""Ideas that a long session may have under test."""
FIRST_PAUSE_S = 1.0
"""Pause of a researcher after a session without a usable idea; doubled each time in a row."""
LONGEST_PAUSE_S = 60.0


@dataclass
class Running:
    """A session that runs.

    Attributes:
        parent: Idea whose files it began with.
        ideas: What it has handed in so far.
    """

    name: str
    member: Member
    session: Session
    parent: str
    ideas: list[str] = field(default_factory=list)


class Researchers:
    """Runs the sessions of all researchers of a campaign. A context manager; enter it from the main thread.

    Args:
        folder: Campaign folder.
        config: Campaign settings.
        door: Takes ideas in.
        state: The fold of the ledger; read only.
        append: Writes to the ledger.
        clock: Source of time.
        rng: For the researchers' seeds.
    """

    def __init__(
        self,
        folder: Folder,
        config: CampaignConfig,
        door: Door,
        state: State,
        append: Append,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self._folder, self._config, self._door, self._state = folder, config, door, state
        self._append, self._clock, self._rng = append, clock, rng
        self._team = team(config.agent, config.agents)
        self._briefing = Briefing(folder, config, door.hub, state, rng)
        self._tools = Tools(folder, config, door.hub, state, self.hand_in)
        self._models = Models(folder, config, state, append, self._team, self._tools.specs())
        self._running: dict[str, Running] = {}
        self._native_ids: dict[str, tuple[Path, str]] = {}
        self._pause_s = {member.name: 0.0 for member in self._team}
        self._not_before_s = {member.name: -math.inf for member in self._team}
        self._health = {
            member.agent: Health(member.agent, clock, rng, key_variable=_key_variable(member, config))
            for member in self._team
        }

    def __enter__(self) -> "Researchers":
        with ExitStack() as stack:
            stack.enter_context(self._models)
            self._walls = self._models.raise_walls((self._folder.candidates, LIBRARY))
            stack.callback(self.close)
            self._resources = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._resources.close()

    # ------------------------------------------------------------------ sessions begin

    def start_sessions(self) -> None:
        """Start a session for each researcher that has room for another idea."""
        room = max(1, math.ceil(OPEN_IDEAS / len(self._team)))
        thinking = {running.member.name for running in self._running.values()}
        for member in self._team:
            health = self._health[member.agent]
            undecided = sum(n.verdict is None and n.idea.agent == member.name for n in self._state.ideas.values())
            waits = undecided >= (1 if self._long(member) else room)
            if member.name in thinking or waits or self._clock.now() < self._not_before_s[member.name]:
                continue
            if health.ready():
                self._start(member)

    def _long(self, member: Member) -> bool:
        return self._config.session == "long" and member.has_model

    def _start(self, member: Member) -> None:
        known = self._native_ids.get(member.name) if self._long(member) else None
        number = len(list(self._folder.sessions.iterdir())) + 1
        name = known[0].name if known else f"{number:05d}-{member.name}"
        folder = self._folder.sessions / name
        if not known:
            self._briefing.furnish(folder)
        prompt = self._briefing.write(folder, member, number)
        job = Job(folder=folder.absolute(), prompt=prompt, vision=self._config.vision)
        if member.has_model:
            job = self._models.connect(job, name, member, resume=known[1] if known else "")
        launch: Launch = member.adapter.command(job)
        if job.tools_url:
            launch.environment["ENPIRE_TOOLS"] = job.tools_url.removesuffix("/mcp") + "/tools"
        confinement = self._walls.confinement(job)
        self._append(e.SessionStarted(session=name, agent=member.name, confinement=confinement))
        session = Session.start(
            job,
            launch,
            deadline_s=self._config.session_minutes * 60.0,
            idle_s=IDLE_S,
            free_wait_s=math.inf,
            parse=getattr(member.adapter, "parse", parse_nothing),
            walls=self._walls,
        )
        self._health[member.agent].started(name)
        self._running[name] = Running(name, member, session, parent=self._state.champion.idea)

    # ------------------------------------------------------------------ sessions go on and end

    def collect(self) -> None:
        """Book model calls, answer research tools, and take in what ended sessions leave."""
        for heard in self._models.hear():
            if (asking := self._running.get(heard.session)) is None:
                continue
            if isinstance(heard, Asked):
                asking.session.touch()
                self._tools.answer(asking, heard.request, heard.tool, heard.arguments, self._models.answer)
            else:
                asking.session.heard(heard.status, heard.error)
        for running in list(self._running.values()):
            running.session.waiting = self._waits_for_robots(running)
            if running.session.poll() is not None:
                self._end(running)

    def _waits_for_robots(self, running: Running) -> bool:
        return any(self._state.ideas[idea].verdict is None for idea in running.ideas) or self._tools.training(
            running.name
        )

    def hand_in(self, running: Running, proposal: Proposal) -> str:
        """Take in the workspace of a running session.

        Raises:
            EnpireError: It is refused; the message says what to mend.
        """
        if running.ideas and not self._long(running.member):
            raise BadInput(
                f"this session has handed in idea {running.ideas[-1]}; a session is for one idea: end it now"
            )
        racing = [idea for idea in running.ideas if self._state.ideas[idea].verdict is None]
        if len(racing) >= LONG_IN_FLIGHT:
            raise BadInput(f"ideas {', '.join(racing)} are still being raced; wait for a `result` first")
        try:
            idea = self._door.hand_in(running.member.name, running.name, running.session.job.workspace, proposal)
        except EnpireError:
            self._models.book(running.name, "repair")
            raise
        running.ideas.append(idea)
        self._models.book(running.name, "wait", new_idea=True)
        return idea

    def _end(self, running: Running) -> None:
        name, member, session = running.name, running.member, running.session
        outcome = session.outcome
        assert outcome is not None
        del self._running[name]
        self._tools.end(name)
        native = self._leave_gateway(running) if member.has_model else None
        if not member.has_model:
            self._read_submission(running)
        self._append(
            e.SessionEnded(session=name, agent=member.name, outcome=outcome, detail=session.detail, native=native)
        )
        self._health[member.agent].ended(name, outcome, session.detail)
        self._pause_s[member.name] = 0.0 if running.ideas else max(FIRST_PAUSE_S, 2.0 * self._pause_s[member.name])
        self._not_before_s[member.name] = self._clock.now() + min(self._pause_s[member.name], LONGEST_PAUSE_S)

    def _read_submission(self, running: Running) -> None:
        try:
            proposal = read_submission(running.session.job.folder)
        except EnpireError as refusal:
            self._door.refuse(running.member.name, refusal)
            return
        if proposal is not None:
            try:
                self.hand_in(running, proposal)
            except EnpireError:
                pass  # it is on record

    def _leave_gateway(self, running: Running) -> Usage | None:
        """Close its way to the model, remember how to go on with it, and return its own count of tokens."""
        member, session = running.member, running.session
        self._models.disconnect(running.name)
        if session.outcome == "ok" and session.native_id:
            self._native_ids[member.name] = (session.job.folder, session.native_id)
        else:
            self._native_ids.pop(member.name, None)
        phase = "wait" if running.ideas else "propose"
        return self._models.settle(session.job, running.name, member, phase=phase, elapsed_s=session.elapsed_s)

    # ------------------------------------------------------------------ asked by the campaign

    def films(self, most: int) -> Iterator[int]:
        """At most so many episodes that sessions want to look at, each once."""
        return islice(self._tools.films(), most)

    def not_filmed(self, ticket: int, reason: str) -> None:
        """There will be no video of an episode."""
        self._tools.not_filmed(ticket, reason)

    @property
    def hopeless(self) -> str:
        """Why no researcher can ever work again in this run; empty while one can."""
        reasons = [health.why for health in self._health.values() if health.hopeless]
        return "; ".join(reasons) if len(reasons) == len(self._health) and not self._running else ""

    def close(self) -> None:
        """Stop every session."""
        if self._running:
            for running in list(self._running.values()):
                running.session.stop(grace_s=0.5)
                self._end(running)
            self._models.last_words()


def _key_variable(member: Member, config: CampaignConfig) -> str:
    upstream: Upstream | None = getattr(member.adapter, "UPSTREAM", None)
    return upstream.key_variable if upstream is not None and not config.login else ""
