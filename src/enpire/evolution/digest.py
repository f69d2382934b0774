"""What a researcher is told: the machine-readable brief, filled from the ledger and the hub."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from weakref import WeakKeyDictionary

from enpire.core.brief import ArmReport, Brief, FailureCard, IdeaReport
from enpire.core.errors import BadInput
from enpire.core.records import Episode
from enpire.evolution.cards import failure_card, progress_reader
from enpire.evolution.hub import Hub
from enpire.evolution.page import digest_text
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
    state: State, *, agent: str, session: int, seed: int, folder: Folder, hub: Hub, library: Path, data: Path
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
        cards=_cards(state, folder),
        refused=tuple((refusal.agent, refusal.hypothesis, refusal.reason) for refusal in state.refused[-REFUSALS:]),
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
    study = state.studies.get(f"race-{node.idea.id}")
    against = study.opened.incumbent if study is not None else ""
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
        incumbent=_arm(against, {}, node.evidence["incumbent"]) if "incumbent" in node.evidence else None,
    )


def _arm(commit: str, point: dict[str, float], evidence: tuple[int, int, float]) -> ArmReport:
    episodes, successes, utility = evidence
    return ArmReport(commit=commit, point=dict(point), episodes=episodes, successes=successes, utility=utility)


def _cards(state: State, folder: Folder) -> dict[str, FailureCard]:
    """Cards of the champion and of the ideas decided last."""
    decided = [node for node in state.ideas.values() if node.decided_s is not None and node.idea.id != "0000"]
    recent = sorted(decided, key=lambda node: node.decided_s or 0.0)[-RECENT_CARDS:]
    subjects = {state.champion.idea: state.champion.commit}
    subjects |= {node.idea.id: node.best for node in recent if node.idea.id != state.champion.idea}
    episodes: dict[str, list[Episode]] = {commit: [] for commit in subjects.values()}
    for episode in state.episodes.values():
        if episode.candidate in episodes:
            episodes[episode.candidate].append(episode)
    progress_of = progress_reader(folder.root)
    return {
        idea: failure_card(episodes[commit][-CARD_EPISODES:], progress_of)
        for idea, commit in subjects.items()
        if episodes[commit]
    }
