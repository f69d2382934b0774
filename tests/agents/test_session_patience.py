"""Deadline, silence, and waiting for a robot."""

import math

import pytest

from enpire.agents.patience import Patience


def test_deadline() -> None:
    patience = Patience(100.0, deadline_s=10.0, idle_s=None, free_wait_s=0.0)
    assert not patience.over(110.0) and "deadline of 10 s" in patience.over(110.1)


def test_silence_counts_from_the_last_sign_of_life() -> None:
    patience = Patience(0.0, deadline_s=1e6, idle_s=5.0, free_wait_s=0.0)
    assert not patience.over(5.0) and "idle for 5 s" in patience.over(5.1)
    patience.active(5.1)
    assert not patience.over(10.1) and patience.over(10.2)


def test_silence_while_waiting_for_a_robot_is_no_trouble() -> None:
    patience = Patience(0.0, deadline_s=1e6, idle_s=5.0, free_wait_s=0.0)
    patience.wait(4.0)
    patience.wait(50.0)
    assert patience.waiting and not patience.over(1000.0)
    patience.go_on(1000.0)
    assert not patience.waiting and not patience.over(1005.0) and "idle" in patience.over(1005.1)


@pytest.mark.parametrize(("free_wait_s", "last_s"), [(0.0, 10.0), (30.0, 40.0), (math.inf, 110.0)])
def test_part_of_the_waiting_is_exempt_from_the_deadline(free_wait_s: float, last_s: float) -> None:
    patience = Patience(0.0, deadline_s=10.0, idle_s=None, free_wait_s=free_wait_s)
    patience.wait(2.0)
    assert bool(patience.over(90.0)) == (free_wait_s < 80.0)
    patience.go_on(62.0)
    patience.go_on(63.0)
    patience.wait(62.0)
    patience.go_on(102.0)
    assert not patience.over(last_s) and patience.over(last_s + 0.1)
