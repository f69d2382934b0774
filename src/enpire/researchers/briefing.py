"""What a session begins with: the champion's files, logged episodes, and everything it is told."""

import random
from pathlib import Path

import numpy as np

from enpire.agents.submission import BRIEF
from enpire.agents.team import Member
from enpire.core.config import CampaignConfig
from enpire.core.files import write_durably
from enpire.core.records import BASELINE, encode
from enpire.evolution import digest, prompt
from enpire.evolution.hub import Hub
from enpire.ledger.folder import Folder
from enpire.ledger.state import State
from enpire.rollout.recorder import pack, read_arrays

DATA_EPISODES = 12
"""Logged episodes a session gets to learn from."""
LIBRARY = Path(__file__).parents[1] / "policy_improvement" / "blocks"


class Briefing:
    """Furnishes session folders. Read `docs/agents.md` for their layout.

    Args:
        folder: Campaign folder.
        config: Campaign settings.
        hub: Where candidates live.
        state: The fold of the ledger; read only.
        rng: For the researchers' seeds.
    """

    def __init__(self, folder: Folder, config: CampaignConfig, hub: Hub, state: State, rng: random.Random) -> None:
        self._folder, self._config, self._hub, self._state, self._rng = folder, config, hub, state, rng

    def furnish(self, folder: Path) -> None:
        """Make a new session folder with the champion's files, logged episodes, and a page about the task's tools."""
        (folder / "data").mkdir(parents=True)
        for name, content in self._hub.files(self._state.champion.commit).items():
            path = folder / "workspace" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if self._state.spec is not None and self._state.spec.tools:
            from enpire.tools.manual import manual  # a campaign without tools does not load them

            (folder / "tools.md").write_text(manual(self._state.spec.tools))
        self._export(folder / "data")

    def _export(self, data: Path) -> None:
        """Logged search episodes as the policy saw them: observations and actions, no outcome, no seed."""
        champion = self._state.champion.commit
        search = [x for x in self._state.episodes.values() if x.purpose in ("race", "control", "filler") and x.steps]
        ours = [x for x in search if x.candidate == champion]
        for episode in (ours + [x for x in reversed(search) if x.candidate != champion])[:DATA_EPISODES]:
            arrays = read_arrays(self._folder.root, episode)
            seen = {k: v for k, v in arrays.items() if k.startswith("observation.") and v.dtype != np.uint8}
            (data / f"{episode.ticket:07d}.npz").write_bytes(pack({**seen, "action": arrays["action"]}))

    def write(self, folder: Path, member: Member, number: int) -> str:
        """Write brief, digest and prompt of a session, replacing older ones; returns the prompt.

        Args:
            folder: Session folder.
            member: Who is asked.
            number: Of the session, over all researchers.
        """
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
        program = self._hub.files(self._state.ideas[BASELINE].idea.commit)["program.md"].decode()  # never a candidate's
        text = prompt.prompt(
            brief, program, page, session=self._config.session, vision=self._config.vision, tools=member.has_model
        )
        # Renamed into place: a session that goes on may have left links here.
        write_durably(folder / BRIEF, encode(brief))
        write_durably(folder / "digest.md", page.encode())
        write_durably(folder / "prompt.md", text.encode())
        return text
