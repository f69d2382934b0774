"""One session of a coding agent: a process that reads `brief.json`, edits `workspace/` and writes `submission.json`.

The runner is the same for every agent. It owns the process, its deadline, its output and its end; what the agent is
and how it is called comes from one small adapter file, see `docs/agents.md`.
"""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Literal

import msgspec

from enpire.core.errors import BadInput
from enpire.core.records import Proposal, from_builtins

Outcome = Literal["ok", "error", "killed", "limit"]
"""ok: exit status 0. error: another status. killed: stopped from outside. limit: past its deadline."""

BRIEF = "brief.json"
WORKSPACE = "workspace"
SUBMISSION = "submission.json"
STDOUT = "stdout.log"
STDERR = "stderr.log"

OUTPUT_CAP_BYTES = 8 << 20
SUBMISSION_CAP_BYTES = 64 << 10
GRACE_S = 5.0
"""Time between the polite interrupt and the kill."""

_KEEPER = Path(__file__).with_name("_keeper.py")
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE")


class Session:
    """A running or finished session. Made by `start`; call `poll` now and then, or `stop`.

    Attributes:
        folder: The session folder.
        deadline_s: Seconds after which the session is interrupted.
    """

    def __init__(self, folder: Path, process: "subprocess.Popen[bytes]", deadline_s: float) -> None:
        self.folder = folder
        self.deadline_s = deadline_s
        self._process = process
        self._started_s = time.monotonic()
        self._interrupted_s: float | None = None
        self._cause: Literal["killed", "limit"] | None = None

    @classmethod
    def start(
        cls, folder: Path, command: Sequence[str], *, deadline_s: float, environment: Mapping[str, str] | None = None
    ) -> "Session":
        """Start an agent in a session folder that holds `brief.json` and `workspace/`.

        Call it from a thread that lives as long as the session: the agent dies with the thread that started it.

        Args:
            folder: The session folder; stdout and stderr are kept in it, `OUTPUT_CAP_BYTES` each.
            command: Program and arguments; they run in `folder/workspace`.
            deadline_s: Seconds of wall time it may take.
            environment: Variables the agent needs beside the few that are passed on, e.g. its own key.
        """
        folder = folder.absolute()
        scratch = folder / "scratch"
        scratch.mkdir(exist_ok=True)
        keeper = [sys.executable, "-I", "-S", str(_KEEPER), str(os.getpid())]
        keeper += [str(folder / STDOUT), str(folder / STDERR), str(OUTPUT_CAP_BYTES)]
        process = subprocess.Popen(
            [*keeper, *command],
            cwd=folder / WORKSPACE,
            env=_environment(scratch) | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        return cls(folder, process, deadline_s)

    @property
    def outcome(self) -> Outcome | None:
        """How it ended; None while it runs."""
        status = self._process.returncode
        if status is None:
            return None
        if self._cause is not None:
            return self._cause
        if status == 0:
            return "ok"
        return "killed" if status in (-signal.SIGKILL, 128 + signal.SIGKILL) else "error"

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started_s

    def poll(self) -> Outcome | None:
        """Outcome if the session is over, else None. Never blocks for long; enforces the deadline."""
        if self._process.poll() is None:
            now_s = time.monotonic()
            if self._interrupted_s is not None:
                if now_s - self._interrupted_s > GRACE_S:
                    self._kill()
            elif self.elapsed_s > self.deadline_s:
                self._cause, self._interrupted_s = "limit", now_s
                self._signal(signal.SIGINT)
        return self.outcome

    def stop(self, grace_s: float = GRACE_S) -> Outcome:
        """End the session now: SIGINT, `grace_s` seconds, then SIGKILL for every process it left.

        Returns when no process of the session is alive. Idempotent.
        """
        if self._process.poll() is None:
            self._cause = self._cause or "killed"
            if self._interrupted_s is None:
                self._signal(signal.SIGINT)
            try:
                self._process.wait(grace_s)
            except subprocess.TimeoutExpired:
                self._kill()
        outcome = self.outcome
        assert outcome is not None
        return outcome

    def proposal(self) -> Proposal | None:
        """What the agent handed in; None if it handed in nothing.

        Raises:
            BadInput: The submission is not a valid proposal; the message is one line for the agent.
        """
        path = self.folder / SUBMISSION
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BadInput(f"{SUBMISSION} cannot be read: {error.strerror}; write a plain file") from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise BadInput(f"{SUBMISSION} is not a plain file; write your proposal as JSON into one")
        with os.fdopen(descriptor, "rb") as file:
            data = file.read(SUBMISSION_CAP_BYTES + 1)
        return read_proposal(data)

    def _signal(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            self._process.send_signal(number)

    def _kill(self) -> None:
        """SIGTERM makes the keeper kill all descendants; the kernel ends the agent if even the keeper hangs."""
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def read_proposal(data: bytes) -> Proposal:
    """Proposal from the bytes of `submission.json`. What it says is judged later, at the door for ideas.

    Raises:
        BadInput: Too long, not JSON, unknown or missing fields, or values of a wrong type.
    """
    if len(data) > SUBMISSION_CAP_BYTES:
        raise BadInput(f"{SUBMISSION} is larger than {SUBMISSION_CAP_BYTES} bytes; hand in code as files")
    try:
        plain = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadInput(f"{SUBMISSION} is not JSON: {error}") from None
    known = [field.name for field in fields(Proposal)]
    if isinstance(plain, dict) and (unknown := sorted(set(plain) - set(known))):
        raise BadInput(f"{SUBMISSION} has unknown fields {', '.join(unknown)[:200]}; known: {', '.join(known)}")
    return from_builtins(plain, Proposal)


def _environment(scratch: Path) -> dict[str, str]:
    """A small, secret-free environment: an allow-list, one thread, and a home of its own."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return kept | {
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
    }
