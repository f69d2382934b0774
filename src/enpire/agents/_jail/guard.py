"""Guard of one session: opens its doors, becomes the parent of the agent, and watches what it uses up.

The guard stands inside the namespaces, where there are any, but has no wall of its own: it must reach the gateway's
socket. The agent cannot reach the guard: Landlock and seccomp keep it from other processes.
"""

# Every agent waits for this file at its start: it imports little, and what can wait later.
import os
import signal
import time

from enpire.agents._jail import confine, usage
from enpire.core.confinement import kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

LOOK_S = 0.25
FOLDERS_S = 5.0
"""How often the size of the session's folders is looked at; never more than a twentieth of the time."""


def main(settings: "dict[str, Any]", argv: list[str]) -> "NoReturn":
    """Run one agent and end as it ends: its exit status, 128 + n after signal n, 127 if it cannot be started."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the agent gets it from the keeper as well
    kernel.volunteer_for_out_of_memory()
    kernel.LIBC.prctl(kernel.PR_SET_DUMPABLE, 0, 0, 0, 0)  # /proc shows nothing of us
    kernel.LIBC.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    kernel.forbid_new_privileges()
    opened, open_up = os.pipe()
    agent = os.fork()
    if agent == 0:
        os.close(open_up)
        _become(argv, settings, opened)
    os.close(opened)
    import threading

    if settings["doors"]:
        from enpire.agents._jail import door

        for port, path in settings["doors"]:
            threading.Thread(target=door.serve, args=(door.listen(port), path), daemon=True).start()
    os.write(open_up, b"1")
    os.close(open_up)
    threading.Thread(target=_watch, args=(agent, settings), daemon=True).start()
    os._exit(_await(agent))


def _become(argv: list[str], settings: "dict[str, Any]", opened: int) -> "NoReturn":
    """In the child: go behind the walls, wait until the door is open, then be the agent."""
    status, what = 126, "the walls do not hold"
    try:
        confine.confine(settings)
        if os.read(opened, 1) != b"1":
            raise OSError("the guard is gone")
        os.close(opened)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        status, what = 127, f"cannot start {argv[0]}"
        os.execvp(argv[0], argv)
    except Exception as error:  # nobody above may go on without walls
        reason = getattr(error, "strerror", None) or str(error)
        os.write(2, f"{what}: {reason}\n".encode(errors="replace"))
    finally:
        os._exit(status)


def _await(agent: int) -> int:
    """Reap the agent, and orphans of its meanwhile."""
    while True:
        pid, status = os.wait()
        if pid == agent:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _watch(agent: int, settings: "dict[str, Any]") -> None:
    """End the session when it uses up too much, or when that can no longer be told; for a thread."""
    reason = "what it uses up cannot be looked at"
    try:
        reason = _await_excess(settings)
    finally:
        os.write(2, f"\nstopped: {reason}\n".encode())
        os.kill(agent, signal.SIGKILL)


def _await_excess(settings: "dict[str, Any]") -> str:
    """Look again and again until the session uses up too much: of what."""
    next_look_s = 0.0
    while True:
        time.sleep(LOOK_S)
        family = usage.below(os.getpid())
        if sum(family.values()) > settings["processes"]:
            return f"more than {settings['processes']} processes and threads"
        if usage.uses_more_memory(family, settings["memory"]):
            return f"more than {settings['memory'] >> 20} MiB of memory"
        if time.monotonic() > next_look_s:
            began_s = time.monotonic()
            if sum(map(usage.size, settings["measured"])) > settings["bytes"]:
                return f"more than {settings['bytes']} bytes in its folders"
            next_look_s = time.monotonic() + max(FOLDERS_S, 20 * (time.monotonic() - began_s))
