"""What a policy worker costs per step, beside a bare pipe, and per episode. Run it as a script, without arguments."""

import os
import platform
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from enpire.core.errors import MissingProgram
from enpire.core.records import ActionSpec, ArraySpec, Observation, TaskSpec
from enpire.rollout.worker.pool import LEVELS, WorkerPool

STEPS, EPISODES = 5000, 40
STATE, ACTION = 20, 14
POLICY = f"""
import numpy as np

class Policy:
    def __init__(self, task):
        self.action = np.zeros({ACTION}, np.float32)
    def reset(self, observation, instruction):
        pass
    def select_action(self, observation):
        self.action[0] = observation["observation.state"][0]
        return self.action
"""
PIPE = f"""
import os, struct
state, action = struct.Struct("<Q{STATE}d"), struct.Struct("<Q{ACTION}f")
while data := os.read(0, state.size):
    values = state.unpack(data)
    os.write(1, action.pack(values[0], values[1], *[0.0] * {ACTION - 1}))
"""


def specification(cameras: int) -> TaskSpec:
    observation = {"observation.state": ArraySpec(shape=(STATE,), dtype="float64")}
    for camera in range(cameras):
        observation[f"observation.images.{camera}"] = ArraySpec(shape=(224, 224, 3), dtype="uint8")
    action = ActionSpec(size=ACTION, low=(-1.0,) * ACTION, high=(1.0,) * ACTION)
    return TaskSpec(name="b", instruction="", observation=observation, action=action, period_s=0.1, max_steps=STEPS)


def sample(spec: TaskSpec) -> Observation:
    return {key: np.zeros(array.shape, array.dtype) for key, array in spec.observation.items()}


def timed(call: Callable[[int], object], count: int) -> np.ndarray:
    """Microseconds of each call; the first tenth warms up and is left out."""
    taken = []
    for number in range(count):
        begun = time.perf_counter()
        call(number)
        taken.append((time.perf_counter() - begun) * 1e6)
    return np.array(taken[count // 10 :])


def pipe_step() -> np.ndarray:
    state, action = struct.Struct(f"<Q{STATE}d"), struct.Struct(f"<Q{ACTION}f")
    child = subprocess.Popen([sys.executable, "-c", PIPE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    assert child.stdin and child.stdout
    to_child, from_child = child.stdin.fileno(), child.stdout.fileno()
    values = [0.0] * STATE

    def step(number: int) -> None:
        os.write(to_child, state.pack(number, *values))
        action.unpack(os.read(from_child, action.size))

    taken = timed(step, STEPS)
    child.stdin.close()
    child.stdout.close()
    child.wait()
    return taken


def worker_step(pool: WorkerPool, candidate: Path, spec: TaskSpec) -> np.ndarray:
    worker = pool.prepare(candidate, spec)
    observation = sample(spec)
    worker.wait_loaded(30)
    worker.reset(observation, 30)

    def step(number: int) -> None:
        worker.request(number, observation)
        assert worker.receive(10) is not None

    taken = timed(step, STEPS)
    worker.finish()
    return taken


def episodes(pool: WorkerPool, candidate: Path, spec: TaskSpec) -> dict[str, np.ndarray]:
    """Milliseconds of each part of an episode without steps, and CPU milliseconds of the worker."""
    rows = []
    for _ in range(EPISODES):
        marks = [time.perf_counter()]
        worker = pool.prepare(candidate, spec)
        marks.append(time.perf_counter())
        worker.wait_loaded(30)
        marks.append(time.perf_counter())
        report = worker.finish()
        marks.append(time.perf_counter())
        rows.append([*(np.diff(marks) * 1e3), report.cpu_s * 1e3])
    return dict(zip(("prepare", "loaded", "finish", "cpu"), np.array(rows[4:]).T, strict=True))


def quantiles(taken: np.ndarray) -> str:
    return f"{np.median(taken):.1f} / {np.percentile(taken, 99):.0f}"


def main() -> None:
    print(
        f"{platform.system()} {platform.release()}, {os.cpu_count()} cores, Python {platform.python_version()}, ",
        end="",
    )
    print(f"load average before: {os.getloadavg()[0]:.1f}\n")
    print("| level | enter ms | state us p50 / p99 | state + 3 images | prepare ms | until loaded | finish | CPU ms |")
    print("|---|---|---|---|---|---|---|---|")
    print(f"| bare pipe, no checks | | {quantiles(pipe_step())} | | | | | |")
    with tempfile.TemporaryDirectory() as folder:
        candidate = Path(folder) / "candidate"
        candidate.mkdir()
        (candidate / "policy.py").write_text(POLICY)
        for level in reversed(LEVELS):
            begun = time.perf_counter()
            try:
                with WorkerPool(Path(folder), level=level) as pool:
                    entered = (time.perf_counter() - begun) * 1e3
                    steps = [quantiles(worker_step(pool, candidate, specification(n))) for n in (0, 3)]
                    parts = [f"{np.median(part):.1f}" for part in episodes(pool, candidate, specification(0)).values()]
            except MissingProgram as missing:
                print(f"| {level} | not available: {missing} |")
                continue
            print(f"| {level} | {entered:.0f} | {' | '.join([*steps, *parts])} |")


if __name__ == "__main__":
    main()
