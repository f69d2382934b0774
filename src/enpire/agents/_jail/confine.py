"""Locks the calling process down for good, before it becomes the agent. A step that fails ends it.

Landlock holds the calling thread and what it starts, hence the check for one thread.
"""

# ruff: noqa: PTH208

import ctypes
import os
import resource
import signal
import stat
import struct

from . import calls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 24, 36, 38
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
FILE_RIGHTS = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF, 5: 0xFFFF}
"""All file rights that each Landlock version knows; all are handled, so all are denied unless granted."""
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_FILE, MAKE_REG, TRUNCATE = 1, 2, 4, 8, 32, 256, 1 << 14
SEE = EXECUTE | READ_FILE | READ_DIR
CHANGE = 0xFFFF & ~(1 << 6 | 1 << 10 | 1 << 11)
"""Everything but making devices and pipes with names: a pipe where a file is expected would hold up its reader."""
HAND_IN = READ_FILE | READ_DIR | WRITE_FILE | TRUNCATE | MAKE_REG | REMOVE_FILE
"""Plain files can be made, replaced and removed; folders can neither be moved nor replaced by links."""
USE = READ_FILE | WRITE_FILE | TRUNCATE | 1 << 15
"""Devices."""
ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | 1 << 15
GRANTS = {"see": SEE, "list": READ_DIR, "change": CHANGE, "hand_in": HAND_IN, "use": USE}
BIND_TCP, CONNECT_TCP = 1, 2
SCOPES = 0x3
"""Abstract unix sockets and signals (version 6)."""
OPEN_FILES = 16384
PROCESSES = 2048
"""Processes and threads of a session."""


def landlock_version() -> int:
    """Version of Landlock in this kernel; 0 if there is none."""
    return max(int(LIBC.syscall(CREATE_RULESET, None, 0, 1)), 0)


def forbid_new_privileges() -> None:
    """No set-user-id program can give rights back; also the condition for Landlock and seccomp without root."""
    _checked(LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS")


def limit_resources(own_users: bool) -> None:
    """Set hard limits. The address space is not limited: Node reserves a lot of it.

    Args:
        own_users: There is a user namespace of our own, so that processes can be counted.
    """
    limits = {resource.RLIMIT_CORE: 0, resource.RLIMIT_NOFILE: OPEN_FILES, resource.RLIMIT_MSGQUEUE: 0}
    if own_users:
        limits[resource.RLIMIT_NPROC] = PROCESSES
    for kind, value in limits.items():
        _, hard = resource.getrlimit(kind)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def drop_capabilities() -> None:
    """Give up all capabilities, also those root has."""
    for capability in range(64):
        if LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break
    header = struct.pack("<Ii", 0x20080522, 0)
    _checked(LIBC.capset(header, bytes(24)), "capset")


def restrict(files: dict[str, list[str]], ports: "Iterable[int] | None") -> None:
    """Landlock: what is not granted is denied.

    Args:
        files: Paths by grant, see `GRANTS`.
        ports: TCP ports that may be connected to (from version 4 on); None for all.
    """
    version = landlock_version()
    if version == 0:
        raise OSError("this kernel has no Landlock")
    known = FILE_RIGHTS[min(version, 5)]
    tcp = 0 if ports is None else BIND_TCP | CONNECT_TCP
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    attributes = struct.pack("<QQQ", known, tcp, SCOPES)
    ruleset = _checked(LIBC.syscall(CREATE_RULESET, attributes, size, 0), "landlock_create_ruleset")
    for grant, paths in files.items():
        for path in paths:
            _allow(ruleset, path, GRANTS[grant] & known)
    if version >= 4:
        for port in ports or ():
            rule = struct.pack("<QQ", CONNECT_TCP, port)
            _checked(LIBC.syscall(ADD_RULE, ruleset, 2, rule, 0), f"landlock_add_rule port {port}")
    _checked(LIBC.syscall(RESTRICT_SELF, ruleset, 0), "landlock_restrict_self")
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # what is not there, or cannot be reached, needs no grant
        return
    try:
        granted = rights if stat.S_ISDIR(os.fstat(beneath).st_mode) else rights & ON_FILES
        rule = struct.pack("<Qi", granted, beneath)
        _checked(LIBC.syscall(ADD_RULE, ruleset, 1, rule, 0), f"landlock_add_rule {path}")
    finally:
        os.close(beneath)


def filter_calls(namespaces: bool, network: bool) -> None:
    """Install the seccomp filter."""

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))

    machine = os.uname().machine
    code = calls.assemble(machine, namespaces=namespaces, network=network)
    program = Program(len(code) // 8, code)
    set_filter, all_threads = 1, 1
    call = calls.SECCOMP_CALL[machine]
    _checked(LIBC.syscall(call, set_filter, all_threads, ctypes.byref(program)), "seccomp", exact=True)


def confine(settings: "dict[str, Any]") -> None:
    """Bring this process behind the walls that `settings` describe, see `enpire.agents.walls`.

    Raises:
        OSError: A step did not work. The process must end.
    """
    namespaces = settings["level"] == "namespaces"
    _checked(LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "PR_SET_PDEATHSIG")
    if len(os.listdir("/proc/self/task")) != 1:
        raise OSError("another thread runs already and would stay unconfined")
    limit_resources(own_users=namespaces)
    forbid_new_privileges()
    if not namespaces or landlock_version() > 0:
        restrict(settings["files"], settings["ports"])
    drop_capabilities()
    filter_calls(namespaces, settings["network"])


def _checked(result: int, what: str, exact: bool = False) -> int:
    if result < 0 or (exact and result != 0):
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result
