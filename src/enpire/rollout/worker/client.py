"""The station's end of one worker. Everything that comes from the other end is checked here and nowhere else."""

import os
import select
import socket
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from enpire.core.errors import BadInput, PolicyFault, StationFault, ToolError, UnknownName
from enpire.core.records import Json, Observation, TaskSpec, to_builtins
from enpire.environment.contract import Equipped
from enpire.rollout.worker.inside import protocol
from enpire.rollout.worker.inside.protocol import ANSWER, DOORBELL
from enpire.rollout.worker.memory import SharedMemory
from enpire.rollout.worker.zygote import Ended, Zygote

LOG_TAIL_CHARACTERS = 2000
MOST_ASKS = 100
"""Questions that a policy may ask per control period."""
_ERROR_CHARACTERS = 1000
GONE = Ended(exit_code=-9, cpu_s=0.0, confined=False)
HUNG_UP = select.POLLHUP | select.POLLERR
REASONS = {protocol.EXIT_RAISED: "raised", protocol.EXIT_SHAPE: "shape"}
"""Failure reason by exit code, once the policy is loaded. The code is the worker's word and chooses a label only."""


class _Ask(msgspec.Struct, forbid_unknown_fields=True):
    """A question of a policy: a camera to look through, or a tool to call."""

    look: str = ""
    call: str = ""
    arguments: Json = {}


@dataclass(frozen=True)
class WorkerReport:
    """What is left of a worker.

    Attributes:
        cpu_s: CPU time, loading included.
        exit_code: Negative for a signal; -9 is the usual end, because a worker is killed after its episode.
        log_tail: Last 2,000 characters it printed, without control characters. Untrusted text.
    """

    cpu_s: float
    exit_code: int
    log_tail: str


