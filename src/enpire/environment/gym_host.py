"""Runs one Gymnasium environment, unmodified, in the Python that has it installed, and serves it over a socket.

This file is executed as a script there and imports nothing of enpire. At the start one JSON message goes each way: what
to make, and what it looks like. Afterwards there are only fixed binary frames (`REQUEST`, `REPLY`); observations and
images go through shared memory. Nothing is pickled.
"""

import contextlib
import ctypes
import importlib
import json
import math
import mmap
import os
import random
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESET, STEP, RENDER, CLOSE = range(4)
OK, RAISED = range(2)
NUMBERS_RENAMED = 1
REQUEST = struct.Struct("<Bxxxxxxxq")
"""Operation and seed; the action of a step follows as float64."""
REPLY = struct.Struct("<BBBBIdII")
"""Status, terminated, truncated, NUMBERS_RENAMED, count of float64 values that follow, reward; image height and width.

After the values come, if NUMBERS_RENAMED, their names and the names of all other entries, in JSON. After RAISED comes a
line of text instead.
"""
MAX_MESSAGE = 1 << 17
_LISTED_BOUNDS = 256
_PLAIN = ("Box", "Discrete", "MultiDiscrete", "MultiBinary")
_NUMBER = (float, int, np.bool_, np.number)


class Unsupported(Exception):
    """A space that cannot be turned into named arrays."""


