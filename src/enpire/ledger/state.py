"""The state of a campaign as a fold over its events. Every figure shown anywhere is read from here."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from enpire.core.config import CampaignConfig
from enpire.core.errors import Damaged
from enpire.core.records import Episode, Idea, IdeaVerdict, TaskSpec, Ticket
from enpire.core.seeds import SeedClass, class_of
from enpire.core.usage import ModelCall, Usage
from enpire.ledger import events as e

FRESH: frozenset[str] = frozenset({"control", "filler", "confirm", "claim"})
"""Purposes whose episodes did not select the candidate, so they may estimate its rate."""


@dataclass
class IdeaNode:
    """An idea with what became of it."""

    idea: Idea
    submitted_s: float
    verdict: IdeaVerdict | None = None
    decided_s: float | None = None
    best: str = ""
    probability: float = 0.0
    evidence: dict[str, tuple[int, int, float]] = field(default_factory=dict)
    reason: str = ""


@dataclass
class Study:
    """A race, confirmation or claim and its episodes, in the order they were recorded."""

    opened: e.StudyOpened
    opened_s: float
    episodes: list[Episode] = field(default_factory=list)
    tickets: list[Ticket] = field(default_factory=list)
    in_flight: dict[int, Ticket] = field(default_factory=dict)
    closed: e.StudyClosed | e.IdeaDecided | None = None
    closed_s: float | None = None

    @property
    def name(self) -> str:
        """Study name, e.g. `race-0007`."""
        return self.opened.study

    def of(self, commit: str) -> list[Episode]:
        """Valid episodes of one candidate, as they were recorded."""
        return [episode for episode in self.episodes if episode.candidate == commit and episode.result != "invalid"]

    def broken(self, commit: str) -> dict[int, int]:
        """Start states of which one candidate has invalid episodes only, with their number, in the order they broke."""
        played = {episode.seed for episode in self.of(commit)}
        mine = [x.seed for x in self.episodes if x.candidate == commit and x.seed not in played]
        return dict(Counter(mine))

    def settled(self, commit: str) -> list[Episode]:
        """Valid episodes of one candidate in ticket order, up to the first ticket that is still in flight.

        Successes tend to end sooner than failures. Whoever decides at the moment when a result comes in should look
        here, or at a study with nothing in flight; else the evidence leans towards success.
        """
        edge = min(self.in_flight, default=None)
        done = [x for x in self.of(commit) if edge is None or x.ticket < edge]
        return sorted(done, key=lambda x: x.ticket)


@dataclass(frozen=True)
class Crown:
    """A champion and when it became one."""

    idea: str
    commit: str
    at_s: float


@dataclass
class StationLog:
    """What one station did: (start, end, purpose) of every episode, in elapsed seconds."""

    confinement: str = ""
    up: bool = False
    busy: list[tuple[float, float, str]] = field(default_factory=list)
    running: dict[int, float] = field(default_factory=dict)
    invalid: int = 0


@dataclass
class SessionLog:
    """A researcher session and what its model calls consumed.

    Attributes:
        calls: Model calls in order.
        ideas: What it submitted, in order, with the number of calls before each.
        native: What the agent itself counted in the end.
    """

    agent: str
    started_s: float
    ended_s: float | None = None
    outcome: str = ""
    detail: str = ""
    calls: list[ModelCall] = field(default_factory=list)
    ideas: dict[str, int] = field(default_factory=dict)
    native: Usage | None = None

    @property
    def usage(self) -> Usage:
        """Sum over its calls."""
        return sum((call.usage for call in self.calls), Usage())


@dataclass
class State:
    """Everything known about a campaign. Build it with `fold`, extend it with `apply`."""

    config: CampaignConfig | None = None
    spec: TaskSpec | None = None
    events: int = 0
    """Number of the last event."""
    elapsed_s: float = 0.0
    settings_s: float = 0.0
    """When the settings were last changed."""
    ideas: dict[str, IdeaNode] = field(default_factory=dict)
    refused: list[e.IdeaRefused] = field(default_factory=list)
    studies: dict[str, Study] = field(default_factory=dict)
    tickets: dict[int, Ticket] = field(default_factory=dict)
    seeds_met: dict[SeedClass, set[int]] = field(default_factory=dict)
    """Start states bound so far, by seed class."""
    started: dict[int, str] = field(default_factory=dict)
    """Ticket id to station, for every episode that was ever started."""
    waiting: dict[int, Ticket] = field(default_factory=dict)
    """Tickets that are planned and need a (new) run: never started, or lost."""
    episodes: dict[int, Episode] = field(default_factory=dict)
    recorded_s: dict[int, float] = field(default_factory=dict)
    _fresh: dict[str, list[Episode]] = field(default_factory=dict)
    crowns: list[Crown] = field(default_factory=list)
    stations: dict[str, StationLog] = field(default_factory=dict)
    first_up_s: float | None = None
    """When the first station was ready: from here on robots could work."""
    sessions: dict[str, SessionLog] = field(default_factory=dict)
    """Every researcher session there was."""
    tokens: int = 0
    """Model tokens so far, input and output."""
    cost_usd: float = 0.0
    videos: dict[int, str] = field(default_factory=dict)
    stopped: e.SupervisorStopped | None = None
    accepted: list[e.LedgerAccepted] = field(default_factory=list)
    """Losses at the ledger's end, and missing anchors, that somebody with the key accepted."""

    # ------------------------------------------------------------------ the fold

    def apply(self, event: e.Event) -> None:
        """Add one event. Pure bookkeeping: no decision is made here."""
        self.events, self.elapsed_s = event.seq, event.elapsed_s
        handler = getattr(self, f"_on_{type(event.body).__name__}", None)
        if handler is not None:
            handler(event.body, event.elapsed_s)

    def _on_CampaignOpened(self, body: e.CampaignOpened, at_s: float) -> None:
        _require_probabilities(body.config.alpha)
        self.config, self.spec = body.config, body.spec
        self.ideas[body.baseline.id] = IdeaNode(
            body.baseline, at_s, verdict="kept", decided_s=at_s, best=body.baseline.commit
        )
        self.crowns.append(Crown(body.baseline.id, body.baseline.commit, at_s))

    def _on_SettingsChanged(self, body: e.SettingsChanged, at_s: float) -> None:
        _require_probabilities(body.config.alpha)
        self.config, self.stopped, self.settings_s = body.config, None, at_s

    def _on_LedgerAccepted(self, body: e.LedgerAccepted, at_s: float) -> None:
        self.accepted.append(body)

    def _on_SupervisorStarted(self, body: e.SupervisorStarted, at_s: float) -> None:
        self.stopped = None
        for session in self.thinking.values():
            session.ended_s, session.outcome = at_s, "killed"
        for station in self.stations.values():
            station.up = False

    def _on_SupervisorStopped(self, body: e.SupervisorStopped, at_s: float) -> None:
        self.stopped = body

    def _on_StationUp(self, body: e.StationUp, at_s: float) -> None:
        station = self.stations.setdefault(body.station, StationLog())
        station.up, station.confinement = True, body.confinement
        if self.first_up_s is None:
            self.first_up_s = at_s

    def _on_StationDown(self, body: e.StationDown, at_s: float) -> None:
        self.stations.setdefault(body.station, StationLog()).up = False

    def _on_SessionStarted(self, body: e.SessionStarted, at_s: float) -> None:
        log = self.sessions.setdefault(body.session, SessionLog(body.agent, at_s))
        log.ended_s, log.outcome, log.detail = None, "", ""

    def _on_SessionEnded(self, body: e.SessionEnded, at_s: float) -> None:
        log = self.sessions.setdefault(body.session, SessionLog(body.agent, at_s))
        log.ended_s, log.outcome, log.detail, log.native = at_s, body.outcome, body.detail, body.native

    def _on_ModelCalled(self, body: e.ModelCalled, at_s: float) -> None:
        call = body.call
        self.sessions.setdefault(call.session, SessionLog(call.agent, at_s)).calls.append(call)
        self.tokens += call.usage.total
        self.cost_usd += call.cost_usd

    def _on_IdeaSubmitted(self, body: e.IdeaSubmitted, at_s: float) -> None:
        self.ideas[body.idea.id] = IdeaNode(body.idea, at_s)
        if body.session:
            log = self.sessions.setdefault(body.session, SessionLog(body.idea.agent, at_s))
            log.ideas[body.idea.id] = len(log.calls)

    def _on_IdeaRefused(self, body: e.IdeaRefused, at_s: float) -> None:
        self.refused.append(body)

    def _on_StudyOpened(self, body: e.StudyOpened, at_s: float) -> None:
        if body.kind == "claim":
            _require_probabilities(body.p0, body.alpha)
        self.studies[body.study] = Study(body, at_s)

    def _on_StudyClosed(self, body: e.StudyClosed, at_s: float) -> None:
        self._close(self.studies[body.study], body, at_s)

    def _on_TicketsPlanned(self, body: e.TicketsPlanned, at_s: float) -> None:
        for ticket in body.tickets:
            self.tickets[ticket.id] = ticket
            self.waiting[ticket.id] = ticket
            self.seeds_met.setdefault(class_of(ticket.seed), set()).add(ticket.seed)
            if (study := self.studies.get(ticket.study)) is not None:
                study.tickets.append(ticket)
                study.in_flight[ticket.id] = ticket

    def _on_EpisodeStarted(self, body: e.EpisodeStarted, at_s: float) -> None:
        self.waiting.pop(body.ticket, None)
        self.started[body.ticket] = body.station
        self.stations.setdefault(body.station, StationLog()).running[self.tickets[body.ticket].id] = at_s

    def _on_EpisodeRecorded(self, body: e.EpisodeRecorded, at_s: float) -> None:
        episode = body.episode
        if self.spec is not None and episode.manifest != self.spec.manifest:
            raise Damaged(
                f"episode {episode.ticket} was judged under manifest {episode.manifest[:12]}, this campaign under "
                f"{self.spec.manifest[:12]}: scores of two judges never mix"
            )
        self.episodes[episode.ticket] = episode
        self.recorded_s[episode.ticket] = at_s
        self.waiting.pop(episode.ticket, None)
        station = self.stations.setdefault(episode.station, StationLog())
        station.running.pop(episode.ticket, None)
        station.invalid += episode.result == "invalid"
        if episode.purpose in FRESH and episode.result != "invalid":
            self._fresh.setdefault(episode.candidate, []).append(episode)
        station.busy.append((at_s - episode.duration_s, at_s, episode.purpose))
        if (study := self.studies.get(episode.study)) is not None:
            study.in_flight.pop(episode.ticket, None)
            study.episodes.append(episode)

    def _on_EpisodeLost(self, body: e.EpisodeLost, at_s: float) -> None:
        self.stations[self.started[body.ticket]].running.pop(body.ticket, None)
        self.waiting[body.ticket] = self.tickets[body.ticket]  # even when its study is closed: what started counts

    def _on_IdeaDecided(self, body: e.IdeaDecided, at_s: float) -> None:
        node = self.ideas[body.idea]
        node.verdict, node.decided_s, node.best = body.verdict, at_s, body.best
        node.probability, node.evidence, node.reason = body.probability, body.evidence, body.reason
        if (study := self.studies.get(f"race-{body.idea}")) is not None:
            self._close(study, body, at_s)

    def _on_ChampionCrowned(self, body: e.ChampionCrowned, at_s: float) -> None:
        self.crowns.append(Crown(body.idea, body.commit, at_s))

    def _on_VideoMade(self, body: e.VideoMade, at_s: float) -> None:
        self.videos[body.ticket] = body.file

    def _close(self, study: Study, body: e.StudyClosed | e.IdeaDecided, at_s: float) -> None:
        study.closed, study.closed_s = body, at_s
        for ticket in study.in_flight.keys() - self.started.keys():
            self.waiting.pop(ticket, None)

    # ------------------------------------------------------------------ questions

    @property
    def champion(self) -> Crown:
        """The team's best policy now."""
        return self.crowns[-1]

    @property
    def unfinished(self) -> list[Ticket]:
        """Tickets that were started and have neither a record nor a notice of loss."""
        return [self.tickets[t] for station in self.stations.values() for t in station.running]

    @property
    def thinking(self) -> dict[str, SessionLog]:
        """Sessions that run now."""
        return {name: log for name, log in self.sessions.items() if log.ended_s is None}

    @property
    def lost(self) -> list[Ticket]:
        """Tickets that were started and left no record: they run again, because what started counts."""
        return [ticket for ticket in self.waiting.values() if ticket.id in self.started]

    def fresh(self, commit: str) -> list[Episode]:
        """Valid episodes of a candidate that did not select it, in order of recording."""
        return self._fresh.get(commit, [])

    def open_studies(self, kind: Literal["race", "confirm", "claim"]) -> list[Study]:
        """Studies of a kind without an answer yet, oldest first."""
        return [s for s in self.studies.values() if s.opened.kind == kind and s.closed is None]

    @property
    def ideas_since_kept(self) -> int:
        """Decided ideas since the last one that was kept."""
        decided = [n for n in self.ideas.values() if n.decided_s is not None]
        count = 0
        for node in sorted(decided, key=lambda n: n.decided_s or 0.0, reverse=True):
            if node.verdict == "kept":
                break
            count += 1
        return count

    def counts(self) -> dict[str, int]:
        """Episodes by result, and how many were started."""
        tally = {"started": len(self.started), "success": 0, "failure": 0, "invalid": 0}
        for episode in self.episodes.values():
            tally[episode.result] += 1
        return tally

    def idea_counts(self) -> dict[str, int]:
        """Ideas by verdict; the baseline is not an idea."""
        tally = {"tried": len(self.ideas) - 1, "kept": 0, "dropped": 0, "parked": 0, "refused": len(self.refused)}
        for name, node in self.ideas.items():
            if name != "0000" and node.verdict is not None:
                tally[node.verdict] += 1
        return tally

    def lineage(self, idea: str) -> list[str]:
        """Ideas from the baseline to `idea`, following parents."""
        path = [idea]
        while (parent := self.ideas[path[-1]].idea.parent) is not None and parent not in path:
            path.append(parent)
        return path[::-1]


def _require_probabilities(*values: float) -> None:
    for value in values:
        if not 0 < value < 1:
            raise ValueError(f"{value} must be inside (0, 1)")


def fold(log: Iterable[e.Event]) -> State:
    """State after all events of a log.

    Raises:
        Damaged: An event speaks of something that no event before it made: rows are missing or were made up.
    """
    state = State()
    for event in log:
        try:
            state.apply(event)
        except (LookupError, AttributeError, ValueError) as error:
            raise Damaged(f"event {event.seq} of the ledger does not follow from those before it: {error!r}") from None
    return state
