"""The simulated robot under the gate: what its true joints and hands do while somebody wants them to break a limit.

    python benchmarks/safety/supervised.py push_t --level 2 [--stations 4] [--seconds 60] [--seed 1]
    python benchmarks/safety/supervised.py push_t --level 2 --joint 0.05 --table 0.03 --clearance 0.09 --box 0.02
    python benchmarks/safety/supervised.py push_t --dropouts 40

Plays hostile actions through `Drive` at 30 Hz on an empty station and measures the truth of the simulation at 100 Hz.
The first form uses the limits of the task and their margins as they are; the second keeps the commands further inside,
so that nothing touches and the whole overshoot is seen. The third silences the robot, or the policy, in mid-motion.
Prints Markdown.
"""

import argparse
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import mujoco
import numpy as np
from foe import BURST, Foe, Vector

from enpire.environment.drive import TICK_S, Drive
from enpire.environment.feed_forward import FeedForward
from enpire.environment.safety.clearance import Clearance
from enpire.environment.safety.gate import Gate
from enpire.environment.safety.limits import SafetyLimits
from enpire.robots.yam_sim import YamSim
from enpire.simulation import scene
from enpire.simulation.arms import yam
from enpire.simulation.draw import draw
from enpire.simulation.life import write_profile
from enpire.simulation.profile import Level
from enpire.simulation.world import Unstable, World
from enpire.tasks._pin import facts as pin
from enpire.tasks._push_t import scenario as push_t

TASKS: dict[str, Callable[[], SafetyLimits]] = {"pin": pin.limits, "push_t": lambda: push_t.LIMITS}
STILL = 0.1
"""rad/s: a joint slower than this stands."""
AFTER_S = 1.5
SETTLE_STEPS = 20
SEEN = 1e-5
"""Less beyond a limit is the softness of MuJoCo's own joint stops, m or rad."""
GEOMETRY = ("workspace", "table", "clearance", "own")
NAMES = [f"joint {i + 1}" for i in range(6)] + ["gripper"]


class Station:
    """An empty station of one profile, its drive, and what is true about the arms.

    Args:
        limits: Of the gate.
        level, seed: Of the profile.
        clearance: Geometry for the gate.
    """

    def __init__(self, limits: SafetyLimits, level: Level, seed: int, clearance: Clearance) -> None:
        profile = draw(seed, level)
        self.world = World(scene.station_spec(profile))
        write_profile(self.world.model, profile)
        self.robot = YamSim(self.world, profile, gripper_force_n=limits.gripper_force_n)
        self.robot.place(yam.HOME * 2)
        self.robot.connect()
        self.robot.begin_episode(seed)
        self.commands: list[Vector] = []
        self.gate = _Taped(limits, clearance, self.commands)
        arms = yam.nominal_model(scene.ARM_BASES)
        lead = FeedForward(arms, tuple(scene.ARM_BASES), yam.KP, yam.KD, limits.lead)
        self.drive = Drive(self.world, self.robot, self.gate, feed_forward=lead)
        self.true: list[Vector] = []
        self.speed: list[Vector] = []
        self.told: list[Vector] = []
        self.touches = Counter[str]()
        model = self.world.model
        joints = [f"{a}_{j}" for a in ("left", "right") for j in (*(f"joint{i + 1}" for i in range(6)), "slide1")]
        self._qpos = [int(model.joint(name).qposadr[0]) for name in joints]
        self._qvel = [int(model.joint(name).dofadr[0]) for name in joints]
        motors = [f"{a}_{m}" for a in ("left", "right") for m in (*(f"joint{i + 1}" for i in range(6)), "gripper")]
        self._motors = [int(model.actuator(name).id) for name in motors]
        self._per = np.array([*(1.0,) * 6, yam.GAP_M / 2] * 2)
        self._owner = [_owner(model, geom) for geom in range(model.ngeom)]
        self.world.before_tick(self._measure)
        self.drive.begin()

    def _measure(self) -> None:
        data = self.world.data
        self.true.append(data.qpos[self._qpos] / self._per)
        self.speed.append(data.qvel[self._qvel] / self._per)
        self.told.append(data.ctrl[self._motors])
        kinds = set()
        for contact in data.contact[: data.ncon]:
            a, b = sorted(self._owner[int(geom)] for geom in contact.geom)
            if a != b or not self._fingertips(contact.geom):
                kinds.add(a if a == b else f"{a} and {b}")
        self.touches.update(kinds)

    def _fingertips(self, geoms: np.ndarray) -> bool:
        """Whether both are fingertips of one hand, which may close."""
        return all("finger" in self.world.model.geom(int(g)).name for g in geoms)


class _Taped(Gate):
    """A gate that keeps its commands."""

    def __init__(self, limits: SafetyLimits, clearance: Clearance, tape: list[Vector]) -> None:
        super().__init__(limits, clearance, TICK_S)
        self._tape = tape

    def tick(self, *args, **options):  # type: ignore[no-untyped-def]
        command = super().tick(*args, **options)
        self._tape.append(command.position)
        return command


