"""How long an honest policy takes while another policy spins with some threads. One process per station.

`python benchmarks/worker/spinning.py`; with `--free` workers may use all processors, with `--ahead` the one that spins
is the policy prepared next at the same station. Where the kernel gives each session its share of the processors
(`sched_autogroup_enabled`, outside containers and services) there is little to see: run it in a CPU group.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from enpire.core.records import ActionSpec, ArraySpec, TaskSpec
from enpire.rollout.worker import launch
from enpire.rollout.worker.pool import Worker, WorkerPool

SPEC = TaskSpec(
    name="spinning",
    instruction="",
    observation={"observation.state": ArraySpec(shape=(6,), dtype="float64")},
    action=ActionSpec(size=2, low=(-1.0, -1.0), high=(1.0, 1.0)),
    period_s=1 / 30,
    max_steps=10,
)
OBSERVATION = {"observation.state": np.zeros(6)}
HONEST = """
import numpy as np
class Policy:
    def __init__(self, task): self.matrix = np.random.rand(160, 160)
    def reset(self, observation, instruction): pass
    def select_action(self, observation):
        for _ in range(10): self.matrix @ self.matrix
        return [0.0, 0.0]
"""
SPINNER = """
import hashlib, threading
def spin():
    while True: hashlib.pbkdf2_hmac("sha1", b"", b"", 10**9)
class Policy:
    def __init__(self, task):
        for _ in range({threads}): threading.Thread(target=spin, daemon=True).start()
    def reset(self, observation, instruction): pass
    def select_action(self, observation): return [0.0, 0.0]
"""


def load(pool: WorkerPool, source: str) -> Worker:
    folder = pool.candidates / str(time.monotonic_ns())
    folder.mkdir()
    (folder / "policy.py").write_text(source)
    worker = pool.prepare(folder, SPEC)
    worker.wait_loaded(60.0)
    return worker


def spin(level: str, threads: int) -> None:
    with tempfile.TemporaryDirectory() as name, WorkerPool(Path(name), level=level) as pool:
        load(pool, SPINNER.format(threads=threads)).reset(OBSERVATION, 60.0)
        print("spinning", flush=True)
        sys.stdin.read(1)


def latencies_ms(level: str, steps: int, ahead: int) -> NDArray[np.float64]:
    """Of an honest policy that is asked 30 times per second."""
    found = []
    with tempfile.TemporaryDirectory() as name, WorkerPool(Path(name), level=level) as pool:
        worker = load(pool, HONEST)
        if ahead:
            load(pool, SPINNER.format(threads=ahead))
        worker.reset(OBSERVATION, 60.0)
        due_s = time.monotonic()
        for step in range(steps):
            due_s += SPEC.period_s
            time.sleep(max(0.0, due_s - time.monotonic()))
            began_s = time.monotonic()
            worker.request(step, OBSERVATION)
            worker.receive(60.0)
            found.append(1e3 * (time.monotonic() - began_s))
    return np.array(found)


def measure(arguments: argparse.Namespace, threads: int) -> NDArray[np.float64]:
    if not threads or arguments.ahead:
        return latencies_ms(arguments.level, arguments.steps, threads)
    free = ["--free"] if arguments.free else []
    command = [sys.executable, __file__, "--level", arguments.level, "--spin", str(threads), *free]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    assert other.stdout is not None
    other.stdout.readline()
    try:
        return latencies_ms(arguments.level, arguments.steps, 0)
    finally:
        other.communicate(b"x")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--level", default="lsm")
    parser.add_argument("--threads", type=int, nargs="*", default=[0, 1, 4, 16])
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--free", action="store_true")
    parser.add_argument("--ahead", action="store_true")
    parser.add_argument("--spin", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.free:
        launch.BOOTSTRAP = launch.BOOTSTRAP.replace("[{}]", "os.sched_getaffinity(0) or {}")
    if arguments.spin is not None:
        return spin(arguments.level, arguments.spin)
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; {arguments}")
    runs = [(threads, measure(arguments, threads)) for _ in range(arguments.repeats) for threads in arguments.threads]
    for threads in arguments.threads:
        found = np.concatenate([run for number, run in runs if number == threads])
        p50, p99 = np.percentile(found, [50, 99])
        missed = 100 * float(np.mean(found > 1e3 * SPEC.period_s))
        line = f"{threads:3d} threads: p50 {p50:.2f}, p99 {p99:.2f}, max {found.max():.2f} ms, missed {missed:.1f} %"
        print(f"{line} (n = {len(found)})", flush=True)
    return None


if __name__ == "__main__":
    main()
