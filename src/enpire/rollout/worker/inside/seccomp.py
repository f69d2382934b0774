"""The system call filter of a policy.

An allow-list: a call that is not named returns EPERM, a call newer than the table returns ENOSYS.
Opening files is left to Landlock. Sockets, processes, signals to others, memory files and all metadata changes are not
on the list. `read` and `write` on the control socket are enough for the protocol.
"""

from enpire.core.confinement import seccomp
from enpire.core.confinement.kernel import CLONE_THREAD
from enpire.core.confinement.seccomp import ALLOW, ENOSYS, EPERM, JUMP_SET, RETURN, Rules

from . import syscalls

FCNTL_COMMANDS = (0, 1, 2, 3, 1030, 1034)
"""F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC, F_GET_SEALS. F_SETOWN would send signals; F_SETFL would change
the log for its reader too."""
IOCTL_COMMANDS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX."""
PRCTL_OPTIONS = (2, 3, 15, 16, 39, 0x53564D41)
"""PR_GET_PDEATHSIG, PR_GET_DUMPABLE, PR_SET_NAME, PR_GET_NAME, PR_GET_NO_NEW_PRIVS, PR_SET_VMA (names of heaps)."""


def _only(argument: int, *values: int) -> Rules:
    return seccomp.among(argument, values, then=ALLOW, otherwise=EPERM)


def _only_threads() -> Rules:
    """Allow `clone` for a thread of this process, never for a process or a namespace."""
    return [
        seccomp.argument(0),
        (JUMP_SET, 0, 2, CLONE_THREAD),
        (JUMP_SET, 1, 0, seccomp.CLONE_NEW_ANY),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, EPERM),
    ]


def assemble(machine: str, pid: int) -> bytes:
    """Filter of one process.

    Args:
        machine: `x86_64` or `aarch64`.
        pid: The process as it numbers itself; signals may go to it only.
    """
    conditions = {
        "clone": _only_threads(),
        "clone3": seccomp.always(ENOSYS),
        "fcntl": _only(1, *FCNTL_COMMANDS),
        "ioctl": _only(1, *IOCTL_COMMANDS),
        "prctl": _only(0, *PRCTL_OPTIONS),
        "kill": _only(0, pid),
        "tgkill": _only(0, pid),
        "prlimit64": _only(0, 0, pid),
    }
    allowed = seccomp.numbers(syscalls.ALLOWED, machine)
    blocks = {number: conditions.get(name, seccomp.always(ALLOW)) for name, number in allowed.items()}
    return seccomp.assemble(machine, blocks, newest=syscalls.NEWEST, otherwise=EPERM)
