"""Locks the calling process down, for good, before it loads any code of a candidate.

Order matters: resource limits, no new privileges, Landlock, capabilities, seccomp. Each step raises if it fails, so a
worker that runs is a worker that is confined. Landlock holds the calling thread only, hence the check for one thread.
"""

import ctypes
import os
import platform
import resource
import stat
import struct
from collections.abc import Iterable
from pathlib import Path

from . import seccomp, syscalls
from .protocol import LARGEST_FILE_BYTES

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long

PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
READ_FILE, READ_DIR = 1 << 2, 1 << 3
FILE_RIGHTS = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF, 5: 0xFFFF}
"""All file rights that each Landlock version knows; all are handled, so all are denied unless granted."""
TCP_RIGHTS, SCOPES = 0x3, 0x3
"""Bind and connect (version 4); abstract unix sockets and signals (version 6)."""
CPU_SECONDS = 3600
OPEN_FILES = 64
PROCESSES = 64


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when the thread that started it ends.

    Args:
        parent: Process that must still be the parent; 0 where its number is not visible (pid namespace).
    """
    _checked(LIBC.prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0), "PR_SET_PDEATHSIG")
    if parent and os.getppid() != parent:
        os._exit(0)


def thread_count_is_one() -> bool:
    """Whether the calling thread is the only one. Where /proc is absent, the kernel is asked by `unshare(2)`."""
    tasks = Path("/proc/self/task")
    if tasks.is_dir():
        return len(list(tasks.iterdir())) == 1
    return bool(LIBC.unshare(seccomp.CLONE_THREAD) == 0)


def limit_resources(memory_bytes: int, private_user_namespace: bool) -> None:
    """Set hard resource limits. A process count can only be limited in a user namespace of its own."""
    limits = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: LARGEST_FILE_BYTES,
        resource.RLIMIT_CPU: CPU_SECONDS,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    if private_user_namespace:
        limits[resource.RLIMIT_NPROC] = PROCESSES
    for kind, value in limits.items():
        _, hard = resource.getrlimit(kind)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def forbid_new_privileges() -> None:
    """No set-user-id program can give rights back; also the condition for Landlock and seccomp without root."""
    _checked(LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS")


def drop_capabilities() -> None:
    """Give up all capabilities, also those root has."""
    for capability in range(64):
        if LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break
    header = struct.pack("<Ii", 0x20080522, 0)
    _checked(LIBC.capset(header, bytes(24)), "capset")


def landlock_version() -> int:
    """Version of Landlock in this kernel; 0 if there is none."""
    return max(int(LIBC.syscall(LANDLOCK_CREATE_RULESET, None, 0, 1)), 0)


def restrict_files(readable: Iterable[str], listable: Iterable[str]) -> None:
    """Landlock: files under `readable` can be read, folders under `listable` can be listed, all else is denied."""
    version = landlock_version()
    if version == 0:
        raise OSError("this kernel has no Landlock")
    rights = FILE_RIGHTS[min(version, 5)]
    attributes = struct.pack("<QQQ", rights, TCP_RIGHTS, SCOPES)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = _checked(LIBC.syscall(LANDLOCK_CREATE_RULESET, attributes, size, 0), "landlock_create_ruleset")
    for path in readable:
        _allow(ruleset, path, READ_FILE | READ_DIR)
    for path in listable:
        _allow(ruleset, path, READ_DIR)
    _checked(LIBC.syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0), "landlock_restrict_self")
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        is_folder = stat.S_ISDIR(os.fstat(beneath).st_mode)
        granted = rights if is_folder else rights & ~READ_DIR
        rule = struct.pack("<Qi", granted, beneath)
        _checked(LIBC.syscall(LANDLOCK_ADD_RULE, ruleset, 1, rule, 0), f"landlock_add_rule {path}")
    finally:
        os.close(beneath)


def filter_calls() -> None:
    """Install the seccomp filter on all threads of this process."""

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))

    machine = platform.machine()
    code = seccomp.assemble(machine, os.getpid())
    program = Program(len(code) // 8, code)
    set_filter, all_threads = 1, 1
    call = syscalls.SECCOMP_CALL[machine]
    _checked(LIBC.syscall(call, set_filter, all_threads, ctypes.byref(program)), "seccomp", exact=True)


def confine(level: str, memory_bytes: int, readable: Iterable[str], listable: Iterable[str]) -> None:
    """Bring this process to a confinement level: `namespaces`, `lsm` or `none`.

    Raises:
        OSError: A step did not work. The process must end.
    """
    limit_resources(memory_bytes, private_user_namespace=level == "namespaces")
    forbid_new_privileges()
    if level == "none":
        drop_capabilities()
        return
    if not thread_count_is_one():
        raise OSError("another thread runs already and would stay unconfined")
    restrict_files(readable, listable)
    drop_capabilities()
    filter_calls()


def _checked(result: int, what: str, exact: bool = False) -> int:
    if result < 0 or (exact and result != 0):
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result
