"""The station's end of an environment process: start it, ask it, and never wait longer than allowed."""

import contextlib
import fcntl
import json
import mmap
import os
import signal
import socket
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from enpire.core.errors import BadInput, EnvironmentFault
from enpire.core.records import Observation
from enpire.environment import gym_host

_SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL")
_CLOSE_S = 2.0
_PRINTED_BYTES = 4096


@dataclass(frozen=True, kw_only=True)
class HostOrder:
    """What to make, and how long to wait for it.

    Attributes:
        python: Executable of the virtual environment that has the environment installed.
        id: Gymnasium id.
        module: Imported before; empty if none.
        kwargs: For `gymnasium.make`.
        max_steps: Overrides the registered step limit.
        action_range: [low, high] for action entries without bounds.
        call_s: Wall time after which `reset`, `step` or `render` counts as hung.
        start_s: The same for importing and making the environment.
    """

    python: Path
    id: str
    module: str = ""
    kwargs: dict[str, Any]
    max_steps: int | None = None
    action_range: tuple[float, float] | None = None
    call_s: float = 30.0
    start_s: float = 120.0


@dataclass(frozen=True, kw_only=True)
class HostField:
    """One array in shared memory."""

    key: str
    shape: tuple[int, ...]
    dtype: str
    offset: int
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class HostAction:
    """Bounds per action value, and the number of choices where it is discrete (0 elsewhere)."""

    low: tuple[float, ...]
    high: tuple[float, ...]
    discrete: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Description:
    """What the environment says about itself; None where it says nothing."""

    fields: tuple[HostField, ...]
    action: HostAction
    max_steps: int | None
    period_s: float | None


class Outcome(NamedTuple):
    """What one reset or step returned, beside the observation.

    Attributes:
        numbers: Numeric entries of `info`; nested ones are dotted.
        others: Names of the entries that are not numbers.
    """

    reward: float
    terminated: bool
    truncated: bool
    numbers: dict[str, float]
    others: list[str]


class _Ends(NamedTuple):
    """What the two processes share, seen from here."""

    connection: socket.socket
    observations: int
    images: int
    printed: int


