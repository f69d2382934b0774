"""Everything that can happen in a campaign. The ledger stores these and nothing else."""

from typing import Literal

import msgspec

from enpire.core.config import CampaignConfig
from enpire.core.records import Episode, Idea, IdeaVerdict, TaskSpec, Ticket
from enpire.core.usage import ModelCall, Usage


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="event"):
    """Base of all event bodies; the class name is the tag."""


class CampaignOpened(_Body, tag=True, frozen=True):
    """A campaign was created: its settings, its task, and the baseline commit (idea `0000`)."""

    config: CampaignConfig
    spec: TaskSpec
    baseline: Idea


class SettingsChanged(_Body, tag=True, frozen=True):
    """A resume with other budgets or another target. The judge and the level alpha never change."""

    config: CampaignConfig


class SupervisorStarted(_Body, tag=True, frozen=True):
    """A supervisor took the lock, at creation or on resume."""

    pid: int
    boot_id: str


class SupervisorStopped(_Body, tag=True, frozen=True):
    """A supervisor left in good order. `final` ends the campaign; otherwise it can be resumed."""

    reason: str
    final: bool


class StationUp(_Body, tag=True, frozen=True):
    """A station is ready for tickets."""

    station: str
    confinement: str


class StationDown(_Body, tag=True, frozen=True):
    """A station stopped or broke."""

    station: str
    reason: str


class SessionStarted(_Body, tag=True, frozen=True):
    """A researcher began to think. `confinement` is the level of the walls around it."""

    session: str
    agent: str
    confinement: str = ""


class SessionEnded(_Body, tag=True, frozen=True):
    """A researcher's session is over.

    Attributes:
        outcome: `ok` or what went wrong; `detail` is one line about it.
        native: What the agent itself counted, as a cross-check of the gateway's rows; None if it counts nothing.
    """

    session: str
    agent: str
    outcome: str
    detail: str = ""
    native: Usage | None = None


class ModelCalled(_Body, tag=True, frozen=True):
    """A researcher asked its model."""

    call: ModelCall


class IdeaSubmitted(_Body, tag=True, frozen=True):
    """An idea passed the checks at the door; its race is open. `session` is where it was thought of."""

    idea: Idea
    session: str = ""


class IdeaRefused(_Body, tag=True, frozen=True):
    """A proposal that cost no episode: it did not parse, broke a limit or was a copy."""

    agent: str
    hypothesis: str
    kind: str
    reason: str


class StudyOpened(_Body, tag=True, frozen=True):
    """A question that episodes will answer.

    Attributes:
        study: `race-0007`, `claim-1`, `confirm-1`.
        kind: race (which arm is better), confirm (does `arms[0]` beat `incumbent`), claim (is success >= p0).
        idea: The idea it is about.
        arms: Candidate commits.
        incumbent: What races and confirmations compare against.
        p0: Rate to certify, for claims.
        alpha: Level spent on it, for claims and confirmations.
        q0: Rate the judge must report for that, see `enpire.statistics.verifier`; 0 in old ledgers, which means `p0`.
        card_alpha: Probability, beside `alpha`, that the verifier card's bound behind `q0` is wrong.
    """

    study: str
    kind: Literal["race", "confirm", "claim"]
    idea: str
    arms: tuple[str, ...]
    incumbent: str = ""
    p0: float = 0.0
    alpha: float = 0.0
    q0: float = 0.0
    card_alpha: float = 0.0

    @property
    def judged_p0(self) -> float:
        """The rate that the judge's verdicts must prove."""
        return self.q0 or self.p0


class StudyClosed(_Body, tag=True, frozen=True):
    """The answer of a confirmation or claim.

    Attributes:
        accepted: Whether the statement is proven.
        log_e: Natural logarithm of the evidence against the null hypothesis.
        lower_bound: Time-uniform lower bound of the success rate (claims).
    """

    study: str
    accepted: bool
    reason: str
    log_e: float
    lower_bound: float = 0.0


class TicketsPlanned(_Body, tag=True, frozen=True):
    """Seeds are now bound to candidates."""

    tickets: tuple[Ticket, ...]


class EpisodeStarted(_Body, tag=True, frozen=True):
    """A station may now move. From here on the episode counts, whatever happens."""

    ticket: int
    station: str


class EpisodeRecorded(_Body, tag=True, frozen=True):
    """The one result of a ticket; its artefacts are on disk."""

    episode: Episode


class EpisodeLost(_Body, tag=True, frozen=True):
    """Started, but the station or the supervisor died before the record. Replayed with the same seed."""

    ticket: int
    reason: str


class IdeaDecided(_Body, tag=True, frozen=True):
    """The verdict on an idea.

    Attributes:
        best: Its best commit.
        probability: P(best is better than the incumbent | data).
        evidence: Per commit: episodes, successes, mean utility; the incumbent under `incumbent`.
    """

    idea: str
    verdict: IdeaVerdict
    best: str
    probability: float
    evidence: dict[str, tuple[int, int, float]]
    reason: str


class ChampionCrowned(_Body, tag=True, frozen=True):
    """The team's best policy from now on."""

    idea: str
    commit: str


class VideoMade(_Body, tag=True, frozen=True):
    """A video of an episode was rendered after the fact from its recorded actions."""

    ticket: int
    file: str
    sha256: str


class LedgerAccepted(_Body, tag=True, frozen=True):
    """Somebody with the campaign key anchored the ledger where it ended: of an older version, restored, or cut off.

    Attributes:
        events: How many events there were before this one.
        anchored: How many its anchor said there were, more than `events`; None if there was no anchor.
    """

    events: int
    anchored: int | None = None


EventBody = (
    CampaignOpened
    | SettingsChanged
    | LedgerAccepted
    | SupervisorStarted
    | SupervisorStopped
    | StationUp
    | StationDown
    | SessionStarted
    | SessionEnded
    | ModelCalled
    | IdeaSubmitted
    | IdeaRefused
    | StudyOpened
    | StudyClosed
    | TicketsPlanned
    | EpisodeStarted
    | EpisodeRecorded
    | EpisodeLost
    | IdeaDecided
    | ChampionCrowned
    | VideoMade
)


class Event(msgspec.Struct, frozen=True):
    """One row of the ledger.

    Attributes:
        seq: 1, 2, 3, ... without gaps.
        elapsed_s: Research wall-clock time: seconds a supervisor has been running, over all sessions.
        wall: UTC time as text, a label only.
        body: What happened.
    """

    seq: int
    elapsed_s: float
    wall: str
    body: EventBody
