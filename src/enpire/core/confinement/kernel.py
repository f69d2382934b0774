"""What a process gives up for good by a call of its own: privileges, capabilities, resources. Each step raises if it
fails, so that a process that goes on is one that is locked.
"""

# Every agent and every worker waits for this file at its start: it imports little.
# ruff: noqa: PTH208

import ctypes
import os
import resource
import struct

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 24, 36, 38
SIGKILL = 9
CLONE_THREAD = 0x00010000


def checked(result: int, what: str, exact: bool = False) -> int:
    """The result of a call that returns -1, or with `exact` anything but 0, when it fails.

    Raises:
        OSError: It failed; `what` names the call.
    """
    if result < 0 or (exact and result != 0):
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def die_with_parent(parent: int = 0) -> None:
    """Ask the kernel to kill this process when the thread that started it ends.

    Args:
        parent: Process that must still be the parent; 0 where its number is not visible (pid namespace).
    """
    checked(LIBC.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "PR_SET_PDEATHSIG")
    if parent and os.getppid() != parent:
        os._exit(0)


def require_one_thread() -> None:
    """Landlock holds the calling thread and what it starts: any other would stay as it is.

    Raises:
        OSError: There is another thread. Where /proc is absent, the kernel is asked by `unshare(2)`.
    """
    try:
        alone = len(os.listdir("/proc/self/task")) == 1
    except FileNotFoundError:
        alone = LIBC.unshare(CLONE_THREAD) == 0
    if not alone:
        raise OSError("another thread runs already and would stay unconfined")


def limit_resources(limits: dict[int, int]) -> None:
    """Set hard limits, by `resource.RLIMIT_*`; one that is lower already stays."""
    for kind, value in limits.items():
        _, hard = resource.getrlimit(kind)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def forbid_new_privileges() -> None:
    """No set-user-id program can give rights back; also the condition for Landlock and seccomp without root."""
    checked(LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS")


def drop_capabilities() -> None:
    """Give up all capabilities, also those root has."""
    for capability in range(64):
        if LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break
    header = struct.pack("<Ii", 0x20080522, 0)
    checked(LIBC.capset(header, bytes(24)), "capset")


def volunteer_for_out_of_memory() -> None:
    """If the machine runs out of memory, this process and what it starts go first. Without /proc nothing is said."""
    try:
        descriptor = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.write(descriptor, b"1000")
    except OSError:
        pass
    finally:
        os.close(descriptor)
