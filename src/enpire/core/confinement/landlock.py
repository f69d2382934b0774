"""Landlock: files, TCP ports, abstract sockets and signals. What is not granted is denied.

Rights and versions are from the kernel's `linux/landlock.h`.
"""

import os
import stat
import struct

from enpire.core.confinement.kernel import LIBC, checked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
"""Numbers of the calls, on all machines."""
FILE_RIGHTS = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF, 5: 0xFFFF}
"""All file rights that each Landlock version knows; all are handled, so all are denied unless granted."""
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_FILE = 1, 2, 4, 8, 32
MAKE_CHAR, MAKE_REG, MAKE_FIFO, MAKE_BLOCK, TRUNCATE, IOCTL_DEV = (1 << bit for bit in (6, 8, 10, 11, 14, 15))
ALL = FILE_RIGHTS[5]
ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
"""Those that a file that is no folder can have."""
BIND_TCP, CONNECT_TCP = 1, 2
SCOPES = 0x3
"""Abstract unix sockets and signals (version 6)."""
BENEATH, PORT = 1, 2


def version() -> int:
    """Version of Landlock in this kernel; 0 if there is none."""
    return max(int(LIBC.syscall(CREATE_RULESET, None, 0, 1)), 0)


def restrict(files: "Iterable[tuple[str, int]]", ports: "Iterable[int] | None" = ()) -> None:
    """Confine the calling thread and all that it starts.

    Args:
        files: Paths with the rights below them. What is not there, or cannot be reached, needs no grant.
        ports: TCP ports that may be connected to (from version 4 on); None for all.

    Raises:
        OSError: It did not work, or this kernel has no Landlock. The process must end.
    """
    known = version()
    if known == 0:
        raise OSError("this kernel has no Landlock")
    rights = FILE_RIGHTS[min(known, 5)]
    tcp = 0 if ports is None else BIND_TCP | CONNECT_TCP
    size = 24 if known >= 6 else 16 if known >= 4 else 8
    attributes = struct.pack("<QQQ", rights, tcp, SCOPES)
    ruleset = checked(LIBC.syscall(CREATE_RULESET, attributes, size, 0), "landlock_create_ruleset")
    for path, granted in files:
        _allow(ruleset, path, granted & rights)
    if known >= 4:
        for port in ports or ():
            rule = struct.pack("<QQ", CONNECT_TCP, port)
            checked(LIBC.syscall(ADD_RULE, ruleset, PORT, rule, 0), f"landlock_add_rule port {port}")
    checked(LIBC.syscall(RESTRICT_SELF, ruleset, 0), "landlock_restrict_self")
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        granted = rights if stat.S_ISDIR(os.fstat(beneath).st_mode) else rights & ON_FILES
        rule = struct.pack("<Qi", granted, beneath)
        checked(LIBC.syscall(ADD_RULE, ruleset, BENEATH, rule, 0), f"landlock_add_rule {path}")
    finally:
        os.close(beneath)
