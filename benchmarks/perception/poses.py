"""How well the T, the box with its holes and the pin are found on simulated stations of level 2.

python benchmarks/perception/poses.py t 400
python benchmarks/perception/poses.py hidden 400
python benchmarks/perception/poses.py pin 200
"""

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import mink
import mujoco
import numpy as np

from enpire.simulation.arms.yam import nominal_model
from enpire.simulation.draw import draw
from enpire.simulation.profile import Profile
from enpire.simulation.scene import ARM_BASES, calibrations, station_spec
from enpire.simulation.sim_camera import SimCamera, sim_cameras
from enpire.simulation.table_marks import TABLE_MARKS_M
from enpire.simulation.world import World
from enpire.tasks._pin import objects
from enpire.tasks._push_t import block
from enpire.tools.kinematics import mink_ik
from enpire.tools.kinematics.arm import Arm
from enpire.tools.perception import fiducials, holes, pin, t_outline
from enpire.tools.perception.errors import NotSeen
from enpire.tools.station import DepthView

PER_STATION = 20
MARKS = np.array(TABLE_MARKS_M)
ARM = "right"
CLOSED_YAW = 1.5707963267948966


def exact(profile: Profile, _: np.random.Generator) -> Profile:
    """Cameras stand where they are said to stand."""
    none = (0.0, 0.0, 0.0)
    cameras = {name: replace(c, shift_m=none, turn_rad=none) for name, c in profile.cameras.items()}
    return replace(profile, cameras=cameras)


def drawn(profile: Profile, _: np.random.Generator) -> Profile:
    return profile


def bumped(profile: Profile, random: np.random.Generator) -> Profile:
    """On top of it something bumped into every camera: 1 to 3 mm."""
    cameras = {}
    for name, camera in profile.cameras.items():
        way = random.normal(size=3)
        shift = np.array(camera.shift_m) + random.uniform(0.001, 0.003) * way / np.linalg.norm(way)
        cameras[name] = replace(camera, shift_m=tuple(shift.tolist()))
    return replace(profile, cameras=cameras)


def interval(values: list[float], percent: float, random: np.random.Generator) -> str:
    """Percentile with the 95 % interval of 1,000 bootstrap samples."""
    drawn_again = np.percentile(random.choice(values, (1000, len(values))), percent, axis=1)
    low, high = np.percentile(drawn_again, [2.5, 97.5])
    return f"{np.percentile(values, percent):.2f} [{low:.2f}, {high:.2f}]"


def row(name: str, columns: list[list[float]]) -> None:
    random = np.random.default_rng(0)
    cells = [
        f"{interval(values, 50, random)} | {interval(values, 95, random)} | {max(values):.2f}" for values in columns
    ]
    print(f"| {name} | {len(columns[0])} | {' | '.join(cells)} |", flush=True)


def view_of(camera: SimCamera, T_world_parent: mink.SE3 | None = None, *, depth: bool = False) -> DepthView:
    said = camera.calibration
    x, y, z, *quat_wxyz = said.pose
    pose = mink.SE3(np.array([*quat_wxyz, x, y, z]))
    if T_world_parent is not None:
        pose = T_world_parent @ pose
    return DepthView(frame=camera.look(depth=depth), calibration=said, T_world_camera=pose)


