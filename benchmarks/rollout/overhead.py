"""What sandbox, judge process and records cost: python benchmarks/rollout/overhead.py CAMPAIGN_DIR [EPISODES]

The final policy of a Gym-PushT campaign plays the same start states twice: in one process with `env.step`, and on a
real station (its own environment process, sandboxed worker per episode, record on disk, no video). Rounds alternate;
the ratio of wall times is what counts. Use an idle machine.
"""

import json
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from enpire.cli.inspect import read_state
from enpire.core.line import Line
from enpire.core.records import Ticket, to_builtins
from enpire.environment import declaration
from enpire.environment.virtual_environment import ensure
from enpire.evolution import selection
from enpire.rollout.messages import Finished, Ready, Run
from enpire.rollout.station import Station
from enpire.rollout.worker.pool import WorkerPool
from enpire.tasks import SHIPPED, open_task

WARM_UP = 9_999
"""Seed of an episode that is not timed: stations run for hours, their first load of a policy is not the point."""
RAW = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
import gymnasium, gym_pusht, numpy as np
from policy import Policy
task, seeds = json.loads(sys.argv[2]), json.loads(sys.argv[3])
env = gymnasium.make("gym_pusht/PushT-v0", disable_env_checker=True)
low, high = np.array(task["action"]["low"]), np.array(task["action"]["high"])
env.reset(seed=1); Policy(task)
start, steps, successes = time.perf_counter(), 0, 0
for seed in seeds:
    state, _ = env.reset(seed=seed)
    policy, done = Policy(task), False
    observation = {"observation.state": np.asarray(state, float)}
    policy.reset(observation, task["instruction"])
    while not done:
        state, _, terminated, truncated, info = env.step(np.clip(policy.select_action(observation), low, high))
        observation = {"observation.state": np.asarray(state, float)}
        steps, done = steps + 1, terminated or truncated
    successes += bool(info["is_success"])
print(json.dumps([time.perf_counter() - start, steps, successes]))
"""


def raw(python: Path, candidate: Path, spec: object, seeds: list[int]) -> tuple[float, int, int]:
    task = to_builtins(spec)
    task.pop("manifest")
    command = [str(python), "-c", RAW, str(candidate), json.dumps(task), json.dumps(seeds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, steps, successes = json.loads(done.stdout.splitlines()[-1])
    return seconds, steps, successes


def station(root: Path, commit: str, task: object, pool: WorkerPool, seeds: list[int]) -> tuple[float, int, int]:
    ours, theirs = socket.socketpair()
    found: list[tuple[float, int, int]] = []

    def supervise() -> None:
        line = Line(ours)
        assert isinstance(line.receive(Ready), Ready)
        tickets = [
            Ticket(id=number, candidate=commit, seed=seed, purpose="filler", study="benchmark")
            for number, seed in enumerate([WARM_UP, *seeds], start=1)
        ]
        for ticket in tickets:
            line.send(Run(ticket))
        assert isinstance(line.receive(Finished), Finished)
        start = time.perf_counter()  # from record to record
        episodes = [line.receive(Finished).episode for _ in seeds]  # type: ignore[union-attr]
        found.append((time.perf_counter() - start, sum(x.steps for x in episodes), sum(x.success for x in episodes)))
        ours.close()

    thread = threading.Thread(target=supervise)
    thread.start()
    Station("station-1", root, task, pool, Line(theirs)).serve()  # type: ignore[arg-type]
    thread.join()
    return found[0]


def main() -> None:
    campaign, episodes = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 20
    state = read_state(campaign)
    commit = selection.final_candidate(state)
    task = open_task("gym:gym_pusht/PushT-v0")
    python = ensure(declaration.load(SHIPPED / "gym_pusht" / "PushT-v0.toml").requirements, lambda text, share: None)
    ratios = []
    with tempfile.TemporaryDirectory() as scratch, WorkerPool(campaign / "candidates") as pool:
        root = Path(scratch)
        (root / "episodes").mkdir()
        (root / "candidates").symlink_to((campaign / "candidates").absolute())
        for round_number in range(5):
            seeds = list(range(10_000 + 100 * round_number, 10_000 + 100 * round_number + episodes))
            a, b = (
                raw(python, campaign / "candidates" / commit, task.spec, seeds),
                station(root, commit, task, pool, seeds),
            )
            ratios.append((a[0] / a[1]) / (b[0] / b[1]))
            print(
                f"round {round_number + 1}: in one process {1e3 * a[0] / a[1]:.2f} ms/step ({a[2]}/{episodes}), "
                f"station {1e3 * b[0] / b[1]:.2f} ms/step ({b[2]}/{episodes}), speed ratio {ratios[-1]:.2f}",
                flush=True,
            )
        spread = f"median {statistics.median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]"
        print(f"isolation {pool.level}; speed ratio {spread}")
    task.close()


main()
