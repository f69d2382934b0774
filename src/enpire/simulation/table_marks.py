"""Round dark marks printed on the table at known places, by which a careful lab checks where its cameras really are."""

import mujoco

MARK_RADIUS_M = 0.015
TABLE_MARKS_M = ((0.02, 0.0), (0.63, 0.0), (0.63, 0.33), (0.63, -0.33), (0.33, 0.345), (0.33, -0.345))
"""Centers on the table, x and y in the world frame. The top camera sees all, also in a square picture."""
MARK_RGBA = (0.05, 0.05, 0.05, 1.0)


def add_table_marks(spec: mujoco.MjSpec) -> None:
    """Print the marks: flat discs that nothing collides with, geoms `mark_1`, `mark_2`, ..."""
    for number, (x, y) in enumerate(TABLE_MARKS_M, 1):
        spec.worldbody.add_geom(
            name=f"mark_{number}",
            type=mujoco.mjtGeom.mjGEOM_CYLINDER,
            size=(MARK_RADIUS_M, 0.0001, 0.0),
            pos=(x, y, 0.0002),
            rgba=MARK_RGBA,
            contype=0,
            conaffinity=0,
            group=1,
        )
