"""Locks the calling process down, for good, before it loads any code of a candidate.

Order matters: resource limits, no new privileges, Landlock, capabilities, seccomp. Each step raises if it fails, so a
worker that runs is a worker that is confined.
"""

import os
import platform
import resource
from collections.abc import Iterable

from enpire.core.confinement import kernel, landlock
from enpire.core.confinement.kernel import die_with_parent
from enpire.core.confinement.seccomp import install

from . import seccomp
from .protocol import LARGEST_FILE_BYTES

__all__ = ["confine", "die_with_parent"]

CPU_SECONDS = 3600
OPEN_FILES = 64
PROCESSES = 64
READ, LIST = landlock.READ_FILE | landlock.READ_DIR, landlock.READ_DIR


def limits(memory_bytes: int, own_users: bool) -> dict[int, int]:
    """Hard limits of a worker. Threads can be counted only where there is a user namespace of its own."""
    return {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: LARGEST_FILE_BYTES,
        resource.RLIMIT_CPU: CPU_SECONDS,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        **({resource.RLIMIT_NPROC: PROCESSES} if own_users else {}),
    }


def confine(level: str, memory_bytes: int, readable: Iterable[str], listable: Iterable[str]) -> None:
    """Bring this process to a confinement level: `namespaces`, `lsm` or `none`.

    Args:
        level: At `none`, only limits are set.
        memory_bytes: Address space.
        readable: Files and folders that can be read.
        listable: Folders of which only names can be listed.

    Raises:
        OSError: A step did not work. The process must end.
    """
    kernel.limit_resources(limits(memory_bytes, own_users=level == "namespaces"))
    kernel.forbid_new_privileges()
    if level == "none":
        kernel.drop_capabilities()
        return
    kernel.require_one_thread()
    landlock.restrict([*((path, READ) for path in readable), *((path, LIST) for path in listable)])
    kernel.drop_capabilities()
    install(seccomp.assemble(platform.machine(), os.getpid()))
