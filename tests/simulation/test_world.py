"""The world raises when its numbers go wrong, and repeats itself bit by bit."""

import subprocess
import sys
from pathlib import Path

import mujoco
import numpy as np
import pytest

from enpire.core.errors import EnvironmentFault
from enpire.simulation.world import Unstable, World, new_spec


def ball_on_table(height_m: float = 0.05, radius_m: float = 0.03) -> World:
    spec = new_spec()
    spec.worldbody.add_geom(name="table", type=mujoco.mjtGeom.mjGEOM_PLANE, size=(1, 1, 0.1))
    body = spec.worldbody.add_body(name="ball", pos=(0, 0, height_m))
    body.add_freejoint()
    body.add_geom(name="ball", type=mujoco.mjtGeom.mjGEOM_SPHERE, size=(radius_m, 0, 0), mass=0.1)
    return World(spec)


def test_time_passes_only_in_advance_and_drivers_act_before_it():
    world = ball_on_table()
    times: list[float] = []
    world.before_tick(lambda: times.append(world.time_s))
    world.advance(0.01)
    world.advance(0.01)
    assert times == [0.0, pytest.approx(0.01)]
    assert world.time_s == pytest.approx(0.02)


def test_a_ball_comes_to_rest_without_a_complaint():
    world = ball_on_table()
    for _ in range(200):
        world.advance(0.01)
    assert world.data.qpos[2] == pytest.approx(0.03, abs=1e-3)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_state_that_is_not_finite_is_unstable(value: float):
    world = ball_on_table()
    world.data.qvel[0] = value
    with pytest.raises(Unstable):
        world.advance(0.01)


def test_a_command_that_is_not_finite_is_unstable():
    spec = new_spec()
    body = spec.worldbody.add_body()
    body.add_joint(name="hinge")
    body.add_geom(size=(0.1, 0, 0))
    spec.add_actuator(trntype=mujoco.mjtTrn.mjTRN_JOINT, target="hinge")
    world = World(spec)
    world.data.ctrl[0] = np.nan
    with pytest.raises(Unstable, match="CTRL"):
        world.advance(0.01)


def test_something_that_flies_off_is_unstable():
    world = ball_on_table()
    world.data.qvel[0] = 400.0
    with pytest.raises(Unstable, match="flew off"):
        world.advance(0.01)


def test_something_far_away_is_unstable():
    world = ball_on_table()
    world.data.qpos[0] = 11.0
    with pytest.raises(Unstable, match="left the scene"):
        world.advance(0.01)


def test_an_object_under_the_table_is_unstable_and_named():
    world = ball_on_table(height_m=-0.2)
    with pytest.raises(Unstable, match=r"table and ball are \d+ mm inside each other|ball and table"):
        world.advance(0.002)


def test_the_world_goes_on_after_a_restore():
    world = ball_on_table()
    good = world.capture()
    world.data.qvel[:] = np.nan
    with pytest.raises(Unstable):
        world.advance(0.01)
    world.restore(good)
    world.advance(0.01)
    assert np.isfinite(world.data.qpos).all()


def test_a_state_of_another_scene_is_refused():
    with pytest.raises(EnvironmentFault, match="does not belong"):
        ball_on_table().restore(np.zeros(3))


def test_a_restored_run_equals_the_run_that_was_not_interrupted():
    world = ball_on_table()
    world.data.qvel[:3] = (0.4, 0.1, 0.0)
    for _ in range(7):
        world.advance(0.01)
    middle = world.capture()
    for _ in range(30):
        world.advance(0.01)
    end = world.capture()
    world.restore(middle)
    for _ in range(30):
        world.advance(0.01)
    assert world.capture().tobytes() == end.tobytes()


STATION = Path(__file__).with_name("_station_run.py")


def test_a_station_repeats_bit_by_bit_in_a_fresh_process(tmp_path: Path):
    """Pushing a block with both arms at level 3, noise, late and lost commands included."""
    from tests.simulation import _station_run as run

    world, robot = run.station()
    run.play(world, robot, 0, 40)
    middle = world.capture()
    np.save(tmp_path / "middle.npy", middle)
    world.restore(middle)
    robot.begin_episode(5)
    seen = run.play(world, robot, 40, 90)
    subprocess.run([sys.executable, STATION, tmp_path], check=True)
    assert (tmp_path / "end.npy").read_bytes() == _saved(world.capture(), tmp_path)
    assert np.load(tmp_path / "seen.npy").tobytes() == seen.tobytes()


def test_another_seed_gives_another_run():
    from tests.simulation import _station_run as run

    world, robot = run.station()
    start = world.capture()
    ends = []
    for seed in (5, 5, 6):
        world.restore(start)
        robot.begin_episode(seed)
        run.play(world, robot, 0, 60)
        ends.append(world.capture().tobytes())
    assert ends[0] == ends[1] != ends[2]


def _saved(state: np.ndarray, folder: Path) -> bytes:
    np.save(folder / "ours.npy", state)
    return (folder / "ours.npy").read_bytes()
