"""What verbs say about ideas: found by id, told in lines of bounded length."""

from collections.abc import Iterable, Sequence

from enpire.core.brief import FailureCard
from enpire.core.errors import BadInput
from enpire.core.records import Episode, Json
from enpire.evolution.cards import failure_card
from enpire.evolution.digest import champion_at_verdict
from enpire.evolution.traces import remembered_progress
from enpire.evolution.verbs.desk import Desk
from enpire.evolution.wording import point, rate
from enpire.ledger.state import IdeaNode, State

IDEA: Json = {"type": "string", "maxLength": 40}
"""Schema of an idea id."""
CARD_EPISODES = 40
_SEARCH = ("race", "control", "filler")
"""Purposes of episodes on search seeds; of all others an agent learns no more than counts."""


def find(state: State, id: str) -> IdeaNode:
    """Idea by id; `7` means `0007`.

    Raises:
        BadInput: There is no such idea; names the latest.
    """
    node = state.ideas.get(id) or state.ideas.get(id.strip().zfill(4))
    if node is None:
        raise BadInput(f"there is no idea {id[:40]!r}; the latest is {max(state.ideas)}, the first 0000")
    return node


def best(node: IdeaNode) -> str:
    """Commit that stands for an idea: its best variant once that is known."""
    return node.best or node.idea.commit


def champion_line(state: State) -> str:
    """The champion with its rate on episodes that did not select it."""
    fresh = state.fresh(state.champion.commit)
    return f"champion: idea {state.champion.idea}, {rate(sum(x.success for x in fresh), len(fresh))} on fresh episodes"


def verdict_lines(state: State, node: IdeaNode) -> list[str]:
    """The verdict with the evidence per variant, or how far the test has come."""
    if node.verdict is None:
        return [_progress(state, node)]
    lines = [f"verdict: {node.verdict}. {node.reason}".strip()[:300]]
    for place, variant in enumerate(node.idea.variants, start=1):
        if variant.commit in node.evidence:
            mark = ", best" if variant.commit == node.best else ""
            lines.append(f"- variant {place}{mark} ({point(variant.point)}): {_row(node.evidence[variant.commit])}")
    if "incumbent" in node.evidence:
        commit = champion_at_verdict(state, node)
        lines.append(f"- champion at that time ({commit[:8]}): {_row(node.evidence['incumbent'])}")
        lines.append(f"- P(best variant is better than it) {node.probability:.2f}")
    return lines


def _row(evidence: tuple[int, int, float]) -> str:
    episodes, successes, utility = evidence
    return f"{rate(successes, episodes)}, utility {utility:.2f}"


def _progress(state: State, node: IdeaNode) -> str:
    race, confirmation = (state.studies.get(f"{kind}-{node.idea.id}") for kind in ("race", "confirm"))
    if confirmation is not None:
        return f"ahead in its race, now being confirmed on fresh starts: {len(confirmation.episodes)} episodes so far"
    if race is None:
        return "waiting for its race: 0 episodes so far"
    return f"still racing: {len(race.episodes)} episodes so far"


def searched(episodes: Iterable[Episode], commits: Iterable[str]) -> list[Episode]:
    """Episodes of these candidates on search seeds, oldest first."""
    wanted = set(commits)
    return [x for x in episodes if x.candidate in wanted and is_search(x)]


def is_search(episode: Episode) -> bool:
    """Whether an agent may see this very episode."""
    return episode.purpose in _SEARCH


def card(desk: Desk, episodes: Sequence[Episode]) -> FailureCard:
    """Failure card of the latest of these episodes."""
    return failure_card(episodes[-CARD_EPISODES:], remembered_progress(desk.folder.root))
