"""What a session uses up: processes, memory, bytes on disk. All of it read from outside, without its help."""

# Every agent waits for this file at its start: it imports little.
# ruff: noqa: PTH123, PTH208

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def below(root: int) -> dict[int, int]:
    """All descendants of a process: number of threads of each."""
    children: dict[int, list[tuple[int, int]]] = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:  # it ended while we looked
            continue
        children.setdefault(int(fields[1]), []).append((int(name), int(fields[17])))
    found: dict[int, int] = {}
    frontier = [root]
    while frontier:
        family = [child for pid in frontier for child in children.get(pid, [])]
        found.update(family)
        frontier = [pid for pid, _ in family]
    return found


def uses_more_memory(processes: "Iterable[int]", limit: int) -> bool:
    """Whether processes hold more bytes than that, in memory and in swap; pages of files do not count.

    What processes share, for example after a fork, counts once: where the quick sum is too much, the kernel is asked
    for each one's share.
    """
    processes = list(processes)
    return sum(map(_held, processes)) > limit and sum(map(_share, processes)) > limit


def _held(pid: int) -> int:
    return _sum_of_lines(f"/proc/{pid}/status", ("RssAnon:", "RssShmem:", "VmSwap:"))


def _share(pid: int) -> int:
    return _sum_of_lines(f"/proc/{pid}/smaps_rollup", ("Pss_Anon:", "Pss_Shmem:", "SwapPss:")) or _held(pid)


def _sum_of_lines(path: str, names: tuple[str, ...]) -> int:
    """Sum of values in kB, as bytes; 0 for a process that ended or may not be looked into."""
    try:
        with open(path, errors="replace") as file:
            return 1024 * sum(int(line.split()[1]) for line in file if line.startswith(names))
    except OSError:
        return 0


def size(folder: str) -> int:
    """Bytes on disk of what is in a folder; no link is followed."""
    total, frontier = 0, [folder]
    while frontier:
        try:
            with os.scandir(frontier.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        frontier.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
        except OSError:  # it went away while we looked
            continue
    return total
