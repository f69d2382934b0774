"""Sessions of the fake agent, for tests of the runner."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from enpire.agents import codex
from enpire.agents._keeper import descendants
from enpire.agents.adapter import Job, Launch
from enpire.agents.session import Session

FAKE = Path(__file__).with_name("fake_agent.py")


def start(folder: Path, *acts: str, deadline_s: float = 90.0, job: Job | None = None, **options: Any) -> Session:
    """A session in which the fake agent plays `acts`; its output is understood in the form of codex."""
    (folder / "workspace").mkdir(exist_ok=True)
    launch = Launch(argv=[sys.executable, str(FAKE), *acts])
    options.setdefault("parse", codex.parse)
    return Session.start(job or Job(folder=folder), launch, deadline_s=deadline_s, **options)


def start_code(folder: Path, code: str, deadline_s: float = 90.0) -> Session:
    (folder / "workspace").mkdir(exist_ok=True)
    return Session.start(Job(folder=folder), Launch(argv=[sys.executable, "-c", code]), deadline_s=deadline_s)


def finish(session: Session) -> str:
    wait(lambda: session.poll() is not None)
    assert session.outcome is not None
    return session.outcome


def wait(true: Callable[[], bool], limit_s: float = 60.0) -> None:
    end_s = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < end_s, "waited in vain"
        time.sleep(0.01)


def wait_for(path: Path) -> str:
    wait(lambda: path.is_file() and path.read_text() != "")
    return path.read_text()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def keepers() -> list[int]:
    """Keepers started by this process."""
    found = []
    for pid in descendants(os.getpid()):
        try:
            if b"_keeper.py" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
        except OSError:
            continue
    return found
