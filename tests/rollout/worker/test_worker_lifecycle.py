"""No worker outlives its episode, its zygote or its station, and a lost zygote is replaced."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from worker_support import SPEC, act, begin, policy, write_candidate

from enpire.core.errors import BadInput, MissingProgram, PolicyFault, StationFault
from enpire.rollout.worker.pool import WorkerPool

NEVER_ENDS = policy(
    "while True: pass",
    top="""
    import signal
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
    """,
)


def descendants(pid: int) -> set[int]:
    """All processes below one, zombies left out."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            parents[int(stat.parent.name)] = int(parent)
    found: set[int] = set()
    while grown := {child for child, parent in parents.items() if parent in found | {pid}} - found:
        found |= grown
    return found


def alive(pids: set[int]) -> set[int]:
    """Those that still run; a zombie does not."""
    running = set()
    for pid in pids:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                running.add(pid)
        except OSError:
            pass
    return running


def wait_gone(pids: set[int], timeout_s: float = 5.0) -> set[int]:
    deadline = time.monotonic() + timeout_s
    while (left := alive(pids)) and time.monotonic() < deadline:
        time.sleep(0.01)
    return left


def zygote_process(pool: WorkerPool) -> int:
    """The zygote itself: the innermost process before any worker was forked."""
    return max({pool.zygote_pid} | descendants(pool.zygote_pid))


def test_finish_leaves_no_process(pool: WorkerPool) -> None:
    before = descendants(os.getpid())
    worker = begin(pool.prepare(write_candidate(pool.candidates, NEVER_ENDS), SPEC))
    assert act(worker, timeout_s=0.05) is None
    assert len(descendants(os.getpid()) - before) == 1
    worker.finish()
    assert descendants(os.getpid()) == before


def test_leaving_the_pool_leaves_no_process(pool: WorkerPool) -> None:
    before = descendants(os.getpid())
    with WorkerPool(pool.candidates, level=pool.level) as other:
        worker = begin(other.prepare(write_candidate(pool.candidates, NEVER_ENDS), SPEC))
        assert act(worker, timeout_s=0.05) is None
        started = descendants(os.getpid()) - before
        assert started
    assert worker.finished
    assert not wait_gone(started)


def test_nothing_survives_a_killed_station(pool: WorkerPool, tmp_path: Path) -> None:
    if pool.level == "none":
        pytest.skip("without confinement a policy can refuse to die with its zygote")
    script = f"""
    import sys, time
    sys.path.insert(0, {str(Path(__file__).parent)!r})
    from pathlib import Path
    from worker_support import SPEC, act, begin, write_candidate
    from test_worker_lifecycle import NEVER_ENDS
    from enpire.rollout.worker.pool import WorkerPool
    with WorkerPool(Path({str(tmp_path)!r}), level={pool.level!r}) as pool:
        worker = begin(pool.prepare(write_candidate(pool.candidates, NEVER_ENDS), SPEC))
        act(worker, timeout_s=0.05)
        print("running", flush=True)
        time.sleep(1000)
    """
    station = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
    assert station.stdout is not None and station.stdout.readline() == "running\n"
    below = descendants(station.pid)
    assert len(below) >= 2
    station.send_signal(signal.SIGKILL)
    station.wait()
    station.stdout.close()
    assert not wait_gone(below)


def test_a_killed_zygote_is_a_station_fault_and_is_replaced(pool: WorkerPool) -> None:
    with WorkerPool(pool.candidates, level=pool.level) as other:
        candidate = write_candidate(pool.candidates, policy())
        zygote = zygote_process(other)
        worker = begin(other.prepare(candidate, SPEC))
        os.kill(zygote, signal.SIGKILL)
        with pytest.raises(StationFault):
            for step in range(10_000):
                act(worker, step)
        assert worker.finish().exit_code == -9
        again = begin(other.prepare(candidate, SPEC))
        assert act(again) == [0.0] * 4
        assert zygote_process(other) != zygote


def test_a_zygote_that_cannot_start_again_is_a_station_fault(
    pool: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if pool.level != "namespaces":
        pytest.skip("only bubblewrap can be taken away")
    with WorkerPool(pool.candidates, level=pool.level) as other:
        monkeypatch.setenv("PATH", str(tmp_path))
        os.kill(other.zygote_pid, signal.SIGKILL)
        for _ in range(2):
            time.sleep(0.2)
            with pytest.raises(StationFault, match="did not start again"):
                other.prepare(write_candidate(pool.candidates, policy()), SPEC)


def test_an_exit_code_cannot_void_an_episode(pool: WorkerPool) -> None:
    """Only the station's own evidence makes an episode invalid; no exit code does."""
    for code in (0, 1, 80, 81, 82, 83, 255):
        worker = begin(pool.prepare(write_candidate(pool.candidates, policy(f"os._exit({code})")), SPEC))
        with pytest.raises(PolicyFault):
            act(worker)


def test_a_candidate_cannot_use_too_much_memory(pool: WorkerPool) -> None:
    with WorkerPool(pool.candidates, level=pool.level, memory_bytes=1 << 29) as small:
        for size, fine in ((1 << 20, True), (1 << 27, False)):
            candidate = write_candidate(pool.candidates, policy(f"self.hoard = np.ones({size}); return [0] * 4"))
            worker = begin(small.prepare(candidate, SPEC))
            if fine:
                assert act(worker) == [0.0] * 4
            else:
                with pytest.raises(PolicyFault, match=r"raised: .*MemoryError"):
                    act(worker)


def test_without_bubblewrap_auto_takes_the_next_level(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingProgram, match="apt install bubblewrap") as missing:
        WorkerPool(tmp_path, level="namespaces").__enter__()
    assert "\n" not in str(missing.value)
    with WorkerPool(tmp_path) as found:
        assert found.level in ("lsm", "none")


def test_a_bubblewrap_that_cannot_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(MissingProgram, match="uid map: Permission denied") as missing:
        WorkerPool(tmp_path, level="namespaces").__enter__()
    assert "\n" not in str(missing.value)


def test_bad_arguments_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="known: auto, namespaces, lsm, none"):
        WorkerPool(tmp_path, level="docker")
    with pytest.raises(BadInput, match="does not exist"):
        WorkerPool(tmp_path / "absent").__enter__()
    with pytest.raises(RuntimeError, match="enter the pool"):
        WorkerPool(tmp_path).prepare(tmp_path / "a", SPEC)


def wait_until(stopped: bool, pids: set[int]) -> None:
    deadline = time.monotonic() + 5.0
    while {Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T" for pid in pids} != {stopped}:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_policy_prepared_ahead_cannot_spin_while_another_plays(pool: WorkerPool) -> None:
    before = descendants(os.getpid())
    spinning = pool.prepare(write_candidate(pool.candidates, policy(init="while True: pass")), SPEC)
    while len(spinner := descendants(os.getpid()) - before) != 1:
        time.sleep(0.01)
    playing = begin(pool.prepare(write_candidate(pool.candidates, policy()), SPEC))
    wait_until(True, spinner)
    assert act(playing) == [0.0] * 4
    playing.finish()
    wait_until(False, spinner)
    spinning.finish()
    assert descendants(os.getpid()) == before
