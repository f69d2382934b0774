"""The session runner: outcomes, caps, deadlines and that nothing survives a session."""

import os
import sys
import time
from pathlib import Path

import pytest

from enpire.agents import session as runner
from enpire.agents._keeper import descendants
from enpire.agents.session import Session, read_proposal
from enpire.core.errors import BadInput
from enpire.core.records import Proposal, encode


def start(folder: Path, code: str, deadline_s: float = 20.0) -> Session:
    (folder / "workspace").mkdir()
    return Session.start(folder, [sys.executable, "-c", code], deadline_s=deadline_s)


def finish(session: Session, limit_s: float = 20.0) -> str:
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        if (outcome := session.poll()) is not None:
            return outcome
        time.sleep(0.02)
    session.stop(0.0)
    raise AssertionError("the session did not end")


def wait_for(path: Path, limit_s: float = 10.0) -> str:
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        if path.is_file() and path.read_text():
            return path.read_text()
        time.sleep(0.02)
    raise AssertionError(f"{path} did not appear")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(("code", "outcome"), [("pass", "ok"), ("raise SystemExit(3)", "error"), ("1/0", "error")])
def test_outcome_follows_exit_status(tmp_path: Path, code: str, outcome: str) -> None:
    assert finish(start(tmp_path, code)) == outcome


def test_program_that_does_not_exist_is_an_error_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "workspace").mkdir()
    session = Session.start(tmp_path, ["no-such-agent"], deadline_s=10)
    assert finish(session) == "error"
    assert "no-such-agent" in (tmp_path / runner.STDERR).read_text()


def test_streams_are_kept_and_stdin_is_empty(tmp_path: Path) -> None:
    code = "import sys; print('read', repr(sys.stdin.read())); print('warned', file=sys.stderr)"
    assert finish(start(tmp_path, code)) == "ok"
    assert (tmp_path / runner.STDOUT).read_text() == "read ''\n"
    assert (tmp_path / runner.STDERR).read_text() == "warned\n"


def test_output_is_capped_and_the_agent_is_not_blocked(tmp_path: Path) -> None:
    size = runner.OUTPUT_CAP_BYTES + (1 << 20)
    assert finish(start(tmp_path, f"import sys; sys.stdout.write('x' * {size})")) == "ok"
    assert (tmp_path / runner.STDOUT).stat().st_size == runner.OUTPUT_CAP_BYTES


def test_environment_holds_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENDOR_API_KEY", "hunter2")
    assert finish(start(tmp_path, "import os; print(dict(os.environ), os.nice(0))")) == "ok"
    seen = (tmp_path / runner.STDOUT).read_text()
    assert "hunter2" not in seen and "'OPENBLAS_NUM_THREADS': '1'" in seen
    assert int(seen.split()[-1]) >= min(19, os.nice(0) + 10)


def test_agent_past_its_deadline_is_interrupted(tmp_path: Path) -> None:
    assert finish(start(tmp_path, "import time; time.sleep(60)", deadline_s=0.3)) == "limit"


def test_stop_is_polite_first(tmp_path: Path) -> None:
    code = "import time\ntry:\n open('../up', 'w').write('1'); time.sleep(60)\nexcept KeyboardInterrupt:\n print('bye')"
    session = start(tmp_path, code)
    wait_for(tmp_path / "up")
    assert session.stop() == "killed" and session.stop() == "killed"
    assert "bye" in (tmp_path / runner.STDOUT).read_text()


def test_stop_kills_deaf_agents_and_daemons_in_sessions_of_their_own(tmp_path: Path) -> None:
    code = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
open("../pids", "w").write(f"{os.getpid()} {child.pid}")
time.sleep(60)
"""
    session = start(tmp_path, code)
    pids = [int(p) for p in wait_for(tmp_path / "pids").split()]
    assert session.stop(grace_s=0.2) == "killed"
    assert not any(alive(pid) for pid in pids)


def test_orphans_do_not_outlive_an_agent_that_ends_by_itself(tmp_path: Path) -> None:
    code = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
open("../pid", "w").write(str(child.pid))
"""
    session = start(tmp_path, code)
    assert finish(session) == "ok"
    assert not alive(int((tmp_path / "pid").read_text()))


def test_agent_dies_with_its_supervisor(tmp_path: Path) -> None:
    supervisor = f"""
import os, sys, time
from pathlib import Path
from enpire.agents.session import Session
folder = Path({str(tmp_path)!r})
Session.start(folder, [sys.executable, "-c",
    "import os, time; open('../pid', 'w').write(str(os.getpid())); time.sleep(60)"], deadline_s=60)
while not (folder / "pid").is_file():
    time.sleep(0.02)
os.kill(os.getpid(), 9)
"""
    (tmp_path / "workspace").mkdir()
    pid = os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-c", supervisor])
    assert pid == -9
    agent = int(wait_for(tmp_path / "pid"))
    end_s = time.monotonic() + 5
    while alive(agent) and time.monotonic() < end_s:
        time.sleep(0.02)
    assert not alive(agent)


def test_no_keeper_is_left_behind(tmp_path: Path) -> None:
    before = set(descendants(os.getpid()))
    finish(start(tmp_path, "pass"))
    assert set(descendants(os.getpid())) <= before


def test_no_submission_is_no_proposal(tmp_path: Path) -> None:
    session = start(tmp_path, "pass")
    finish(session)
    assert session.proposal() is None


def test_submission_that_is_not_a_plain_file_is_refused(tmp_path: Path) -> None:
    for number, make in enumerate(("os.symlink('/etc/passwd', p)", "os.mkfifo(p)", "os.mkdir(p)")):
        folder = tmp_path / str(number)
        folder.mkdir()
        session = start(folder, f"import os; p = '../submission.json'; {make}")
        assert finish(session) == "ok"
        with pytest.raises(BadInput):
            session.proposal()


def test_proposal_survives_the_round_trip() -> None:
    proposal = Proposal(hypothesis="it helps", parent="0003", adopt=("0002",), variants=({}, {"a.b": 1.5}))
    assert read_proposal(encode(proposal)) == proposal


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 50_000, "JSON"),
        (b"[]", "Proposal"),
        (b"{}", "hypothesis"),
        (b'{"hypothesis": 3}', "hypothesis"),
        (b'{"hypothesis": "x", "varients": []}', "varients"),
        (b'{"hypothesis": "x", "variants": [{"a.b": "1"}]}', "Proposal"),
        (b'{"hypothesis": "x", "variants": [{"a.b": 1e999}]}', ""),
        (b'{"hypothesis": "' + b"x" * 70_000 + b'"}', "larger"),
    ],
)
def test_bad_submissions_get_one_clear_line(data: bytes, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_proposal(data)
    assert words in str(caught.value) and "\n" not in str(caught.value)
