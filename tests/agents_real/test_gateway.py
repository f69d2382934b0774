"""With the gateway in between: the ledger is the truth for every call, and its refusals stop an agent."""

import queue
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from enpire.agents.adapter import Failed
from enpire.agents.gateway.client import Gateway
from enpire.agents.gateway.messages import Called, Limits, Open, Start
from enpire.core import registry
from enpire.core.usage import ModelCall

from .stage import InBetween, Theatre
from .test_contract import WORK
from .test_helpers_of_agents import SPAWN, with_agents


class Passage:
    """A gateway; `settings` hold for the sessions opened next."""

    def __init__(self, agent: str, folder: Path) -> None:
        self.agent, self.folder = agent, folder
        self.inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.gateway = Gateway(Start(), self.inbox, log=folder / "gateway.log")
        self.settings: dict[str, Any] = {}

    def open(self, root: str, session: str) -> str:
        order = Open(
            session=session,
            agent=self.agent,
            token=session.encode().hex().rjust(32, "0"),
            key="nothing-worth",
            folder=str(self.folder / session),
            dialect=registry.load("agent", self.agent).DIALECT,
            upstream=f"{root}/{session}",
            key_variable="",
            header="bearer",
            **self.settings,
        )
        self.gateway.open(order)
        return self.gateway.url(order.token)

    def ledger(self) -> list[ModelCall]:
        """Every call reported so far."""
        found = []
        while not self.inbox.empty():
            report = self.inbox.get()
            assert isinstance(report, Called), report
            found.append(report.call)
        return found


@pytest.fixture
def passage(agent: str, tmp_path: Path) -> Iterator[Passage]:
    made = Passage(agent, tmp_path)
    with made.gateway:
        yield made


@pytest.fixture
def in_between(passage: Passage) -> InBetween:
    return passage.open


def rows(calls: list[Any]) -> list[tuple[Any, ...]]:
    """What ledger and truth both know, in an order of its own: sub-agents call at the same time."""
    key: Callable[[tuple[Any, ...]], str] = repr
    return sorted(((c.status, c.model, c.dialect, c.usage, c.images) for c in calls), key=key)


def test_ledger_is_the_truth(theatre: Theatre, passage: Passage) -> None:
    theatre.script("[[part]]\n[[part.turn]]\nerror = 429\n" + WORK.replace("[[part]]\n", ""))
    run = theatre.run()
    assert run.status == 0, run.stderr
    assert rows(passage.ledger()) == rows(theatre.model.truth)
    assert len(theatre.model.truth) == 4


def test_ledger_holds_broken_calls(theatre: Theatre, passage: Passage) -> None:
    theatre.script("[[part]]\n[[part.turn]]\nsay = 'Whole.'\ndrop = true")
    assert theatre.run().status == 0
    ledger = passage.ledger()
    assert [call.usage for call in ledger] == [told.usage for told in theatre.model.truth]
    assert len(ledger) == 2


def test_ledger_holds_sub_agents(theatre: Theatre, passage: Passage) -> None:
    theatre.script(SPAWN)
    job = theatre.job()
    run = theatre.start(job, with_agents(theatre.adapter.command(job))).finish()
    assert run.status == 0, run.stderr
    assert rows(passage.ledger()) == rows(theatre.model.truth)
    assert [told for told in theatre.model.truth if told.turn == -1]


def test_spent_budget_stops_the_agent(theatre: Theatre, passage: Passage) -> None:
    passage.settings = {"per_session": Limits(tokens=2500)}
    usage = "usage = { input = 1000, output = 0 }"
    theatre.script(f"[[part]]\n[[part.turn]]\nshell = 'true'\n{usage}\ntimes = 0")
    run = theatre.run()
    assert run.status != 0
    assert [e.trouble for e in run.events if isinstance(e, Failed)] == ["budget"]
    assert [call.status for call in passage.ledger()] == [200, 200, 200, 400]
    assert theatre.told().total == 3000


def test_images_are_withheld(theatre: Theatre, passage: Passage) -> None:
    passage.settings = {"vision": "none"}
    theatre.script("[[part]]\n[[part.turn]]\ncall = 'picture$'\n[[part.turn]]\nsay = 'Nothing to see.'")
    run = theatre.run(vision="none")
    assert run.status == 0, run.stderr
    assert [told.images for told in theatre.model.truth] == [0, 0]
    assert [(call.images, call.masked) for call in passage.ledger()] == [(0, 0), (1, 1)]
