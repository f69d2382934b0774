"""Episodes on many simulated stations: the start policy, the best recipe known, or the oracle that knows the truth.

python benchmarks/stations/play.py push_t_simple start --n 40           # the start policy as it is shipped
python benchmarks/stations/play.py pin_insertion best --n 40            # the best recipe known
python benchmarks/stations/play.py pin_insertion best --physical --n 40 # with the robot's own resets between
python benchmarks/stations/play.py push_t oracle --n 40                 # physical resets, verdict against truth
python benchmarks/stations/play.py push_t_simple best --swap eyes=one_look --set greedy.gap=1.2

Policies play in this process, without the sandbox and its deadlines, from starts placed by hand unless `--physical` is
given. Campaigns are slower and stricter; compare their results, not these.
"""

import argparse
import json
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from importlib import import_module, resources
from pathlib import Path
from typing import Any

import numpy as np

from enpire.core.records import to_builtins
from enpire.environment.station_task import StationTask
from enpire.evolution.workspace import start_policy, with_values
from enpire.statistics.intervals import wilson
from enpire.tasks._push_t.oracle import oracle
from enpire.tasks._push_t.scenario import PushT

PUSHING = {
    "eyes": "marked_looks",
    "finish": "yielding_tolerance",
    "planner": "greedy",
    "aim": "learned_aim",
    "stroke": "guided_stroke",
}
INSERTING = {
    "move": "compensated_move",
    "aim": "seen_aim",
    "descent": "guarded_descent",
    "search": "spiral_search",
    "retry": "lift_and_retry",
}
BEST = {"push_t": PUSHING, "push_t_simple": PUSHING, "pin_insertion": INSERTING}
"""Slot to block of the best recipe known."""
START = {"push_t": "arm_push", "push_t_simple": "arm_push", "pin_insertion": "pin_insertion"}
"""The workspace that a task starts from."""

Act = Callable[[dict[str, np.ndarray]], np.ndarray]


def write_recipe(task: str, swaps: dict[str, str], values: dict[str, float]) -> None:
    """Put a task's workspace into a temporary folder and make its modules importable."""
    files = start_policy(START[task])
    library = resources.files("enpire").joinpath("policy_improvement", "blocks")
    text = files["policy.py"].decode()
    for slot, name in swaps.items():
        for suffix in (".py", ".toml"):
            files[f"blocks/{name}{suffix}"] = library.joinpath(name + suffix).read_bytes()
        text, found = re.subn(rf"blocks\.\w+( import \w+  # slot: {slot}\n)", rf"blocks.{name}\1", text)
        if found != 1:
            raise SystemExit(f"the policy of {task} has no slot {slot!r}")
    files["policy.py"] = text.encode()
    folder = Path(tempfile.mkdtemp(prefix=f"{task}_"))
    for path, content in with_values(files, values).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    sys.path.insert(0, str(folder))


class Tools:
    """The station's tools with everything as JSON, as a sandboxed policy gets them."""

    def __init__(self, task: StationTask) -> None:
        self._task = task

    def call(self, name: str, **arguments: Any) -> Any:
        plain = json.loads(json.dumps(arguments, default=lambda value: value.tolist()))
        return json.loads(json.dumps(self._task.call(name, plain)))


def policy_actions(task: StationTask, first: dict[str, np.ndarray]) -> Act:
    policy = import_module("policy").Policy(to_builtins(task.spec), Tools(task))
    policy.reset(first, task.spec.instruction)
    return lambda observation: policy.select_action(observation)


def oracle_actions(task: StationTask, first: dict[str, np.ndarray]) -> Act:
    del first  # Unused.
    scenario = task._scenario
    if not isinstance(scenario, PushT):
        raise SystemExit("the oracle plays Push-T only")
    tolerance = (scenario._rules.tolerance_m, scenario._rules.tolerance_rad)
    arm = task.setup.cell.arms["right"]
    actions: Iterator[np.ndarray] = oracle(arm, lambda: task.setup.cell.state, task.sealed, tolerance)
    return lambda observation: next(actions)


