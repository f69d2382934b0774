"""Who thinks when: briefs go out, sessions of coding agents run, what they hand in goes through the door."""

import math
import queue
import random
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np

from enpire.agents.adapter import Job, Launch, Upstream
from enpire.agents.gateway import messages as m
from enpire.agents.gateway.client import Gateway
from enpire.agents.health import Health
from enpire.agents.session import Session, parse_nothing
from enpire.agents.submission import BRIEF, read_submission
from enpire.agents.team import Member, team
from enpire.core.clock import Clock
from enpire.core.config import CampaignConfig
from enpire.core.errors import BadInput, EnpireError
from enpire.core.files import write_durably
from enpire.core.records import ModelCall, Proposal, Usage, encode
from enpire.evolution import digest, prompt
from enpire.evolution.ideas import BASELINE
from enpire.ledger import events as e
from enpire.ledger.folder import Folder
from enpire.ledger.state import SessionLog, State
from enpire.researchers.door import Append, Door
from enpire.researchers.preflight import login_folder, upstream_url
from enpire.researchers.tools import Tools
from enpire.rollout.recorder import pack, read_arrays

IDLE_S = 600.0
"""Silence after which a session counts as hanging."""
DATA_EPISODES = 12
"""Logged episodes a session gets to learn from."""
OPEN_IDEAS = 4
"""Ideas under test at the same time, at least, so that stations do not wait for a researcher."""
LONG_IN_FLIGHT = 2
"""Ideas that a long session may have under test."""
FIRST_PAUSE_S = 1.0
"""Pause of a researcher after a session without a usable idea; doubled each time in a row."""
LONGEST_PAUSE_S = 60.0
LIBRARY = Path(__file__).parents[1] / "policy_improvement" / "blocks"


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
        self._hub = door.hub
        self._tools = Tools(folder, config, door.hub, state, self.hand_in)
        self._inbox: queue.SimpleQueue[m.Report | None] = queue.SimpleQueue()
        self._gateway: Gateway | None = None
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
            stack.callback(self.close)
            if any(member.has_model for member in self._team):
                self._gateway = stack.enter_context(self._open_gateway())
            self._resources = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._resources.close()

    def _open_gateway(self) -> Gateway:
        config = self._config
        start = m.Start(
            tools=tuple(m.ToolSpec(*spec) for spec in self._tools.specs()),
            prices={name: m.Price(**price) for name, price in config.prices.items()},
            limits=m.Limits(tokens=config.budget_tokens, usd=config.budget_usd),
            spent_tokens=self._state.tokens,
            spent_usd=self._state.cost_usd,
            script=config.script,
        )
        keys = {member.adapter.UPSTREAM.key_variable for member in self._team if member.has_model}
        return Gateway(start, self._inbox, key_variables=sorted(keys), log=self._folder.root / "gateway.log")

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
            (folder / "data").mkdir(parents=True)
            self._write_workspace(folder / "workspace")
            self._export(folder / "data")
        job = Job(folder=folder.absolute(), prompt=self._prompt(member, folder, number), vision=self._config.vision)
        if member.has_model:
            job = self._connect(job, name, member, resume=known[1] if known else "")
        launch: Launch = member.adapter.command(job)
        if job.tools_url:
            launch.environment["ENPIRE_TOOLS"] = job.tools_url.removesuffix("/mcp") + "/tools"
        self._append(e.SessionStarted(session=name, agent=member.name))
        session = Session.start(
            job,
            launch,
            deadline_s=self._config.session_minutes * 60.0,
            idle_s=IDLE_S,
            free_wait_s=math.inf,
            parse=getattr(member.adapter, "parse", parse_nothing),
        )
        self._health[member.agent].started(name)
        self._running[name] = Running(name, member, session, parent=self._state.champion.idea)

    def _connect(self, job: Job, name: str, member: Member, *, resume: str) -> Job:
        """Let a session into the gateway, and tell the job where that is."""
        config, adapter, gateway = self._config, member.adapter, self._gateway
        assert gateway is not None
        token, key = secrets.token_hex(16), secrets.token_hex(16)
        upstream = gateway.script_url(name) if config.script else upstream_url(adapter.UPSTREAM)
        gateway.open(
            m.Open(
                session=name,
                agent=member.name,
                token=token,
                key=key,
                folder=str(job.folder),
                dialect=adapter.DIALECT,
                upstream=upstream,
                key_variable=adapter.UPSTREAM.key_variable,
                header=adapter.UPSTREAM.header,
                vision=config.vision,
                per_session=m.Limits(tokens=self._left(name)),
                per_idea=m.Limits(tokens=config.idea_tokens),
            )
        )
        url = gateway.url(token)
        login = login_folder(member) if config.login else None
        return replace(
            job,
            model=config.models.get(member.agent, ""),
            model_url="" if login else url,
            key=key,
            tools_url=f"{url}/mcp",
            resume=resume,
            login=login,
        )

    def _left(self, name: str) -> int | None:
        """Tokens a session may still use; a long one has used some before."""
        limit = self._config.session_tokens
        return (
            None if limit is None else max(0, limit - self._state.sessions.get(name, SessionLog("", 0.0)).usage.total)
        )

    def _prompt(self, member: Member, folder: Path, number: int) -> str:
        brief = digest.brief(
            self._state,
            agent=member.name,
            session=number,
            seed=self._rng.getrandbits(31),
            folder=self._folder,
            hub=self._hub,
            library=LIBRARY,
            data=folder / "data",
        )
        page = digest.digest_text(brief)
        write_durably(folder / BRIEF, encode(brief))
        (folder / "digest.md").write_text(page)
        program = self._hub.files(self._state.ideas[BASELINE].idea.commit)["program.md"].decode()  # never a candidate's
        text = prompt.prompt(
            brief, program, page, session=self._config.session, vision=self._config.vision, tools=member.has_model
        )
        (folder / "prompt.md").write_text(text)
        return text

    def _write_workspace(self, folder: Path) -> None:
        for name, content in self._hub.files(self._state.champion.commit).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def _export(self, data: Path) -> None:
        """Logged search episodes as the policy saw them: observations and actions, no outcome, no seed."""
        champion = self._state.champion.commit
        search = [x for x in self._state.episodes.values() if x.purpose in ("race", "control", "filler") and x.steps]
        ours = [x for x in search if x.candidate == champion]
        for episode in (ours + [x for x in reversed(search) if x.candidate != champion])[:DATA_EPISODES]:
            arrays = read_arrays(self._folder.root, episode)
            seen = {k: v for k, v in arrays.items() if k.startswith("observation.") and v.dtype != np.uint8}
            (data / f"{episode.ticket:07d}.npz").write_bytes(pack({**seen, "action": arrays["action"]}))

    # ------------------------------------------------------------------ sessions go on and end

    def collect(self) -> None:
        """Book model calls, answer research tools, and take in what ended sessions leave."""
        self._hear()
        for running in list(self._running.values()):
            running.session.waiting = self._waits_for_robots(running)
            if running.session.poll() is not None:
                self._end(running)

    def _waits_for_robots(self, running: Running) -> bool:
        return any(self._state.ideas[idea].verdict is None for idea in running.ideas) or self._tools.training(
            running.name
        )

    def _hear(self) -> None:
        while not self._inbox.empty():
            report = self._inbox.get()
            match report:
                case m.Called(call=call):
                    self._append(e.ModelCalled(call=call))
                    if (running := self._running.get(call.session)) is not None:
                        running.session.heard(call.status, call.error)
                case m.Asked(request=request, session=name, tool=tool, arguments=arguments):
                    assert self._gateway is not None
                    running = self._running.get(name)
                    if running is not None:
                        running.session.touch()
                        self._tools.answer(running, request, tool, arguments, self._gateway.answer)
                case None:
                    raise EnpireError("the model gateway has ended: see gateway.log in the campaign folder")

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
            self._book(running, "repair")
            raise
        running.ideas.append(idea)
        self._book(running, "wait", new_idea=True)
        return idea

    def _book(self, running: Running, phase: str, *, new_idea: bool = False) -> None:
        if self._gateway is not None and running.member.has_model:
            self._gateway.phase(m.Phase(session=running.name, phase=phase, new_idea=new_idea))

    def _end(self, running: Running) -> None:
        name, member, session = running.name, running.member, running.session
        outcome = session.outcome
        assert outcome is not None
        del self._running[name]
        self._tools.end(name)
        if not member.has_model:
            self._read_submission(running)
        else:
            self._disconnect(running)
        self._append(
            e.SessionEnded(
                session=name,
                agent=member.name,
                outcome=outcome,
                detail=session.detail,
                native=self._native_usage(running),
            )
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

    def _disconnect(self, running: Running) -> None:
        assert self._gateway is not None
        self._gateway.close_session(running.name)
        session = running.session
        if session.outcome == "ok" and session.native_id:
            self._native_ids[running.member.name] = (session.job.folder, session.native_id)
        else:
            self._native_ids.pop(running.member.name, None)

    def _native_usage(self, running: Running) -> Usage | None:
        """The agent's own count; what bypassed the gateway is booked by it."""
        if not running.member.has_model:
            return None
        job = running.session.job
        usage: Usage | None = running.member.adapter.native_usage(job)
        if usage is not None and job.login is not None:
            before = self._state.sessions.get(running.name, SessionLog("", 0.0)).usage
            call = ModelCall(
                session=running.name,
                agent=running.member.name,
                phase="wait" if running.ideas else "propose",
                model=job.model,
                dialect=running.member.adapter.DIALECT,
                status=200,
                usage=replace(
                    usage,
                    input=usage.input - before.input,
                    cached=usage.cached - before.cached,
                    cache_write=usage.cache_write - before.cache_write,
                    output=usage.output - before.output,
                ),
                latency_s=running.session.elapsed_s,
                source="native",
            )
            self._append(e.ModelCalled(call=call))
        return usage

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
        for running in list(self._running.values()):
            running.session.stop(grace_s=0.5)
            self._end(running)


def _key_variable(member: Member, config: CampaignConfig) -> str:
    upstream: Upstream | None = getattr(member.adapter, "UPSTREAM", None)
    return upstream.key_variable if upstream is not None and not config.login else ""
