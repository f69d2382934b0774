"""Damaged frames from a policy process, read by the station's end of a real socket pair."""

import os
import socket
import struct
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import msgspec
import numpy as np

from enpire.core.errors import BadInput, PolicyFault, StationFault, ToolError
from enpire.core.records import FAILURE_REASONS, ActionSpec, ArraySpec, TaskSpec
from enpire.rollout.worker.client import Worker
from enpire.rollout.worker.inside.protocol import ANSWER, ASK, LOADED, MOST_ASK_BYTES, RESET_DONE
from enpire.rollout.worker.zygote import Ended
from tests.fuzz.damage import NASTY, RAW, damage_bytes, damage_json

SIZE = 3
CAMERA = "observation.images.wrist"
SPEC = TaskSpec(
    name="toy",
    instruction="",
    observation={
        "observation.state": ArraySpec(shape=(2,), dtype="float64"),
        CAMERA: ArraySpec(shape=(2, 2, 3), dtype="uint8"),
    },
    action=ActionSpec(size=SIZE, low=(-1.0,) * SIZE, high=(1.0,) * SIZE),
    period_s=0.1,
    max_steps=10,
)
PICTURE = np.zeros((2, 2, 3), np.uint8)
OBSERVATION = {"observation.state": np.zeros(2), CAMERA: PICTURE}
VALUES = [0.0, -0.0, 1.0, -1.0, 0.25, 1e30, -3.4e38, 1e-45, float("nan"), float("inf"), float("-inf")]
QUESTIONS = [
    {"look": CAMERA},
    {"look": "observation.images.none"},
    {"call": "echo", "arguments": {"x": [1, 2.5, "a", None]}},
    {"call": "none"},
    {},
]
SOON_S, AT_ONCE_S = 5.0, 1e-4


class Equipment:
    """One camera, and one tool that says back what it was told."""

    def look(self, key):
        if key != CAMERA:
            raise BadInput(f"there is no camera {key[:100]!r}")
        return PICTURE

    def call(self, name, arguments):
        if name != "echo":
            raise ToolError(f"there is no tool {name[:100]!r}")
        return arguments


class Plan(NamedTuple):
    """Frames to send, and whether the process ends after them.

    Attributes:
        answer: What the station must take for the answer: the first frame that is no question it can answer; empty for
            the end; None if there is neither, so that it has to wait.
    """

    frames: list[bytes]
    ends: bool
    answer: bytes | None

    @property
    def patience_s(self) -> float:
        """Waiting time: what was sent decides the outcome, not the load of the machine."""
        return AT_ONCE_S if self.answer is None else SOON_S


class Puppet:
    """A zygote whose only worker is the fuzzer: it keeps the worker's end of the control socket."""

    def __init__(self, ended, equipped):
        self._ended, self._equipped = ended, equipped
        self.end, self._over = None, False

    def spawn(self, configuration, descriptors):
        self.end = socket.socket(fileno=os.dup(descriptors[0]))
        return 1

    def reap(self, worker):
        return self._ended

    def leave_alone(self, *_):
        """Nothing runs here that could be spared."""

    def plan(self, number, rng):
        """Frames that could be the answer with this number, and perhaps the end."""
        if self._over:
            return Plan([], False, b"")
        frames = [
            question(rng) if self._equipped and rng.random() < 0.3 else frame(number, rng)
            for _ in range(rng.choice((1,) * 30 + (0, 2, 2)))
        ]
        ends = rng.random() < 0.05
        asking = self._equipped and number != LOADED
        decisive = [sent for sent in frames if not (asking and answerable(sent))]
        return Plan(frames, ends, decisive[0] if decisive else b"" if ends else None)

    def carry_out(self, plan):
        """Send what was planned."""
        for sent in plan.frames:
            self.end.send(sent)
        if plan.ends:
            self.end.shutdown(socket.SHUT_RDWR)
            self._over = True

    def check_replies(self):
        """Every reply is small JSON: a result or an error."""
        while True:
            try:
                data = self.end.recv(2 * MOST_ASK_BYTES, socket.MSG_DONTWAIT)
            except OSError:
                return
            if not data:
                return
            if data[:1] == b"{":
                assert len(data) <= MOST_ASK_BYTES and len(msgspec.json.decode(data)) == 1


class Seen(dict):
    """An observation that the policy answers the moment it is shown."""

    def __init__(self, puppet, plan):
        super().__init__(OBSERVATION)
        self._puppet, self._plan = puppet, plan

    def get(self, key, default=None):
        if key == "observation.state":
            self._puppet.carry_out(self._plan)
        return super().get(key, default)


