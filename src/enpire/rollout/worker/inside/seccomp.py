"""The system call filter as BPF bytes, assembled without any library.

An allow-list: a call that is not named returns EPERM, a call newer than the table returns ENOSYS.
Opening files is left to Landlock. Sockets, processes, signals to others, memory files and all metadata changes are not
on the list. `read` and `write` on the control socket are enough for the protocol.
"""

import struct

from . import syscalls

ALLOW, KILL = 0x7FFF0000, 0x80000000
EPERM, ENOSYS = 0x00050000 | 1, 0x00050000 | 38
LOAD, JUMP_EQUAL, JUMP_ABOVE, JUMP_SET, RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
NUMBER, ARCH, ARGUMENTS = 0, 4, 16
"""Offsets in `struct seccomp_data`."""

CLONE_THREAD = 0x00010000
CLONE_NEW_ANY = 0x7E020080
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET and NEWTIME."""

FCNTL_COMMANDS = (0, 1, 2, 3, 1030, 1034)
"""F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC, F_GET_SEALS. F_SETOWN would send signals; F_SETFL would change
the log for its reader too."""
IOCTL_COMMANDS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX."""
PRCTL_OPTIONS = (2, 3, 15, 16, 39, 0x53564D41)
"""PR_GET_PDEATHSIG, PR_GET_DUMPABLE, PR_SET_NAME, PR_GET_NAME, PR_GET_NO_NEW_PRIVS, PR_SET_VMA (names of heaps)."""

Rules = list[tuple[int, int, int, int]]


def _only_values(argument: int, values: tuple[int, ...]) -> Rules:
    """Allow if the low half of an argument is one of `values`; all these arguments are 32-bit in the kernel."""
    rules: Rules = [(LOAD, 0, 0, ARGUMENTS + 8 * argument)]
    for value in values:
        rules += [(JUMP_EQUAL, 0, 1, value), (RETURN, 0, 0, ALLOW)]
    return [*rules, (RETURN, 0, 0, EPERM)]


def _only_threads() -> Rules:
    """Allow `clone` for a thread of this process, never for a process or a namespace."""
    return [
        (LOAD, 0, 0, ARGUMENTS),
        (JUMP_SET, 0, 2, CLONE_THREAD),
        (JUMP_SET, 1, 0, CLONE_NEW_ANY),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, EPERM),
    ]


def _conditions(pid: int) -> dict[str, Rules]:
    return {
        "clone": _only_threads(),
        "clone3": [(RETURN, 0, 0, ENOSYS)],
        "fcntl": _only_values(1, FCNTL_COMMANDS),
        "ioctl": _only_values(1, IOCTL_COMMANDS),
        "prctl": _only_values(0, PRCTL_OPTIONS),
        "kill": _only_values(0, (pid,)),
        "tgkill": _only_values(0, (pid,)),
        "prlimit64": _only_values(0, (0, pid)),
        "sched_setaffinity": _only_values(0, (0, pid)),
    }


def assemble(machine: str, pid: int) -> bytes:
    """Program for one process: `struct sock_filter` instructions, in order.

    Args:
        machine: `x86_64` or `aarch64`.
        pid: The process as it numbers itself; signals may go to it only.
    """
    conditions = _conditions(pid)
    rules: Rules = [
        (LOAD, 0, 0, ARCH),
        (JUMP_EQUAL, 1, 0, syscalls.AUDIT_ARCH[machine]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
    ]
    for name, number in syscalls.numbers(machine).items():
        block = conditions.get(name, [(RETURN, 0, 0, ALLOW)])
        rules += [(JUMP_EQUAL, 0, len(block), number), *block]
    rules += [(JUMP_ABOVE, 0, 1, syscalls.NEWEST), (RETURN, 0, 0, ENOSYS), (RETURN, 0, 0, EPERM)]
    return b"".join(struct.pack("<HBBI", *rule) for rule in rules)
