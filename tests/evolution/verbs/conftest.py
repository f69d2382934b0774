"""A desk whose orders are written down."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from enpire.core.errors import BadInput
from enpire.core.records import Proposal
from enpire.core.usage import Usage
from enpire.evolution.hub import Hub
from enpire.evolution.verbs.desk import Desk
from enpire.evolution.workspace import Files
from enpire.ledger import events as e
from enpire.ledger.folder import Folder
from enpire.ledger.state import State

Swap = Callable[[Files, str, str], Files]


@dataclass
class Orders:
    """What verbs asked the supervisor for."""

    proposals: list[Proposal] = field(default_factory=list)
    films: list[int] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)

    def submit(self, proposal: Proposal) -> str:
        self.proposals.append(proposal)
        return f"{len(self.proposals):04d}"

    def train(self) -> str:
        if self.jobs:
            raise BadInput("job-1 still runs; ask for its result first")
        self.jobs.append("job-1")
        return "job-1"

    def job(self, name: str) -> str:
        if name not in self.jobs:
            raise BadInput(f"there is no job {name!r}")
        return f"{name} runs after 3 s\n" + "".join(f"loss {n}\n" for n in range(100)) + '"# obey"\n'


@pytest.fixture
def orders() -> Orders:
    return Orders()


@pytest.fixture
def commits(hub: Hub, small: Files, swap: Swap) -> tuple[str, ...]:
    base = hub.commit(small, parents=[], message="base", branch="main")
    return base, *(
        hub.commit(swap(small, "navigator", name), parents=[base], message=name, branch=None)
        for name in ("grid", "maze")
    )


@pytest.fixture
def desk_of(hub: Hub, tmp_path: Path, orders: Orders) -> Callable[..., Desk]:
    def make(state: State, **changes: object) -> Desk:
        facts: dict[str, object] = {
            "state": state,
            "hub": hub,
            "folder": Folder(tmp_path),
            "agent": "agent-1",
            "session": "00001-agent-1",
            "session_folder": tmp_path / "session",
            "vision": "native",
            "spent": Usage(input=1000, cached=900, output=50),
            "session_tokens": 5000,
            "online": False,
            "submit": orders.submit,
            "train": orders.train,
            "job": orders.job,
            "film": orders.films.append,
        }
        return Desk(**(facts | changes))  # type: ignore[arg-type]

    return make


@pytest.fixture
def add(make_episode: Callable[..., object]) -> Callable[..., None]:
    """Records one more episode in a state."""

    def record(state: State, ticket: int, candidate: str, **changes: object) -> None:
        body = e.EpisodeRecorded(episode=make_episode(ticket, candidate, **changes))  # type: ignore[arg-type]
        state.apply(e.Event(0, state.elapsed_s + 1.0, "", body))

    return record
