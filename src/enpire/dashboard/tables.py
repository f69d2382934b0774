"""The rows of the report's tables, read from the state."""

from collections import Counter
from dataclasses import dataclass

from enpire.core.records import FAILURE_REASONS, Episode
from enpire.dashboard.text import clean
from enpire.ledger.events import IdeaRefused
from enpire.ledger.state import IdeaNode, State
from enpire.metrics.studies import tally
from enpire.metrics.utilisation import PURPOSES
from enpire.statistics import intervals, legacy


@dataclass(frozen=True, kw_only=True)
class IdeaRow:
    """One idea.

    Attributes:
        verdict: kept, dropped, parked, refused or open.
        crowned: Whether it became champion.
        successes, episodes, utility: Its best arm, in its race.
        rival: (episodes, successes, mean utility) of the incumbent in that race.
        spent: Episodes its race used, the incumbent's and invalid ones included.
        decided_s: Elapsed seconds of the verdict, or of the submission while it is open.
    """

    id: str
    agent: str
    kind: str
    hypothesis: str
    parent: str
    inspired_by: tuple[str, ...]
    verdict: str
    crowned: bool
    commit: str
    arms: int
    successes: int
    episodes: int
    utility: float
    wilson: tuple[float, float]
    rival: tuple[int, int, float]
    rival_wilson: tuple[float, float]
    probability: float
    spent: int
    minutes: float
    reason: str
    decided_s: float


@dataclass(frozen=True, kw_only=True)
class PurposeRow:
    """What the robots did for one purpose: episodes by result and robot-minutes, resets included."""

    purpose: str
    episodes: int
    successes: int
    invalid: int
    minutes: float


@dataclass(frozen=True, kw_only=True)
class StationRow:
    """Fresh episodes of the champion on one station, and how often that station failed in the whole campaign."""

    station: str
    successes: int
    episodes: int
    wilson: tuple[float, float]
    all_episodes: int
    invalid: int
    up: bool


@dataclass(frozen=True, kw_only=True)
class Legacy:
    """The paper's "50 in a row" on the champion's fresh episodes.

    Attributes:
        reached: Fresh episode, counted from 1, that completed the first perfect window; None if there is none.
        streak: Longest run of successes.
        episodes: Fresh episodes looked at.
        certifies: What one perfect window certifies if it was registered before it began.
    """

    window: int
    reached: int | None
    streak: int
    episodes: int
    certifies: float


def ideas(state: State) -> list[IdeaRow]:
    """All ideas, oldest first; the first is the baseline."""
    crowned = {crown.idea for crown in state.crowns}
    return [_idea(state, name, node, name in crowned) for name, node in state.ideas.items()]


def _idea(state: State, name: str, node: IdeaNode, crowned: bool) -> IdeaRow:
    study = state.studies.get(f"race-{name}")
    spent = study.episodes if study is not None else []
    episodes, successes, utility = node.evidence.get(node.best, (0, 0, 0.0))
    rival = node.evidence.get("incumbent", (0, 0, 0.0))
    return IdeaRow(
        id=name,
        agent=clean(node.idea.agent),
        kind=clean(node.idea.kind),
        hypothesis=clean(node.idea.hypothesis),
        parent=node.idea.parent or "",
        inspired_by=node.idea.inspired_by,
        verdict=node.verdict or "open",
        crowned=crowned,
        commit=node.best or node.idea.commit,
        arms=len(node.idea.variants),
        successes=successes,
        episodes=episodes,
        utility=utility,
        wilson=intervals.wilson(successes, episodes),
        rival=rival,
        rival_wilson=intervals.wilson(rival[1], rival[0]),
        probability=node.probability,
        spent=len(spent),
        minutes=sum(episode.duration_s for episode in spent) / 60,
        reason=clean(node.reason),
        decided_s=node.decided_s if node.decided_s is not None else node.submitted_s,
    )


def dropped_by_kind(rows: list[IdeaRow]) -> dict[str, list[IdeaRow]]:
    """Dropped ideas by kind, the kind with most of them first."""
    dropped = [row for row in rows if row.verdict == "dropped"]
    order = Counter(row.kind for row in dropped).most_common()
    return {kind: [row for row in dropped if row.kind == kind] for kind, _ in order}


def refused(state: State) -> list[IdeaRefused]:
    """Proposals that cost no episode, with their text made safe to show."""
    return [
        IdeaRefused(agent=clean(x.agent), hypothesis=clean(x.hypothesis), kind=clean(x.kind), reason=clean(x.reason))
        for x in state.refused
    ]


def purposes(state: State) -> list[PurposeRow]:
    """Robot time by purpose, those without an episode left out."""
    rows = []
    for purpose in PURPOSES:
        episodes = [episode for episode in state.episodes.values() if episode.purpose == purpose]
        if episodes:
            rows.append(
                PurposeRow(
                    purpose=purpose,
                    episodes=len(episodes),
                    successes=sum(episode.success for episode in episodes),
                    invalid=sum(episode.result == "invalid" for episode in episodes),
                    minutes=sum(episode.duration_s for episode in episodes) / 60,
                )
            )
    return rows


def stations(state: State) -> list[StationRow]:
    """The champion station by station."""
    fresh = state.fresh(state.champion.commit)
    rows = []
    for name, log in sorted(state.stations.items()):
        successes, n = tally([episode for episode in fresh if episode.station == name])
        rows.append(
            StationRow(
                station=name,
                successes=successes,
                episodes=n,
                wilson=intervals.wilson(successes, n),
                all_episodes=len(log.busy),
                invalid=log.invalid,
                up=log.up,
            )
        )
    return rows


def failures(episodes: list[Episode]) -> list[tuple[str, str, int]]:
    """Failures by reason, most frequent first: (reason, what it means, how many)."""
    reasons = Counter(episode.reason for episode in episodes if episode.result == "failure")
    return [(reason, FAILURE_REASONS.get(reason, ""), n) for reason, n in reasons.most_common()]


def legacy_window(state: State, window: int = 50) -> Legacy:
    """The legacy metric of the champion, over its fresh episodes in order of recording."""
    outcomes = [episode.success for episode in state.fresh(state.champion.commit)]
    index = legacy.perfect_window(outcomes, window)
    streak = longest = 0
    for outcome in outcomes:
        streak = streak + 1 if outcome else 0
        longest = max(longest, streak)
    alpha = state.config.alpha if state.config is not None else 0.05
    return Legacy(
        window=window,
        reached=None if index is None else index + 1,
        streak=longest,
        episodes=len(outcomes),
        certifies=legacy.certifies(window, alpha),
    )


def candidates_looked_at(state: State) -> int:
    """Candidates that ran at least one episode in a race."""
    return len({episode.candidate for episode in state.episodes.values() if episode.purpose == "race"})
