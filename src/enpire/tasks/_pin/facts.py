"""What is fixed and public about pin insertion: limits, cameras, tools, and what the task's manual states."""

from enpire.environment.safety.limits import SafetyLimits
from enpire.environment.scenario import OptionRange, ScenarioFacts
from enpire.simulation.arms import yam
from enpire.tasks._pin import objects

NAME = "pin_insertion"
ARM = "right"
YAW_RAD = 1.5707963267948966
"""Closing direction of the gripper: along world y."""
HOLE = 0
"""Which of the holes the pin belongs in."""
HOVER_M = 0.010
"""Tip above the box at the start."""
JITTER_M, TILT_RAD = 0.003, 0.052
"""The tool starts within so much of straight above where the hole should be."""
GRIP_M = 0.002
"""The head is gripped off its middle by up to so much, along world x; nobody tells the policy."""
HEAD_IN_M = objects.BOX_HEIGHT_M - objects.HOLE_DEPTH_M + objects.TIP_BELOW_HEAD_M
"""Height of the middle of the head when the tip is on the floor of the hole."""
HEAD_HOVER_M = objects.BOX_HEIGHT_M + HOVER_M + objects.TIP_BELOW_HEAD_M
REST = (0.0, 1.047, 1.047, 0.0, 0.0, 0.0, 0.0)
"""Left arm, out of the way."""
TOOLS = (
    "pin.find",
    "holes.find",
    "mink_ik.solve",
    "mink_ik.vertical",
    "forward_kinematics.tool",
    "compensation.start",
    "compensation.step",
    "contact.free_air",
    "contact.force",
    "descent.start",
    "descent.step",
    "spiral.start",
    "spiral.step",
    "grasp.start",
    "grasp.step",
)


def limits() -> SafetyLimits:
    """Of the supervisor: slow arms, a soft grip."""
    arm_speed, arm_acceleration, arm_jerk = (2.5,) * 6, (10.0,) * 6, (2000.0,) * 6
    return SafetyLimits(
        low=(*yam.JOINT_LOW, 0.0) * 2,
        high=(*yam.JOINT_HIGH, 1.0) * 2,
        velocity=(*arm_speed, 2.0) * 2,
        acceleration=(*arm_acceleration, 20.0) * 2,
        jerk=(*arm_jerk, 1000.0) * 2,
        box_low_m=(0.10, -0.45, -0.03),
        box_high_m=(0.62, 0.45, 0.65),
        gripper_force_n=20.0,
        margin=(*(0.025,) * 6, 0.0) * 2,
        velocity_margin=0.7,
        box_margin_m=0.03,
        table_margin_m=0.028,
        clearance_margin_m=0.045,
        own_margin_m=0.015,
        lead=0.5,
    )


def facts() -> ScenarioFacts:
    """The task as its manual states it."""
    return ScenarioFacts(
        name=NAME,
        instruction="Put the pin that the right gripper holds into its hole in the box, to the floor, and keep still.",
        limits=limits(),
        episode_s=15.0,
        baseline="pin_insertion",
        cameras={"top": (480, 640), "right_wrist": (480, 640)},
        tools=TOOLS,
        scene={
            "kind": "pin_insertion",
            # World frame, metres; see docs/pin_insertion.md. The tool frame lies between the fingertips, z forward.
            "arm": ARM,
            "hole_m": list(objects.HOLES_M[HOLE]),
            "holes_m": [list(hole) for hole in objects.HOLES_M],
            "box_top_m": objects.BOX_HEIGHT_M,
            "hole_depth_m": objects.HOLE_DEPTH_M,
            "hole_radius_m": objects.HOLE_RADIUS_M,
            "pin_radius_m": objects.PIN_RADIUS_M,
            "tip_below_tool_m": objects.TIP_BELOW_HEAD_M,
            "tool_yaw_rad": YAW_RAD,
            "left_arm": list(REST),
        },
        judged_by=("tasks/_pin", "tasks/pin_insertion.py"),
        options={"plugged": OptionRange(default=0, low=0, high=1, doc="1: the holes are filled, so nobody can do it")},
        grasps=2,
        tagged=("box", "pin"),
    )
