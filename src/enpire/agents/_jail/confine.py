"""Locks the calling process down for good, before it becomes the agent. A step that fails ends it."""

import os
import resource

from enpire.agents._jail import calls
from enpire.core.confinement import kernel, landlock
from enpire.core.confinement.landlock import ALL, EXECUTE, READ_DIR, READ_FILE, TRUNCATE, WRITE_FILE
from enpire.core.confinement.seccomp import install

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SEE = EXECUTE | READ_FILE | READ_DIR
CHANGE = ALL & ~(landlock.MAKE_CHAR | landlock.MAKE_FIFO | landlock.MAKE_BLOCK)
"""Everything but making devices and pipes with names: a pipe where a file is expected would hold up its reader."""
HAND_IN = READ_FILE | READ_DIR | WRITE_FILE | TRUNCATE | landlock.MAKE_REG | landlock.REMOVE_FILE
"""Plain files can be made, replaced and removed; folders can neither be moved nor replaced by links."""
USE = READ_FILE | WRITE_FILE | TRUNCATE | landlock.IOCTL_DEV
"""Devices."""
GRANTS = {"see": SEE, "list": READ_DIR, "change": CHANGE, "hand_in": HAND_IN, "use": USE}
OPEN_FILES = 16384
PROCESSES = 2048
"""Processes and threads of a session."""


def limits(own_users: bool) -> dict[int, int]:
    """Hard limits. The address space is not limited: Node reserves a lot of it; the guard looks at memory.

    Args:
        own_users: There is a user namespace of our own, so that processes can be counted.
    """
    found = {resource.RLIMIT_CORE: 0, resource.RLIMIT_NOFILE: OPEN_FILES, resource.RLIMIT_MSGQUEUE: 0}
    return found | ({resource.RLIMIT_NPROC: PROCESSES} if own_users else {})


def confine(settings: "dict[str, Any]") -> None:
    """Bring this process behind the walls that `settings` describe, see `enpire.agents.walls`.

    Raises:
        OSError: A step did not work. The process must end.
    """
    namespaces = settings["level"] == "namespaces"
    kernel.die_with_parent()
    kernel.require_one_thread()
    kernel.limit_resources(limits(own_users=namespaces))
    kernel.forbid_new_privileges()
    if not namespaces or landlock.version() > 0:
        files = [(path, GRANTS[grant]) for grant, paths in settings["files"].items() for path in paths]
        landlock.restrict(files, settings["ports"])
    kernel.drop_capabilities()
    install(calls.assemble(os.uname().machine, namespaces=namespaces, network=settings["network"]))