def told(truth: dict[str, float]) -> str:
    """How far the block or the pin really is from where it should be."""
    if "distance_m" in truth:
        return f"really {1000 * truth['distance_m']:.2f} mm {np.degrees(truth['yaw_error_rad']):.2f} deg off"
    height = f"{1000 * truth['tip_above_floor_m']:.1f} mm above the floor, {np.degrees(truth['tilt_rad']):.1f} deg"
    return f"really {1000 * truth['aside_m']:.2f} mm aside, {height}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=sorted(BEST))
    parser.add_argument("player", choices=("oracle", "start", "best"))
    parser.add_argument("--n", type=int, default=10)
    parser.add_argument("--level", type=int, default=2)
    parser.add_argument("--per", type=int, default=5, help="episodes per station")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--swap", action="append", default=[], metavar="SLOT=BLOCK")
    parser.add_argument("--set", action="append", default=[], metavar="BLOCK.PARAMETER=VALUE")
    parser.add_argument("--physical", action="store_true", help="the robot resets; by hand otherwise")
    given = parser.parse_args()
    knows = given.player == "oracle"
    physical = given.physical or knows
    if not knows:
        swaps = (BEST[given.task] if given.player == "best" else {}) | dict(entry.split("=") for entry in given.swap)
        values = {k: float(v) for k, v in (entry.split("=") for entry in given.set)}
        write_recipe(given.task, swaps, values)
    wins = agreed = resets = assists = 0
    robot_s, reset_s, cpu_s, progress = [], [], [], []
    ended_by: Counter[str] = Counter()
    task: StationTask | None = None
    for number in range(given.n):
        if task is None or number % given.per == 0:
            if task is not None:
                task.close()
            station = 9000 + 100 * given.seed + number // given.per
            options = {"level": given.level, "station_seed": station, "fast_reset": float(not physical)}
            task = import_module(f"enpire.tasks.{given.task}").make(options)
        begun = time.process_time()
        observation, info = task.reset(seed=10_000 * (given.seed + 1) + number)
        if physical and number % given.per:  # the first start on a station is placed by hand
            resets, assists = resets + 1, assists + info["assists"]
            reset_s.append(info["reset_s"] - 60.0 * info["assists"])
        act = (oracle_actions if knows else policy_actions)(task, observation)
        steps, said, ended = 0, task.verify(), False
        while steps < task.spec.max_steps and not said.success and not ended:
            observation, _, ended, _, info = task.step(act(observation))
            said, steps = task.verify(), steps + 1
        truth = task.sealed()
        wins, agreed = wins + bool(said.success), agreed + (bool(said.success) == bool(truth["success"]))
        ended_by[info.get("failure", "")] += 1
        robot_s.append(steps * task.spec.period_s)
        progress.append(said.progress)
        cpu_s.append(time.process_time() - begun)
        print(
            f"{number}: {'success' if said.success else 'failure'} {info.get('failure', '')} {robot_s[-1]:.1f} s, "
            f"{told(truth)}; reset {reset_s[-1] if reset_s else 0.0:.1f} s {task.assisted}",
            flush=True,
        )
    low, high = wilson(wins, given.n)
    print(f"success {wins}/{given.n} = {wins / given.n:.2f} [{low:.2f}, {high:.2f}], verdict right {agreed}")
    print(f"ended by {dict(ended_by)}, robot time {np.mean(robot_s):.1f} s, progress {np.mean(progress):.3f}")
    print(f"CPU {np.mean(cpu_s):.1f} s an episode with its reset")
    if resets:
        low, high = wilson(resets - assists, resets)
        alone = f"{resets - assists}/{resets} [{low:.2f}, {high:.2f}]"
        print(f"resets by the robot alone {alone}, robot time {np.mean(reset_s):.1f} s")


if __name__ == "__main__":
    main()
