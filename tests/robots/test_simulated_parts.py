"""Bus, chance, gripper limiter and own motion, each alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enpire.robots._simulated.bus import Bus
from enpire.robots._simulated.chance import Chance
from enpire.robots._simulated.gripper import StallLimiter
from enpire.robots._simulated.motion import Brake, Travel
from enpire.simulation.arms.yam import GRIPPER_KP
from enpire.simulation.profile import Profile


@given(
    delay=st.integers(0, 6),
    events=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40),
)
def test_commands_arrive_in_order_after_their_delay_and_never_twice(delay, events):
    """Per tick: was a command sent, and is it late. The newest that is due counts."""
    bus = Bus(1, delay)
    due, taken = {}, -1
    for tick, (sends, late) in enumerate(events):
        if sends:
            bus.send(np.array([float(tick)]), tick, late)
            due[tick] = tick + delay + late
        arrived = bus.receive(tick)
        expected = max((sent for sent, at in due.items() if at <= tick and sent > taken), default=None)
        assert (None if arrived is None else float(arrived[0])) == expected
        taken = taken if expected is None else expected


def test_a_cleared_bus_is_empty():
    bus = Bus(2, 1)
    bus.send(np.ones(2), 0, False)
    bus.clear()
    assert bus.receive(5) is None


def test_chance_depends_on_station_episode_and_tick_alone():
    def numbers(profile, seed, ticks):
        chance = Chance(profile, 3)
        chance.begin(seed)
        return [chance.normal(t).tobytes() for t in ticks]

    station = Profile(friction=0.3)
    assert numbers(station, 1, [5, 700, 5]) == [*numbers(station, 1, [5, 700]), numbers(station, 1, [5])[0]]
    assert numbers(station, 1, [5]) != numbers(station, 2, [5])
    assert numbers(station, 1, [5]) != numbers(Profile(friction=0.31), 1, [5])
    assert numbers(station, 1, [5]) != numbers(station, 1, [6])


def limiter():
    return StallLimiter(force_n=50.0, stiffness=GRIPPER_KP)


def press(grip, target_m, gap_m, force_n, ticks):
    for _ in range(ticks):
        told = grip.limit(target_m, gap_m, 0.0, force_n)
    return told


def test_a_free_gripper_is_not_limited():
    assert press(limiter(), 0.01, 0.05, -5.0, 50) == 0.01


def test_a_stalled_gripper_presses_with_the_set_force():
    grip = limiter()
    told = press(grip, 0.0, 0.03, -50.0, 100)
    assert grip.clogged and grip.stalls == 1
    assert (0.03 - told) * GRIPPER_KP == pytest.approx(50.0, rel=1e-3)


def test_it_takes_a_tenth_of_a_second_to_notice():
    grip = limiter()
    press(grip, 0.0, 0.03, -20.0, 5)
    assert not grip.clogged
    press(grip, 0.0, 0.03, -20.0, 5)
    assert grip.clogged


def test_a_moving_gripper_is_not_stalled():
    grip = limiter()
    for _ in range(50):
        grip.limit(0.0, 0.03, -0.1, -50.0)
    assert not grip.clogged


@pytest.mark.parametrize(("target_m", "force_n"), [(0.05, -50.0), (0.0, 0.0)], ids=["told to open", "nothing left"])
def test_it_releases(target_m, force_n):
    grip = limiter()
    press(grip, 0.0, 0.03, -50.0, 50)
    assert press(grip, target_m, 0.03, force_n, 15) == target_m
    assert not grip.clogged


@pytest.mark.parametrize(("stiffness", "damping", "inertia"), [(80.0, 5.0, 0.7), (80.0, 5.0, 0.1), (40.0, 1.5, 0.03)])
@pytest.mark.parametrize("speed", [2.0, -0.3])
def test_a_braked_joint_slows_down_without_a_swing_and_is_held_where_it_rests(stiffness, damping, inertia, speed):
    place, velocity = 1.0, speed
    told = np.array([1.0, 0.4])
    brake = Brake(
        told, lambda: (np.array([place, 0.5]), np.array([velocity, 0.2])), np.array([0.5 * damping / stiffness, np.nan])
    )
    for _ in range(100):
        told = brake.step(0.01)
        for _ in range(10):
            velocity += (stiffness * (told[0] - place) - damping * velocity) / inertia * 0.001
            place += velocity * 0.001
        assert velocity * speed > -0.1 * speed**2
        if brake.finished:
            break
    assert brake.finished and abs(velocity) <= Brake.AT_REST
    assert told[0] == pytest.approx(place, abs=1e-3)
    assert told[1] == 0.4


@given(goal=st.floats(-3, 3), speed=st.floats(0.1, 2))
def test_travel_arrives_and_keeps_its_speed(goal, speed):
    travel = Travel(np.zeros(1), np.array([goal]), speed)
    places = [0.0]
    while not travel.finished:
        places.append(float(travel.step(0.01)[0]))
    assert places[-1] == pytest.approx(goal)
    assert np.abs(np.diff(places)).max() <= speed * 0.01 * 1.001