def push_t(
    n: int, change: Callable, size: tuple[int, int], *, marks: bool, hide: bool = False
) -> dict[str, list[float]]:
    random = np.random.default_rng(11)
    found: dict[str, list[float]] = {key: [] for key in ("mm", "deg", "quality", "hidden", "ms", "marks_ms", "lost")}
    camera: SimCamera | None = None
    for number in range(n):
        if number % PER_STATION == 0:
            if camera is not None:
                camera.close()
            profile = change(draw(1000 + number // PER_STATION, 2), random)
            spec = station_spec(profile)
            block.add(spec, profile, fixed_at=None)
            world = World(spec)
            camera = sim_cameras(world, {"top": calibrations(*size)["top"]}, profile)["top"]
        pose = np.array([random.uniform(0.25, 0.42), random.uniform(-0.2, 0.2), random.uniform(-np.pi, np.pi)])
        block.put(world.model, world.data, pose)
        if hide:
            reach_over(world, pose, random)
        camera.begin_episode(number)
        view = view_of(camera)
        start = time.process_time()
        T_world_camera = fiducials.refine(view, MARKS).T_world_camera if marks else None
        found["marks_ms"].append(1e3 * (time.process_time() - start))
        start = time.process_time()
        try:
            seen = t_outline.find(view, T_world_camera=T_world_camera)
        except NotSeen:
            found["lost"].append(1.0)
            continue
        finally:
            found["ms"].append(1e3 * (time.process_time() - start))
        found["mm"].append(1e3 * float(np.hypot(seen.x_m - pose[0], seen.y_m - pose[1])))
        found["deg"].append(float(np.rad2deg(abs(block.wrap(seen.yaw_rad - pose[2])))))
        found["quality"].append(seen.quality)
        found["hidden"].append(seen.hidden)
    camera.close()
    return found


def reach_over(world: World, pose: np.ndarray, random: np.random.Generator) -> None:
    """The right arm somewhere over the block, its fingertips 10 to 200 mm above the table and within 120 mm."""
    model, data = world.model, world.data
    joints = [model.joint(f"{ARM}_joint{i}") for i in range(1, 7)]
    links = [model.geom(i).name.startswith(f"{ARM}_link") for i in range(model.ngeom)]
    while True:
        for joint in joints:
            data.qpos[joint.qposadr[0]] = random.uniform(*joint.range)
        mujoco.mj_kinematics(model, data)
        tip = data.site(f"{ARM}_tool").xpos
        near = np.hypot(*(tip[:2] - pose[:2])) < 0.12
        if near and 0.01 < tip[2] < 0.2 and data.geom_xpos[links, 2].min() > 0:
            return


def table_t(n: int) -> None:
    print(
        "| T of Push-T, top camera | n | mm median | p95 | max | deg median | p95 | max | ms CPU median | p95 | max |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for size in ((480, 640), (224, 224)):
        for name, change, marks in (
            ("calibration exact", exact, False),
            ("hidden shift 2 mm, 0.3 deg", drawn, False),
            ("the same, corrected by marks", drawn, True),
            ("the same and a bump of 1 to 3 mm", bumped, False),
            ("the same, corrected by marks", bumped, True),
        ):
            found = push_t(n, change, size, marks=marks)
            row(f"{size[1]} x {size[0]}, {name}", [found["mm"], found["deg"], found["ms"]])
            if marks:
                print(f"  marks: {np.median(found['marks_ms']):.1f} ms")


def table_hidden(n: int) -> None:
    found = push_t(n, exact, (480, 640), marks=False, hide=True)
    print(f"arm over the block; not seen: {len(found['lost'])} of {n}; ms CPU p50, p95, max:", end=" ")
    print(np.percentile(found["ms"], [50, 95, 100]).round(1).tolist())
    quality, hidden = np.array(found["quality"]), np.array(found["hidden"])
    mm, deg = np.array(found["mm"]), np.array(found["deg"])
    for name, values, edges in (
        ("quality", quality, (0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)),
        ("hidden", hidden, (0, 0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 1)),
    ):
        print(f"| {name} | n | mm median | p95 | max | deg median | p95 | max |\n|---|---|---|---|---|---|---|---|")
        for low, high in pairwise(edges):
            inside = (values >= low) & (values < high)
            if inside.any():
                cells = [f"{x:.2f}" for y in (mm, deg) for x in np.percentile(y[inside], [50, 95, 100])]
                print(f"| {low:g} to {high:g} | {inside.sum()} | {' | '.join(cells)} |")


def table_pin(n: int) -> None:
    print("| wrist camera, tool 60 to 150 mm above the box | n | mm median | p95 | max | ms CPU median | p95 | max |")
    print("|---|---|---|---|---|---|---|---|")
    arm = Arm(nominal_model(ARM_BASES), ARM)
    for name, change in (("calibration exact", exact), ("hidden shift", drawn)):
        random = np.random.default_rng(5)
        errors: dict[str, list[float]] = {key: [] for key in ("holes", "pin", "pin up", "pin to hole", "tilt")}
        spent: dict[str, list[float]] = {"holes": [], "pin": []}
        camera: SimCamera | None = None
        for number in range(n):
            if number % PER_STATION == 0:
                if camera is not None:
                    camera.close()
                profile = change(draw(2000 + number // PER_STATION, 2), random)
                spec = station_spec(profile)
                objects.add_box(spec, profile)
                objects.add_pin(spec, profile)
                world = World(spec)
                true = np.array([world.data.geom(f"hole{i}").xpos for i in range(4)])
                true[:, 2] = objects.BOX_HEIGHT_M
                wrist = f"{ARM}_wrist"
                camera = sim_cameras(world, {wrist: calibrations(480, 640)[wrist]}, profile)[wrist]
            hole = int(random.integers(4))
            place = true[hole, :2] + random.normal(0, 0.01, 2)
            above = objects.BOX_HEIGHT_M + random.uniform(0.06, 0.15)
            joints = mink_ik.solve(arm, mink_ik.vertical(*place.tolist(), above, CLOSED_YAW)).q
            head, axis = put_pin(world, true[hole], joints, random)
            camera.begin_episode(number)
            view = view_of(camera, arm.last_link(joints), depth=True)
            start = time.process_time()
            box = holes.find(view)
            spent["holes"].append(1e3 * (time.process_time() - start))
            start = time.process_time()
            seen = pin.find(view)
            spent["pin"].append(1e3 * (time.process_time() - start))
            errors["holes"].append(1e3 * float(np.hypot(*(box.centers_m - true)[hole, :2])))
            errors["pin"].append(1e3 * float(np.hypot(*(seen.head_m - head)[:2])))
            errors["pin up"].append(1e3 * float(abs(seen.head_m - head)[2]))
            relative = (seen.head_m - box.centers_m[hole]) - (head - true[hole])
            errors["pin to hole"].append(1e3 * float(np.hypot(*relative[:2])))
            errors["tilt"].append(float(np.rad2deg(np.arccos(np.clip(axis @ seen.axis, -1, 1)))))
        camera.close()
        row(f"hole, {name}", [errors["holes"], spent["holes"]])
        row(f"pin's head aside, {name}", [errors["pin"], spent["pin"]])
        row(f"pin's head height, {name}", [errors["pin up"]])
        row(f"pin's head relative to its hole, {name}", [errors["pin to hole"]])
        row(f"pin's tilt (deg), {name}", [errors["tilt"]])


def put_pin(
    world: World, hole: np.ndarray, joints: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The arm where it looks from, the pin in or above a hole, leaning by 3 deg; middle of its head and its axis."""
    model, data = world.model, world.data
    for i, value in enumerate(joints, 1):
        data.qpos[model.joint(f"{ARM}_joint{i}").qposadr[0]] = value
    for slide in (model.joint(f"{ARM}_slide{i}") for i in (1, 2)):
        data.qpos[slide.qposadr[0]] = slide.range[1]
    lean = mink.SO3.exp(np.array([*random.normal(0, np.deg2rad(3), 2), 0.0]))
    inserted = objects.BOX_HEIGHT_M - objects.HOLE_DEPTH_M + objects.TIP_BELOW_HEAD_M
    head = np.array([*hole[:2], inserted + random.choice([0.0, random.uniform(0, 0.02)])])
    at = model.joint("pin").qposadr[0]
    down = lean @ mink.SO3(np.array([0.0, 1.0, 0.0, 0.0]))
    data.qpos[at : at + 7] = (*head, *down.wxyz)
    return head, lean.as_matrix()[:, 2]


if __name__ == "__main__":
    {"t": table_t, "hidden": table_hidden, "pin": table_pin}[sys.argv[1]](int(sys.argv[2]))