class Worker:
    """One policy in one process for one episode. Made by `WorkerPool.prepare`; used by one thread at a time.

    The order of calls is `wait_loaded`, `reset`, then `request` and `receive` in turn, then `finish`.

    Raises:
        ConnectionError: The zygote is gone, so no worker was made.
    """

    def __init__(self, zygote: Zygote, spec: TaskSpec, candidate: Path, memory_bytes: int) -> None:
        task = to_builtins(spec)
        del task["manifest"]
        configuration = {
            "candidate": str(candidate),
            "task": task,
            "size": spec.action.size,
            "memory_bytes": memory_bytes,
            "probe": None,
        }
        self._zygote = zygote
        self._memory = SharedMemory(spec.observation, configuration)
        self._log = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        try:
            self._number, self._control = start(zygote, self._memory, self._log.fileno())
        except ConnectionError:
            self._memory.close()
            raise
        self._poll = select.poll()
        self._poll.register(self._control, select.POLLIN)
        self._answer_bytes = ANSWER.size + 4 * spec.action.size
        self._frame = bytearray(max(self._answer_bytes, ANSWER.size + protocol.MOST_ASK_BYTES) + 1)
        self._equipment: Equipped | None = None
        self._asked = 0
        self._looked: set[str] = set()
        self._owed_s = 0.0
        self._values = np.frombuffer(self._frame, np.float32, spec.action.size, ANSWER.size)
        self._loaded = False
        self._pending: int | None = protocol.LOADED
        self._report: WorkerReport | None = None

    def equip(self, equipment: Equipped) -> None:
        """Answer the policy's questions from now on, between a doorbell and the answer to it."""
        self._equipment = equipment

    def wait_loaded(self, timeout_s: float) -> None:
        """Wait until `Policy(task)` was built.

        Raises:
            PolicyFault: `load`, `deadline` or `protocol`; the episode is a failure.
            StationFault: The worker could not be confined, or the zygote died.
        """
        if self._loaded:
            return
        if not self._await(timeout_s):
            raise PolicyFault("deadline", f"policy.py did not load within {timeout_s:g} s")
        self._loaded = True

    def reset(self, observation: Observation, timeout_s: float) -> None:
        """Call `policy.reset(observation, instruction)` and wait for it.

        Raises:
            PolicyFault: `raised`, `exited`, `deadline` or `protocol`.
            StationFault: The zygote died.
        """
        self._zygote.leave_alone(self._number)  # others have loaded meanwhile, or load later
        self._ring(protocol.RESET, 0, observation, protocol.RESET_DONE)
        if not self._await(timeout_s):
            raise PolicyFault("deadline", f"Policy.reset did not return within {timeout_s:g} s")

    def request(self, step: int, observation: Observation) -> None:
        """Ask for the action of a step. A worker that has died is reported by `receive`.

        Raises:
            PolicyFault: `protocol`: the worker sent something nobody asked for.
            EnvironmentFault: The observation is not what the task declared.
        """
        self._ring(protocol.STEP, step, observation, step)

    def receive(self, timeout_s: float) -> NDArray[np.float64] | None:
        """The requested action, finite, shape (size,), not yet clipped; None if it is not there yet.

        Pictures cost the policy no time, as on a robot whose cameras always run. Tools do: what a call takes beyond
        `timeout_s` is taken off the periods that follow.

        Raises:
            PolicyFault: `raised`, `exited`, `shape`, `nonfinite` or `protocol`.
            StationFault: The zygote died.
        """
        if not self._await(timeout_s):
            return None
        if not np.isfinite(self._values).all():
            raise PolicyFault("nonfinite", f"action {self._values.tolist()}")
        return self._values.astype(np.float64)

    def finish(self) -> WorkerReport:
        """Kill the worker, reap it, read its log. Idempotent; never raises for what the worker did."""
        if self._report is None:
            self._end()
        assert self._report is not None
        return self._report

    @property
    def finished(self) -> bool:
        """Whether the process is gone and `finish` has nothing left to do."""
        return self._report is not None

    def _ring(self, kind: int, step: int, observation: Observation, expected: int) -> None:
        if not self._loaded or self._pending is not None or self._report is not None:
            raise RuntimeError("ask a worker only after it has loaded and answered, and before finish")
        if self._unasked():
            raise PolicyFault("protocol", "the worker sent something nobody asked for")
        self._memory.write(observation)
        self._pending = expected
        self._asked, self._owed_s = 0, 0.0
        self._looked.clear()
        self._send(DOORBELL.pack(kind, step))

    def _unasked(self) -> bool:
        """Whether a frame is there that nobody asked for; also one of a worker that hung up behind it."""
        events = self._poll.poll(0)
        if not events or not events[0][1] & HUNG_UP:
            return bool(events)
        try:
            return bool(self._control.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except (ConnectionError, BlockingIOError):
            return False

    def _send(self, data: bytes) -> None:
        """Send without ever waiting for a policy that does not read; one that has died is reported by `receive`."""
        try:
            self._control.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            raise PolicyFault("protocol", "the policy does not read what it is told") from None
        except ConnectionError:
            pass

    def _await(self, timeout_s: float) -> bool:
        """Whether the pending answer came. Questions of the policy are answered meanwhile."""
        if self._pending is None or self._report is not None:
            raise RuntimeError("nothing was asked of this worker")
        if self._owed_s >= timeout_s:
            self._owed_s -= timeout_s
            return False
        due_s = time.monotonic() + timeout_s - self._owed_s
        while True:
            events = self._poll.poll(max(due_s - time.monotonic(), 0.0) * 1000.0)
            if not events:
                break
            try:
                length = self._control.recv_into(self._frame)
            except ConnectionError:
                length = 0
            if length == 0 and events[0][1] & HUNG_UP:
                self._raise_ended()
            number = ANSWER.unpack_from(self._frame)[0] if length >= ANSWER.size else None
            if number != protocol.ASK or self._equipment is None or self._pending == protocol.LOADED:
                return self._answered(number, length)
            due_s += self._reply(self._equipment, bytes(self._frame[ANSWER.size : length]))
            if time.monotonic() > due_s:
                break
        self._owed_s = max(time.monotonic() - due_s, 0.0)
        return False

    def _answered(self, number: int | None, length: int) -> bool:
        """Take a frame that must be the pending answer; always True."""
        if length != self._answer_bytes:
            raise PolicyFault("protocol", f"expected {self._answer_bytes} bytes")
        if number != self._pending:
            raise PolicyFault("protocol", f"expected an answer to {self._pending}, got one to {number}")
        self._pending = None
        return True

    def _reply(self, equipment: Equipped, question: bytes) -> float:
        """Answer a question of the policy; returns the time that this must not cost it, in seconds."""
        started_s = time.monotonic()
        try:
            ask = msgspec.json.decode(question, type=_Ask)
        except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError) as error:
            raise PolicyFault("protocol", f"a question that cannot be read: {error}") from None
        free = bool(ask.look) and ask.look not in self._looked
        try:
            reply = {"result": self._result(equipment, ask)}
        except (ToolError, BadInput, UnknownName) as error:
            reply = {"error": str(error)[:_ERROR_CHARACTERS]}
        data = msgspec.json.encode(reply)
        if len(data) > protocol.MOST_ASK_BYTES:
            data = msgspec.json.encode({"error": f"the answer has {len(data)} bytes; ask for less at a time"})
        self._send(data)
        return time.monotonic() - started_s if free else 0.0

    def _result(self, equipment: Equipped, ask: _Ask) -> object:
        self._asked += 1
        if self._asked > MOST_ASKS:
            raise ToolError(f"more than {MOST_ASKS} questions in one control period")
        if ask.look:
            if ask.look not in self._looked:
                self._memory.write_array(ask.look, equipment.look(ask.look))
                self._looked.add(ask.look)
            return None
        return equipment.call(ask.call, ask.arguments)

    def _raise_ended(self) -> None:
        """Turn the end of the worker into the right fault."""
        ended = self._end()
        report = self.finish()
        last_line = report.log_tail.strip().rpartition("\n")[2][:200]
        if ended is GONE:
            raise StationFault("the zygote died, and its workers with it")
        if not ended.confined:
            raise StationFault(f"a worker could not be confined: {last_line}")
        reason = REASONS.get(ended.exit_code, "exited") if self._loaded else "load"
        raise PolicyFault(reason, last_line or f"exit code {ended.exit_code}")

    def _end(self) -> Ended:
        ended = self._zygote.reap(self._number) or GONE
        self._report = WorkerReport(ended.cpu_s, ended.exit_code, log_tail(self._log.fileno()))
        self._log.close()
        self._control.close()
        self._memory.close()
        return ended


def start(zygote: Zygote, memory: SharedMemory, log: int) -> tuple[int, socket.socket]:
    """Fork a worker: its number and the station's end of its control socket."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    read_only = memory.open_read_only()
    try:
        return zygote.spawn(memory.configuration, (theirs.fileno(), read_only, log)), ours
    except ConnectionError:
        ours.close()
        raise
    finally:
        theirs.close()
        os.close(read_only)


def log_tail(log: int) -> str:
    """Last characters of a worker's log. It starts over when full; the shared file position says where it ends."""
    end = os.lseek(log, 0, os.SEEK_CUR)
    with open(f"/proc/self/fd/{log}", "rb") as own_view:  # noqa: PTH123
        data = own_view.read(protocol.LARGEST_FILE_BYTES)
    text = (data[end:] + data[:end])[-4 * LOG_TAIL_CHARACTERS :].decode(errors="replace")
    return "".join(c for c in text if c in "\n\t" or c.isprintable())[-LOG_TAIL_CHARACTERS:]
