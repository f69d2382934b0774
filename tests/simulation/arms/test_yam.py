"""The YAM's geometry, strength and grip against the numbers of its vendor."""

import mink
import mujoco
import numpy as np
import pytest
from scipy.optimize import least_squares

from enpire.robots.yam_sim import YamSim
from enpire.simulation import scene
from enpire.simulation.arms import yam
from enpire.simulation.profile import ArmProfile, Profile
from enpire.simulation.world import World


def placed(joints):
    model = yam.nominal_model({"arm": mink.SE3.identity()})
    data = mujoco.MjData(model)
    data.qpos[: len(joints)] = joints
    mujoco.mj_forward(model, data)
    return model, data


def down(radius_m, height_m):
    """Joints 2 to 4 that bring a gripper that points down to a place, and how far off they leave it."""
    model, data = placed([])

    def off(joints):
        data.qpos[1:4] = joints
        mujoco.mj_kinematics(model, data)
        tool = data.site("arm_tool")
        approach = tool.xmat.reshape(3, 3)[:, 2]
        return [tool.xpos[0] - radius_m, tool.xpos[2] - height_m, 0.3 * approach[0], 0.3 * (approach[2] + 1)]

    bounds = (yam.JOINT_LOW[1:4], yam.JOINT_HIGH[1:4])
    return min((least_squares(off, start, bounds=bounds) for start in ([1.5, 1.2, -1], [2.2, 1.8, -1.4])), key=_cost)


def _cost(found):
    return found.cost


def test_the_home_pose_is_where_the_vendor_has_it():
    _, data = placed(yam.HOME[:6])
    assert data.site("arm_tool").xpos == pytest.approx([0.377, 0.0, 0.393], abs=5e-4)


def test_the_tool_looks_along_the_fingers_and_closes_along_x():
    _, data = placed(yam.HOME[:6])
    axes = data.site("arm_tool").xmat.reshape(3, 3)
    assert axes[:, 2] == pytest.approx([1, 0, 0], abs=1e-6)
    fingers = data.body("arm_finger1").xpos, data.body("arm_finger2").xpos
    assert np.allclose(fingers[0], fingers[1])
    _, opened = placed([*yam.HOME[:6], 0.048, 0.048])
    apart = opened.body("arm_finger1").xpos - opened.body("arm_finger2").xpos
    assert np.abs(axes.T @ apart) == pytest.approx([yam.GAP_M, 0, 0], abs=1e-6)


@pytest.mark.parametrize(
    ("joint", "moves"),
    [(0, (0, 1, 0)), (1, (0, 0, -1)), (2, (0, 0, 1)), (3, (0, 0, 1)), (4, (0, -1, 0))],
    ids=["base left", "shoulder forward and down", "elbow up", "wrist up", "wrist right"],
)
def test_a_positive_joint_turns_the_way_of_the_real_one(joint, moves):
    before, after = np.array(yam.HOME[:6]), np.array(yam.HOME[:6])
    after[joint] += 0.05
    way = placed(after)[1].site("arm_tool").xpos - placed(before)[1].site("arm_tool").xpos
    axis = int(np.argmax(np.abs(moves)))
    assert way[axis] * moves[axis] > 0.005


@pytest.mark.parametrize("height_m", [0.012, 0.05, 0.1])
@pytest.mark.parametrize("radius_m", [0.17, 0.3, 0.44])
def test_the_gripper_points_down_all_over_the_workspace(radius_m, height_m):
    assert down(radius_m, height_m).cost < 1e-8


def test_out_of_reach_is_out_of_reach():
    assert down(0.56, 0.05).cost > 1e-5


def test_both_arms_weigh_what_they_should():
    model = yam.nominal_model(scene.ARM_BASES)
    one = 0.124 + 1.244 + 0.854 + 0.464 + 0.351 + 0.553 + 0.109 + 2 * 0.071
    moving = sum(model.body(f"left_{b}").mass[0] for b in _moving())
    assert moving == pytest.approx(one)


def _moving():
    return [f"link{i}" for i in range(1, 7)] + ["camera", "finger1", "finger2"]


@pytest.mark.parametrize("joints", [[0.0] * 6, yam.HOME[:6], [0.5, 1.68, 1.02, -0.91, 0.3, 1.5]])
def test_an_arm_does_not_touch_itself(joints):
    model, data = placed(joints)
    touching = {(model.geom(c.geom1).name, model.geom(c.geom2).name) for c in data.contact if c.dist < 0}
    assert touching == set()


