"""CPU time of tools: `python benchmarks/tools/latency.py`. Nominal arms of a station, no scene."""

import time
from collections.abc import Callable

import numpy as np
from mink import SE3

from enpire.core.errors import EnpireError
from enpire.simulation.arms.yam import HOME, nominal_model
from enpire.simulation.scene import ARM_BASES, calibrations
from enpire.tools import catalogue
from enpire.tools.control import compensation, contact, descent, grasp, jerk_limited, spiral
from enpire.tools.kinematics import mink_ik
from enpire.tools.kinematics.arm import Arm
from enpire.tools.planning import rrt_connect, straight
from enpire.tools.planning.collisions import Box, Collisions
from enpire.tools.station import Station

ROUNDS = 200
WALL = Box(T_parent_box=SE3.from_translation(np.array([0.35, 0.1, 0.1])), half_m=np.array([0.02, 0.02, 0.15]))


def cpu_ms(call: Callable[[int], object], rounds: int = ROUNDS) -> tuple[float, float, float]:
    """Mean, 95th percentile and maximum CPU time of a call, ms."""
    call(0)
    spent = []
    for i in range(rounds):
        begin = time.process_time()
        call(i)
        spent.append(1000 * (time.process_time() - begin))
    return float(np.mean(spent)), float(np.quantile(spent, 0.95)), float(np.max(spent))


def main() -> None:
    model = nominal_model(ARM_BASES)
    arms = {name: Arm(model, name) for name in ARM_BASES}
    left, both, home = arms["left"], tuple(arms.values()), np.array(HOME[:6])
    random = np.random.default_rng(1)
    postures = random.uniform(left.low, left.high, size=(ROUNDS, 6))
    poses = [left.forward(q) for q in postures]
    near = [np.clip(q + random.normal(0.0, 0.02, 6), left.low, left.high) for q in postures]
    table = [mink_ik.vertical(x, y, 0.05, 0.0) for x, y in random.uniform((0.2, 0.1), (0.44, 0.5), (ROUNDS, 2))]
    speeds, no_effort = np.full(6, 2.0), np.zeros(6)
    limits = jerk_limited.Limits(velocity=speeds, acceleration=np.full(6, 10.0), jerk=np.full(6, 100.0))
    move = compensation.start(left, home, home)
    bias = contact.free_air(left, home, no_effort)
    down, search = descent.start(left, home, home, no_effort), spiral.start(left, home, home, bias)
    motion = jerk_limited.Motion(q=home, velocity=no_effort, acceleration=no_effort)
    start = mink_ik.reach(left, mink_ik.vertical(0.33, 0.25, 0.08, 0.0), home)
    goal = mink_ik.reach(left, mink_ik.vertical(0.33, -0.02, 0.08, 0.0), start)
    line = straight.tool(left, start, mink_ik.vertical(0.33, 0.05, 0.08, 0.5))
    resting = {"right": home}
    plan = rrt_connect.plan((left,), start, goal, (WALL,), resting).path
    checks = {n: Collisions(a, [WALL]) for n, a in (("one arm", (left,)), ("two arms", both))}
    station = Station(
        arms=arms, joints=dict.fromkeys(arms, home), calibrations=calibrations(224, 224),
        look=lambda camera, depth: None, period_s=1 / 30,
    )  # fmt: skip
    step = catalogue.call("compensation.start", {"arm": "left", "q_command": HOME[:6], "q_measured": HOME[:6]}, station)
    wired = {"arm": "left", "state": step, "q_measured": list(HOME[:6]), "period_s": 0.033}
    wired["T_world_target"] = [0.33, 0.2, 0.1, 0.0, 1.0, 0.0, 0.0]
    shared = {name: random.uniform(c.low, c.high, size=(ROUNDS, len(c.low))) for name, c in checks.items()}
    rows: list[tuple[str, Callable[[int], object], int]] = [
        ("Arm.forward", lambda i: left.forward(postures[i]), ROUNDS),
        ("Arm.jacobian", lambda i: left.jacobian(postures[i]), ROUNDS),
        ("mink_ik.track", lambda i: mink_ik.track(left, near[i], poses[i], 0.01, speeds), ROUNDS),
        ("mink_ik.solve, 0.02 rad away", lambda i: mink_ik.solve(left, poses[i], near[i]), ROUNDS),
        ("mink_ik.solve, cold, any pose", lambda i: mink_ik.solve(left, poses[i]), ROUNDS),
        ("mink_ik.solve, cold, gripper down", lambda i: mink_ik.solve(left, table[i], None, "grip"), ROUNDS),
        ("mink_ik.solve, out of reach", lambda i: mink_ik.solve(left, mink_ik.vertical(0.9, 0.3, 0.1, i)), 50),
        ("posture check, one arm", lambda i: checks["one arm"].free(shared["one arm"][i]), ROUNDS),
        ("posture check, two arms", lambda i: checks["two arms"].free(shared["two arms"][i]), ROUNDS),
        (
            "rrt_connect.plan round a post",
            lambda i: rrt_connect.plan((left,), start, goal, (WALL,), resting, seed=i), 50,
        ),
        ("straight.tool, 210 mm", lambda i: straight.tool(left, start, mink_ik.vertical(0.33, 0.05, 0.08, 0.5)), 50),
        ("jerk_limited.move", lambda i: jerk_limited.move(start, goal, limits, 0.01), ROUNDS),
        ("jerk_limited.corners of the plan", lambda i: jerk_limited.corners(plan, limits, 0.01), 50),
        ("jerk_limited.smooth of the line", lambda i: jerk_limited.smooth(line, limits, 0.01), 50),
        ("jerk_limited.step", lambda i: jerk_limited.step(motion, goal, limits, 0.01), ROUNDS),
        ("contact.force", lambda i: contact.force(left, near[i], no_effort, bias), ROUNDS),
        ("compensation.step", lambda i: compensation.step(move, left, home, poses[i], 0.01), ROUNDS),
        ("descent.step", lambda i: descent.step(down, left, home, no_effort, 0.01, 0.1), ROUNDS),
        ("spiral.step", lambda i: spiral.step(search, left, home, no_effort, 0.01), ROUNDS),
        ("grasp.step", lambda i: grasp.step(grasp.start(1.0), 0.9, 0.0, 0.01), ROUNDS),
        ("compensation.step through the catalogue", lambda i: catalogue.call("compensation.step", wired, station), 100),
    ]  # fmt: skip
    print("| call | mean | p95 | max |\n|---|---|---|---|")
    for name, call, rounds in rows:
        print(f"| {name} | " + " | ".join(f"{ms:.3f}" for ms in cpu_ms(call, rounds)) + " |")
    print()
    _reach(left, postures)
    _plans(left, start, goal, resting)


