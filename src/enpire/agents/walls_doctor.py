"""Do the walls hold on this machine? A program in the place of an agent really tries to break out.

The attempts are in `_jail/attempts.py`; what they aim at is put up here for them.
"""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec

from enpire.agents._sight import our_python
from enpire.agents.adapter import Job, Launch
from enpire.agents.session import Session
from enpire.agents.walls import Level, Walls
from enpire.core.confinement import bootstrap
from enpire.core.confinement.selftest import Table
from enpire.core.errors import EnpireError, MissingProgram
from enpire.core.process import die_with_us
from enpire.core.records import Json

LIMIT_S = 60.0
OPEN_WITHOUT_NAMESPACES = {
    *("see a file outside", "change times outside"),
    *("change the prompt", "change the logged episodes"),
}
"""Attempts that Landlock and seccomp do not stop: names, sizes and times of files can be seen, times of the user's own
be changed. And an agent that hands in a file can change the other files that were written for it alone."""
ADVICE = {
    "namespaces": "allow user namespaces, or use level 'lsm'",
    "lsm": "Landlock (Linux 6.12 or newer, in the kernel's lsm= list) and seccomp are needed; or use level 'none'",
    "none": "check the Python installation",
}
_VICTIM = (sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)")
_ATTEMPTS = bootstrap.main_of("enpire.agents._jail.attempts")


def probe(level: Level) -> Table:
    """Make every attempt inside walls of a level, whether or not it holds here.

    Call it from a thread that lives until it returns.

    Raises:
        MissingProgram: The level cannot even start here.
    """
    with tempfile.TemporaryDirectory(prefix="enpire-walls-") as name, _targets(Path(name).resolve()) as given:
        campaign = Path(name).resolve()
        job = Job(folder=campaign / "sessions" / "mine")
        walls = Walls(level=level, socket=campaign / "gateway", port=int(given["door"]))
        launch = Launch(argv=[sys.executable, "-I", "-S", "-c", _ATTEMPTS, msgspec.json.encode(given).decode()])
        session = Session.start(job, launch, deadline_s=LIMIT_S, walls=walls)
        try:
            while session.poll() is None:
                time.sleep(0.005)
        finally:
            session.stop(grace_s=0.0)
        if session.outcome != "ok":
            raise MissingProgram(f"confinement level {level!r} does not work here ({session.detail}); {ADVICE[level]}")
        table = msgspec.json.decode(session.stdout.read_bytes(), type=Table)
        # Inside there may be folders of the same name: what counts is what came out.
        return replace(table, attempts=table.attempts | {"make a file outside": (campaign / "new").exists()})


def require(level: Level) -> None:
    """Check that a level holds.

    Raises:
        MissingProgram: It does not; the message says what was open and what to do.
    """
    try:
        table = probe(level)
    except MissingProgram:
        raise
    except (EnpireError, OSError, msgspec.DecodeError) as error:
        raise MissingProgram(f"confinement level {level!r} does not work here ({error}); {ADVICE[level]}") from None
    table.require(level, tolerated=OPEN_WITHOUT_NAMESPACES if level == "lsm" else (), advice=ADVICE[level])


@contextlib.contextmanager
def _targets(campaign: Path) -> Iterator[Json]:
    """A campaign folder with a session, and all that must stay out of its reach."""
    mine, other = campaign / "sessions" / "mine", campaign / "sessions" / "other"
    for session in (mine, other):
        (session / "workspace").mkdir(parents=True)
        (session / "data").mkdir()
        for name in ("brief.json", "prompt.md", "workspace/policy.py", "data/0.npz"):
            (session / name).write_text("probe")
    for name in ("secret.key", "spare"):
        (campaign / name).write_text("secret")
        (campaign / name).chmod(0o600)
    with contextlib.ExitStack() as stack:
        tcp, udp = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
        abstract, path, gateway = (socket.socket(socket.AF_UNIX) for _ in range(3))
        outside = socket.socket()
        for opened in (tcp, udp, abstract, path, gateway, outside):
            stack.enter_context(opened)
        tcp.bind(("", 0))
        udp.bind(("127.0.0.1", 0))
        outside.bind(("127.0.0.1", 0))
        abstract.bind(f"\0{campaign}")
        with _short(campaign) as short:
            path.bind(f"{short}/socket")
            gateway.bind(f"{short}/gateway")
        for opened in (tcp, abstract, path, gateway, outside):
            opened.listen()
        for door in (gateway, outside):
            threading.Thread(target=_answer, args=(door,), daemon=True).start()
            stack.callback(door.shutdown, socket.SHUT_RDWR)
        threading.Thread(target=_answer_datagrams, args=(udp,), daemon=True).start()
        stack.callback(socket.socket.sendto, udp, b"stop", udp.getsockname())
        victim = stack.enter_context(subprocess.Popen(_VICTIM, stdin=subprocess.DEVNULL, preexec_fn=die_with_us()))
        stack.callback(victim.kill)
        yield {
            "secret": str(campaign / "secret.key"),
            "spare": str(campaign / "spare"),
            "other": str(other),
            "session": str(mine),
            "home": str(Path.home()),
            "private": _private(Path.home(), campaign),
            "package": str(Path(__file__).resolve()),
            "tcp": tcp.getsockname()[1],
            "udp": udp.getsockname()[1],
            "address": _address(),
            "abstract": str(campaign),
            "unix": str(campaign / "socket"),
            "victim": victim.pid,
            "door": outside.getsockname()[1],
        }


@contextlib.contextmanager
def _short(folder: Path) -> Iterator[str]:
    """Another name of a folder: a unix socket's may have 107 bytes only."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _private(home: Path, campaign: Path) -> str:
    """Name of something in the user's home that no agent needs; empty if there is nothing."""
    shown = (*our_python()[0], campaign)
    names = sorted(entry.name for entry in home.iterdir()) if os.access(home, os.R_OK) else []
    return next((name for name in names if not any(path.is_relative_to(home / name) for path in shown)), "")


def _address() -> str:
    """An address of this machine beside loopback, if it has one."""
    with contextlib.suppress(OSError):
        return socket.gethostbyname(socket.gethostname())
    return "127.0.0.2"


def _answer(door: socket.socket) -> None:
    """Stand in for the gateway, until its socket is closed; for a thread."""
    with contextlib.suppress(OSError):
        while True:
            client, _ = door.accept()
            with client:
                client.sendall(b"pong" if client.recv(16) == b"ping" else b"what?")


def _answer_datagrams(udp: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while (asked := udp.recvfrom(16))[0] != b"stop":
            udp.sendto(b"pong", asked[1])
