"""A marker tracker in place of pictures: the tools that find things answer from its reading, exactly what it says."""

import mink
import numpy as np
import pytest

from enpire.core.errors import BadInput
from enpire.core.tracker import Reading
from enpire.tools import catalogue
from enpire.tools.errors import ToolError
from enpire.tools.perception import fiducials, holes, pin, t_outline
from enpire.tools.perception.errors import NotSeen
from enpire.tools.station import Station, TrackedView
from tests.tools.perception.looking import said_pose, top

MARKS = [[0.1, 0.2], [0.2, -0.2]]


def tracked(**poses):
    """A station whose tracker says these poses: x, y, z and a rotation."""

    def look(camera, depth):
        raise BadInput(f"nobody looks through {camera} here")

    said = {name: (*place, *turn.wxyz.tolist()) for name, (place, turn) in poses.items()}
    reading = Reading(poses=said, age_s=0.02)
    return Station(arms={}, joints={}, calibrations={"top": top()}, look=look, period_s=1 / 30, track=lambda: reading)


def test_block_box_and_pin_stand_where_it_says():
    lean = mink.SO3.from_x_radians(np.pi - 0.1)
    station = tracked(
        block=((0.3, -0.1, 0.015), mink.SO3.from_z_radians(2.0)),
        box=((0.33, -0.12, 0.0), mink.SO3.from_z_radians(0.2 + np.pi / 2)),
        pin=((0.34, -0.11, 0.05), lean),
    )
    block = t_outline.find(station.view("top"))
    assert (block.x_m, block.y_m, block.yaw_rad) == pytest.approx((0.3, -0.1, 2.0))
    assert (block.quality, block.hidden) == (1.0, 0.0)
    box = holes.find(station.view("top"))
    assert (box.x_m, box.y_m, box.yaw_rad) == pytest.approx((0.33, -0.12, 0.2))
    far_left = np.array([0.33, -0.12, 0.03]) + mink.SO3.from_z_radians(0.2).apply(np.array([0.01, 0.01, 0.0]))
    assert box.centers_m[0] == pytest.approx(far_left)
    head = pin.find(station.depth_view("top"))
    assert head.head_m == pytest.approx([0.34, -0.11, 0.05])
    assert head.axis == pytest.approx(-lean.apply(np.array([0.0, 0.0, 1.0])))
    assert head.tilt_rad == pytest.approx(0.1)


def test_over_the_wire_it_is_the_same_tool():
    station = tracked(block=((0.3, -0.1, 0.015), mink.SO3.identity()))
    answer = catalogue.call("t_outline.find", {"view": "top"}, station)
    assert (answer["x_m"], answer["y_m"], answer["yaw_rad"]) == pytest.approx((0.3, -0.1, 0.0))
    with pytest.raises(ToolError, match=r"does not see 'pin'; it sees block"):
        catalogue.call("pin.find", {"view": "top"}, station)


def test_what_it_does_not_see_is_an_error_and_no_guess():
    view = tracked().view("top")
    assert isinstance(view, TrackedView) and view.frame.age_s == 0.02
    with pytest.raises(NotSeen, match="it sees nothing"):
        t_outline.find(view)
    with pytest.raises(NotSeen):
        holes.find(view)


def test_the_marks_on_the_table_leave_the_camera_where_it_is_said_to_be():
    view = tracked().view("top")
    found = fiducials.refine(view, np.array(MARKS))
    assert found.T_world_camera.as_matrix() == pytest.approx(said_pose(top()).as_matrix())
    assert found.marks == 2
