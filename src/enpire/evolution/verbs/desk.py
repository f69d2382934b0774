"""The desk of one researcher session: everything a verb may look at or ask for."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from enpire.core.records import Proposal
from enpire.core.usage import Usage
from enpire.evolution.hub import Hub
from enpire.ledger.folder import Folder
from enpire.ledger.state import State

TEXT_CAP = 6000
"""Characters an answer may have."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """Answer of a verb: text, and PNG images for the one verb that shows something."""

    text: str
    images: tuple[bytes, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What a verb of one session may use. Verbs run in the supervisor, between two rounds of its loop: be quick.

    Attributes:
        state: The campaign now; read only.
        hub: Where candidates live; read only for verbs.
        folder: Campaign folder.
        agent, session: Who asks.
        session_folder: With `workspace/`, written by the agent and not to be trusted.
        vision: `native`, `function` or `none`.
        spent: Model tokens of this session so far.
        session_tokens: Limit of the session; None is no limit.
        online: Whether literature may be searched on the network.
        submit: Hand in the workspace with a proposal: the id of the new idea. Raises BadInput with what to mend.
        train: Start `train.py` of the workspace as a job: its id. Raises BadInput while another one runs.
        job: State of a job as a line, and the last lines it printed.
        film: Ask for the video of an episode; done within seconds, while stations have time.
        parent: Idea whose files the workspace descends from: what it was filled with, then what it was last handed in
            as. Empty for the champion now.
    """

    state: State
    hub: Hub
    folder: Folder
    agent: str
    session: str
    session_folder: Path
    vision: Literal["native", "function", "none"]
    spent: Usage
    session_tokens: int | None
    online: bool
    submit: Callable[[Proposal], str]
    train: Callable[[], str]
    job: Callable[[str], str]
    film: Callable[[int], None]
    parent: str = ""
