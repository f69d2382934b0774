"""One session of a coding agent: a process that works in `workspace/` and is told what to do by its prompt.

The runner is the same for every agent. It owns the process, its deadline, its output and its end; what the agent is
and how it is called comes from one small adapter file, see `docs/agents.md`.
"""

import contextlib
import io
import itertools
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from enpire.agents._keeper import descendants
from enpire.agents.adapter import AgentEvent, Job, Launch
from enpire.agents.home import furnish
from enpire.agents.outcome import Evidence, ModelAnswer, Outcome, judge
from enpire.agents.patience import Patience
from enpire.agents.transcript import Parse, Transcript
from enpire.agents.walls import Walls
from enpire.core.errors import BadInput, EnpireError
from enpire.core.process import die_with_us

STDOUT = "stdout.log"
STDERR = "stderr.log"
OUTPUT_CAP_BYTES = 8 << 20
GRACE_S = 5.0
"""Time between the polite interrupt and the kill."""

_KEEPER = Path(__file__).with_name("_keeper.py")
NO_WALLS = Walls(level="none")

_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE")
LAST_BYTES = 4096


def parse_nothing(line: str) -> list[AgentEvent]:
    """For agents whose output is only for people."""
    return []


class Session:
    """A running or finished session. Made by `start`; call `poll` now and then, or `stop`.

    Attributes:
        job: What it was started for.
        walls: What it is kept behind; `confinement` is their level for the record, e.g. `namespaces+network`.
        stdout, stderr: What it printed. Of a longer output the first and the last part are kept.
        outcome: How it ended; None while it runs. `enpire.agents.outcome` has the rule.
        detail: One line for people about an outcome other than `ok`. Parts of it are the agent's own words.
    """

    def __init__(
        self,
        job: Job,
        process: "subprocess.Popen[bytes]",
        *,
        walls: Walls,
        logs: "_Logs",
        parse: Parse,
        patience: Patience,
    ) -> None:
        self.job, self.walls, self.confinement = job, walls, walls.confinement(job)
        self.stdout, self.stderr = logs.paths
        self.outcome: Outcome | None = None
        self.detail = ""
        self._process, self._logs, self._patience = process, logs, patience
        self._transcript = Transcript(logs.files[0].fileno(), parse, rewind_at=OUTPUT_CAP_BYTES // 2)
        self._started_s = time.monotonic()
        self._printed = logs.marks()
        self._last = b""
        self._answer: ModelAnswer | None = None
        self._stopped = self._overdue = ""
        self._interrupted_s: float | None = None
        self._kills = [(GRACE_S, self._terminate), (3 * GRACE_S, self._destroy)]

    @classmethod
    def start(
        cls,
        job: Job,
        launch: Launch,
        *,
        deadline_s: float,
        idle_s: float | None = None,
        free_wait_s: float = 0.0,
        parse: Parse = parse_nothing,
        walls: Walls = NO_WALLS,
    ) -> "Session":
        """Start an agent in a session folder that holds `workspace/`.

        Call it from a thread that lives as long as the session: the agent dies with the thread that started it.

        Args:
            job: The session. A folder that is used again keeps its old logs; new ones are numbered.
            launch: What the adapter's `command` returned for this job.
            deadline_s: Seconds of wall time it may take.
            idle_s: Seconds without output and without a model call after which it counts as hanging; None: never.
            free_wait_s: Seconds of `waiting` that do not count towards the deadline.
            parse: The adapter's `parse`, if it has one.
            walls: What it is kept behind, from `raise_walls`.

        Raises:
            BadInput: The launch cannot be carried out: settings outside the home, or arguments no program can get.
            MissingProgram: The walls cannot be put up any more.
        """
        if not job.folder.is_absolute():
            raise BadInput(f"session folder {str(job.folder)!r} must be an absolute path")
        scratch = furnish(job.home, launch.files)
        logs = _Logs(job.folder)
        environment = _environment(job.home, scratch) | launch.environment
        keeper = [sys.executable, "-I", "-S", str(_KEEPER), str(os.getpid()), str(OUTPUT_CAP_BYTES)]
        try:
            walls = replace(walls, readable=(*walls.readable, *launch.readable))
            argv, environment = walls.enclose(launch.argv, job, environment, logs.paths)
            process = subprocess.Popen(
                [*keeper, *argv],
                cwd=job.workspace,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=logs.files[0],
                stderr=logs.files[1],
                start_new_session=True,
                preexec_fn=die_with_us(),  # until the keeper can keep
            )
        except EnpireError:
            logs.close()
            raise
        except (OSError, ValueError) as error:  # too long, or with a NUL character
            logs.close()
            raise BadInput(f"cannot start {launch.argv[0][:200]!r}: {error}") from None
        patience = Patience(time.monotonic(), deadline_s=deadline_s, idle_s=idle_s, free_wait_s=free_wait_s)
        return cls(job, process, walls=walls, logs=logs, parse=parse, patience=patience)

    # ------------------------------------------------------------------ what it does

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started_s

    @property
    def events(self) -> list[AgentEvent]:
        """The latest events it printed, 200 at most."""
        return list(self._transcript.events)

    def tail(self, most: int) -> str:
        """The last `most` bytes that it printed, or fewer; also after its end."""
        return (self._last if self.outcome is not None else self._logs.tail(0, LAST_BYTES))[-most:].decode(
            errors="replace"
        )

    @property
    def native_id(self) -> str:
        """The agent's own name of this session, for `Job.resume`; empty while unknown."""
        return self._transcript.native_id or self.job.resume

    @property
    def retries(self) -> int:
        """Model calls that the agent says it made again."""
        return self._transcript.retries

    @property
    def waiting(self) -> bool:
        """Whether it waits for a robot: set by the caller. Idle time does not count meanwhile."""
        return self._patience.waiting

    @waiting.setter
    def waiting(self, value: bool) -> None:
        (self._patience.wait if value else self._patience.go_on)(time.monotonic())

    def touch(self) -> None:
        """It did something that its output does not show, for example it used a research tool."""
        self._patience.active(time.monotonic())

    def heard(self, status: int, text: str = "") -> None:
        """A model call of this session was answered with an HTTP status; 0, a broken connection, tells nothing.

        Tell it all that the gateway reports before the `poll` that sees the end, or the last word comes too late.
        """
        self.touch()
        if status:
            self._answer = ModelAnswer(status, text)

    # ------------------------------------------------------------------ how it ends

    def poll(self) -> Outcome | None:
        """Outcome if the session is over, else None. Never blocks for long; reads its output, enforces its limits."""
        if self.outcome is None:
            ended = self._process.poll() is not None
            now_s = time.monotonic()
            self._transcript.read()
            if (printed := self._logs.marks()) != self._printed:
                self._printed = printed
                self._patience.active(now_s)
            if ended:
                self._conclude()
            else:
                self._enforce(now_s)
        return self.outcome

    def stop(self, grace_s: float = GRACE_S) -> Outcome:
        """End the session now: SIGINT, `grace_s` seconds, then SIGKILL for every process it left.

        Returns when no process of the session is alive. Idempotent.
        """
        if self.poll() is None:
            self._stopped = "" if self._overdue else "stopped"
            if self._interrupted_s is None:
                self._signal(signal.SIGINT)
            for patience_s, harder in ((grace_s, self._terminate), (2 * GRACE_S, self._destroy)):
                try:
                    self._process.wait(patience_s)
                    break
                except subprocess.TimeoutExpired:
                    harder()
            self._process.wait()
            self._conclude()
        assert self.outcome is not None
        return self.outcome

    def _enforce(self, now_s: float) -> None:
        if self._interrupted_s is None:
            if reason := self._patience.over(now_s):
                self._overdue, self._interrupted_s = reason, now_s
                self._signal(signal.SIGINT)
        elif self._kills and now_s - self._interrupted_s > self._kills[0][0]:
            self._kills.pop(0)[1]()

    def _conclude(self) -> None:
        status = self._process.returncode
        if status < 0 and not self._stopped:  # a keeper ends like this only by a signal to itself
            self._stopped = f"its keeper was ended by {signal.Signals(-status).name}"
        self._transcript.finish()
        evidence = Evidence(
            stopped="" if self._overdue else self._stopped,
            overdue=self._overdue,
            answer=self._answer,
            failed=self._transcript.failed,
            status=status,
            last_words=self._logs.last_words(),
        )
        self._last = self._logs.tail(0, LAST_BYTES)
        self._logs.close()
        self.outcome, self.detail = judge(evidence)

    def _signal(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            self._process.send_signal(number)

    def _terminate(self) -> None:
        """Let the keeper kill all descendants."""
        self._signal(signal.SIGTERM)

    def _destroy(self) -> None:
        """The keeper itself hangs, or the agent has stopped it: kill the whole family from here."""
        family = descendants(self._process.pid)
        self._signal(signal.SIGKILL)
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


class _Logs:
    """The two files a session prints into. We keep them open: what the agent does to their names is without effect."""

    def __init__(self, folder: Path) -> None:
        for number in itertools.count(1):
            names = (STDOUT, STDERR) if number == 1 else (f"stdout.{number}.log", f"stderr.{number}.log")
            self.paths = folder / names[0], folder / names[1]
            if not any(path.exists() or path.is_symlink() for path in self.paths):
                break
        self.files = _new(self.paths[0]), _new(self.paths[1])

    def marks(self) -> list[tuple[int, int]]:
        """Changes whenever something was printed."""
        return [(x.st_size, x.st_mtime_ns) for x in (os.fstat(file.fileno()) for file in self.files)]

    def last_words(self) -> str:
        """Last line on stderr that is not empty."""
        tail = self.tail(1, LAST_BYTES).decode(errors="replace")
        lines = [line for line in tail.splitlines() if line.strip()]
        return lines[-1] if lines else ""

    def tail(self, which: int, most: int) -> bytes:
        """Last bytes of stdout (0) or stderr (1)."""
        file = self.files[which].fileno()
        return os.pread(file, most, max(0, os.fstat(file).st_size - most))

    def close(self) -> None:
        for file in self.files:
            file.close()


def _new(path: Path) -> io.FileIO:
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return io.FileIO(os.open(path, flags, 0o644), "r+")


def _environment(home: Path, scratch: Path) -> dict[str, str]:
    """A small, secret-free environment: an allow-list, one thread, and a home of its own."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return kept | {
        "HOME": str(home),
        "TMPDIR": str(scratch),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
    }
