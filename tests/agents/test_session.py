"""The session runner: outcomes, caps, limits and that nothing survives a session."""

import json
import os
import signal
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from enpire.agents import claude_code, codex, kimi_code
from enpire.agents import session as runner
from enpire.agents._keeper import descendants
from enpire.agents.adapter import Adapter, AgentEvent, Began, Ended, Job, Launch, Said
from enpire.agents.outcome import BUDGET_WORDS
from enpire.agents.session import Session
from enpire.core.errors import BadInput

from .running import FAKE, alive, finish, keepers, start, start_code, wait, wait_for

# ---------------------------------------------------------------------- outcomes


@pytest.mark.parametrize(
    ("acts", "outcome", "words"),
    [
        (["codex"], "ok", ""),
        (["claude", "kimi"], "ok", ""),
        ([], "ok", ""),
        (["exit:3"], "error", "exit status 3"),
        (["exit:75"], "rate_limited", "exit status 75"),
        (["die:11"], "error", "SIGSEGV"),
        (["die:9"], "error", "SIGKILL"),
        (["codex", "fail:maximum context length", "exit:1"], "context", "maximum context length"),
        (["fail:no luck"], "error", "no luck"),
        (["no-such-act"], "error", "no such act"),
    ],
)
def test_outcome_of_a_session_that_ends_by_itself(tmp_path: Path, acts: list[str], outcome: str, words: str) -> None:
    session = start(tmp_path, *acts)
    assert finish(session) == outcome
    assert words in session.detail and bool(session.detail) == (outcome != "ok")


def test_program_that_does_not_exist_is_an_error_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "workspace").mkdir()
    session = Session.start(Job(folder=tmp_path), Launch(argv=["no-such-agent"]), deadline_s=10)
    assert finish(session) == "error"
    assert "cannot start no-such-agent" in session.detail


@pytest.mark.parametrize("prompt", ["x" * (1 << 20), "a\0b"])
def test_arguments_that_no_program_can_get_are_refused(tmp_path: Path, prompt: str) -> None:
    (tmp_path / "workspace").mkdir()
    with pytest.raises(BadInput, match="cannot start"):
        Session.start(Job(folder=tmp_path), Launch(argv=["true", prompt]), deadline_s=10)


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ([(401, "")], "auth"),
        ([(200, ""), (403, "")], "auth"),
        ([(429, "")], "rate_limited"),
        ([(429, ""), (0, "")], "rate_limited"),
        ([(400, f"{BUDGET_WORDS}: the session has spent its tokens")], "budget"),
        ([(400, "prompt is too long")], "context"),
        ([(429, ""), (200, "")], "context"),
    ],
)
def test_the_word_of_the_gateway_counts_more_than_the_agents(
    tmp_path: Path, answers: list[tuple[int, str]], outcome: str
) -> None:
    session = start(tmp_path, "fail:maximum context length", "exit:1")
    for status, text in answers:
        session.heard(status, text)
    assert finish(session) == outcome


# ---------------------------------------------------------------------- output


def test_streams_are_kept_and_stdin_is_empty(tmp_path: Path) -> None:
    code = "import sys; print('read', repr(sys.stdin.read())); print('warned', file=sys.stderr)"
    session = start_code(tmp_path, code)
    assert finish(session) == "ok"
    assert session.stdout.read_text() == "read ''\n" and session.stdout == tmp_path / "stdout.log"
    assert session.stderr.read_text() == "warned\n" and session.stderr == tmp_path / "stderr.log"


@pytest.mark.parametrize(
    ("adapter", "act", "kinds"),
    [
        (codex, "codex", [Began, Said, Ended]),
        (claude_code, "claude", [Began, Said, Ended]),
        (kimi_code, "kimi", [Said, Began, Ended]),
    ],
)
def test_events_are_read_while_the_agent_runs(
    tmp_path: Path, adapter: Adapter, act: str, kinds: list[type[AgentEvent]]
) -> None:
    session = start(tmp_path, "garbage", act, "hang", parse=adapter.parse)
    wait(lambda: session.poll() is not None or len(session.events) >= len(kinds))
    assert [type(event) for event in session.events] == kinds and Said("hello") in session.events
    assert session.native_id == f"0199-{act}" and session.stop() == "killed"


def test_resumed_session_keeps_its_name_and_the_old_logs(tmp_path: Path) -> None:
    first = start(tmp_path, "codex")
    finish(first)
    again = start(tmp_path, "lines:1", job=Job(folder=tmp_path, resume=first.native_id))
    finish(again)
    assert again.native_id == "0199-codex" and again.stdout == tmp_path / "stdout.2.log"
    assert "thread.started" in first.stdout.read_text() and "no play" in again.stdout.read_text()


