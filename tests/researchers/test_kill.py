"""kill -9 of a supervisor whose agents think: nobody left behind, and what was paid for is still on the books."""

import os
import signal
import subprocess
import sys
import time

from enpire.core.process import alive
from tests.crash.test_kills import descendants
from tests.researchers.campaigns import DONE, REPOSITORY, SUBMIT, TOKENS, USAGE, read, start


def test_killed_supervisor_leaves_nobody_and_loses_no_call(tmp_path):
    slow = f'[[part]]\n[[part.turn]]\nshell = "sleep 0.2"\ntimes = 40\n{USAGE}\n'
    process = start(tmp_path, slow + SUBMIT + DONE, "--agent", "minimal:2", "--budget-ideas", "2")
    campaign = tmp_path / "campaign"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        time.sleep(0.5)
        if (campaign / "ledger.sqlite").exists() and read(campaign).tokens >= 8 * TOKENS:
            break
    family = descendants(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    gone_by = time.monotonic() + 15
    while any(alive(pid) for pid in family) and time.monotonic() < gone_by:
        time.sleep(0.1)
    assert len(family) >= 5  # station, its host, zygote, gateway, keepers, agents
    assert [pid for pid in family if alive(pid)] == []
    before = read(campaign)
    assert before.tokens >= 8 * TOKENS
    command = [sys.executable, "-m", "enpire", "resume", str(campaign)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    after = read(campaign)
    assert after.tokens > before.tokens
    assert [log.outcome for log in after.sessions.values()][:2] == ["killed", "killed"]
    assert len(after.ideas) == 3
