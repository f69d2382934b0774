"""The way in: what a session hands in becomes an idea with candidates and a race, or is refused with a reason."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from enpire.core.errors import EnpireError
from enpire.core.records import BASELINE, Idea, Proposal
from enpire.evolution import admission, ideas, workspace
from enpire.evolution.hub import Hub
from enpire.ledger import events as e
from enpire.ledger.folder import Folder
from enpire.ledger.state import State

Append = Callable[..., None]
"""Appends event bodies to the ledger; the state has taken them in when it returns."""


class Door:
    """Takes ideas in. Nothing a session says is believed: only its files count.

    Args:
        folder: Campaign folder.
        hub: Where candidates live; only the harness writes there.
        state: The fold of the ledger; read only.
        append: Writes to the ledger.
    """

    def __init__(self, folder: Folder, hub: Hub, state: State, append: Append) -> None:
        self._folder, self.hub, self._state, self._append = folder, hub, state, append
        self._trees: dict[str, str] = {}
        for node in state.ideas.values():
            for variant in node.idea.variants:
                self._trees.setdefault(hub.tree(variant.commit), node.idea.id)

    def hand_in(self, agent: str, session: str, folder: Path, proposal: Proposal) -> str:
        """Read a workspace and open the race of its idea.

        Args:
            agent: Whose idea it is.
            session: Where it was thought of.
            folder: The workspace, written by the agent.
            proposal: What the agent says about it.

        Returns:
            The idea's id.

        Raises:
            EnpireError: It was refused, and the refusal is on record; the message says what to mend.
        """
        try:
            files = self._merged(workspace.read_folder(folder), proposal)
            assert self._state.spec is not None
            admission.admit(files, proposal, seen=self._trees, ideas=self._state.ideas, spec=self._state.spec)
            return self._accept(agent, session, proposal, files)
        except EnpireError as refusal:
            self.refuse(agent, refusal, proposal)
            raise

    def refuse(self, agent: str, refusal: EnpireError, proposal: Proposal | None = None) -> None:
        """Put on record that something was refused."""
        hypothesis, kind = (proposal.hypothesis, proposal.kind) if proposal else ("", "")
        self._append(e.IdeaRefused(agent=agent, hypothesis=hypothesis[:500], kind=kind, reason=str(refusal)[:500]))

    def _merged(self, files: workspace.Files, proposal: Proposal) -> workspace.Files:
        """The handed-in files with other ideas' changes cherry-picked onto them, or reverted."""
        changes = [(name, self.hub.cherry_pick) for name in proposal.adopt]
        changes += [(name, self.hub.revert) for name in proposal.revert]
        for name, merge in changes:
            if (node := self._state.ideas.get(name)) is None:
                raise admission.Refused(f"there is no idea {name} to adopt or revert")
            commit = node.best or node.idea.commit
            files = merge(commit, files, since=self.hub.parent(node.idea.commit))
        return files

    def _parent_commit(self, proposal: Proposal) -> str:
        node = self._state.ideas.get(proposal.parent or BASELINE)
        if node is None:
            raise admission.Refused(f"there is no idea {proposal.parent} to build on")
        return node.best or node.idea.commit

    def _accept(self, agent: str, session: str, proposal: Proposal, files: workspace.Files) -> str:
        number = f"{len(self._state.ideas):04d}"
        draft = Idea(
            id=number,
            agent=agent,
            hypothesis=" ".join(proposal.hypothesis.split()),
            kind=proposal.kind,
            parent=proposal.parent or BASELINE,
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
        commit = self.hub.commit(files, parents=(parent,), message=message, branch=f"agents/{agent}")
        variants = self.hub.commit_variants(files, commit, proposal.variants)
        for variant in variants:
            self._trees.setdefault(self.hub.tree(variant.commit), number)
            self.hub.checkout(variant.commit, self._folder.candidates / variant.commit)
        race = e.StudyOpened(
            study=f"race-{number}",
            kind="race",
            idea=number,
            arms=tuple(v.commit for v in variants),
            incumbent=self._state.champion.commit,
        )
        idea = replace(draft, commit=commit, variants=variants)
        self._append(e.IdeaSubmitted(idea=idea, session=session), race)
        return number

    def publish(self, decisions: list[e.EventBody], key: bytes) -> None:
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
                ideas.write_verdict(self.hub, self._state.ideas[body.idea].idea.commit, verdict, key)
            elif isinstance(body, e.ChampionCrowned):
                self.hub.set_branch("champion", body.commit)