def test_output_is_capped_and_both_of_its_ends_are_kept(tmp_path: Path) -> None:
    size = 3 * runner.OUTPUT_CAP_BYTES
    session = start(tmp_path, "codex", f"lines:{size // 21}", f"flood:{size}", "fail:the end")
    assert finish(session) == "error" and session.detail == "the end" and session.native_id
    for log in (session.stdout, session.stderr):
        assert runner.OUTPUT_CAP_BYTES // 2 <= log.stat().st_size <= runner.OUTPUT_CAP_BYTES
    text = session.stdout.read_text()
    assert "thread.started" in text.splitlines()[0] and "the end" in text.splitlines()[-1]


def test_line_of_50_megabytes_is_skipped_and_never_held(tmp_path: Path) -> None:
    tracemalloc.start()
    session = start(tmp_path, "line:50000000", "garbage", "lines:1", "codex", "up", "hang")
    wait(lambda: session.poll() is not None or (tmp_path / "up").exists())
    wait(lambda: session.poll() is not None or bool(session.events))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    (keeper,) = keepers()
    status = Path(f"/proc/{keeper}/status").read_text()
    peak_kib = int(status.partition("VmHWM:")[2].split()[0])
    session.stop()
    assert session.events[0] == Began("0199-codex")
    assert peak < 8 << 20 and peak_kib < 40 << 10, (peak, peak_kib)
    assert session.stdout.stat().st_size <= runner.OUTPUT_CAP_BYTES


def test_agent_that_swaps_its_log_for_a_link_gains_nothing(tmp_path: Path) -> None:
    code = "import os; os.remove('../stdout.log'); os.symlink('../../secret', '../stdout.log'); print('hi', flush=True)"
    (tmp_path / "secret").write_text("mine")
    (tmp_path / "session").mkdir()
    assert finish(start_code(tmp_path / "session", code)) == "ok"
    assert finish(start_code(tmp_path / "session", "print('again')")) == "ok"
    assert (tmp_path / "secret").read_text() == "mine"


# ---------------------------------------------------------------------- what it is given


def test_environment_holds_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENDOR_API_KEY", "hunter2")
    session = start(tmp_path, "env")
    finish(session)
    seen = json.loads(session.stdout.read_text())
    assert "VENDOR_API_KEY" not in seen and seen["OPENBLAS_NUM_THREADS"] == "1"
    assert seen["HOME"] == str(tmp_path / "home") and seen["TMPDIR"] == str(tmp_path / "home" / "tmp")
    assert Path(seen["TMPDIR"]).is_dir()


def test_launch_brings_variables_and_settings(tmp_path: Path) -> None:
    job = Job(folder=tmp_path)
    job.workspace.mkdir()
    argv = [sys.executable, str(FAKE), "env"]
    launch = Launch(argv=argv, environment={"MODEL_KEY": "k"}, files={job.home / ".x" / "config.toml": "a = 1"})
    session = Session.start(job, launch, deadline_s=20)
    finish(session)
    assert json.loads(session.stdout.read_text())["MODEL_KEY"] == "k"
    assert (job.home / ".x" / "config.toml").read_text() == "a = 1"


def test_agent_runs_with_low_priority(tmp_path: Path) -> None:
    session = start_code(tmp_path, "import os; print(os.nice(0))")
    finish(session)
    assert int(session.stdout.read_text()) >= min(19, os.nice(0) + 10)


def test_folder_must_be_absolute() -> None:
    with pytest.raises(BadInput, match="absolute"):
        Session.start(Job(folder=Path("session")), Launch(argv=["true"]), deadline_s=1)


# ---------------------------------------------------------------------- limits


def test_agent_past_its_deadline_is_interrupted(tmp_path: Path) -> None:
    session = start(tmp_path, "files:3", "hang", deadline_s=0.3)
    assert finish(session) == "limit" and "deadline of 0.3 s" in session.detail


def test_silent_agent_is_interrupted_but_not_while_it_waits_for_a_robot(tmp_path: Path) -> None:
    session = start(tmp_path, "up", "hang", idle_s=0.2, deadline_s=60)
    session.waiting = True
    wait_for(tmp_path / "up")
    wait(lambda: session.elapsed_s > 0.6)
    assert session.poll() is None and session.waiting
    session.waiting = False
    assert finish(session) == "limit" and "idle for 0.2 s" in session.detail


def _touch(session: Session) -> None:
    session.touch()


def _heard(session: Session) -> None:
    session.heard(200)


def _print(session: Session) -> None:
    with session.stderr.open("a") as file:
        file.write(".")


@pytest.mark.parametrize("live", [_touch, _heard, _print])
def test_output_and_model_calls_are_signs_of_life(tmp_path: Path, live: Callable[[Session], None]) -> None:
    session = start(tmp_path, "hang", idle_s=0.5, deadline_s=60)
    while session.elapsed_s < 1.0:
        live(session)
        assert session.poll() is None
        time.sleep(0.01)
    assert finish(session) == "limit" and "idle" in session.detail


