"""Attempts to break out, made for real from inside a confined worker. Each returns normally if the attempt worked."""

import ctypes
import importlib
import json
import mmap
import os
import resource
import socket
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from enpire.core.confinement.attempts import Attempts, Call, make_call, make_in, renice, table, worked
from enpire.core.confinement.kernel import LIBC

from .protocol import CONTROL_FD

SOCKETS = {
    "AF_UNIX": socket.SOCK_STREAM,
    "AF_INET": socket.SOCK_STREAM,
    "AF_INET6": socket.SOCK_DGRAM,
    "AF_NETLINK": socket.SOCK_RAW,
    "AF_PACKET": socket.SOCK_RAW,
    "AF_VSOCK": socket.SOCK_STREAM,
}
Ways = list[Callable[[], object]]

PARENT = -1
"""Stands for the process number of the parent in `CALLS`."""

CALLS: dict[str, Call] = {
    "ptrace the parent": (101, 117, (0x4206, PARENT, 0, 0)),
    "read memory of the parent": (310, 270, (PARENT, 0, 0, 0, 0, 0)),
    "write memory of the parent": (311, 271, (PARENT, 0, 0, 0, 0, 0)),
    "open the parent as pidfd": (434, 434, (PARENT, 0)),
    "take a descriptor from another process": (438, 438, (-1, 0, 0)),
    "signal through a pidfd": (424, 424, (-1, 0, 0, 0)),
    "queue a signal to the parent": (129, 138, (PARENT, 0, 0)),
    "signal a thread of the parent": (234, 131, (PARENT, PARENT, 0)),
    "io_uring": (425, 425, (1, 0)),
    "key ring": (250, 219, (0, -3, 0)),
    "add a key": (248, 217, (0, 0, 0, 0, 0)),
    "request a key": (249, 218, (0, 0, 0, 0)),
    "memory file": (319, 279, (0, 0xFFFF)),
    "SysV shared memory": (29, 194, (0, 0, 0o600)),
    "SysV message queue": (68, 186, (0x656E7069, 0)),
    "SysV semaphore": (64, 190, (0x656E7069, 0, 0)),
    "POSIX message queue": (240, 180, (0, 0, 0, 0)),
    "userfaultfd": (323, 282, (0xFFFF,)),
    "performance counters": (298, 241, (0, 0, -1, -1, 0)),
    "load BPF": (321, 280, (0xFFFF, 0, 0)),
    "mount": (165, 40, (0, 0, 0, 0, 0)),
    "change root": (161, 51, (0,)),
    "new namespaces": (272, 97, (0x7FFFFFFF,)),
    "enter a namespace": (308, 268, (-1, 0)),
    "clone3": (435, 435, (0, 0)),
    "run a program": (59, 221, (0, 0, 0)),
    "run a program by descriptor": (322, 281, (-1, 0, 0, 0, 0)),
    "scheduling class": (144, 119, (0, -1, 0)),
    "affinity of the parent": (203, 122, (PARENT, 0, 0)),
    "leave its processor": (203, 122, (0, 0, 0)),
    "set the clock": (227, 112, (0, 0)),
    "personality": (135, 92, (0xFFFFFFFF,)),
    "quota": (179, 60, (0xFFFF, 0, 0, 0)),
    "reboot": (169, 142, (0, 0, 0, 0)),
    "load a kernel module": (175, 105, (0, 0, 0)),
    "load a kernel": (246, 104, (0, 0, 0, 0xFFFF)),
    "open by handle": (304, 265, (-1, 0, 0)),
    "name to handle": (303, 264, (-1, 0, 0, 0, 0)),
    "pass a descriptor to the station": (46, 211, (CONTROL_FD, 0, 0)),
    "survive the parent": (157, 167, (1, 0, 0, 0, 0)),
    "own the signals of a descriptor": (72, 25, (CONTROL_FD, 8, PARENT)),
}


def _call(name: str) -> None:
    on_x86_64, on_aarch64, arguments = CALLS[name]
    make_call((on_x86_64, on_aarch64, tuple(os.getppid() if a == PARENT else a for a in arguments)))


def _connect(address: str) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(address)


def _fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _allocate_above_limit() -> None:
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    mmap.mmap(-1, limit if limit != resource.RLIM_INFINITY else 1 << 33).close()


