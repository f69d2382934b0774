"""A simulated robot under the gate: what it is told while it is silent, or while nobody says anything usable."""

import numpy as np
import pytest

from enpire.environment.drive import TICK_S, Drive
from enpire.environment.safety.gate import Command, Gate
from enpire.robots.yam_sim import YamSim
from enpire.simulation import scene
from enpire.simulation.draw import draw
from enpire.simulation.world import World
from tests.environment.safety.stand import HOME, LIMITS, check_free, check_rates, clearance, mixed

HALF_S = round(0.5 / TICK_S)


class Taped(Gate):
    """Keeps its commands in `sent`."""

    def start(self, measured: np.ndarray) -> None:
        super().start(measured)
        self.sent = [measured] * 4

    def tick(self, *given: np.ndarray | None, **more: np.ndarray | float | None) -> Command:
        command = super().tick(*given, **more)
        self.sent.append(command.position)
        return command


class Station:
    """An empty station of level 2. `told`, `speeds`: motors' targets and true speeds of the joints, per tick."""

    def __init__(self, seed: int = 1) -> None:
        profile = draw(seed, 2)
        self.world = World(scene.station_spec(profile))
        self.robot = YamSim(self.world, profile)
        self.robot.place(HOME)
        self.robot.connect()
        self.robot.begin_episode(seed)
        self.gate = Taped(LIMITS, clearance())
        self.drive = Drive(self.world, self.robot, self.gate)
        self.drive.begin()
        self.told: list[np.ndarray] = []
        self.speeds: list[np.ndarray] = []
        self.world.before_tick(self.note)

    def note(self) -> None:
        data = self.world.data
        names = [f"{arm}_joint{i + 1}" for arm in scene.ARM_BASES for i in range(6)]
        self.told.append(np.array([data.actuator(name).ctrl[0] for name in names]))
        self.speeds.append(np.array([data.joint(name).qvel[0] for name in names]))

    def play(self, action: np.ndarray, periods: int) -> None:
        for _ in range(periods):
            self.drive.step(action)


@pytest.fixture
def moving() -> Station:
    """Both arms on their way."""
    station, goal = Station(), HOME.copy()
    goal[[0, 7]] += 0.6
    station.play(goal, 8)
    assert np.abs(station.speeds[-1]).max() > 0.3
    return station


def test_an_action_that_is_no_number_stops_both_arms(moving: Station) -> None:
    begun = len(moving.told)
    moving.play(HOME * np.nan, 45)
    assert moving.drive.stopped == "safety"
    told = np.array(moving.told[begun + HALF_S :])
    assert np.abs(told - told[0]).max() < 1e-9, "a target moved after half a second"
    assert np.abs(moving.speeds[-1]).max() < 0.1


def test_a_robot_that_was_silent_is_not_moved_on_until_somebody_begins_again(moving: Station) -> None:
    begun = len(moving.told)
    moving.robot.fail("silent", 0.05)
    moving.play(HOME, 45)
    assert moving.drive.stopped == "robot"
    told = np.array(moving.told[begun + HALF_S :])
    assert np.abs(told - told[0]).max() < 1e-9, "a target moved after half a second"
    assert np.abs(moving.speeds[-1]).max() < 0.1
    moving.drive.begin()
    moving.play(HOME, 60)
    assert not moving.drive.stopped and np.abs(moving.drive.joints - HOME)[[0, 7]].max() < 0.05


def test_what_the_gate_sends_to_a_real_like_robot_is_legal() -> None:
    station = Station()
    for action in mixed(5):
        station.drive.step(action)
    path = np.array(station.gate.sent)
    assert len(path) > 300
    check_rates(path)
    check_free(path)