def _owner(model: mujoco.MjModel, geom: int) -> str:
    name = str(model.geom(geom).name)
    return name.split("_")[0]


class Excess:
    """How far the truth was outside limits, by kind: largest, and the share of ticks."""

    def __init__(self) -> None:
        self.ticks = 0
        self.largest: dict[str, float] = {}
        self.count = Counter[str]()
        self.each: dict[str, list[Vector]] = {}

    def add(self, kind: str, beyond: Vector) -> None:
        """`beyond` > 0 is outside; shape (T, ...)."""
        self.each.setdefault(kind, []).append(beyond.reshape(len(beyond), -1).max(axis=1))
        self.largest[kind] = max(self.largest.get(kind, -np.inf), float(beyond.max()))
        self.count[kind] += int((beyond.reshape(len(beyond), -1).max(axis=1) > SEEN).sum())

    def rows(self) -> list[str]:
        """In Markdown."""
        found = []
        for kind, worst in self.largest.items():
            usual = float(np.quantile(np.concatenate(self.each[kind]), 0.99))
            both = (f"{1000 * x:.1f} mm" if kind.endswith(GEOMETRY) else f"{x:.4f}" for x in (usual, worst))
            shown = " | ".join(both)
            found.append(f"| {kind} | {shown} | {self.count[kind]} ({100 * self.count[kind] / self.ticks:.2f} %) |")
        return found


def judge(station: Station, limits: SafetyLimits, geometry: Clearance, excess: Excess) -> None:
    """Compare the truth of a station with the limits and empty its tape."""
    true, speed, commands = np.array(station.true), np.array(station.speed), np.array(station.commands)
    excess.ticks += len(true)
    outside = np.maximum(np.array(limits.low) - true, true - np.array(limits.high)).reshape(len(true), 2, 7)
    fast = (np.abs(speed) / np.array(limits.velocity) - 1.0).reshape(len(true), 2, 7)
    for i, name in enumerate(NAMES):
        excess.add(f"{name}, rad or m", outside[:, :, i] * (1.0 if i < 6 else yam.GAP_M))
    for i, name in enumerate(NAMES):
        excess.add(f"velocity of {name}, share of its limit", fast[:, :, i])
    margins = geometry.margins(true)
    for kind in GEOMETRY:
        columns = [i for i, k in enumerate(geometry.kinds) if k == kind]
        excess.add(kind, -margins[:, columns])
    told = geometry.margins(commands)
    for kind in GEOMETRY:
        columns = [i for i, k in enumerate(geometry.kinds) if k == kind]
        excess.add(f"commands: {kind}", -told[:, columns])
    for tape in (station.true, station.speed, station.told, station.commands):
        tape.clear()


