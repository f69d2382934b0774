"""Where every session stands in its part, and what each answer costs."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from enpire.agents.scripted_model.operations import MARK
from enpire.agents.scripted_model.script import Turn
from enpire.agents.scripted_model.wire import Request
from enpire.core.usage import Usage

Mind = Callable[[str, int], Turn]
"""What the model of a session (its path) does in answer number n. May take seconds; sessions ask at the same time."""

SIDE = -1
"""Number of an answer that is no turn of the part: side calls without tools, and sub-agents."""

_CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, kw_only=True)
class Step:
    """What to do with one request.

    Attributes:
        number: Number of the answer in its part, or SIDE.
        usage: What the answer costs.
        broken: Whether it is broken off.
    """

    turn: Turn
    number: int
    usage: Usage
    broken: bool = False


@dataclass
class _Place:
    """Where a session stands."""

    number: int = 0
    last_text: str = ""
    last_turn: Turn | None = None
    broken: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class Play:
    """Steps of all sessions."""

    def __init__(self, mind: Mind) -> None:
        self._mind = mind
        self._places: dict[str, _Place] = {}
        self._lock = threading.Lock()

    def step(self, session: str, request: Request, dialect: str) -> Step:
        """What to do with a request. One that comes again after a whole answer gets the same answer again."""
        if MARK in request.said:
            return Step(turn=Turn(say="The sub-agent is done."), number=SIDE, usage=_cost(request, "", dialect))
        if not request.tools:
            return Step(turn=Turn(say="ok"), number=SIDE, usage=_cost(request, "", dialect))
        with self._lock:
            place = self._places.setdefault(session, _Place())
        with place.lock:
            return self._next(session, place, request, dialect)

    def _next(self, session: str, place: _Place, request: Request, dialect: str) -> Step:
        cost = _cost(request, place.last_text, dialect)
        if place.last_turn is not None and request.text == place.last_text:
            turn = place.last_turn
            return Step(turn=turn, number=place.number - 1, usage=turn.usage or cost)
        turn, number = self._mind(session, place.number), place.number
        if turn.drop and not place.broken:
            place.broken = True
            return Step(turn=turn, number=number, usage=turn.usage or cost, broken=True)
        place.broken = False
        place.number += 1
        if turn.error:
            return Step(turn=turn, number=number, usage=Usage())
        place.last_text, place.last_turn = request.text, msgspec.structs.replace(turn, hang_s=0.0)
        return Step(turn=turn, number=number, usage=turn.usage or cost)


def _cost(request: Request, before: str, dialect: str) -> Usage:
    """Input by size, with the beginning that it shares with the request before as cached; `output` is left open."""
    total = max(1, len(request.text) // _CHARACTERS_PER_TOKEN)
    cached = min(_shared(request.text, before) // _CHARACTERS_PER_TOKEN, total - 1)
    written = total - cached - 1 if dialect == "messages" else 0
    return Usage(input=total, cached=cached, cache_write=written)


def _shared(text: str, other: str) -> int:
    """Characters that two texts have in common from the start."""
    return next((n for n, (a, b) in enumerate(zip(text, other, strict=False)) if a != b), min(len(text), len(other)))
