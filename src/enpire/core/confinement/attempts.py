"""Attempts to break out, made for real from inside: each returns normally if it worked, and raises if not."""

import ctypes
import errno
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from enpire.core.confinement.kernel import LIBC
from enpire.core.confinement.seccomp import MACHINES

Attempt = Callable[[], object]
Attempts = dict[str, Attempt]
Call = tuple[int, int, tuple[int, ...]]
"""A raw call: number on x86_64, on aarch64, arguments. Calls that would do harm get arguments that cannot succeed: what
counts is whether the kernel refused the call itself or went on to look at them."""
REFUSED = {errno.EPERM, errno.EACCES, errno.ENOSYS}


def make_call(call: Call) -> None:
    """Make a raw call.

    Raises:
        PermissionError: The kernel refused it.
    """
    number = call[MACHINES.index(os.uname().machine)]
    if LIBC.syscall(number, *map(ctypes.c_long, call[2])) == -1 and ctypes.get_errno() in REFUSED:
        raise PermissionError(ctypes.get_errno(), "refused")


def renice(pid: int) -> None:
    """Set the priority of a process to what it is."""
    os.setpriority(os.PRIO_PROCESS, pid, os.getpriority(os.PRIO_PROCESS, pid))


def make_in(folders: Iterable[str]) -> None:
    """Make a file in one of these folders, and remove it."""
    for folder in folders:
        path = Path(folder) / f".enpire-probe-{os.getpid()}"
        try:
            path.touch()
        except OSError:
            continue
        path.unlink()
        return
    raise PermissionError


def worked(attempt: Attempt) -> bool:
    """Make one attempt; whether it succeeded."""
    try:
        attempt()
    except (OSError, MemoryError, ValueError, RuntimeError, ImportError):
        return False
    return True


def table(controls: Attempts, attempts: Attempts) -> dict[str, dict[str, bool]]:
    """Make all of them, the controls first: what worked, by group and name, see `selftest.Table`."""
    groups = {"controls": controls, "attempts": attempts}
    return {group: {name: worked(attempt) for name, attempt in found.items()} for group, found in groups.items()}
