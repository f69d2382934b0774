"""Push the T from any yaw onto its outline: within 5 mm and 5 degrees.

Description: a bimanual station; the closed right gripper is a round pusher. The T (bar 160 x 40 mm, stem 40 x 120 mm,
30 mm high, 0.15 kg) has to come to rest on the outline that is printed on the table, pose (0.33 m, -0.12 m, 0).

Action Space: 14 joint targets, 30 a second: per arm six joints in rad and the opening of the gripper in [0, 1].

Observation Space: `observation.state`, `.velocity`, `.effort` (14 values each, order of the action), `.ages_s` (one
value per camera), and pictures on demand: `observation.images.top` and `.right_wrist`, 240 x 320 px.

Starting State: arms retracted; center of the T in a box of 60 x 60 mm, yaw anything, both reached by the
robot itself within 20 mm and 9 degrees of the seed's start pose.

Verification: top camera, checked against the marks on the table, and joint readings. Both arms must have been retracted
and still for 0.5 s; two looks must agree; the error must be below the tolerance by 0.25 mm and 0.2 degrees.

Episode End: success, a stop by the safety supervisor, stale cameras, or 90 s of robot time.

Version History: 1.
"""

import math

from enpire.environment.contract import Task


def make(options: dict[str, float]) -> Task:
    """A simulated station with this task."""
    from enpire.environment.station_task import StationTask
    from enpire.tasks._push_t.scenario import PushT, Rules

    rules = Rules(
        name="push_t",
        instruction="Push the T-shaped block onto the outline printed on the table: center within 5 mm, yaw within 5 "
        "degrees; then retract both arms and keep still for half a second.",
        tolerance_m=0.005,
        tolerance_rad=math.radians(5),
        start_yaw_rad=(-math.pi, math.pi),
        episode_s=90.0,
    )
    return StationTask(PushT(rules, fixed=bool(options.get("fixed", 0))), options)