def answerable(data):
    """Whether a frame is a question in good form, however foolish."""
    if len(data) < ANSWER.size or ANSWER.unpack_from(data)[0] != ASK:
        return False
    try:
        asked = msgspec.json.decode(data[ANSWER.size : ANSWER.size + MOST_ASK_BYTES + 1])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False
    kinds = {"look": str, "call": str, "arguments": dict}
    return isinstance(asked, dict) and all(isinstance(asked[key], kinds.get(key, ())) for key in asked)


def question(rng):
    """A question: right, nearly right, or anything."""
    text = msgspec.json.encode(rng.choice(QUESTIONS))
    match rng.randrange(5):
        case 0:
            text = damage_bytes(text, rng)
        case 1 if text != b"{}":
            text = damage_json(text, rng)
        case 2:
            text = msgspec.json.encode({"call": "echo", "arguments": {"x": "y" * rng.choice((10, 60_000, 70_000))}})
        case 3:
            text = rng.choice([*RAW, b'{"look": %s}' % repr(rng.choice(NASTY)).encode()])
    return ANSWER.pack(ASK) + text


def frame(number, rng):
    """One answer: right, nearly right, or anything."""
    values = [rng.choice(VALUES[:8]) for _ in range(SIZE)]
    right = ANSWER.pack(number) + struct.pack(f"<{SIZE}f", *values)
    match rng.randrange(30):
        case 0 | 8:
            values[rng.randrange(SIZE)] = rng.choice(VALUES[-6:])
            return ANSWER.pack(number) + struct.pack(f"<{SIZE}f", *values)
        case 1:
            other = rng.choice((0, 1, number + 1, number - 1, LOADED, RESET_DONE, ASK, rng.getrandbits(64)))
            return ANSWER.pack(other % 2**64) + right[ANSWER.size :]
        case 2:
            return damage_bytes(right, rng)
        case 3:
            return right[: rng.randrange(len(right) + 1)]
        case 4:
            return right + rng.randbytes(rng.choice((1, 4, 300, 60_000)))
        case 5:
            return rng.randbytes(rng.choice((0, 1, 8, len(right), 4096)))
        case 6:
            return ANSWER.pack(number) + rng.randbytes(4 * SIZE)
        case 7:
            return rng.choice((b'{"success": true}', b"\x80\x04N.", b"reward=1"))
    return right


class Workers:
    """One short episode per case: load, reset, three steps; frames, questions, silence and death at any moment."""

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def attack(self, rng):
        code, confined = rng.choice((None, -9, -11, 0, 1, 80, 81, 82, 83, 255)), rng.random() < 0.9
        equipped = rng.random() < 0.5
        puppet = Puppet(None if code is None else Ended(code, 0.1, confined), equipped)
        worker = Worker(puppet, SPEC, Path("/nowhere"), 1 << 20)
        if equipped:
            worker.equip(Equipment())
        try:
            return self._episode(worker, puppet, rng)
        except PolicyFault as fault:
            assert fault.reason in FAILURE_REASONS, fault.reason
            return fault.reason
        except StationFault:
            assert code is None or not confined, "a frame became the station's fault"
            return "station's fault"
        finally:
            puppet.check_replies()
            puppet.end.close()
            assert worker.finish().log_tail == ""

    def _episode(self, worker, puppet, rng):
        plan = puppet.plan(LOADED, rng)
        puppet.carry_out(plan)
        worker.wait_loaded(plan.patience_s)
        self._check(plan.answer, LOADED)
        plan = puppet.plan(RESET_DONE, rng)
        if rng.random() < 0.05 and not plan.ends:
            puppet.carry_out(plan)  # before anybody asked
        worker.reset(Seen(puppet, plan), plan.patience_s)
        self._check(plan.answer, RESET_DONE)
        for step in range(3):
            puppet.check_replies()
            plan = puppet.plan(step, rng)
            worker.request(step, Seen(puppet, plan))
            action = worker.receive(plan.patience_s)
            if action is None:
                assert plan.answer is None, "a frame was overlooked"
                return "no answer yet"
            self._check(plan.answer, step)
            values = np.frombuffer(plan.answer, np.float32, SIZE, ANSWER.size).astype(np.float64)
            assert np.isfinite(action).all() and np.array_equal(action, values), "another action than was sent"
        return "played"

    def _check(self, answer, number):
        whole = answer is not None and len(answer) == ANSWER.size + 4 * SIZE
        assert whole and answer[: ANSWER.size] == ANSWER.pack(number), "a damaged frame was accepted"