@dataclass(frozen=True)
class Field:
    """One array of the observation and where it lies.

    Attributes:
        key: `observation.state`, `observation.images.main`, `observation.<key>`, ...
        path: Keys that lead to it in what the environment returns.
        source: Shape in which the environment returns it.
        shape: Shape here: vectors are flat, images (H, W, 3).
        low, high: Bounds per entry of a vector; empty for images.
    """

    key: str
    path: tuple[Any, ...]
    source: tuple[int, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @property
    def image(self) -> bool:
        """Whether this is a picture."""
        return len(self.shape) == 3


def fields_of(space: Any, path: tuple[Any, ...] = ()) -> Iterator[Field]:
    """Named arrays of an observation space, depth first."""
    kind = type(space).__name__
    if kind in ("Dict", "Tuple"):
        parts = space.spaces.items() if kind == "Dict" else enumerate(space.spaces)
        for name, part in parts:
            yield from fields_of(part, (*path, name))
        return
    if kind not in _PLAIN:
        raise Unsupported(f"the observation space {space} is none of {', '.join(_PLAIN)}, Dict and Tuple")
    name, source = ".".join(map(str, path)), tuple(space.shape)
    gray = len(source) == 2 or source[2:] == (1,)
    if kind == "Box" and space.dtype == np.uint8 and (gray or source[2:] == (3,)):
        none = np.zeros(0)
        yield Field(f"observation.images.{name or 'main'}", path, source, (*source[:2], 3), space.dtype, none, none)
        return
    low, high = _bounds(space, kind)
    yield Field(f"observation.{name or 'state'}", path, source, (low.size,), space.dtype, low, high)


def _bounds(space: Any, kind: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest value per entry, flat. Discrete spaces count from their `start`."""
    if kind == "Box":
        low, high = space.low, space.high
    elif kind == "MultiBinary":
        low, high = np.zeros(space.shape), np.ones(space.shape)
    else:
        low = np.asarray(getattr(space, "start", 0), float)
        high = low + np.asarray(space.n if kind == "Discrete" else space.nvec) - 1
    return np.ravel(low).astype(np.float64), np.ravel(high).astype(np.float64)


class Actions:
    """Turns a flat float64 vector into what the environment's action space contains."""

    def __init__(self, space: Any, fallback: list[float] | None) -> None:
        self._kind = type(space).__name__
        if self._kind not in _PLAIN:
            raise Unsupported(f"the action space {space} is none of {', '.join(_PLAIN)}")
        self._shape, self._dtype = tuple(space.shape), space.dtype
        low, high = _bounds(space, self._kind)
        self.start = low if self._kind in ("Discrete", "MultiDiscrete") else np.zeros_like(low)
        self.low, self.high = low - self.start, high - self.start
        self.discrete = [0 if self._kind == "Box" else int(n) + 1 for n in self.high.clip(-1, 2**31)]
        if fallback is not None:
            self.low = np.where(np.isfinite(self.low), self.low, fallback[0])
            self.high = np.where(np.isfinite(self.high), self.high, fallback[1])
        if not (np.isfinite(self.high - self.low).all() and (self.low <= self.high).all()):
            raise Unsupported(f"the action space {space} has no bounds; declare them with `action_range = [low, high]`")
        self._integral = not np.issubdtype(self._dtype, np.floating)

    def native(self, values: NDArray[np.float64]) -> Any:
        """Action inside the declared box, with the declared dtype and shape; always a new object."""
        inside = np.minimum(np.maximum(values, self.low), self.high)
        if self._integral:
            inside = np.rint(inside) + self.start
        if self._kind == "Discrete":
            return self._dtype.type(inside[0])
        return inside.astype(self._dtype).reshape(self._shape)


class Numbers:
    """Collects the numeric entries of `info`; their names travel only when they change."""

    def __init__(self) -> None:
        self._listed: tuple[list[str], list[str]] = ([], [])

    def pack(self, info: dict[str, Any]) -> tuple[int, bytes, bytes]:
        """Count and bytes of the values, and the names if they changed since the last call."""
        names: list[str] = []
        values: list[float] = []
        others: list[str] = []
        self._collect(info, "", names, values, others)
        packed = struct.pack(f"<{len(values)}d", *values)
        if (names, others) == self._listed:
            return len(values), packed, b""
        self._listed = (names, others)
        return len(values), packed, json.dumps(self._listed).encode()

    def _collect(
        self, info: dict[str, Any], prefix: str, names: list[str], values: list[float], others: list[str]
    ) -> None:
        for key, value in info.items():
            name = f"{prefix}{key}"
            if isinstance(value, dict):
                self._collect(value, f"{name}.", names, values, others)
            elif isinstance(value, _NUMBER) or (
                isinstance(value, np.ndarray) and value.size == 1 and value.dtype.kind in "biuf"
            ):
                names.append(name)
                values.append(float(value) if isinstance(value, _NUMBER) else float(value.item()))
            else:
                others.append(name)


class Host:
    """The environment with its buffers."""

    def __init__(self, order: dict[str, Any], observation_memory: int, image_memory: int) -> None:
        if order["module"]:
            importlib.import_module(order["module"])
        self._env = _make(importlib.import_module("gymnasium"), order)
        self._fields = list(fields_of(self._env.observation_space))
        self._actions = Actions(self._env.action_space, order["action_range"])
        self._images = image_memory
        self._numbers = Numbers()
        self._views, self._layout = self._lay_out(observation_memory)

    def _lay_out(self, memory: int) -> tuple[list[NDArray[Any]], list[dict[str, Any]]]:
        """Give every field its place in shared memory, 64-byte aligned."""
        offsets, size = [], 0
        for field in self._fields:
            offsets.append(size)
            size += -(-field.dtype.itemsize * int(np.prod(field.shape)) // 64) * 64
        os.ftruncate(memory, max(size, 64))
        shared = mmap.mmap(memory, max(size, 64))
        views = [np.ndarray(f.shape, f.dtype, shared, at) for f, at in zip(self._fields, offsets, strict=True)]
        layout = [
            {
                "key": f.key,
                "shape": f.shape,
                "dtype": f.dtype.name,
                "offset": at,
                "low": _list(f.low),
                "high": _list(f.high),
            }
            for f, at in zip(self._fields, offsets, strict=True)
        ]
        return views, layout

    def describe(self) -> dict[str, Any]:
        """Everything the other side needs to know."""
        spec, actions = self._env.spec, self._actions
        fps = (self._env.metadata or {}).get("render_fps")
        return {
            "fields": self._layout,
            "action": {"low": actions.low.tolist(), "high": actions.high.tolist(), "discrete": actions.discrete},
            "max_steps": spec.max_episode_steps if spec else None,
            "period_s": 1.0 / fps if fps else None,
        }

    def reset(self, seed: int) -> bytes:
        """Start the episode of a seed. The process-wide generators are seeded too: some environments use them."""
        random.seed(seed)
        np.random.seed(seed % 2**32)
        observation, info = self._env.reset(seed=seed)
        self._show(observation)
        return self._reply(0.0, False, False, info)

    def step(self, values: NDArray[np.float64]) -> bytes:
        """Apply an action for one control period."""
        observation, reward, terminated, truncated, info = self._env.step(self._actions.native(values))
        self._show(observation)
        return self._reply(float(reward), bool(terminated), bool(truncated), info)

    def render(self) -> bytes:
        """Draw the scene; height 0 means there is no camera."""
        frame = self._env.render() if self._env.render_mode == "rgb_array" else None
        if frame is None:
            return REPLY.pack(OK, 0, 0, 0, 0, 0.0, 0, 0)
        frame = np.ascontiguousarray(frame, dtype=np.uint8)
        if frame.ndim != 3 or frame.shape[2] != 3:
            raise ValueError(f"render() returned shape {frame.shape}, expected (height, width, 3)")
        os.ftruncate(self._images, frame.nbytes)
        os.pwrite(self._images, frame.data, 0)
        return REPLY.pack(OK, 0, 0, 0, 0, 0.0, *frame.shape[:2])

    def close(self) -> None:
        """Let the environment clean up."""
        self._env.close()

    def _show(self, observation: Any) -> None:
        """Copy the observation to shared memory; what does not fit its own declaration is an error."""
        for field, view in zip(self._fields, self._views, strict=True):
            part = observation
            for key in field.path:
                part = part[key]
            array = np.asarray(part)
            if array.shape != field.source:
                raise ValueError(f"{field.key} has shape {array.shape}, the environment declares {field.source}")
            view[...] = array.reshape((*field.shape[:2], -1)) if field.image else array.ravel()
            # The dot product is a quick test that a huge number may fail; then each entry is looked at.
            if view.dtype.kind == "f" and not math.isfinite(view.dot(view)) and not np.isfinite(view).all():
                raise ValueError(f"{field.key} holds NaN or infinity: {view[:8].tolist()}")

    def _reply(self, reward: float, terminated: bool, truncated: bool, info: dict[str, Any]) -> bytes:
        count, values, names = self._numbers.pack(info)
        renamed = NUMBERS_RENAMED if names else 0
        return REPLY.pack(OK, terminated, truncated, renamed, count, reward, 0, 0) + values + names


def _list(bounds: NDArray[np.float64]) -> list[float]:
    """Bounds for JSON; empty where there are none, or too many to be of use."""
    return bounds.tolist() if bounds.size <= _LISTED_BOUNDS and np.isfinite(bounds).all() else []


def _make(gymnasium: Any, order: dict[str, Any]) -> Any:
    """`gymnasium.make`, with a camera if the environment has one."""
    arguments = dict(order["kwargs"], disable_env_checker=True)
    if order["max_steps"]:
        arguments["max_episode_steps"] = order["max_steps"]
    if "render_mode" not in arguments:
        try:
            return gymnasium.make(order["id"], render_mode="rgb_array", **arguments)
        except gymnasium.error.UnregisteredEnv:
            raise
        except Exception:  # whatever it is, if the camera is not to blame it comes again below
            pass
    return gymnasium.make(order["id"], **arguments)


def _last_line(error: BaseException) -> str:
    """Type, message and place of an exception."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return traceback.format_exception_only(error)[-1].strip()[:2000] + place


def _serve(connection: socket.socket, host: Host) -> None:
    """Answer requests until the other side closes."""
    while message := connection.recv(MAX_MESSAGE):
        operation, seed = REQUEST.unpack_from(message)
        try:
            if operation == STEP:
                answer = host.step(np.frombuffer(message, np.float64, offset=REQUEST.size))
            elif operation == RESET:
                answer = host.reset(seed)
            elif operation == RENDER:
                answer = host.render()
            else:
                host.close()
                return
        except (Exception, SystemExit) as error:
            answer = REPLY.pack(RAISED, 0, 0, 0, 0, 0.0, 0, 0) + _last_line(error).encode()
        if len(answer) > MAX_MESSAGE:
            answer = REPLY.pack(RAISED, 0, 0, 0, 0, 0.0, 0, 0) + b"an info dictionary that is too large to be sent"
        connection.send(answer)


def main(parent: int, connection_at: int, observation_memory: int, image_memory: int) -> None:
    """Serve the environment that the first message asks for; never outlive the process `parent`."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the station decides when to stop
    connection = socket.socket(fileno=connection_at)
    order = json.loads(connection.recv(MAX_MESSAGE))
    try:
        host = Host(order, observation_memory, image_memory)
        answer = host.describe()
    except (Exception, SystemExit) as error:
        kinds = [base.__name__ for base in type(error).__mro__]
        kind = "unsupported" if "Unsupported" in kinds else "unknown" if "UnregisteredEnv" in kinds else "raised"
        connection.send(json.dumps({"error": kind, "text": _last_line(error)}).encode())
        return
    connection.send(json.dumps(answer).encode())
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        _serve(connection, host)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
