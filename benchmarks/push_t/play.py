"""Push-T episodes on many stations: the robot's own resets, the oracle, or a workspace recipe.

python benchmarks/push_t/play.py oracle --n 40                       # physical resets, oracle, verdict against truth
python benchmarks/push_t/play.py start --n 40                        # the start policy as it is shipped
python benchmarks/push_t/play.py best --n 40                         # the best recipe known
python benchmarks/push_t/play.py best --swap eyes=one_look --set greedy.gap=1.2

`start` and `best` play in this process, without the sandbox and its deadlines, from starts laid by hand unless
`--physical` is given.
"""

import argparse
import json
import re
import sys
import tempfile
import time
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

BEST = {
    "eyes": "marked_looks",
    "finish": "yielding_tolerance",
    "planner": "greedy",
    "aim": "learned_aim",
    "stroke": "guided_stroke",
}

Act = Callable[[dict[str, np.ndarray]], np.ndarray]


def write_recipe(swaps: dict[str, str], values: dict[str, float]) -> None:
    """Put a workspace into a temporary folder and make its modules importable."""
    files = start_policy("arm_push")
    library = resources.files("enpire").joinpath("policy_improvement", "blocks")
    text = files["policy.py"].decode()
    for slot, name in swaps.items():
        for suffix in (".py", ".toml"):
            files[f"blocks/{name}{suffix}"] = library.joinpath(name + suffix).read_bytes()
        text, found = re.subn(rf"blocks\.\w+( import \w+  # slot: {slot}\n)", rf"blocks.{name}\1", text)
        assert found == 1, f"no slot {slot}"
    files["policy.py"] = text.encode()
    folder = Path(tempfile.mkdtemp(prefix="push_t_"))
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
    assert isinstance(scenario, PushT)
    rules = scenario._rules
    tolerance = (rules.tolerance_m, rules.tolerance_rad)
    actions: Iterator[np.ndarray] = oracle(
        task.setup.cell.arms["right"], lambda: task.setup.cell.state, task.sealed, tolerance
    )
    return lambda observation: next(actions)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("player", choices=("oracle", "start", "best"))
    parser.add_argument("--n", type=int, default=10)
    parser.add_argument("--level", type=int, default=2)
    parser.add_argument("--per", type=int, default=5, help="episodes per station")
    parser.add_argument("--task", default="push_t_simple")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--swap", action="append", default=[], metavar="SLOT=BLOCK")
    parser.add_argument("--set", action="append", default=[], metavar="BLOCK.PARAMETER=VALUE")
    parser.add_argument("--physical", action="store_true")
    given = parser.parse_args()
    physical = given.physical or given.player == "oracle"
    if given.player != "oracle":
        best = given.player == "best"
        swaps = (BEST if best else {}) | dict(entry.split("=") for entry in given.swap)
        values = {k: float(v) for k, v in (entry.split("=") for entry in given.set)}
        write_recipe(swaps, values)
    begin = oracle_actions if given.player == "oracle" else policy_actions
    wins = agreed = resets = assists = 0
    robot_s, reset_s, cpu_s, progress = [], [], [], []
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
        if physical and number % given.per:  # the first start on a station is laid by hand
            resets, assists = resets + 1, assists + info["assists"]
            reset_s.append(info["reset_s"])
        act, steps, said, ended = begin(task, observation), 0, task.verify(), False
        while steps < task.spec.max_steps and not said.success and not ended:
            observation, _, ended, _, info = task.step(act(observation))
            said, steps = task.verify(), steps + 1
        truth = task.sealed()
        wins, agreed = wins + bool(said.success), agreed + (bool(said.success) == bool(truth["success"]))
        robot_s.append(steps * task.spec.period_s)
        progress.append(said.progress)
        cpu_s.append(time.process_time() - begun)
        print(
            f"{number}: {'success' if said.success else 'failure'} {info.get('failure', '')} {robot_s[-1]:.1f} s, "
            f"really {1000 * truth['distance_m']:.2f} mm {np.degrees(truth['yaw_error_rad']):.2f} deg, "
            f"reset {reset_s[-1] if reset_s else 0.0:.1f} s",
            flush=True,
        )
    low, high = wilson(wins, len(robot_s))
    print(f"success {wins}/{len(robot_s)} = {wins / len(robot_s):.2f} [{low:.2f}, {high:.2f}], verdict right {agreed}")
    print(
        f"robot time {np.mean(robot_s):.1f} s, progress {np.mean(progress):.3f}, CPU {np.mean(cpu_s):.1f} s an episode"
    )
    if resets:
        low, high = wilson(resets - assists, resets)
        print(
            f"resets by the robot alone {resets - assists}/{resets} [{low:.2f}, {high:.2f}], {np.mean(reset_s):.1f} s"
        )


if __name__ == "__main__":
    main()
