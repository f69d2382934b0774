"""One episode of one policy: load, then answer doorbells until the station hangs up. Runs confined.

The policy gets small arrays as its own copies and large ones (images) as read-only views of the shared memory, whose
content changes with the next step. Pictures on demand are made when they are read. Random generators start from the
same state in every episode, so that a replay of an episode with the same seed is the same episode.
"""

import faulthandler
import importlib
import io
import json
import mmap
import os
import random
import sys
import traceback
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from .asking import Reading, Station, Tools
from .protocol import (
    ANSWER,
    CONTROL_FD,
    DOORBELL,
    EXIT_LOAD,
    EXIT_RAISED,
    EXIT_SHAPE,
    LOADED,
    LOG_BYTES,
    MEMORY_FD,
    RESET,
    RESET_DONE,
)

COPIED_BYTES = 4096
"""Arrays up to this size are handed over as copies."""


class Log(io.RawIOBase):
    """The worker's own output on descriptor 2. When the log is full it starts over, so the end is never lost."""

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, data: Any) -> int:
        """Write at most one log full; a failing log never fails the policy."""
        view = memoryview(data).cast("B")
        try:
            self._write_ring(view[-LOG_BYTES:])
        except OSError:
            pass
        return len(view)

    def _write_ring(self, view: memoryview) -> None:
        room = max(LOG_BYTES - os.lseek(2, 0, os.SEEK_CUR), 0)
        if room:
            os.write(2, view[:room])
        if len(view) > room:
            os.lseek(2, 0, os.SEEK_SET)
            os.write(2, view[room:])


def read_configuration(offset: int, length: int) -> dict[str, Any]:
    """Configuration that the station wrote into the shared memory, with the memory itself under `memory`."""
    memory = mmap.mmap(MEMORY_FD, 0, prot=mmap.PROT_READ)
    os.close(MEMORY_FD)
    config: dict[str, Any] = json.loads(memory[offset : offset + length])
    config["memory"] = memory
    return config


def run(config: dict[str, Any]) -> NoReturn:
    """Load the candidate and serve its episode. Never returns."""
    sys.stdout = sys.stderr = io.TextIOWrapper(Log(), "utf-8", errors="replace", line_buffering=True)
    faulthandler.enable(2)
    random.seed(0)
    np.random.seed(0)
    code = EXIT_LOAD
    try:
        station = Station()
        policy = load_policy(config["candidate"], config["task"], station)
        code = EXIT_RAISED
        code = _serve(policy, config, station)
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) and code != EXIT_LOAD else code
        traceback.print_exc()
    except BaseException:
        traceback.print_exc()
    try:
        sys.stderr.flush()
    finally:
        os._exit(code & 0xFF)


def load_policy(candidate: str, task: dict[str, Any], station: Station) -> Any:
    """Import `policy.py` of the candidate and build `Policy(task)`, or `Policy(task, tools)` where there are tools."""
    os.chdir(candidate)
    sys.path.insert(0, candidate)
    make = importlib.import_module("policy").Policy
    return make(task, Tools(station, task["tools"])) if task["tools"] else make(task)


def _serve(policy: Any, config: dict[str, Any], station: Station) -> int:
    size: int = config["size"]
    reply = bytearray(ANSWER.size + 4 * size)
    values = np.frombuffer(reply, np.float32, size, ANSWER.size)
    bell = bytearray(DOORBELL.size)
    views = _views(config["memory"], config["layout"])
    pictures = {key: view for key, view, _ in views if config["task"]["observation"][key]["on_demand"]}
    views = [entry for entry in views if entry[0] not in pictures]
    instruction: str = config["task"]["instruction"]
    ANSWER.pack_into(reply, 0, LOADED)
    os.write(CONTROL_FD, reply)
    while os.readv(CONTROL_FD, (bell,)):
        kind, step = DOORBELL.unpack(bell)
        station.listens = True
        observation = Reading(((key, view.copy() if small else view) for key, view, small in views), pictures, station)
        if kind == RESET:
            policy.reset(observation, instruction)
            step = RESET_DONE
        elif not _store(policy.select_action(observation), values):
            return EXIT_SHAPE
        station.listens = False
        ANSWER.pack_into(reply, 0, step)
        os.write(CONTROL_FD, reply)
    return 0


def _store(action: Any, values: NDArray[np.float32]) -> bool:
    """Put an action into the reply; False if it is not the right number of numbers."""
    try:
        given = np.asarray(action, np.float32)
    except (TypeError, ValueError):
        given = np.empty(0, np.float32)
    if given.size != values.size:
        print(f"select_action returned {action!r:.200}; expected {values.size} numbers", file=sys.stderr)
        return False
    values[...] = given.reshape(-1)
    return True


def _views(memory: mmap.mmap, layout: list[Any]) -> list[tuple[str, NDArray[Any], bool]]:
    """Read-only arrays in the shared memory: key, array, and whether it is handed over as a copy."""
    views = []
    for key, offset, shape, dtype in layout:
        count = int(np.prod(shape, dtype=np.int64))
        array = np.frombuffer(memory, dtype, count, offset).reshape(shape)
        views.append((key, array, array.nbytes <= COPIED_BYTES))
    return views