def hostile(station: Station, foe: Foe, rng: np.random.Generator, seconds: float) -> int:
    """Play bursts for so long; how often it latched. Actions of no sensible shape stop at the policy's parser."""
    latches, end_s = 0, station.world.time_s + seconds
    while station.world.time_s < end_s:
        kind = foe.kinds[rng.integers(len(foe.kinds))]
        for action in foe.burst(kind, station.drive.joints, BURST // 2):
            if action is not None and action.shape == station.drive.joints.shape:
                station.drive.step(action)
            if station.drive.stopped:
                break
        if station.drive.stopped:
            latches += 1
            for _ in range(SETTLE_STEPS):
                station.drive.step(np.clip(station.drive.joints, foe.low, foe.high))
            station.drive.begin()
    return latches


def play(task: str, options: argparse.Namespace, limits: SafetyLimits, inner: SafetyLimits) -> None:
    """Hostile actions on several stations; the table."""
    model = yam.nominal_model(scene.ARM_BASES)
    declared = replace(limits, box_margin_m=0.0, table_margin_m=0.0, clearance_margin_m=0.0, own_margin_m=0.0)
    gated, geometry = (Clearance(model, ("left", "right"), x) for x in (inner, declared))
    rng, excess, touches = np.random.default_rng(options.seed), Excess(), Counter[str]()
    foe, latches, unstable = Foe(geometry, limits, rng), 0, 0
    try:
        for number in range(options.stations):
            station = Station(inner, options.level, options.seed + number, gated)
            end_s = time.process_time() + 60.0 * options.minutes / options.stations
            played = 0.0
            while played < options.seconds and time.process_time() < end_s:
                try:
                    latches += hostile(station, foe, rng, 10.0)
                except Unstable as error:
                    print(f"station {options.seed + number}: {error}")
                    unstable += 1
                    judge(station, limits, geometry, excess)
                    break
                played += 10.0
                judge(station, limits, geometry, excess)
            touches.update(station.touches)
            print(f"station {options.seed + number}: {played:.0f} s", flush=True)
    except KeyboardInterrupt:
        print("ended early")
    print(f"\n{task}, level {options.level}: {excess.ticks * TICK_S:.0f} s on {options.stations} stations, ", end="")
    print(f"seed {options.seed}; {latches} latches; {unstable} unstable")
    print(f"commands inside by: joints {options.joint}, box {options.box} m; ", end="")
    print(f"table_m {inner.table_m}, clearance_m {inner.clearance_m}; ", end="")
    print(f"velocity x {options.speed}, acceleration x {options.push}\n")
    print("| limit of the task | 99 % are at most so far beyond it | all | ticks beyond it |\n|---|---|---|---|")
    print("\n".join(excess.rows()))
    print("\nticks in contact:", dict(touches) or "none", flush=True)


def dropouts(task: str, options: argparse.Namespace, limits: SafetyLimits) -> None:
    """Silence of the robot (50 ms, 0.5 s) or of the policy (actions that are not finite) in mid-motion."""
    gated = Clearance(yam.nominal_model(scene.ARM_BASES), ("left", "right"), limits)
    rng = np.random.default_rng(options.seed)
    print(
        f"\n{task}, level {options.level}, {options.dropouts} dropouts each, seed {options.seed}; {AFTER_S} s watched\n"
    )
    print("| silence of | motors' targets rest after, s | they still move by, rad | joints below 0.1 rad/s after, s |")
    print("|---|---|---|---|")
    for kind, length_s in (("robot", 0.05), ("robot", 0.5), ("policy", AFTER_S)):
        found = []
        for number in range(options.dropouts):
            station = Station(limits, options.level, options.seed + number, gated)
            found.append(_dropout(station, rng, kind, length_s))
        middle, most = np.median(found, axis=0), np.max(found, axis=0)
        cells = (f"{a:.2f}, at most {b:.2f}" for a, b in zip(middle, most, strict=True))
        print(f"| {kind}, {length_s} s | {' | '.join(cells)} |", flush=True)


def _dropout(station: Station, rng: np.random.Generator, kind: str, length_s: float) -> tuple[float, float, float]:
    """Move, then fall silent. When the motors' targets rest, how far they go meanwhile, when the joints stand."""
    drive, home = station.drive, np.array(yam.HOME * 2)
    goal = home + np.where(np.arange(14) % 7 < 6, rng.uniform(-0.5, 0.5, 14), 0.0)
    for k in range(int(rng.integers(4, 10))):
        drive.step(home + (goal - home) * min(1.0, 0.12 * (k + 1)))
    begun = len(station.true)
    if kind == "robot":
        station.robot.fail("silent", length_s)
    for _ in range(round(AFTER_S * 30)):
        drive.step(np.full(14, np.nan) if kind == "policy" else goal)
    joints = np.arange(14) % 7 < 6
    told = np.array(station.told[begun - 1 :])[:, joints]
    moves = np.flatnonzero(np.abs(np.diff(told, axis=0)).max(axis=1) > SEEN)
    fast = np.flatnonzero(np.abs(np.array(station.speed[begun:]))[:, joints].max(axis=1) > STILL)
    rest_s, still_s = (TICK_S * (int(found[-1]) + 1) if len(found) else 0.0 for found in (moves, fast))
    return rest_s, float(np.abs(told - told[0]).max()), still_s


def main() -> None:
    """Play one task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=sorted(TASKS))
    parser.add_argument("--level", type=int, default=2, choices=(0, 1, 2, 3))
    parser.add_argument("--stations", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=60.0, help="of simulated time per station")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=10.0, help="of CPU, at most")
    parser.add_argument("--joint", type=float, default=0.0, help="margin of the joints, rad")
    parser.add_argument("--box", type=float, default=0.0, help="commands so far inside the box, m")
    parser.add_argument("--table", type=float, default=0.0, help="commands so far above the table, m")
    parser.add_argument("--clearance", type=float, default=0.0, help="commands so much further apart, m")
    parser.add_argument("--speed", type=float, default=1.0, help="factor on the gate's velocity limits")
    parser.add_argument("--push", type=float, default=1.0, help="factor on the gate's acceleration limits")
    parser.add_argument("--dropouts", type=int, default=0)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    limits = TASKS[options.task]()
    low, high = (np.array(x) for x in (limits.box_low_m, limits.box_high_m))
    inner = replace(
        limits,
        velocity=tuple(options.speed * v for v in limits.velocity),
        acceleration=tuple(options.push * a for a in limits.acceleration),
        margin=tuple(np.array(limits.margin or (0.0,) * 14) + (*(options.joint,) * 6, 0.0) * 2),
        table_m=limits.table_m + options.table,
        clearance_m=limits.clearance_m + options.clearance,
        box_low_m=tuple(low + options.box),
        box_high_m=tuple(high - options.box),
    )
    if options.dropouts:
        dropouts(options.task, options, inner)
    else:
        play(options.task, options, limits, inner)


if __name__ == "__main__":
    main()
