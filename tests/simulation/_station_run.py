"""A station that moves both arms and pushes a block; as a program: goes on from FOLDER/middle.npy."""

import sys
from pathlib import Path

import mujoco
import numpy as np

from enpire.robots.yam_sim import YamSim
from enpire.simulation import scene
from enpire.simulation.draw import draw
from enpire.simulation.world import World

NEAR = np.array([1.683, 1.025, -0.913])  # joints 2 to 4: gripper down, tips 1 cm above the table, 0.28 m from the base
FAR = np.array([1.861, 1.243, -0.953])  # the same 0.33 m from the base


def station(level: int = 3) -> tuple[World, YamSim]:
    profile = draw(3, level)  # type: ignore[arg-type]
    spec = scene.station_spec(profile)
    body = spec.worldbody.add_body(name="block", pos=(0.34, -0.3, 0.0151))
    body.add_freejoint()
    body.add_geom(name="block", type=mujoco.mjtGeom.mjGEOM_BOX, size=(0.03, 0.06, 0.015), mass=0.15 * profile.mass)
    world = World(spec)
    robot = YamSim(world, profile)
    robot.connect()
    robot.place(np.array([0.0, *NEAR, 0.0, 0.0, 0.5] * 2))
    return world, robot


def play(world: World, robot: YamSim, first: int, end: int) -> np.ndarray:
    """Commands of ticks [first, end) and the readings before each."""
    seen = []
    for tick in range(first, end):
        reading = robot.get_observation()
        seen.append(np.concatenate([reading["observation.state"], reading["observation.effort"]]))
        share = np.sin(tick * 0.035) ** 2
        arm = np.array([0.1 * share, *(NEAR + share * (FAR - NEAR)), 0.0, 0.0, 0.5 - 0.5 * share])
        robot.send_action(np.concatenate([arm, arm]))
        world.advance(0.01)
    return np.array(seen)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    world, robot = station()
    world.restore(np.load(folder / "middle.npy"))
    robot.begin_episode(5)
    np.save(folder / "seen.npy", play(world, robot, 40, 90))
    np.save(folder / "end.npy", world.capture())
