"""The camera's verdict on Push-T against the truth: hard cases laid by hand on many stations of one level.

python benchmarks/push_t/judge.py --n 500 [--level 2] [--per 20] [--task push_t_simple] [--seed 0]

Kinds: `beyond` (one error between 1.02 and 1.6 tolerances), `near` (one between 0.5 and 1.6), `inside` (both below
0.8), `covered` (at its goal, an arm not retracted), `moving` (drifting slowly while the arms rest).
"""

import argparse
import time
from collections import Counter
from importlib import import_module

import numpy as np

from enpire.environment.station_task import StationTask
from enpire.statistics.intervals import wilson
from enpire.tasks._push_t import block
from enpire.tasks._push_t.scenario import PushT

KINDS = ("beyond", "inside", "near", "beyond", "covered", "inside", "beyond", "near", "inside", "moving")
WAIT = 30
GOAL = np.array(block.GOAL)


def drawn_pose(kind: str, tolerance: tuple[float, float], random: np.random.Generator) -> np.ndarray:
    """A pose of this kind."""
    center = block.center(GOAL)
    if kind in ("near", "beyond"):
        share = random.uniform(0.5 if kind == "near" else 1.02, 1.6, 2)
        share[random.integers(2)] = random.uniform(0.0, 1.0)
    else:
        share = random.uniform(0.0, 0.8, 2)
    angle = random.uniform(0, 2 * np.pi)
    away = share[0] * tolerance[0] * np.array([np.cos(angle), np.sin(angle)])
    return block.at_center(center + away, share[1] * tolerance[1] * random.choice([-1.0, 1.0]))


def judged(
    task: StationTask, kind: str, pose: np.ndarray, random: np.random.Generator
) -> tuple[bool | None, bool, dict]:
    """Verdict, truth at the moment of the verdict, and the truth's numbers."""
    observation, _ = task.reset(seed=int(random.integers(2**31)))
    world = task.setup.world
    block.put(world.model, world.data, pose)
    world.refresh()
    action = np.clip(observation["observation.state"], task.spec.action.low, task.spec.action.high)
    if kind == "covered":
        action = action.copy()
        action[7 + int(random.integers(3))] += random.uniform(0.25, 0.7)
    drift = random.uniform(0.01, 0.03, 2) if kind == "moving" else np.zeros(2)
    verdict, truth = task.verify(), task.sealed()
    for _ in range(WAIT):
        if kind == "moving":
            moved = block.true_pose(world.data)
            moved[:2] += drift / 30
            block.put(world.model, world.data, moved)
            world.data.qvel[world.model.joint(block.NAME).dofadr[0] : world.model.joint(block.NAME).dofadr[0] + 2] = (
                drift
            )
            world.refresh()
        task.step(action)
        verdict, truth = task.verify(), task.sealed()
        if verdict.success is not False or "seen" in verdict.evidence:
            break
    return verdict.success, bool(truth["success"]), truth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=40)
    parser.add_argument("--level", type=int, default=2)
    parser.add_argument("--per", type=int, default=20, help="episodes per station")
    parser.add_argument("--task", default="push_t_simple")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    counts: Counter[tuple[str, bool | None, bool]] = Counter()
    wrong, costs = [], []
    task: StationTask | None = None
    for number in range(given.n):
        random = np.random.default_rng([given.seed, number])
        if task is None or number % given.per == 0:
            if task is not None:
                task.close()
            station = 7000 + 100 * given.seed + number // given.per
            options = {"level": given.level, "station_seed": station, "fast_reset": 1.0}
            task = import_module(f"enpire.tasks.{given.task}").make(options)
        scenario = task._scenario
        assert isinstance(scenario, PushT)
        look = scenario._judge._look

        def timed(*arguments: object, look: object = look) -> object:
            begun = time.process_time()
            answer = look(*arguments)  # type: ignore[operator]
            costs.append(1000 * (time.process_time() - begun))
            return answer

        scenario._judge._look = timed  # type: ignore[method-assign,assignment]
        rules = scenario._rules
        kind = KINDS[number % len(KINDS)]
        pose = drawn_pose(kind, (rules.tolerance_m, rules.tolerance_rad), random)
        said, real, truth = judged(task, kind, pose, random)
        scenario._judge._look = look  # type: ignore[method-assign]
        counts[kind, said, real] += 1
        if said is not None and said != real:
            wrong.append((number, kind, said, 1000 * truth["distance_m"], np.degrees(truth["yaw_error_rad"])))
    total = Counter({(said, real): 0 for said in (True, False, None) for real in (True, False)})
    for (_, said, real), count in counts.items():
        total[said, real] += count
    for kind in dict.fromkeys(KINDS):
        print(kind, {f"said {s}, is {r}": c for (k, s, r), c in sorted(counts.items(), key=str) if k == kind})
    for entry in wrong:
        print("wrong: number {}, {}, said {}, {:.2f} mm, {:.2f} deg".format(*entry))
    hard = sum(count for (_, _, real), count in counts.items() if not real)
    print(f"hard negatives {hard} of {given.n}")
    hits, false_hits = total[True, True], total[True, False]
    misses = total[False, True] + total[None, True]
    for name, k, n in (("precision", hits, hits + false_hits), ("recall", hits, hits + misses)):
        if n:
            low, high = wilson(k, n)
            print(f"{name} {k}/{n} = {k / n:.3f} [{low:.3f}, {high:.3f}]")
    print(f"n = {given.n}, could not tell {total[None, True] + total[None, False]}")
    print(f"CPU per look, ms: median {np.median(costs):.0f}, 95 % {np.percentile(costs, 95):.0f}")


if __name__ == "__main__":
    main()
