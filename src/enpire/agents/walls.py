"""The walls around an agent's session: what it sees of this machine, and its one way out, the gateway.

| level | walls |
|---|---|
| `namespaces` | bubblewrap with all namespaces, and everything below where the kernel has it |
| `lsm` | Landlock and seccomp; names, sizes and times of files can be seen |
| `none` | no walls: only on explicit request, or where nothing else works |

`+network` behind a level means that the agent reaches the Internet: with a login of the user's own it must. At level
`namespaces` it does so through a proxy that writes down hosts, times and bytes; at `lsm` nothing can be written down.
`docs/jail.md` has the whole picture.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

from enpire.agents import _sight
from enpire.agents.adapter import Job
from enpire.agents.submission import SUBMISSION
from enpire.core.confinement import bootstrap
from enpire.core.errors import BadInput, MissingProgram
from enpire.core.records import Json

Level = Literal["namespaces", "lsm", "none"]
LEVELS: tuple[Level, ...] = ("namespaces", "lsm", "none")
"""Strongest first."""
NETWORK = "+network"

SOCKET = "/run/gateway"
"""The gateway's socket inside."""
EGRESS = "/run/egress"
"""The socket of the way to the Internet inside, where there is one."""
EGRESS_PORT = 3128
EGRESS_LOG = "egress.jsonl"
"""In the session folder: hosts that a session with a login connected to, with times and bytes."""
USER = "1000"
"""Who the agent is inside, whoever runs the campaign."""
SCRATCH_BYTES = 256 << 20
"""Of /tmp, /var/tmp and /dev/shm, each: they are memory."""
INTERNET_PORTS = (53, 80, 443)
"""TCP ports outside that a session with a network may reach, where the kernel has Landlock 4 or newer."""

