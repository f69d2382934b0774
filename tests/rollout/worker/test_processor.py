"""All threads of a station's policies stay on one processor, and stations take different ones while they can."""

import os
import subprocess
import sys
from pathlib import Path

from test_worker_lifecycle import zygote_process
from worker_support import Prepare, act, begin, policy

from enpire.rollout.worker.pool import WorkerPool
from enpire.rollout.worker.processor import processor

SPINNING = policy(
    "return [len(os.sched_getaffinity(0)), 0, 0, 0]",
    top="import threading\ndef spin():\n    while True: pass",
    init="[threading.Thread(target=spin, daemon=True).start() for _ in range(4)]",
)
CLAIM = """
import sys
from enpire.rollout.worker import processor
print(processor.processor(), processor._claims[0].getsockname()[1:].decode(), flush=True)
sys.stdin.read(1)
"""


def allowed_processors(pid: int) -> set[str]:
    """Of all threads of a process, and of all its children's."""
    children = [int(word) for path in Path(f"/proc/{pid}/task").glob("*/children") for word in path.read_text().split()]
    statuses = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status")]
    own = {line for status in statuses for line in status.splitlines() if line.startswith("Cpus_allowed_list:")}
    return own.union(*map(allowed_processors, children))


def test_threads_of_a_policy_stay_on_one_processor(pool: WorkerPool, prepare: Prepare) -> None:
    worker = begin(prepare(SPINNING))
    assert act(worker) == [1.0, 0.0, 0.0, 0.0]
    assert allowed_processors(zygote_process(pool)) == {f"Cpus_allowed_list:\t{processor()}"}
    worker.finish()


def claim(count: int) -> list[tuple[int, str]]:
    """Processors that this many stations take, each with the name of its claim."""
    stations = [
        subprocess.Popen([sys.executable, "-c", CLAIM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    found = []
    for station in stations:
        assert station.stdout is not None
        number, name = station.stdout.readline().split()
        found.append((int(number), name))
    for station in stations:
        station.communicate("x")
    return found


def test_stations_take_turns() -> None:
    allowed = os.sched_getaffinity(0)
    found = claim(len(allowed) + 1)
    assert len({name for _, name in found}) == len(found)
    assert {number for number, _ in found} <= allowed
    for number, name in found:
        assert name.startswith(f"enpire-processor-{number}-")
