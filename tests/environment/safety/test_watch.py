"""What the watch orders, scene by scene. The class is an argument: `test_mutants` plays them to mutilated watches."""

from collections.abc import Callable

import numpy as np
import pytest

from enpire.environment.safety.watch import Watch, WatchLimits

LIMITS = WatchLimits(
    low=(-1.0, 0.0), high=(1.0, 1.0), velocity=(3.0, 3.0), effort=(5.0, 8.0), tracking=(0.2, float("inf"))
)
ZERO = np.zeros(2)


def beaten(kind: type[Watch], until_s: float = 0.1) -> Watch:
    """A watch that was told (0, 0) by owner 1 every 10 ms, with readings to match."""
    watch = kind(LIMITS, 0.0)
    for k in range(round(until_s * 100) + 1):
        assert watch.beat(1, ZERO, 0.01 * k)
        watch.read(ZERO, ZERO, ZERO, 0.01 * k)
        assert watch.order(0.01 * k) == "send"
    return watch


def before_the_first_command_the_robot_holds_by_itself(kind: type[Watch]) -> None:
    watch = kind(LIMITS, 0.0)
    for k in range(100):
        watch.read(ZERO, ZERO, ZERO, 0.01 * k)
        assert watch.order(0.01 * k) == "idle"


def a_silent_gate_holds_then_stops_for_good(kind: type[Watch]) -> None:
    watch = beaten(kind)
    orders = {}
    for ms in (120, 129, 135, 150, 300, 390, 401, 410):
        watch.read(ZERO, ZERO, ZERO, ms / 1000)
        orders[ms] = watch.order(ms / 1000)
    assert orders == {
        120: "send", 129: "send", 135: "hold", 150: "hold", 300: "hold", 390: "hold", 401: "stop", 410: "stop"
    }  # fmt: skip
    assert not watch.beat(1, ZERO, 0.42) and watch.order(0.42) == "stop" and "gate" in watch.stopped


def a_gate_that_comes_back_in_time_goes_on(kind: type[Watch]) -> None:
    watch = beaten(kind)
    watch.read(ZERO, ZERO, ZERO, 0.2)
    assert watch.order(0.2) == "hold"
    assert watch.beat(1, ZERO, 0.21) and watch.order(0.21) == "send"


def a_silent_robot_is_stopped(kind: type[Watch]) -> None:
    watch = beaten(kind)
    for k in range(11, 45):
        watch.beat(1, ZERO, 0.01 * k)
        watch.read(ZERO * np.nan, ZERO, ZERO, 0.01 * k)
        order = watch.order(0.01 * k)
    assert order == "stop" and "robot is silent" in watch.stopped


def readings_of_another_robot_do_not_count(kind: type[Watch]) -> None:
    watch = beaten(kind)
    for k in range(11, 45):
        watch.beat(1, ZERO, 0.01 * k)
        watch.read(np.full(2, np.inf), ZERO, ZERO, 0.01 * k)
        watch.order(0.01 * k)
    assert "silent" in watch.stopped


def a_joint_outside_stops(kind: type[Watch]) -> None:
    watch = beaten(kind)
    watch.read(np.array([1.09, 0.0]), ZERO, ZERO, 0.11)
    assert not watch.stopped
    watch.read(np.array([0.0, -0.11]), ZERO, ZERO, 0.12)
    assert watch.order(0.12) == "stop" and "outside" in watch.stopped


def a_joint_too_fast_stops(kind: type[Watch]) -> None:
    watch = beaten(kind)
    watch.read(ZERO, np.array([-3.1, 0.0]), ZERO, 0.11)
    assert watch.order(0.11) == "stop" and "fast" in watch.stopped


def effort_may_peak_but_not_last(kind: type[Watch]) -> None:
    watch, hard = beaten(kind), np.array([0.0, -9.0])
    for k in range(11, 50):  # broken off once, so it never lasts
        watch.beat(1, ZERO, 0.01 * k)
        watch.read(ZERO, ZERO, ZERO if k == 30 else hard, 0.01 * k)
        assert watch.order(0.01 * k) == "send"
    for k in range(50, 100):
        watch.beat(1, ZERO, 0.01 * k)
        watch.read(ZERO, ZERO, hard, 0.01 * k)
        watch.order(0.01 * k)
    assert "effort" in watch.stopped


def a_stuck_robot_is_stopped_within_a_second(kind: type[Watch]) -> None:
    watch = beaten(kind)
    for k in range(11, 110):
        watch.beat(1, np.array([0.5, 1.0]), 0.01 * k)  # the gripper may be kept from its target by an object
        watch.read(ZERO, ZERO, ZERO, 0.01 * k)
        watch.order(0.01 * k)
    assert "tracking" in watch.stopped


def a_blocked_gripper_is_not_a_stuck_robot(kind: type[Watch]) -> None:
    watch = beaten(kind)
    for k in range(11, 110):
        watch.beat(1, np.array([0.0, 1.0]), 0.01 * k)
        watch.read(ZERO, ZERO, ZERO, 0.01 * k)
        assert watch.order(0.01 * k) == "send"


def an_older_owner_is_refused(kind: type[Watch]) -> None:
    watch = beaten(kind)
    assert watch.beat(3, ZERO + 0.1, 0.11)
    assert not watch.beat(2, ZERO + 0.2, 0.12) and not watch.beat(1, ZERO, 0.12)
    assert watch.owner == 3 and watch.target is not None and (watch.target == 0.1).all()


def nobody_is_no_owner(kind: type[Watch]) -> None:
    watch = kind(LIMITS, 0.0)
    assert not watch.beat(0, ZERO, 0.0) and watch.target is None and watch.order(0.01) == "idle"


def useless_commands_are_no_heartbeat(kind: type[Watch]) -> None:
    watch = beaten(kind)
    for useless in (np.array([np.nan, 0.0]), np.array([np.inf, 0.0]), np.zeros(3)):
        assert not watch.beat(1, useless, 0.2)
    watch.read(ZERO, ZERO, ZERO, 0.2)
    assert watch.order(0.2) == "hold" and watch.target is not None and (watch.target == 0.0).all()


def the_emergency_stop_is_for_good(kind: type[Watch]) -> None:
    watch = beaten(kind)
    watch.stop("button")
    for k in range(11, 30):
        assert not watch.beat(9, ZERO, 0.01 * k)
        watch.read(ZERO, ZERO, ZERO, 0.01 * k)
        assert watch.order(0.01 * k) == "stop"
    assert watch.stopped == "button"


def a_clock_that_goes_back_stops(kind: type[Watch]) -> None:
    watch = beaten(kind)
    assert watch.order(0.05) == "stop" and "clock" in watch.stopped


SCENES: tuple[Callable[[type[Watch]], None], ...] = (
    before_the_first_command_the_robot_holds_by_itself,
    a_silent_gate_holds_then_stops_for_good,
    a_gate_that_comes_back_in_time_goes_on,
    a_silent_robot_is_stopped,
    readings_of_another_robot_do_not_count,
    a_joint_outside_stops,
    a_joint_too_fast_stops,
    effort_may_peak_but_not_last,
    a_stuck_robot_is_stopped_within_a_second,
    a_blocked_gripper_is_not_a_stuck_robot,
    an_older_owner_is_refused,
    nobody_is_no_owner,
    useless_commands_are_no_heartbeat,
    the_emergency_stop_is_for_good,
    a_clock_that_goes_back_stops,
)


@pytest.mark.parametrize("scene", SCENES, ids=lambda s: s.__name__)
def test_scene(scene: Callable[[type[Watch]], None]) -> None:
    scene(Watch)
