"""Who is who below a supervisor, from /proc: its family, their roles, what they hold, who is left when it is dead."""

import os
import time
from pathlib import Path
from typing import NamedTuple

from enpire.agents import _keeper


class Process(NamedTuple):
    """A process that cannot be mistaken for a later one with its number: `started` is in clock ticks of the boot."""

    pid: int
    parent: int
    started: int
    state: str


def look(pid):
    """A process as it is now; None if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return Process(pid, int(fields[1]), int(fields[19]), fields[0])


def family(pid):
    """All processes below `pid`, parents before children."""
    children = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (found := look(entry.name)) is not None:
            children.setdefault(found.parent, []).append(found._replace(pid=int(entry.name)))
    found, frontier = [], [pid]
    while frontier:
        frontier = [child for parent in frontier for child in children.get(parent, [])]
        found += frontier
        frontier = [child.pid for child in frontier]
    return found


def descendants(pid):
    """Numbers of all processes below `pid`."""
    return [process.pid for process in family(pid)]


def survivors(processes, within_s=1.0):
    """Those of `processes` that still run after at most `within_s` seconds; zombies have ended."""
    deadline = time.monotonic() + within_s
    while True:
        left = [p for p in processes if (now := look(p.pid)) and now.started == p.started and not _ended(now)]
        if not left or time.monotonic() >= deadline:
            return left
        time.sleep(0.02)


def _ended(process):
    """Whether it is dead with all its threads; the first of them may have ended before the others."""
    return process.state in "ZX" and all(
        (thread := look(f"{process.pid}/task/{entry.name}")) is None or thread.state in "ZX"
        for entry in _entries(Path(f"/proc/{process.pid}/task"))
    )


def _entries(folder):
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def condemned(process):
    """Whether a process runs no further instruction of its own: it has ended or only waits to be taken apart."""
    now = look(process.pid)
    return now is None or now.started != process.started or _keeper.condemned(process.pid)


def mentioning(folder):
    """Living processes whose command or environment names a folder, this process apart."""
    found, wanted = [], str(folder).encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "environ").read_bytes() + b"\0" + (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if any(wanted in word for word in words.split(b"\0")):
            found.append(int(entry.name))
    return [process for pid in found if (process := look(pid)) is not None and process.state not in "ZX"]


def roles(supervisor):
    """Processes of a campaign by role: supervisor, station, zygote, worker, gateway, other (agents, Git, walls)."""
    found = {"supervisor": [supervisor], "station": [], "zygote": [], "worker": [], "gateway": [], "other": []}
    role = {supervisor: "supervisor"}
    for process in family(supervisor):
        role[process.pid] = _role(process.pid, role.get(process.parent, ""))
        found[role[process.pid].removesuffix(" walls")].append(process.pid)
    found.pop("zygote walls", None)
    return found


def _role(pid, above):
    command = _command(pid)
    if "enpire.rollout.station" in command:
        return "station"
    if "enpire.agents.gateway" in command:
        return "gateway"
    if above in ("station", "other walls") and command.startswith("/") and "/bwrap" in command.split("\0")[0]:
        return "other walls"
    if above in ("station", "other walls"):
        return "zygote"
    return "worker" if above == "zygote" else "other"


def _command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def memory_kib(pid):
    """Resident memory, and its private part that only the process itself can give back, in KiB; 0 if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0, 0
    found = dict(line.split()[:2] for line in lines if "Rss" in line or "RSS" in line)
    return int(found.get("VmRSS:", 0)), int(found.get("RssAnon:", 0))


def descriptors(pid):
    """Open descriptors; 0 if the process is gone."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208
    except OSError:
        return 0


def cpu_s(pid):
    """CPU time of a process and of its children that it has waited for, in seconds."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return sum(int(x) for x in fields[11:15]) / os.sysconf("SC_CLK_TCK")
