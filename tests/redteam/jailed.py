"""Hostile Python in the place of an agent, and what is left of it."""

import os
import sys
import time
from pathlib import Path
from typing import Any

from enpire.agents._keeper import descendants
from enpire.agents.adapter import Job, Launch
from enpire.agents.session import Session
from enpire.agents.walls import Walls


def play(folder: Path, walls: Walls, code: str, *arguments: str, **more: Any) -> Session:
    """Start hostile Python in the place of an agent."""
    for name in ("workspace", "data"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    job = more.pop("job", None) or Job(folder=folder)
    launch = Launch(argv=[sys.executable, "-c", code, *arguments])
    return Session.start(job, launch, walls=walls, deadline_s=more.pop("deadline_s", 60.0))


def finish(session: Session) -> str:
    end_s = time.monotonic() + 90.0
    while session.poll() is None:
        assert time.monotonic() < end_s
        time.sleep(0.01)
    return session.stdout.read_text() if session.stdout.is_file() else ""


def wait_for(path: Path) -> None:
    end_s = time.monotonic() + 60.0
    while not path.exists():
        assert time.monotonic() < end_s
        time.sleep(0.01)


def marked(mark: str) -> list[int]:
    """Living processes with a word in their command line, wherever they hang."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


def agents(mark: str) -> list[int]:
    """Of the marked processes, the innermost: not those that put up its walls."""
    found = marked(mark)
    return [pid for pid in found if not set(descendants(pid)) & set(found)]
