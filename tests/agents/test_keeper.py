"""What the keeper takes for a process that can do nothing any more."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from enpire.agents._keeper import condemned

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
