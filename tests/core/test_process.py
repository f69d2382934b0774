"""Children end with their parent, whenever it dies."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from enpire.core.process import alive, die_with_us

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def orphan(folder: Path, preexec_fn: Callable[[Callable[[], None]], None]) -> int:
    """Fork a parent that starts a child with `preexec_fn`, given what `die_with_us` returned; the child's number."""
    path = folder / "child"
    parent = os.fork()
    if parent == 0:
        ask = die_with_us()
        try:
            subprocess.Popen(SLEEP, preexec_fn=lambda: (path.write_text(str(os.getpid())), preexec_fn(ask)))
        finally:
            signal.pause()
    while not path.exists() or not path.read_text():
        os.sched_yield()
    child = int(path.read_text())
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    return child


@pytest.mark.timeout(30)
def test_child_dies_when_its_parent_is_killed(tmp_path: Path) -> None:
    child = orphan(tmp_path, lambda ask: ask())
    while alive(child):
        os.sched_yield()


@pytest.mark.timeout(30)
def test_child_that_was_forked_just_before_does_not_start(tmp_path: Path) -> None:
    def late(ask: Callable[[], None]) -> None:
        parent = os.getppid()
        while os.getppid() == parent:  # until it is dead
            os.sched_yield()
        ask()

    child = orphan(tmp_path, late)
    while alive(child):
        os.sched_yield()