def test_deaf_agent_is_killed_after_its_grace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "GRACE_S", 0.2)
    session = start(tmp_path, "deaf", "orphans", "up", "hang", idle_s=0.2)
    session.waiting = True
    agent = int(wait_for(tmp_path / "up"))
    session.waiting = False
    assert finish(session) == "limit"
    assert not any(alive(pid) for pid in [agent, *map(int, (tmp_path / "pids").read_text().split())])


def test_stop_is_polite_first(tmp_path: Path) -> None:
    code = "import time\ntry:\n open('../up', 'w').write('1'); time.sleep(60)\nexcept KeyboardInterrupt:\n print('bye')"
    session = start_code(tmp_path, code)
    wait_for(tmp_path / "up")
    assert session.stop() == "killed" and session.stop() == "killed" and session.poll() == "killed"
    assert "bye" in session.stdout.read_text()


def test_session_that_is_stopped_at_once_is_killed(tmp_path: Path) -> None:
    assert start(tmp_path, "hang").stop() == "killed"


# ---------------------------------------------------------------------- nothing survives


@pytest.mark.parametrize("orphans", ["orphans", "talker"])
def test_orphans_do_not_outlive_an_agent_that_ends_by_itself(tmp_path: Path, orphans: str) -> None:
    session = start(tmp_path, orphans, "exit:0")
    assert finish(session) == "ok"
    assert not any(alive(int(pid)) for pid in (tmp_path / "pids").read_text().split())


def test_stop_kills_deaf_agents_and_daemons_in_sessions_of_their_own(tmp_path: Path) -> None:
    session = start(tmp_path, "deaf", "orphans", "codex", "up", "hang")
    pids = [int(wait_for(tmp_path / "up")), *map(int, wait_for(tmp_path / "pids").split())]
    assert len(pids) == 3 and session.stop(grace_s=0.2) == "killed"
    assert not any(alive(pid) for pid in pids)
    assert session.native_id == "0199-codex"


def test_agent_that_stops_its_keeper_is_killed_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "GRACE_S", 0.3)
    session = start(tmp_path, "deaf", "orphans", "up", "stop", "hang")
    pids = [int(wait_for(tmp_path / "up")), *map(int, wait_for(tmp_path / "pids").split()), *keepers()]
    (keeper,) = keepers()
    wait(lambda: Path(f"/proc/{keeper}/stat").read_text().rpartition(")")[2].split()[0] == "T")
    assert session.stop(grace_s=0.3) == "killed"
    wait(lambda: not any(alive(pid) for pid in pids), limit_s=5)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_keeper_that_is_killed_takes_the_agent_along(tmp_path: Path, number: signal.Signals) -> None:
    session = start(tmp_path, "deaf", "up", "hang")
    agent = int(wait_for(tmp_path / "up"))
    (keeper,) = keepers()
    os.kill(keeper, number)
    assert finish(session) == "killed" and number.name in session.detail
    wait(lambda: not alive(agent), limit_s=5)


def test_stranger_that_holds_the_pipe_open_does_not_hold_the_session(tmp_path: Path) -> None:
    code = """
import os, time
open("../up", "w").write(str(os.getpid()))
while not os.path.exists("../go"):
    time.sleep(0.01)
"""
    session = start_code(tmp_path, code)
    with Path(f"/proc/{wait_for(tmp_path / 'up')}/fd/1").open("wb"):
        (tmp_path / "go").touch()
        assert finish(session) == "ok"


def test_agent_tree_dies_with_its_supervisor(tmp_path: Path) -> None:
    supervisor = f"""
import os, sys, time
from pathlib import Path
from enpire.agents.adapter import Job, Launch
from enpire.agents.session import Session
folder = Path({str(tmp_path)!r})
argv = [sys.executable, {str(FAKE)!r}, "deaf", "orphans", "up", "hang"]
Session.start(Job(folder=folder), Launch(argv=argv), deadline_s=60)
while not (folder / "up").is_file():
    time.sleep(0.02)
os.kill(os.getpid(), 9)
"""
    (tmp_path / "workspace").mkdir()
    assert os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-c", supervisor]) == -9
    pids = [int(wait_for(tmp_path / "up")), *map(int, wait_for(tmp_path / "pids").split())]
    wait(lambda: not any(alive(pid) for pid in pids), limit_s=5)


def test_no_keeper_and_no_descriptor_is_left_behind(tmp_path: Path) -> None:
    before = set(descendants(os.getpid())), len(list(Path("/proc/self/fd").iterdir()))
    finish(start(tmp_path, "codex"))
    assert set(descendants(os.getpid())) <= before[0]
    assert len(list(Path("/proc/self/fd").iterdir())) <= before[1]