_EGRESS_SOCKET = ".egress"
_PROXY = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), f"http://127.0.0.1:{EGRESS_PORT}")
_PROXY |= {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost", "NODE_USE_ENV_PROXY": "1"}
_ETC = Path(__file__).with_name("_jail") / "etc"
_SHIELD = ("/bin/sh", "-c", 'trap "" INT; exec "$@"', "sh")
"""An interrupt is for the agent: bubblewrap would die of it and take the agent along."""
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")
_PROC = ("cpuinfo", "filesystems", "loadavg", "meminfo", "stat", "uptime", "version", "self")


@dataclass(frozen=True, kw_only=True)
class Walls:
    """Walls of a campaign's sessions. Made by `raise_walls`, which proves them.

    Attributes:
        level: As proven.
        readable: What the caller shows to every session: candidates, block library.
        socket: The gateway's unix socket; None without a gateway.
        port: The gateway's TCP port, which stays the same inside; 0 without a gateway.
        processes: Processes and threads of one session, all in all.
        memory_bytes: Memory of all processes of one session.
        folder_bytes: What one session may keep on disk.
    """

    level: Level
    readable: tuple[Path, ...] = ()
    socket: Path | None = None
    port: int = 0
    processes: int = 1024
    memory_bytes: int = 4 << 30
    folder_bytes: int = 2 << 30

    def confinement(self, job: Job) -> str:
        """Level of one session as it goes on record, e.g. `namespaces` or `namespaces+network`."""
        return self.level + (NETWORK if self.level != "none" and _needs_network(job) else "")

    def enclose(
        self, argv: list[str], job: Job, environment: Mapping[str, str], logs: Iterable[Path] = ()
    ) -> tuple[list[str], dict[str, str]]:
        """Command and environment of an agent, put behind the walls.

        Args:
            argv: Its command. The program is looked up now, on the PATH of `environment`.
            job: Its session; the session folder exists.
            environment: Its environment.
            logs: Files in the session folder that the agent must not change.

        Raises:
            BadInput: The session lies in a folder that all sessions can see.
            MissingProgram: bubblewrap has gone since the walls were proven.
        """
        if self.level == "none":
            return argv, dict(environment)
        python, python_programs = _sight.our_python()
        search = ":".join((*map(str, python_programs), environment.get("PATH", os.defpath)))
        found = _sight.program(argv[0], search, hidden=job.folder)
        shown = tuple(dict.fromkeys((*python, *found.readable, *(path.resolve() for path in self.readable))))
        for folder in (*shown, *map(Path, _sight.SYSTEM)):
            if job.folder.resolve().is_relative_to(folder):
                raise BadInput(f"the campaign lies in {folder}, which agents can see; choose another place with --out")
        places = dict.fromkeys(map(str, (*python_programs, *found.folders, *_sight.SYSTEM_PATH)))
        inner = {**environment, "PATH": ":".join(places), "GIT_CONFIG_NOSYSTEM": "1"}
        command = self._guard([found.path, *argv[1:]], job, shown)
        if self.level == "lsm":
            return [*_SHIELD, *command], inner
        way_out: list[str] = []
        if _needs_network(job):
            way_out, inner = _way_out(job), inner | _PROXY
        return [*way_out, *_SHIELD, *self._bubblewrap(job, shown, tuple(logs)), *command], inner

    # ------------------------------------------------------------------ inside

    def _guard(self, argv: list[str], job: Job, shown: tuple[Path, ...]) -> list[str]:
        in_namespaces = self.level == "namespaces"
        network = not in_namespaces and _needs_network(job)
        ports = None if in_namespaces else [*(INTERNET_PORTS if network else ()), *([self.port] if self.port else [])]
        doors = [(self.port, SOCKET)] if self.socket else []
        doors += [(EGRESS_PORT, EGRESS)] if _needs_network(job) else []
        settings = {
            "level": self.level,
            "network": network,
            "doors": doors if in_namespaces else [],
            "ports": ports,
            "files": _grants_inside(job) if in_namespaces else _grants(job, shown, network),
            "processes": self.processes,
            "memory": self.memory_bytes,
            "bytes": self.folder_bytes,
            "measured": [str(job.folder)],
        }
        return [*_python("enpire.agents._jail.guard", settings), *argv]

    def _bubblewrap(self, job: Job, shown: tuple[Path, ...], logs: tuple[Path, ...]) -> list[str]:
        program = _bubblewrap_program()
        command = [program, "--unshare-all", "--unshare-user", "--uid", USER, "--gid", USER, "--cap-drop", "ALL"]
        command += ["--die-with-parent", "--hostname", "agent"]
        command += ["--disable-userns"] if "--disable-userns" in _help(program) else []
        for path in _sight.SYSTEM:
            if Path(path).is_symlink():
                command += ["--symlink", str(Path(path).readlink()), path]
            else:
                command += ["--ro-bind-try", path, path]
        for name in _sight.SETTINGS:
            command += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
        for file in sorted(_ETC.iterdir()):
            command += ["--ro-bind", str(file), f"/etc/{file.name}"]
        command += ["--proc", "/proc", "--dev", "/dev"]
        for path in ("/dev/shm", "/tmp", "/var/tmp"):
            command += ["--perms", "1777", "--size", str(SCRATCH_BYTES), "--tmpfs", path]
        for folder in shown:
            command += ["--ro-bind-try", str(folder), str(folder)]
        if self.socket:
            command += ["--ro-bind", str(self.socket), SOCKET]
        if _needs_network(job):
            command += ["--ro-bind", str(job.folder / _EGRESS_SOCKET), EGRESS]
        command += _session_mounts(job, logs)
        return [*command, "--remount-ro", "/", "--chdir", str(job.workspace), "--"]


def _needs_network(job: Job) -> bool:
    """A login of the user's own bypasses the gateway."""
    return job.login is not None


def _python(module: str, settings: Json) -> list[str]:
    """Command that runs a module of ours with its settings; the command to run inside goes behind it."""
    interpreter = str(Path(sys.executable).resolve())
    return [interpreter, "-I", "-S", "-B", "-c", bootstrap.main_of(module, settings)]


def _way_out(job: Job) -> list[str]:
    """Prefix that puts the proxy beside a session. Its log is there before the walls, so that they cover it."""
    log = job.folder / EGRESS_LOG
    os.close(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644))
    return _python("enpire.agents._jail.egress", {"socket": str(job.folder / _EGRESS_SOCKET), "log": str(log)})