def _reach(arm: Arm, postures: np.ndarray) -> None:
    for align in ("pose", "approach"):
        reached = sum(mink_ik.solve(arm, arm.forward(q), align=align).reached for q in postures)
        print(f"cold IK, {align}: {reached}/{len(postures)} random reachable poses")
    grid = [(x, y) for x in np.arange(0.10, 0.60, 0.02) for y in np.arange(0.0, 0.6, 0.02)]
    radii = [np.hypot(x, y - 0.3) for x, y in grid]
    ok = [mink_ik.solve(arm, mink_ik.vertical(x, y, 0.05, 0.0), align="grip").reached for x, y in grid]
    inside = sorted(r for r, good in zip(radii, ok, strict=True) if not good)
    least = max((r for r in inside if r < 0.3), default=min(radii))
    most = min((r for r in inside if r > 0.3), default=1.0)
    print(f"gripper down at z = 0.05 m: every place between {least:.2f} and {most:.2f} m from the base is reached")


def _plans(arm: Arm, start: np.ndarray, goal: np.ndarray, resting: dict[str, np.ndarray]) -> None:
    found, used = 0, []
    for seed in range(50):
        try:
            used.append(rrt_connect.plan((arm,), start, goal, (WALL,), resting, seed=seed).checks)
            found += 1
        except EnpireError:
            pass
    print(f"rrt_connect.plan round a post: {found}/50 seeds, {np.median(used):.0f} checks in the median")


if __name__ == "__main__":
    main()
