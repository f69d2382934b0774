"""A simulated marker tracker: never exact, late, with gaps, and the same for everybody who asks."""

import mink
import mujoco
import numpy as np
import pytest

from enpire.core.errors import UnknownName
from enpire.simulation.draw import draw
from enpire.simulation.profile import TrackerProfile
from enpire.simulation.sim_tracker import SimTracker
from enpire.simulation.world import World

TAG = "cube"
SPEED_M_S = 0.3


def world_with_cube():
    """A cube that slides along x at a steady speed."""
    spec = mujoco.MjSpec()
    spec.option.gravity = (0.0, 0.0, 0.0)
    body = spec.worldbody.add_body(name=TAG, pos=(0.1, 0.2, 0.3), quat=(0.8, 0.0, 0.0, 0.6))
    body.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=(0.01, 0.01, 0.01))
    body.add_joint(name="slide", type=mujoco.mjtJoint.mjJNT_SLIDE, axis=(0.8, 0.6, 0.0))
    world = World(spec)
    world.data.qvel[0] = SPEED_M_S
    return world


def tracker(profile=None, world=None):
    return SimTracker(world or world_with_cube(), (TAG,), profile or TrackerProfile())


def pose(reading):
    x, y, z, *quat_wxyz = reading.poses[TAG]
    return mink.SE3(np.array([*quat_wxyz, x, y, z]))


def errors(profile, count=300):
    """Error of place (m) and turn (rad) of many readings of a cube at rest, (count, 3) each."""
    world = world_with_cube()
    world.data.qvel[0] = 0.0
    eye, places, turns = tracker(profile, world), [], []
    body = world.data.body(TAG)
    for _ in range(count):
        world.advance(0.04)
        said = pose(eye.read())
        places.append(said.translation() - body.xpos)
        turns.append((said.rotation() @ mink.SO3(body.xquat.copy()).inverse()).log())
    return np.array(places), np.array(turns)


def test_even_on_its_best_day_it_is_not_exact():
    places, turns = errors(TrackerProfile())
    assert 0.00008 < places.std() < 0.00012 and abs(places.mean()) < 0.00002
    assert 0.0004 < turns.std() < 0.0006
    assert np.abs(places).max(axis=1).min() > 0.0


def test_a_wrong_set_up_is_in_every_reading_and_noise_is_not():
    profile = TrackerProfile(shift_m=(0.002, 0.0, -0.001), turn_rad=(0.0, 0.0, 0.01), noise_m=0.0002, noise_rad=0.001)
    places, turns = errors(profile)
    turned = mink.SO3.exp(np.array(profile.turn_rad)).apply(np.array([0.1, 0.2, 0.3])) - (0.1, 0.2, 0.3)
    assert places.mean(axis=0) == pytest.approx(turned + profile.shift_m, abs=0.00006)
    assert turns.mean(axis=0) == pytest.approx([0.0, 0.0, 0.01], abs=0.0003)


def test_readings_are_as_late_as_they_say():
    world = world_with_cube()
    eye = tracker(TrackerProfile(noise_m=1e-9, noise_rad=1e-9, delay_s=0.05), world)
    for _ in range(50):
        world.advance(0.01)
    reading = eye.read()
    assert 0.05 - 1e-9 <= reading.age_s == eye.age_s() < 0.05 + 1 / 30 + 0.01
    gone_m = np.linalg.norm(pose(reading).translation() - (0.1, 0.2, 0.3))
    assert gone_m == pytest.approx(world.data.qpos[0] - SPEED_M_S * reading.age_s, abs=1e-6)


def test_lost_readings_are_gaps():
    world = world_with_cube()
    ages = []
    eye = tracker(TrackerProfile(lost=0.3), world)
    eye.begin_episode(4)
    for _ in range(600):
        world.advance(0.01)
        ages.append(eye.age_s())
    late = np.mean(np.array(ages) > 1 / 30 + 0.011)
    assert 0.15 < late < 0.45


def test_a_reading_does_not_depend_on_who_asked_before():
    def readings(every):
        world = world_with_cube()
        eye, found = tracker(draw(1, 2).tracker, world), {}
        eye.begin_episode(9)
        for tick in range(60):
            world.advance(0.01)
            if tick % every == 0:
                found[tick] = eye.read()
        return found

    often, seldom = readings(1), readings(12)
    assert all(often[tick] == reading for tick, reading in seldom.items())
    assert len({reading.poses[TAG] for reading in often.values()}) > 10


def test_stations_differ_and_the_ideal_one_has_noise():
    profiles = [draw(seed, 2).tracker for seed in range(30)]
    shifts = np.array([profile.shift_m for profile in profiles])
    assert 0.0002 < np.sqrt((shifts**2).sum(axis=1).mean()) < 0.0006
    assert len({profile.delay_s for profile in profiles}) == 30
    assert draw(0, 0).tracker.noise_m > 0
    assert draw(0, 1).tracker.shift_m == (0.0, 0.0, 0.0)


def test_a_body_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(UnknownName, match=r"ball.*cube"):
        SimTracker(world_with_cube(), ("ball",), TrackerProfile())