def _write_observations(memory: mmap.mmap) -> None:
    """Get a writable view of the shared memory: by changing the mapping, or by mapping or writing the file again."""
    address = np.frombuffer(memory, np.uint8).ctypes.data
    if LIBC.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(4096), 3) == 0:
        return
    descriptors = [fd for fd in range(CONTROL_FD + 1, 64) if _is_open(fd)]
    reopened = [fd for fd in (_open_or_none(f"/proc/self/fd/{fd}") for fd in descriptors) if fd is not None]
    ways: Ways = [partial(_map_writable, fd) for fd in (*descriptors, *reopened)]
    ways += [partial(os.write, fd, b"x") for fd in (*descriptors, *reopened)]
    outcomes = [worked(way) for way in ways]
    for fd in reopened:
        os.close(fd)
    if not any(outcomes):
        raise PermissionError


def _map_writable(descriptor: int) -> None:
    mmap.mmap(descriptor, 4096, prot=mmap.PROT_WRITE).close()


def _open_or_none(path: str) -> int | None:
    try:
        return os.open(path, os.O_RDWR)
    except OSError:
        return None


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _inherited_descriptors() -> None:
    """Beside the control socket, only the one descriptor that holds the observation memory may be open."""
    if len([fd for fd in range(CONTROL_FD + 1, 1024) if _is_open(fd)]) <= 1:
        raise PermissionError


def _environment() -> None:
    allowed = {"LANG", "LC_CTYPE", "LD_LIBRARY_PATH", "PWD"}
    if all(name in allowed or name.endswith("_NUM_THREADS") or name.startswith("PYTHON") for name in os.environ):
        raise PermissionError


def _file_attempts(given: dict[str, Any]) -> Attempts:
    victim, folder = Path(given["victim"]), Path(given["candidates"])
    return {
        "read a file outside": victim.read_bytes,
        "read /etc/passwd": Path("/etc/passwd").read_bytes,
        "read the harness": Path(given["harness"]).read_bytes,
        "list other candidates": partial(os.listdir, folder),
        "list the root folder": partial(os.listdir, "/"),
        "list processes": partial(os.listdir, "/proc"),
        "environment of the parent": Path(f"/proc/{os.getppid()}/environ").read_bytes,
        "see file metadata outside": victim.stat,
        "write a file outside": partial(victim.write_bytes, b"probe"),
        "write anywhere": partial(make_in, [str(folder), ".", *given["writable"]]),
        "truncate a file outside": partial(os.truncate, victim, 1),
        "change a mode outside": partial(victim.chmod, 0o600),
        "change times outside": partial(os.utime, victim),
        "set an attribute outside": partial(os.setxattr, victim, "user.probe", b"1"),
        "link outside": partial(victim.with_suffix(".link").symlink_to, victim),
        "make a folder outside": victim.with_suffix(".folder").mkdir,
        "rename outside": partial(victim.rename, victim.with_suffix(".moved")),
    }


def _process_attempts(given: dict[str, Any], memory: mmap.mmap) -> Attempts:
    parent = os.getppid()
    return {
        "secrets in the environment": _environment,
        "inherited descriptors": _inherited_descriptors,
        "write the observations": partial(_write_observations, memory),
        "allocate above the limit": _allocate_above_limit,
        "raise own limits": partial(resource.setrlimit, resource.RLIMIT_AS, (-1, -1)),
        "signal the parent": partial(os.kill, parent, 0),
        "limits of the parent": partial(resource.prlimit, parent, resource.RLIMIT_CORE),
        "priority of the parent": partial(renice, parent),
        "fork": _fork,
        "connect to an abstract socket": partial(_connect, f"\0{given['listener']}"),
        "socket pair": _socket_pair,
        **{f"socket {family}": partial(_socket, family) for family in SOCKETS},
        **{name: partial(_call, name) for name in CALLS},
    }


def _socket_pair() -> None:
    for end in socket.socketpair():
        end.close()


def _socket(family: str) -> None:
    socket.socket(getattr(socket, family), SOCKETS[family]).close()


def _start_thread() -> None:
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()


CONTROLS: Attempts = {
    "import from the standard library": lambda: importlib.import_module("colorsys"),
    "NumPy linear algebra": lambda: np.linalg.solve(np.eye(3), np.ones(3)),
    "start a thread": _start_thread,
    "read /dev/urandom": lambda: os.close(os.open("/dev/urandom", os.O_RDONLY)),
}
"""What an honest policy needs; these must work."""


def run(given: dict[str, Any], memory: mmap.mmap) -> NoReturn:
    """Make all attempts, write the table as JSON to the log, end the process."""
    found = table(CONTROLS, {**_process_attempts(given, memory), **_file_attempts(given)})
    os.write(1, json.dumps(found).encode())
    os._exit(0)
