import mujoco
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from enpire.tools.control import contact
from tests.tools.robot import HOME_RAD, left

FORCE = st.lists(st.floats(-10.0, 10.0), min_size=3, max_size=3).map(np.array)


@given(FORCE, st.sampled_from(["net", "total"]))
def test_a_known_force_is_found_again(force, efforts):
    arm, bent = left(), HOME_RAD + np.array([0.1, 0.3, 0.2, -0.4, 0.2, 0.1])
    friction = np.array([0.2, -0.1, 0.1, 0.0, 0.02, 0.01])
    weights = (arm.gravity(HOME_RAD), arm.gravity(bent)) if efforts == "total" else (0.0, 0.0)
    bias = contact.free_air(arm, HOME_RAD, friction + weights[0], efforts)
    pushed = friction + weights[1] - arm.jacobian(bent)[:3].T @ force
    assert np.allclose(contact.force(arm, bent, pushed, bias), force, atol=0.02 * np.abs(force).max() + 1e-9)


def test_the_sign_is_that_of_the_force_on_the_tool():
    arm = left()
    data = mujoco.MjData(arm.model)
    data.qpos[arm.qpos] = HOME_RAD
    link = arm.model.body("left_link6").id
    mujoco.mj_forward(arm.model, data)
    mujoco.mj_applyFT(
        arm.model, data, np.array([0.0, 0.0, 5.0]), np.zeros(3), data.site("left_tool").xpos, link, data.qfrc_applied
    )
    holding = -data.qfrc_applied[arm.dofs]  # what the motors must add so that nothing moves
    bias = contact.free_air(arm, HOME_RAD, np.zeros(6))
    assert np.allclose(contact.force(arm, HOME_RAD, holding, bias), [0.0, 0.0, 5.0], atol=0.1)
