"""What a researcher is told: the machine-readable brief, filled from the ledger and the hub."""

from bisect import bisect_right
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from weakref import WeakKeyDictionary

from enpire.core.brief import ArmReport, Brief, FailureCard, IdeaReport
from enpire.core.errors import BadInput
from enpire.core.records import BASELINE, Episode
from enpire.evolution.cards import failure_card
from enpire.evolution.facts import machine_facts
from enpire.evolution.hub import Hub
from enpire.evolution.library import blocks
from enpire.evolution.page import digest_text
from enpire.evolution.traces import remembered_progress
from enpire.evolution.workspace import parameters, recipe
from enpire.ledger.folder import Folder
from enpire.ledger.state import IdeaNode, State

__all__ = ["Composition", "brief", "compositions", "digest_text"]

RECENT_CARDS = 5
CARD_EPISODES = 200
REFUSALS = 10


class Composition(NamedTuple):
    """What a candidate is put together from.

    Attributes:
        recipe: Slot to block.
        parameters: `block.parameter` to value.
    """

    recipe: dict[str, str]
    parameters: dict[str, float]


_known: "WeakKeyDictionary[Hub, dict[str, Composition]]" = WeakKeyDictionary()
"""A commit never changes, so what it is made of is read once per hub."""


def compositions(hub: Hub, commits: Iterable[str]) -> dict[str, Composition]:
    """Recipe and parameters per commit; empty for a commit that is missing or declares nothing readable."""
    known = _known.setdefault(hub, {})
    wanted = list(commits)
    fresh = [commit for commit in dict.fromkeys(wanted) if commit not in known]
    policies = hub.read((commit, path) for commit in fresh for path in ("policy.py", "parameters.toml"))
    found = {
        commit: dict(zip(("policy.py", "parameters.toml"), pair, strict=True))
        for commit, pair in zip(fresh, zip(policies[::2], policies[1::2], strict=True), strict=True)
    }
    files = {commit: {path: text for path, text in pair.items() if text is not None} for commit, pair in found.items()}
    blocks = [(commit, f"blocks/{block}.toml") for commit in fresh for block in _recipe(files[commit]).values()]
    for (commit, path), text in zip(blocks, hub.read(blocks), strict=True):
        if text is not None:
            files[commit][path] = text
    for commit in fresh:
        known[commit] = Composition(_recipe(files[commit]), _values(files[commit]))
    return {commit: known[commit] for commit in wanted}


def _recipe(files: dict[str, bytes]) -> dict[str, str]:
    try:
        return recipe(files)
    except BadInput:
        return {}


def _values(files: dict[str, bytes]) -> dict[str, float]:
    try:
        return {name: parameter.value for name, parameter in parameters(files).items()}
    except BadInput:
        return {}


def brief(
    state: State,
    *,
    agent: str,
    session: int,
    seed: int,
    folder: Folder,
    hub: Hub,
    library: Path,
    data: Path,
) -> Brief:
    """Brief of one session.

    Args:
        state: The campaign now.
        agent: Name of the researcher.
        session: Count of its sessions, from 0.
        seed: For its own random numbers.
        folder: The campaign folder, for candidates and recorded progress.
        hub: Where candidates are looked up.
        library: Folder with policy-building blocks.
        data: Folder with logged search episodes.

    Raises:
        BadInput: The campaign was never opened.
    """
    if state.config is None or state.spec is None:
        raise BadInput(f"{folder.root} holds no opened campaign; start one with `enpire run`")
    made_of = compositions(hub, (node.best or node.idea.commit for node in state.ideas.values()))
    fresh = state.fresh(state.champion.commit)
    decided = [node for node in _decided(state) if node.idea.agent == agent]
    last = decided[-1].idea.id if decided else ""
    return Brief(
        task=state.spec,
        agent=agent,
        session=session,
        seed=seed,
        target=state.config.target,
        champion=state.champion.idea,
        champion_episodes=len(fresh),
        champion_successes=sum(episode.success for episode in fresh),
        ideas=tuple(_report(state, node, made_of[node.best or node.idea.commit]) for node in state.ideas.values()),
        cards=_cards(state, folder, last),
        refused=tuple((refusal.agent, refusal.hypothesis, refusal.reason) for refusal in state.refused[-REFUSALS:]),
        facts=machine_facts(state),
        knowledge=state.config.knowledge,
        blocks=blocks(library, state.spec),
        last_decided=last,
        candidates=str(folder.candidates),
        library=str(library),
        data=str(data),
    )


def _report(state: State, node: IdeaNode, made_of: Composition) -> IdeaReport:
    arms = tuple(
        _arm(variant.commit, variant.point, node.evidence[variant.commit])
        for variant in node.idea.variants
        if variant.commit in node.evidence
    )
    return IdeaReport(
        id=node.idea.id,
        agent=node.idea.agent,
        kind=node.idea.kind,
        hypothesis=node.idea.hypothesis,
        parent=node.idea.parent,
        inspired_by=node.idea.inspired_by,
        verdict=node.verdict,
        reason=node.reason,
        probability=node.probability,
        recipe=dict(made_of.recipe),
        parameters=dict(made_of.parameters),
        best=node.best or node.idea.commit,
        arms=arms,
        incumbent=_arm(champion_at_verdict(state, node), {}, node.evidence["incumbent"])
        if "incumbent" in node.evidence
        else None,
    )


def champion_at_verdict(state: State, node: IdeaNode) -> str:
    """Commit of the champion when an idea was decided: the one that `evidence["incumbent"]` counts.

    A race may outlast a champion. Its verdict always compares with the champion of that moment, never with the one
    that reigned when the race opened.
    """
    assert node.decided_s is not None
    last = bisect_right(state.crowns, node.decided_s, key=lambda crown: crown.at_s) - 1
    if state.crowns[last].idea == node.idea.id:  # its own crown, of the same moment
        last -= 1
    return state.crowns[max(last, 0)].commit


def _decided(state: State) -> list[IdeaNode]:
    """Ideas with a verdict, in the order of their verdicts; the baseline is not an idea."""
    nodes = [node for node in state.ideas.values() if node.decided_s is not None and node.idea.id != BASELINE]
    return sorted(nodes, key=lambda node: node.decided_s or 0.0)


def _arm(commit: str, point: dict[str, float], evidence: tuple[int, int, float]) -> ArmReport:
    episodes, successes, utility = evidence
    return ArmReport(commit=commit, point=dict(point), episodes=episodes, successes=successes, utility=utility)


def _cards(state: State, folder: Folder, own: str) -> dict[str, FailureCard]:
    """Cards of the champion, of the ideas decided last, and of the researcher's own last idea."""
    decided = _decided(state)
    recent = decided[-RECENT_CARDS:] + [node for node in decided[:-RECENT_CARDS] if node.idea.id == own]
    subjects = {state.champion.idea: state.champion.commit}
    subjects |= {node.idea.id: node.best for node in recent if node.idea.id != state.champion.idea}
    episodes: dict[str, list[Episode]] = {commit: [] for commit in subjects.values()}
    for episode in state.episodes.values():
        if episode.candidate in episodes:
            episodes[episode.candidate].append(episode)
    progress_of = remembered_progress(folder.root)
    return {
        idea: failure_card(episodes[commit][-CARD_EPISODES:], progress_of)
        for idea, commit in subjects.items()
        if episodes[commit]
    }
