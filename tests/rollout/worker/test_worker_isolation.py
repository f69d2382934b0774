"""A hostile policy in a real worker. Each attempt returns normally if it worked; none may."""

import os
import socket
from pathlib import Path

import pytest
from worker_support import SPEC, Prepare, act, begin, policy, write_candidate

from enpire.rollout.worker import selftest
from enpire.rollout.worker.doctor import probe
from enpire.rollout.worker.pool import WorkerPool

TOOLS = """
libc = ctypes.CDLL(None, use_errno=True)
def system_call(*arguments):
    if libc.syscall(*map(ctypes.c_long, arguments)) < 0:
        raise OSError(ctypes.get_errno(), 'refused')
import threading
def in_thread(attack):
    results = []
    thread = threading.Thread(target=lambda: results.append(attack()))
    thread.start()
    thread.join()
    return results[0]
"""

ATTEMPTS = {
    "read a system file": "open('/etc/passwd').read()",
    "read the interpreter's maps": "open('/proc/self/maps').read()",
    "read a file by descriptor path": "os.open('/proc/self/cwd/../../etc/passwd', os.O_RDONLY)",
    "list other candidates": "os.listdir('..')",
    "import the harness": "sys.path.append(HARNESS); import enpire.core.errors",
    "import a library that is not allowed": "import msgspec",
    "write beside the policy": "open('left_over', 'w')",
    "change the policy": "open('policy.py', 'a')",
    "remove the policy": "os.unlink('policy.py')",
    "write to the temporary folder": "open('/tmp/left_over', 'w')",
    "write to shared memory": "open('/dev/shm/left_over', 'w')",
    "write the log of the kernel": "open('/dev/kmsg', 'w')",
    "open a terminal": "os.openpty()",
    "fork": "os._exit(0) if os.fork() == 0 else None",
    "run a program": "import subprocess; subprocess.run(['true'])",
    "replace itself": "os.execv(sys.executable or '/bin/sh', ['sh'])",
    "use multiprocessing": "import multiprocessing as m; m.get_context('fork').Process(target=print).start()",
    "make a socket": "import socket; socket.socket()",
    "connect to an abstract socket": "import socket; socket.socket(socket.AF_UNIX).connect('\\0' + LISTENER)",
    "signal the parent": "os.kill(os.getppid(), 0)",
    "signal its group": "os.kill(0, 0)",
    "signal everybody": "os.kill(-1, 0)",
    "signal the station": "os.kill(STATION, 0)",
    "leave its session": "os.setsid()",
    "watch the station": "os.pidfd_open(STATION)",
    "survive the station": "libc.prctl(1, 0, 0, 0, 0) == 0 or 1 / 0",
    "get rights back": "os.setuid(0) or os.setgid(0)",
    "make a memory file": "os.memfd_create('x')",
    "change the clock": "time.clock_settime(time.CLOCK_REALTIME, time.time())",
    "raise its priority": "os.nice(-5)",
    "leave its processor": "os.sched_setaffinity(0, range(os.cpu_count()))",
    "make a namespace": "libc.unshare(0x10000000) == 0 or 1 / 0",
    "make the log unreadable": "import fcntl; fcntl.fcntl(2, fcntl.F_SETFL, os.O_DIRECT)",
    "truncate its log": "os.ftruncate(2, 0)",
    "fill a disk": "os.posix_fallocate(2, 0, 1 << 30)",
    "keep a secret of the environment": "os.environ['ENPIRE_TEST_SECRET']",
    "find secrets of the environment": "[v for v in os.environ.values() if 'swordfish' in v][0]",
    "use another descriptor": "[fd for fd in range(7, 1024) if os.fstat(fd)][0]",
    "call in 32-bit numbers": "system_call(0x40000000 + 41, 1, 1, 0)",
    "write in a thread": "in_thread(lambda: open('/tmp/left_over', 'w'))",
    "make a socket in a thread": "import socket; in_thread(socket.socket)",
}


def outcome(pool: WorkerPool, attempt: str, listener: str) -> list[float] | None:
    source = str(Path(selftest.__file__).parents[3])
    top = f"STATION, HARNESS, LISTENER = {os.getpid()}, {source!r}, {listener!r}\n{TOOLS}"
    select = f"""
    try:
        {attempt}
    except Exception as error:
        print(type(error).__name__, error)
        return [0] * 4
    return [1] * 4
    """
    worker = begin(pool.prepare(write_candidate(pool.candidates, policy(select, top=top)), SPEC))
    try:
        return act(worker)
    finally:
        worker.finish()


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_an_attempt_is_blocked(confined: WorkerPool, attempt: str) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0enpire-test-{os.getpid()}")
        listener.listen()
        assert outcome(confined, ATTEMPTS[attempt], f"enpire-test-{os.getpid()}") == [0.0] * 4


def test_the_attempts_are_real(pool: WorkerPool) -> None:
    """Without confinement the same code does get out, so a blocked attempt means something."""
    if pool.level != "none":
        pytest.skip("only without confinement")
    for attempt in (
        "read a system file",
        "list other candidates",
        "fork",
        "run a program",
        "make a socket",
        "signal the parent",
    ):
        assert outcome(pool, ATTEMPTS[attempt], "") == [1.0] * 4, attempt


def test_the_self_test_table(confined: WorkerPool) -> None:
    still_open = {row.name for row in probe(confined.level) if not row.blocked}
    assert still_open == (selftest.OPEN_WITHOUT_NAMESPACES if confined.level == "lsm" else set())


def test_the_self_test_sees_a_hole() -> None:
    still_open = {row.name for row in probe("none") if not row.blocked}
    assert {
        "fork",
        "read /etc/passwd",
        "write anywhere",
        "socket AF_INET",
        "connect to an abstract socket",
    } <= still_open
    assert not {"inherited descriptors", "write the observations", "secrets in the environment"} & still_open


@pytest.fixture(autouse=True, scope="session")
def secret() -> None:
    """A secret in the station's environment, put there before any zygote starts."""
    os.environ["ENPIRE_TEST_SECRET"] = "swordfish"


def test_the_observations_cannot_be_written(prepare: Prepare) -> None:
    source = policy("""
    image = observation['observation.images.top']
    outcomes = []
    for attack in (
        lambda: image.__setitem__((0, 0, 0), 9),
        lambda: image.setflags(write=True),
        lambda: ctypes.memset(image.ctypes.data, 9, 1) if ctypes.CDLL(None).mprotect(
            ctypes.c_void_p(image.ctypes.data // 4096 * 4096), ctypes.c_size_t(4096), 3) == 0 else 1 / 0,
        lambda: os.write([fd for fd in range(4, 20) if is_open(fd)][0], b'x'),
    ):
        try:
            attack()
            outcomes.append(1)
        except Exception:
            outcomes.append(0)
    return outcomes
    """, top="""
    def is_open(fd):
        try:
            return bool(os.fstat(fd))
        except OSError:
            return False
    """)  # fmt: skip
    assert act(begin(prepare(source))) == [0.0] * 4