def test_arms_feel_each_other():
    model = yam.nominal_model(scene.ARM_BASES)
    data = mujoco.MjData(model)
    for side, turn in (("left", -1.0), ("right", 1.0)):
        data.joint(f"{side}_joint1").qpos = turn
        data.joint(f"{side}_joint2").qpos = data.joint(f"{side}_joint3").qpos = 1.047
    mujoco.mj_forward(model, data)
    pairs = {(model.geom(c.geom1).name[:4], model.geom(c.geom2).name[:4]) for c in data.contact}
    assert ("left", "righ") in pairs


@pytest.mark.parametrize("angle", np.linspace(0, np.pi, 13))
def test_closed_fingertips_are_a_round_pusher(angle):
    """How far they reach along a direction across the tool axis."""
    model, data = placed([0.0] * 6)
    tool = data.site("arm_tool")
    way = tool.xmat.reshape(3, 3) @ [np.cos(angle), np.sin(angle), 0.0]
    reach = 0.0
    for name in yam.pad_geoms("arm"):
        geom = data.geom(name)
        size, axes = model.geom(name).size, geom.xmat.reshape(3, 3)
        if model.geom(name).type[0] == mujoco.mjtGeom.mjGEOM_BOX:
            extent = np.abs(axes.T @ way) @ size
        else:
            extent = size[0] + abs(axes[:, 2] @ way) * size[1]
        reach = max(reach, (geom.xpos - tool.xpos) @ way + extent)
    assert 0.0065 < reach < yam.PUSHER_RADIUS_M + 1e-4


def test_friction_stiffness_and_gravity_of_a_profile_reach_the_model():
    station = Profile(arms={"left": ArmProfile(stiffness=(1.1,) * 6, friction=(0.5,) * 6, gravity=0.9)})
    model = scene.station_spec(station).compile()
    assert model.actuator("left_joint1").gainprm[0] == pytest.approx(88.0)
    assert model.actuator("right_joint1").gainprm[0] == pytest.approx(80.0)
    assert model.joint("left_joint4").frictionloss[0] == pytest.approx(0.03)
    assert model.body_gravcomp[model.body("left_link3").id] == pytest.approx(0.9)


@pytest.mark.parametrize("force_n", [4.0, 8.0])
@pytest.mark.parametrize("shape", ["pin", "cube"])
def test_the_gripper_lifts_and_holds(shape, force_n):
    """15 g pin head of 8 mm, 50 g cube of 30 mm: grasp, lift, hold two seconds, release."""
    spec = scene.station_spec(Profile())
    body = spec.worldbody.add_body(name="held", pos=(0.3, -0.3, 0.0225))
    body.add_freejoint()
    if shape == "pin":
        body.add_geom(type=mujoco.mjtGeom.mjGEOM_CYLINDER, size=(0.004, 0.0225, 0), mass=0.015)
    else:
        body.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=(0.015, 0.015, 0.0225), mass=0.05)
    world = World(spec)
    robot = YamSim(world, Profile(), gripper_force_n=force_n)
    robot.connect()
    low, high = down(0.3, 0.03).x, down(0.3, 0.12).x
    command = np.array([*yam.HOME, 0.0, *low, 0.0, 0.0, 0.6])
    robot.place(command)
    command[-1] = 0.0
    _ticks(world, robot, command, 40)
    reading = robot.get_observation()
    assert reading["observation.effort"][-1] == pytest.approx(-force_n, rel=0.05)
    width = 0.008 if shape == "pin" else 0.03
    assert reading["observation.state"][-1] * yam.GAP_M == pytest.approx(width, abs=6e-4)
    assert "right_gripper_opening" in robot.health().detail
    for share in np.linspace(0, 1, 60):
        command[8:11] = low + share * (high - low)
        _ticks(world, robot, command, 1)
    _ticks(world, robot, command, 20)
    lifted = float(world.data.body("held").xpos[2])
    assert lifted > 0.09
    _ticks(world, robot, command, 200)
    assert world.data.body("held").xpos[2] == pytest.approx(lifted, abs=2e-3)
    command[-1] = 0.6
    _ticks(world, robot, command, 60)
    assert world.data.body("held").xpos[2] < 0.04
    assert robot.grasps == 1


def _ticks(world, robot, command, n):
    for _ in range(n):
        robot.send_action(command)
        world.advance(0.01)
