"""Runs the small path again and again, with the storage shim loaded: faults at the n-th call, or a record of all calls.

The process of this module imports everything once and then forks one child per run, so that a run costs what its
storage costs. The child has a process group of its own: a `kill` of the shim ends it together with its Git.
"""

import json
import mmap
import os
import shutil
import struct
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.crash import shims

KINDS = {"none": 0, "kill before": 1, "kill after": 2, "torn write": 3, "error once": 4, "disk full": 5, "read-only": 6}
OPS = ("", "create", "write", "truncate", "sync", "rename", "link", "unlink", "mkdir", "rmdir", "mark")
_HEAD = struct.Struct("=4q")
_RECORD = struct.Struct("=6q")
_PATH_BYTES = 1024


class Record(NamedTuple):
    """One call that was carried out; what the fields mean depends on `op`, see storage.c."""

    op: str
    inode: int
    offset: int
    path: str
    other: str
    data: bytes


def read_log(path):
    """Calls and marks in the order in which they happened."""
    data, at, found = path.read_bytes(), 0, []
    while at < len(data):
        op, inode, offset, first, second, length = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        one, two = data[at : at + first].decode(), data[at + first : at + first + second].decode()
        at += first + second + length
        found.append(Record(OPS[op], inode, offset, one, two, data[at - length : at]))
    return found


def control_block(root="", *, log="", at=0, kind="none", error=0):
    """Bytes of the file that controls the shim: what happens at call number `at` below `root`, and where to record."""
    paths = (str(path).encode().ljust(_PATH_BYTES, b"\0") for path in (root, log))
    return _HEAD.pack(at, KINDS[kind], 0, error) + b"".join(paths)


@dataclass
class Result:
    """What became of a run: exit status (negative for a signal), calls numbered, error, the record of calls."""

    status: int
    calls: int
    error: str
    log: list[Record] = field(default_factory=list, repr=False)

    @property
    def rows(self):
        """The last ledger row that was acknowledged; 0 before the campaign was founded."""
        return max((promised(record) for record in self.log), default=0)


def promised(record):
    """Ledger rows that must be there from this record on: the first with the founding."""
    if record.op != "mark":
        return 0
    return 1 if record.path == "founded" else int(record.path.split()[1])


class Injector:
    """Handle on the process that runs the small path. Made by `injector`."""

    def __init__(self, folder):
        self.folder = folder
        self.workspace = folder / "workspace"
        self.log = folder / "calls"
        control = folder / "control"
        control.write_bytes(control_block())
        preload = {"LD_PRELOAD": str(shims.build("storage", folder)), "STORAGE_CONTROL": str(control)}
        path = f"{_git(folder / 'bin', preload)}:{os.environ['PATH']}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.injection", str(control), str(self.workspace)],
            env=os.environ | preload | {"OMP_NUM_THREADS": "1", "PATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )

    def run(self, folder, *, at=0, kind="none", error=0):
        """Play the small path in `folder / "campaign"`, with a fault at call number `at` below `folder`."""
        folder.mkdir(exist_ok=True)
        self.log.unlink(missing_ok=True)
        order = {"root": str(folder), "log": str(self.log), "at": at, "kind": kind, "error": error}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        result = Result(**json.loads(self._process.stdout.readline()))
        result.log = read_log(self.log) if self.log.exists() else []
        return result

    def close(self):
        self._process.stdin.close()
        self._process.wait()


def _git(folder, preload):
    """A folder with a `git` that has the shim loaded; the hub gives its Git no variable but PATH."""
    folder.mkdir()
    assignments = " ".join(f"{name}='{value}'" for name, value in preload.items())
    (folder / "git").write_text(f"#!/bin/sh\n{assignments} exec '{shutil.which('git')}' \"$@\"\n")
    (folder / "git").chmod(0o755)
    return folder


@contextmanager
def injector(folder):
    """An injector with its scratch files below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Injector(folder)
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(folder, ignore_errors=True)


# ---------------------------------------------------------------------------- in the other process


def _serve(control_path, workspace):
    from tests.crash.small_path import furnish, play

    with control_path.open("r+b") as file:
        control = mmap.mmap(file.fileno(), 0)
    furnish(workspace)
    for line in sys.stdin:
        order = json.loads(line)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)
            control[:] = control_block(**order)
            try:
                play(Path(order["root"], "campaign"), workspace)
            except BaseException as error:
                os.write(writing, _named(error).encode())
                os._exit(1)
            os._exit(0)
        os.close(writing)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        (_, _, calls, _) = _HEAD.unpack_from(control)
        control[:] = control_block()
        with os.fdopen(reading, "rb") as pipe:
            error = pipe.read().decode()
        print(json.dumps({"status": status, "calls": calls, "error": error}), flush=True)


def _named(error):
    """Kind and text of an error; what people see as one clear line is called `clear`, anything else is a bug."""
    from enpire.core.errors import EnpireError

    clear = isinstance(error, (EnpireError, OSError))
    return f"{'clear' if clear else 'BUG'} {type(error).__name__}: {error}"


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), Path(sys.argv[2]))
