"""The team of researchers: briefs go out, sessions run, what they hand in becomes ideas, candidates and races."""

import math
import random
from dataclasses import replace
from pathlib import Path

import numpy as np

from enpire.agents.session import Session
from enpire.core import registry
from enpire.core.clock import Clock
from enpire.core.config import CampaignConfig
from enpire.core.errors import EnpireError
from enpire.core.files import write_durably
from enpire.core.records import Idea, Proposal, encode
from enpire.evolution import admission, digest, ideas, workspace
from enpire.evolution.hub import Hub
from enpire.ledger import events as e
from enpire.ledger.folder import Folder
from enpire.ledger.state import State
from enpire.rollout.recorder import pack, read_arrays

SESSION_DEADLINE_S = 300.0
DATA_EPISODES = 12
"""Logged episodes a session gets to learn from."""
OPEN_IDEAS = 4
"""Ideas under test at the same time, at least, so that stations do not wait for a researcher."""
FIRST_PAUSE_S = 1.0
"""Pause of a researcher after a session without a usable idea; doubled each time in a row."""
LIBRARY = Path(__file__).parent / "policy_improvement" / "blocks"


class Researchers:
    """Runs the sessions of all researchers of a campaign. Nothing a session says is believed: only its files count.

    Args:
        folder: Campaign folder.
        config: Campaign settings.
        hub: Where candidates live; only the harness writes there.
        state: The fold of the ledger; read only.
        key: Campaign key, for receipts.
        clock: Source of time.
        rng: For the researchers' seeds.
    """

    def __init__(
        self,
        folder: Folder,
        config: CampaignConfig,
        hub: Hub,
        state: State,
        key: bytes,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self._folder, self._config, self._hub, self._state = folder, config, hub, state
        self._key, self._clock, self._rng = key, clock, rng
        self._command = registry.load("agent", config.agent).command
        self._running: dict[str, tuple[str, Session]] = {}
        self._names = [f"{config.agent}-{number}" for number in range(1, config.agents + 1)]
        self._pause_s = dict.fromkeys(self._names, 0.0)
        self._not_before_s = dict.fromkeys(self._names, -math.inf)
        self._trees: dict[str, str] = {}
        for node in state.ideas.values():
            for variant in node.idea.variants:
                self._trees.setdefault(hub.tree(variant.commit), node.idea.id)

    # ------------------------------------------------------------------ sessions

    def start_sessions(self) -> list[e.EventBody]:
        """Start a session for each researcher that has room for another idea."""
        started: list[e.EventBody] = []
        room = max(1, math.ceil(OPEN_IDEAS / len(self._names)))
        for agent in self._names:
            undecided = sum(n.verdict is None and n.idea.agent == agent for n in self._state.ideas.values())
            thinking = any(name == agent for name, _ in self._running.values())
            if thinking or undecided >= room or self._clock.now() < self._not_before_s[agent]:
                continue
            name = self._start(agent)
            started.append(e.SessionStarted(session=name, agent=agent))
        return started

    def _start(self, agent: str) -> str:
        number = len(list(self._folder.sessions.iterdir())) + 1
        name = f"{number:05d}-{agent}"
        folder = self._folder.sessions / name
        data = folder / "data"
        data.mkdir(parents=True)
        self._write_workspace(folder / "workspace")
        self._export(data)
        brief = digest.brief(
            self._state,
            agent=agent,
            session=number,
            seed=self._rng.getrandbits(31),
            folder=self._folder,
            hub=self._hub,
            library=LIBRARY,
            data=data,
        )
        write_durably(folder / "brief.json", encode(brief))
        (folder / "digest.md").write_text(digest.digest_text(brief))
        self._running[name] = (agent, Session.start(folder, self._command(folder), deadline_s=SESSION_DEADLINE_S))
        return name

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

    def close(self) -> list[e.EventBody]:
        """Stop every session."""
        ended: list[e.EventBody] = []
        for name, (agent, session) in self._running.items():
            session.stop(grace_s=0.5)
            ended.append(e.SessionEnded(session=name, agent=agent, outcome="killed"))
        self._running.clear()
        return ended

    # ------------------------------------------------------------------ what they hand in

    def collect(self) -> list[tuple[e.EventBody, ...]]:
        """One group of events per session that has ended: the idea and its race, or why it was refused."""
        groups: list[tuple[e.EventBody, ...]] = []
        for name, (agent, session) in list(self._running.items()):
            if (outcome := session.poll()) is None:
                continue
            del self._running[name]
            ended = e.SessionEnded(session=name, agent=agent, outcome=outcome)
            groups.append((ended, *self._hand_in(agent, session)))
            useful = any(isinstance(body, e.IdeaSubmitted) for body in groups[-1])
            self._pause_s[agent] = 0.0 if useful else max(FIRST_PAUSE_S, 2.0 * self._pause_s[agent])
            self._not_before_s[agent] = self._clock.now() + min(self._pause_s[agent], 60.0)
            if useful:  # refine the state before the next session's idea gets its number
                break
        return groups

    def _hand_in(self, agent: str, session: Session) -> tuple[e.EventBody, ...]:
        proposal: Proposal | None = None
        try:
            proposal = session.proposal()
            if proposal is None:
                return ()
            files = self._merged(workspace.read_folder(session.folder / "workspace"), proposal)
            assert self._state.spec is not None
            admission.admit(files, proposal, seen=self._trees, ideas=self._state.ideas, spec=self._state.spec)
            return self._submit(agent, proposal, files)
        except EnpireError as refusal:
            hypothesis = proposal.hypothesis if proposal else ""
            kind = proposal.kind if proposal else ""
            return (e.IdeaRefused(agent=agent, hypothesis=hypothesis[:500], kind=kind, reason=str(refusal)[:500]),)

    def _merged(self, files: workspace.Files, proposal: Proposal) -> workspace.Files:
        """The handed-in files with other ideas' changes cherry-picked onto them, or reverted."""
        changes = [(name, self._hub.cherry_pick) for name in proposal.adopt]
        changes += [(name, self._hub.revert) for name in proposal.revert]
        for name, merge in changes:
            if (node := self._state.ideas.get(name)) is None:
                raise admission.Refused(f"there is no idea {name} to adopt or revert")
            commit = node.best or node.idea.commit
            files = merge(commit, files, since=self._hub.parent(node.idea.commit))
        return files

    def _parent_commit(self, proposal: Proposal) -> str:
        node = self._state.ideas.get(proposal.parent or "0000")
        if node is None:
            raise admission.Refused(f"there is no idea {proposal.parent} to build on")
        return node.best or node.idea.commit

    def _submit(self, agent: str, proposal: Proposal, files: workspace.Files) -> tuple[e.EventBody, ...]:
        number = f"{len(self._state.ideas):04d}"
        draft = Idea(
            id=number,
            agent=agent,
            hypothesis=" ".join(proposal.hypothesis.split()),
            kind=proposal.kind,
            parent=proposal.parent or "0000",
            inspired_by=tuple(dict.fromkeys((*proposal.inspired_by, *proposal.adopt))),
            predicted_effect=proposal.predicted_effect,
            commit="",
            variants=(),
        )
        parent = self._parent_commit(proposal)
        message = ideas.message(
            id=number,
            agent=agent,
            kind=draft.kind,
            hypothesis=draft.hypothesis,
            parent=draft.parent,
            inspired_by=draft.inspired_by,
            predicted_effect=draft.predicted_effect,
        )
        commit = self._hub.commit(files, parents=(parent,), message=message, branch=f"agents/{agent}")
        variants = self._hub.commit_variants(files, commit, proposal.variants)
        for variant in variants:
            self._trees.setdefault(self._hub.tree(variant.commit), number)
            self._hub.checkout(variant.commit, self._folder.candidates / variant.commit)
        idea = replace(draft, commit=commit, variants=variants)
        race = e.StudyOpened(
            study=f"race-{number}",
            kind="race",
            idea=number,
            arms=tuple(v.commit for v in variants),
            incumbent=self._state.champion.commit,
        )
        return (e.IdeaSubmitted(idea=idea), race)

    def publish(self, decisions: list[e.EventBody]) -> None:
        """Write verdicts into the hub as Git notes with a receipt, so that plain Git shows them."""
        for body in decisions:
            if isinstance(body, e.IdeaDecided):
                verdict = {
                    "idea": body.idea,
                    "verdict": body.verdict,
                    "best": body.best,
                    "probability": body.probability,
                    "evidence": body.evidence,
                    "reason": body.reason,
                }
                ideas.write_verdict(self._hub, self._state.ideas[body.idea].idea.commit, verdict, self._key)
            elif isinstance(body, e.ChampionCrowned):
                self._hub.set_branch("champion", body.commit)
