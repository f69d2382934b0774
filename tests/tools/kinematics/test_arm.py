import mujoco
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enpire.core.errors import BadInput, UnknownName
from enpire.tools.kinematics.arm import Arm
from tests.tools.robot import arms, left

SHARES = st.lists(st.floats(0.0, 1.0), min_size=6, max_size=6).map(np.array)


def posture(arm, shares):
    return arm.low + shares * (arm.high - arm.low)


@given(SHARES, st.sampled_from(["left", "right"]))
def test_forward_is_the_pose_of_mujocos_site(shares, name):
    arm = arms()[name]
    q = posture(arm, shares)
    data = mujoco.MjData(arm.model)
    for joint, value in zip(arm.joints, q, strict=True):
        data.joint(joint).qpos = value
    mujoco.mj_forward(arm.model, data)
    pose, site = arm.forward(q), data.site(f"{name}_tool")
    assert np.allclose(pose.translation(), site.xpos, atol=1e-12)
    assert np.allclose(pose.rotation().as_matrix(), site.xmat.reshape(3, 3), atol=1e-9)


@given(SHARES)
def test_jacobian_agrees_with_finite_differences(shares):
    arm, h = left(), 1e-6
    q = posture(arm, shares)
    jacobian = arm.jacobian(q)
    for k, step in enumerate(np.eye(6) * h):
        before, after = arm.forward(q - step), arm.forward(q + step)
        linear = (after.translation() - before.translation()) / (2 * h)
        angular = (after.rotation() @ before.rotation().inverse()).log() / (2 * h)
        assert np.allclose(jacobian[:, k], np.concatenate([linear, angular]), atol=1e-6)


@given(SHARES)
def test_gravity_is_the_slope_of_the_potential_energy(shares):
    arm, h = left(), 1e-6
    q = posture(arm, shares)

    def energy(q):
        data = mujoco.MjData(arm.model)
        data.qpos[arm.qpos] = q
        mujoco.mj_kinematics(arm.model, data)
        mujoco.mj_comPos(arm.model, data)
        mujoco.mj_energyPos(arm.model, data)
        return data.energy[0]

    slope = [(energy(q + step) - energy(q - step)) / (2 * h) for step in np.eye(6) * h]
    assert np.allclose(arm.gravity(q), slope, atol=1e-5)


def test_answers_do_not_depend_on_what_was_asked_before():
    arm, fresh = left(), Arm(left().model, "left")
    q = posture(arm, np.full(6, 0.4))
    arm.jacobian(posture(arm, np.full(6, 0.9)))
    assert np.array_equal(arm.jacobian(q), fresh.jacobian(q))
    assert np.array_equal(arm.gravity(q), fresh.gravity(q))


def test_bad_input_is_named():
    with pytest.raises(UnknownName, match="left, right"):
        Arm(left().model, "middle")
    with pytest.raises(BadInput, match="6 finite"):
        left().forward(np.zeros(5))
    with pytest.raises(BadInput, match="6 finite"):
        left().forward(np.full(6, np.nan))
