"""What the keeper takes for a process that can do nothing any more."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from enpire.agents import _keeper
from enpire.agents._keeper import condemned

KEEPER = Path(_keeper.__file__)
FIRST_THREAD_ENDS = """
import ctypes, os, threading, time
threading.Thread(target=time.sleep, args=(60,)).start()
print("up", flush=True)
ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[os.uname().machine], 0)
"""


def start(code: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "up\n"
    return process


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def await_state(pid: int, wanted: str) -> None:
    while state(pid) not in wanted:
        os.sched_yield()


@pytest.mark.timeout(30)
def test_sleeping_and_stopped_processes_can_act_and_dead_ones_cannot() -> None:
    with start("import time; print('up', flush=True); time.sleep(60)") as process:
        assert not condemned(process.pid)
        process.send_signal(signal.SIGSTOP)
        await_state(process.pid, "T")
        assert not condemned(process.pid)
        process.kill()
        assert condemned(process.pid)  # at once: the signal is pending
        await_state(process.pid, "Z")
        assert condemned(process.pid)
    assert condemned(process.pid)


@pytest.mark.timeout(30)
def test_process_whose_first_thread_has_ended_can_act() -> None:
    with start(FIRST_THREAD_ENDS) as process:
        await_state(process.pid, "Z")
        assert not condemned(process.pid)
        process.kill()
        assert condemned(process.pid)


OPENS_A_SESSION = """
import os, time
if os.fork() == 0:
    os.setsid()
print(os.getpid(), flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this kernel gives sessions no weight")
@pytest.mark.timeout(30)
def test_an_agent_and_the_sessions_it_opens_weigh_less(tmp_path: Path) -> None:
    keeper = [sys.executable, "-I", "-S", str(KEEPER), str(os.getpid()), "10000"]
    output = tmp_path / "pids"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [*keeper, sys.executable, "-c", OPENS_A_SESSION], stdout=file, start_new_session=True
        )
    try:
        while len(pids := output.read_text().split()) < 2:
            os.sched_yield()
        for pid in pids:
            while Path(f"/proc/{pid}/autogroup").read_text().split()[-1] != "5":
                os.sched_yield()
        assert Path(f"/proc/{process.pid}/autogroup").read_text().split()[-1] == "0"
    finally:
        process.terminate()
        process.wait()
    assert not any(Path(f"/proc/{pid}/stat").exists() for pid in pids)