class HostProcess:
    """One running environment. After any fault it is dead (`alive` is false) and another one must be started.

    The kernel kills it when the thread that started it ends, so start it from a thread that lives as long as the task.
    """

    def __init__(self, order: HostOrder, process: "subprocess.Popen[bytes]", ends: _Ends) -> None:
        self._order = order
        self._process = process
        self._connection, self._observations, self._images, self._printed = ends
        self._limit_s = -1.0
        self._names: list[str] = []
        self._others: list[str] = []
        self.alive = True
        self.description = self._greet()
        shared = mmap.mmap(self._observations, 0, prot=mmap.PROT_READ)
        self._views = [(f.key, np.ndarray(f.shape, f.dtype, shared, f.offset)) for f in self.description.fields]
        self._step_request = struct.Struct(f"<Bxxxxxxxq{len(self.description.action.low)}d")

    @classmethod
    def start(cls, order: HostOrder) -> "HostProcess":
        """Start the process, make the environment in it, and read its description.

        Raises:
            EnvironmentFault: It did not come up.
            BadInput: There is no such environment, or its spaces cannot be used.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        memories = [os.memfd_create(name) for name in ("observations", "images", "printed")]
        fcntl.fcntl(memories[2], fcntl.F_SETFL, os.O_APPEND)
        with theirs:
            passed = (theirs.fileno(), *memories[:2])
            command = [str(order.python), "-P", "-s", "-B", gym_host.__file__, str(os.getpid()), *map(str, passed)]
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=memories[2],
                stderr=memories[2],
                pass_fds=passed,
                env=_surroundings(),
                cwd="/",
                start_new_session=True,
            )
        return cls(order, process, _Ends(ours, *memories))

    def reset(self, seed: int) -> tuple[Observation, Outcome]:
        """Begin the episode of a seed."""
        os.ftruncate(self._printed, 0)
        outcome = self._exchange(gym_host.REQUEST.pack(gym_host.RESET, seed))
        return self._observed(), outcome

    def step(self, action: NDArray[np.float64]) -> tuple[Observation, Outcome]:
        """Apply an action of shape (size,) for one control period."""
        outcome = self._exchange(self._step_request.pack(gym_host.STEP, 0, *action.tolist()))
        return self._observed(), outcome

    def render(self) -> NDArray[np.uint8] | None:
        """Image (H, W, 3), or None without a camera."""
        answer = self._ask(gym_host.REQUEST.pack(gym_host.RENDER, 0), self._order.call_s)
        *_, height, width = gym_host.REPLY.unpack_from(answer)
        if height == 0:
            return None
        return np.frombuffer(os.pread(self._images, height * width * 3, 0), np.uint8).reshape(height, width, 3)

    def close(self) -> None:
        """Ask it to end, then make it end; idempotent."""
        if self.alive:
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                self._connection.send(gym_host.REQUEST.pack(gym_host.CLOSE, 0))
                self._process.wait(_CLOSE_S)
        self._end()

    def _greet(self) -> Description:
        """Send the order and read what came of it."""
        order = self._order
        wish = {k: getattr(order, k) for k in ("id", "module", "kwargs", "max_steps", "action_range")}
        answer = json.loads(self._ask(msgspec.json.encode(wish), order.start_s))
        if error := answer.get("error"):
            self._end()
            if error == "raised":
                hint = ". Install the system library it names" if "shared object file" in answer["text"] else ""
                raise EnvironmentFault(f"{order.id} could not be made: {answer['text']}{hint}")
            raise BadInput(f"{order.id}: {answer['text'].partition(': ')[2]}")
        return msgspec.convert(answer, Description)

    def _observed(self) -> Observation:
        return {key: view.copy() for key, view in self._views}

    def _exchange(self, request: bytes) -> Outcome:
        """Send a reset or step and read its outcome."""
        answer = self._ask(request, self._order.call_s)
        _, terminated, truncated, renamed, count, reward, _, _ = gym_host.REPLY.unpack_from(answer)
        values = struct.unpack_from(f"<{count}d", answer, gym_host.REPLY.size)
        if renamed:
            self._names, self._others = json.loads(answer[gym_host.REPLY.size + 8 * count :])
        numbers = dict(zip(self._names, values, strict=True))
        return Outcome(reward, terminated == 1, truncated == 1, numbers, self._others)

    def _ask(self, request: bytes, limit_s: float) -> bytes:
        """One message there and one back.

        Raises:
            EnvironmentFault: The environment raised, died or took longer than `limit_s`. The process is gone then.
        """
        if not self.alive:
            raise EnvironmentFault(f"{self._order.id} is not running; reset it first")
        self._limit(limit_s)
        try:
            self._connection.send(request)
            answer = self._connection.recv(gym_host.MAX_MESSAGE)
        except BlockingIOError:
            self._end()
            raise EnvironmentFault(
                f"{self._order.id} did not answer within {limit_s:g} s and was killed; "
                "if it needs longer, declare `timeout_s`"
            ) from None
        except OSError:
            answer = b""
        except BaseException:  # interrupted: its answer would be taken for that of the next request
            self._end()
            raise
        if not answer:
            raise EnvironmentFault(self._obituary())
        if len(answer) >= gym_host.REPLY.size and answer[0] == gym_host.RAISED:
            self._end()
            raise EnvironmentFault(f"{self._order.id} raised {answer[gym_host.REPLY.size :].decode()}")
        return answer

    def _limit(self, limit_s: float) -> None:
        """Let the kernel time the answer, which saves a system call per step."""
        if limit_s != self._limit_s:
            seconds, microseconds = divmod(round(limit_s * 1e6), 10**6)
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", seconds, microseconds))
            self._limit_s = limit_s

    def _obituary(self) -> str:
        """Why the process is gone, with the last line it printed."""
        try:
            status = self._process.wait(_CLOSE_S)
        except subprocess.TimeoutExpired:
            status = 0
        printed = self._last_printed()
        self._end()
        how = f"was killed by signal {signal.Signals(-status).name}" if status < 0 else f"exited with status {status}"
        return f"the process of {self._order.id} {how}; last output: {printed or 'none'}"

    def _last_printed(self) -> str:
        size = os.fstat(self._printed).st_size
        tail = os.pread(self._printed, _PRINTED_BYTES, max(size - _PRINTED_BYTES, 0)).decode(errors="replace")
        lines = [line.strip() for line in tail.splitlines() if line.strip()]
        return lines[-1] if lines else ""

    def _end(self) -> None:
        """Kill it with everything it started, and release what it shared; idempotent."""
        if not self.alive:
            return
        self.alive = False
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._connection.close()
        for descriptor in (self._observations, self._images, self._printed):
            os.close(descriptor)


def _surroundings() -> dict[str, str]:
    """Environment variables of the host: the user's, without secrets, without a screen, and repeatable."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTHON") and not any(word in name.upper() for word in _SECRET_WORDS)
    }
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {
        **threads,
        **kept,
        "PYTHONHASHSEED": "0",
        "PYTHONIOENCODING": "utf-8",
        "SDL_VIDEODRIVER": "dummy",
        "SDL_AUDIODRIVER": "dummy",
        "PYGAME_HIDE_SUPPORT_PROMPT": "1",
    }
