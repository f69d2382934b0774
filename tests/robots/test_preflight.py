"""Declared actions against a robot, before anything moves."""

from dataclasses import replace

import pytest

from enpire.robots import so101_sim, yam_sim
from enpire.robots.preflight import misfits

ROBOT = yam_sim.describe()
FITS = replace(ROBOT.action, rate_hz=30.0, most_change=(0.05,) * 14)


def changed(values, i, value):
    return (*values[:i], value, *values[i + 1 :])


def test_what_fits_has_no_misfits():
    assert misfits(FITS, ROBOT) == []
    assert misfits(ROBOT.action, ROBOT) == []


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (replace(FITS, mode="joint_torque"), "mode joint_torque"),
        (replace(FITS, low=FITS.low[:-1]), "low has 13 values for 14 names"),
        (replace(FITS, high=changed(FITS.high, 3, float("nan"))), "left_joint4_rad"),
        (replace(FITS, rate_hz=0.0), "rate_hz=0.0"),
        (replace(FITS, rate_hz=float("inf")), "rate_hz=inf"),
        (replace(FITS, rate_hz=200.0, most_change=(1e-4,) * 14), "200 Hz is above the 100 Hz"),
        (replace(FITS, low=changed(FITS.low, 1, -0.5)), "left_joint2_rad: [-0.5"),
        (replace(FITS, high=changed(FITS.high, 13, 1.5)), "right_gripper_opening"),
        (replace(FITS, low=changed(FITS.low, 0, 4.0)), "left_joint1_rad"),
        (replace(FITS, most_change=changed(FITS.most_change, 5, 0.4)), "left_joint6_rad: 12 per second"),
        (replace(FITS, most_change=changed(FITS.most_change, 5, 0.0)), "left_joint6_rad: most_change 0"),
        (replace(FITS, names=changed(FITS.names, 0, "left_joint1_deg")), "has no left_joint1_deg"),
        (replace(FITS, names=(FITS.names[1], FITS.names[0], *FITS.names[2:])), "order: value 0"),
    ],
)
def test_what_does_not_fit_is_said(wanted, says):
    found = misfits(wanted, ROBOT)
    assert any(says in line for line in found), found


def test_all_reasons_are_given_at_once():
    wanted = replace(FITS, low=changed(FITS.low, 1, -0.5), high=changed(FITS.high, 2, 9.0), rate_hz=120.0)
    assert len(misfits(wanted, ROBOT)) > 2


def test_actions_for_two_arms_do_not_go_to_one():
    one = so101_sim.describe(("left",))
    lines = misfits(FITS, one)
    assert any("has no" in line and "right_joint1_rad" in line for line in lines)
