"""Damaged conversations between our own processes, over a real socket pair."""

import socket
from types import TracebackType

import msgspec

from enpire.agents.gateway.messages import (
    Answer,
    Asked,
    Called,
    Close,
    Limits,
    Listening,
    Open,
    Phase,
    Price,
    Start,
    ToolSpec,
    Unusable,
)
from enpire.core.line import Line
from enpire.core.usage import ModelCall, Usage
from enpire.rollout.messages import Broken, Film, Filmed, Finished, Ready, Run
from tests.fuzz.damage import RAW, damage_bytes, damage_json
from tests.ledger.make import SPEC, episode, ticket

CALL = ModelCall(session="s", agent="a", phase="propose", model="m", dialect="chat", status=200, usage=Usage(input=7))
OPEN = Open(
    session="s", agent="a", token="0" * 32, key="k", folder="/f", dialect="chat", upstream="u", key_variable="K",
    header="h", per_idea=Limits(tokens=3),
)  # fmt: skip
TALKS = [
    (Ready | Finished | Filmed | Broken, [
        Ready(SPEC, "lsm"), Finished(episode(7, evidence={"x": 0.5})), Filmed(3, file="v.mp4"), Broken("no camera"),
    ]),
    (Run | Film, [Run(ticket(3)), Film(episode(9))]),
    (Start | Open | Phase | Close | Answer, [
        Start(tools=(ToolSpec("t", "d", {"type": "object"}),), prices={"m": Price(1.0, 2.0)}), OPEN,
        Phase("s", "wait"), Close("s"), Answer(1, "text", ("aGk=",)),
    ]),
    (Listening | Called | Asked | Unusable, [
        Listening(8080), Called(CALL), Asked(1, "s", "episodes", {"idea": ["0001", {"n": 3}]}), Unusable("why"),
    ]),
]  # fmt: skip


def expected(data, kind):
    """What a reader should make of the bytes: whole messages up to the first one that is none."""
    found = []
    for text in data.split(b"\n")[:-1]:
        try:
            found.append(msgspec.json.decode(text, type=kind))
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return found
    return found


class Lines:
    """The conversations supervisor and station, supervisor and gateway, in all four directions."""

    def __enter__(self) -> "Lines":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def attack(self, rng):
        kind, messages = rng.choice(TALKS)
        parts = [msgspec.json.encode(rng.choice(messages)) for _ in range(rng.choice((1, 2, 4)))]
        for _ in range(rng.choice((0, 1, 1, 2))):
            index = rng.randrange(len(parts))
            match rng.randrange(3):
                case 0:
                    parts[index] = damage_bytes(parts[index], rng)
                case 1:
                    try:
                        parts[index] = damage_json(parts[index], rng)
                    except (ValueError, UnicodeError, RecursionError):
                        parts[index] = damage_bytes(parts[index], rng)
                case 2:
                    parts.insert(index, rng.choice([*RAW, b"", rng.randbytes(rng.choice((1, 30, 3000)))]))
        data = b"".join(part + b"\n" for part in parts)
        data = damage_bytes(data, rng) if rng.random() < 0.2 else data
        found = self._talk(data, kind, rng)
        assert found == expected(data, kind), "the reader saw other messages than were sent"
        return "all read" if len(found) == len(parts) else "hung up"

    def _talk(self, data, kind, rng):
        """Send in pieces; whatever has come is read before the next piece leaves."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            reader, found, at = Line(ours), [], 0
            while at <= len(data):
                size = rng.choice((1, 7, 100, 5000, 60000))
                try:
                    theirs.send(data[at : at + size]) if at < len(data) else theirs.shutdown(socket.SHUT_WR)
                except OSError:
                    return found  # it hung up on us
                at += size
                try:
                    while (message := reader.receive(kind)) is not None:
                        found.append(message)
                    return found
                except BlockingIOError:
                    continue
            theirs.shutdown(socket.SHUT_WR)
            while (message := reader.receive(kind)) is not None:
                found.append(message)
            return found
