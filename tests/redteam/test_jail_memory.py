"""An agent that uses up memory, at each level of walls: its session ends, with the reason, and nothing else does."""

import os
from pathlib import Path

import pytest

from enpire.agents.walls import Walls
from tests.redteam.jailed import agents, finish, marked, play, wait_for

HOGS = {
    "in one process": "hoard = [b'x' * (1 << 24) for _ in range(600)]",
    "in many": """
for _ in range(20):
    if os.fork() == 0:
        os.setsid()
        hoard = b'x' * (1 << 25)
        time.sleep(600)
""",
    "in shared memory": "hoard = mmap.mmap(-1, 600 << 20)\nfor at in range(0, 600 << 20, 4096): hoard[at] = 1",
    "in files of memory": """
for number in range(10):
    descriptor = os.memfd_create('x')
    os.truncate(descriptor, 1 << 26)
    os.pwrite(descriptor, b'x' * (1 << 26), 0)
hoard = [b'x' * (1 << 24) for _ in range(600)]
""",
    "behind a closed door": "ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\nhoard = [b'x' * (1 << 24) for _ in range(600)]",
}


@pytest.mark.parametrize("how", HOGS)
def test_memory_hog_is_ended_with_its_reason(tmp_path: Path, jail: Walls, how: str) -> None:
    mark = f"hog-{tmp_path.name}-{os.getpid()}"
    code = f"""
import ctypes, mmap, os, time
try:
    {HOGS[how].strip().replace(chr(10), chr(10) + "    ")}
except (OSError, MemoryError) as error:
    print(type(error).__name__)
    hoard = [b'x' * (1 << 24) for _ in range(600)]
time.sleep(600)
"""
    session = play(tmp_path, Walls(level=jail.level, memory_bytes=256 << 20), code, mark)
    finish(session)
    assert session.outcome == "error"
    assert "stopped: more than 256 MiB of memory" in session.detail
    assert marked(mark) == []


def test_memory_that_processes_share_counts_once(tmp_path: Path, jail: Walls) -> None:
    code = """
import os, time
hoard = b'x' * (150 << 20)
children = [os.fork() for _ in range(3)]
time.sleep(1.5)
if 0 in children: os._exit(0)
for child in children: os.waitpid(child, 0)
"""
    session = play(tmp_path, Walls(level=jail.level, memory_bytes=256 << 20), code)
    finish(session)
    assert session.outcome == "ok", session.detail


def test_an_agent_goes_first_if_the_machine_runs_out_of_memory(tmp_path: Path, jail: Walls) -> None:
    code = """
try: open('/proc/self/oom_score_adj', 'w').write('-500')
except OSError: pass
try: open('/proc/self/oom_score_adj', 'w').write('0')
except OSError: pass
open('up', 'w').write('')
import time; time.sleep(600)
"""
    mark = f"first-{tmp_path.name}-{os.getpid()}"
    session = play(tmp_path, jail, code, mark)
    wait_for(tmp_path / "workspace" / "up")
    scores = {int(Path(f"/proc/{pid}/oom_score_adj").read_text()) for pid in agents(mark)}
    session.stop(grace_s=0.0)
    assert scores == {1000}
