"""System call filters as BPF bytes, assembled without any library, and their installation.

What is allowed or refused is said by those who use it. Tables of calls are texts of `name=x86_64/aarch64`; `-` stands
for a call that a machine lacks. Numbers are from the kernel's `asm/unistd_64.h` and `asm-generic/unistd.h`.
"""

import ctypes
import os
import struct

from enpire.core.confinement.kernel import LIBC, checked

MACHINES = ("x86_64", "aarch64")
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""Architecture word the kernel puts into `seccomp_data.arch`."""
SECCOMP_CALL = {"x86_64": 317, "aarch64": 277}
"""Number of `seccomp(2)` itself."""

ALLOW, KILL, DONE = 0x7FFF0000, 0x80000000, 0x00050000
"""`DONE`: the call returns 0 and does nothing."""
EPERM, ENOSYS = 0x00050000 | 1, 0x00050000 | 38
LOAD, JUMP_EQUAL, JUMP_ABOVE, JUMP_SET, AND, RETURN = 0x20, 0x15, 0x25, 0x45, 0x54, 0x06
NUMBER, ARCH, ARGUMENTS = 0, 4, 16
"""Offsets in `struct seccomp_data`."""
CLONE_NEW_ANY = 0x7E020080
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET and NEWTIME."""

Rules = list[tuple[int, int, int, int]]


def numbers(table: str, machine: str) -> dict[str, int]:
    """Calls of a table by name, in its order; those that the machine lacks are left out.

    Raises:
        ValueError: Unknown machine.
    """
    column = MACHINES.index(machine)
    pairs = [pair.partition("=") for pair in table.split()]
    found = {name: both.split("/")[column] for name, _, both in pairs}
    return {name: int(number) for name, number in found.items() if number != "-"}


def always(verdict: int) -> Rules:
    """The same verdict whatever the arguments."""
    return [(RETURN, 0, 0, verdict)]


def argument(index: int) -> tuple[int, int, int, int]:
    """Load the low half of an argument; all that are looked at have 32 bits in the kernel."""
    return (LOAD, 0, 0, ARGUMENTS + 8 * index)


def among(index: int, values: tuple[int, ...], *, then: int, otherwise: int) -> Rules:
    """A verdict for some values of an argument, and one for all others."""
    tests: Rules = [rule for value in values for rule in ((JUMP_EQUAL, 0, 1, value), (RETURN, 0, 0, then))]
    return [argument(index), *tests, (RETURN, 0, 0, otherwise)]


def refuse_bits(index: int, bits: int) -> Rules:
    """Refuse if any of these bits is set in an argument."""
    return [argument(index), (JUMP_SET, 0, 1, bits), (RETURN, 0, 0, EPERM), (RETURN, 0, 0, ALLOW)]


def assemble(machine: str, blocks: dict[int, Rules], *, newest: int, otherwise: int) -> bytes:
    """A whole filter: `struct sock_filter` instructions, in order.

    Calls of another architecture kill the process.

    Args:
        machine: `x86_64` or `aarch64`.
        blocks: Rules by number of the call, each of which ends with a verdict; asked in this order.
        newest: Calls above this number, also those of the x32 table, look as if this kernel lacked them.
        otherwise: Verdict on a call that is not named.
    """
    rules: Rules = [
        (LOAD, 0, 0, ARCH),
        (JUMP_EQUAL, 1, 0, AUDIT_ARCH[machine]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
        (JUMP_ABOVE, 0, 1, newest),
        (RETURN, 0, 0, ENOSYS),
    ]
    for number, block in blocks.items():
        rules += [(JUMP_EQUAL, 0, len(block), number), *block]
    return b"".join(struct.pack("<HBBI", *rule) for rule in [*rules, (RETURN, 0, 0, otherwise)])


def install(code: bytes) -> None:
    """Put a filter on all threads of this process, for good.

    Raises:
        OSError: It did not work. The process must end.
    """

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))

    program = Program(len(code) // 8, code)
    set_filter, all_threads = 1, 1
    call = SECCOMP_CALL[os.uname().machine]
    checked(LIBC.syscall(call, set_filter, all_threads, ctypes.byref(program)), "seccomp", exact=True)