def _hands_in_by_file(job: Job) -> bool:
    return not job.tools_url


def _session_mounts(job: Job, logs: tuple[Path, ...]) -> list[str]:
    """The session folder: workspace and home can be written, what the harness put there cannot.

    Each part is a mount of its own, which nobody inside can rename or replace by a link.
    """
    writable = (job.workspace, job.home)
    mounts = ["--bind" if _hands_in_by_file(job) else "--ro-bind", str(job.folder), str(job.folder)]
    for path in sorted({*job.folder.iterdir(), *logs}):
        if path in writable:
            mounts += ["--bind", str(path), str(path)]
        elif path.name != SUBMISSION and not path.is_symlink():
            mounts += ["--ro-bind", str(path), str(path)]
    return mounts


def _grants_inside(job: Job) -> dict[str, list[str]]:
    """For Landlock in namespaces, a second lock: the mounts already decide what is there."""
    writable = [str(job.folder), "/tmp", "/var/tmp", "/dev/shm"]
    return {"see": ["/"], "change": writable, "use": ["/dev", *_DEVICES, "/dev/pts"]}


def _grants(job: Job, shown: tuple[Path, ...], network: bool) -> dict[str, list[str]]:
    """For Landlock alone."""
    names = (*_sight.SETTINGS, "passwd", "group", "nsswitch.conf", "hosts", *(["resolv.conf"] if network else []))
    package = Path(__file__).resolve().parents[1]
    see = [*_sight.SYSTEM, *(f"/etc/{name}" for name in names), *map(str, shown), *(f"/proc/{n}" for n in _PROC)]
    grants = {"see": [*see, str(job.folder)], "change": [str(job.workspace), str(job.home)], "use": list(_DEVICES)}
    grants["list"] = [str(package.parent)]  # an import looks there for what is installed
    return grants | ({"hand_in": [str(job.folder)]} if _hands_in_by_file(job) else {})


@cache
def _bubblewrap_program() -> str:
    program = shutil.which("bwrap")
    if program is None:
        raise MissingProgram(
            "level 'namespaces' needs bubblewrap; install it (apt install bubblewrap) or use level 'lsm'"
        )
    return program


@cache
def _help(program: str) -> str:
    return subprocess.run([program, "--help"], capture_output=True, text=True, check=False).stdout


def raise_walls(
    level: str = "auto", *, readable: Iterable[Path] = (), socket: Path | None = None, port: int = 0
) -> Walls:
    """The strongest walls that hold on this machine, or those of a level that is demanded.

    Args:
        level: `auto`, `namespaces`, `lsm` or `none`. A level is taken only if `walls_doctor` cannot get out of it.
        readable: What to show to every session, read only: candidates, block library.
        socket: The gateway's unix socket.
        port: The gateway's TCP port.

    Raises:
        BadInput: There is no such level.
        MissingProgram: The level that was demanded does not hold here; the message says what was open.
    """
    from enpire.agents._jail import door, egress, guard  # noqa: F401  compiled now, and not at each start of an agent
    from enpire.agents.walls_doctor import require

    if level not in ("auto", *LEVELS):
        raise BadInput(f"unknown confinement level {level!r}; known: auto, {', '.join(LEVELS)}")
    walls = Walls(level="none", readable=tuple(readable), socket=socket, port=port)
    for candidate in LEVELS if level == "auto" else [name for name in LEVELS if name == level]:
        if candidate == "none":
            break
        try:
            require(candidate)
        except MissingProgram:
            if level != "auto":
                raise
        else:
            return replace(walls, level=candidate)
    return walls
