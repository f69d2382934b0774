"""Perception as a policy gets it: names and JSON in, JSON out."""

import json

import numpy as np
import pytest

from enpire.core.camera import Frame
from enpire.simulation.table_marks import TABLE_MARKS_M
from enpire.tools import catalogue
from enpire.tools.errors import ToolError
from enpire.tools.perception import holes, pin
from enpire.tools.station import Station
from tests.tools.perception.looking import drawn_t, put, said_pose, station, top
from tests.tools.perception.test_fiducials import drawn_marks
from tests.tools.perception.test_pin_and_holes import BOX, looking_at, scene


def seeing(frame: Frame, calibration=None) -> Station:
    said = calibration or top()
    return Station(arms={}, joints={}, calibrations={said.name: said}, look=lambda *_: frame, period_s=1 / 30)


def call(name: str, station: Station, **arguments):
    return json.loads(json.dumps(catalogue.call(name, json.loads(json.dumps(arguments)), station)))


def test_block_and_points():
    cell = seeing(Frame(rgb=drawn_t(np.array([0.3, -0.1, 0.5]), top()), age_s=0.0))
    found = call("t_outline.find", cell, view="top")
    assert (found["x_m"], found["y_m"], found["yaw_rad"]) == pytest.approx((0.3, -0.1, 0.5), abs=0.003)
    pixel = call("cameras.project", cell, view="top", point=[0.3, -0.1, 0.0])
    assert call("cameras.on_plane", cell, view="top", pixel_px=pixel) == pytest.approx([0.3, -0.1, 0.0], abs=1e-9)
    with pytest.raises(ToolError, match="no depth"):
        call("cameras.deproject", cell, view="top", pixel_px=pixel)


def test_camera_pose_from_marks_goes_into_the_next_call():
    cell = seeing(Frame(rgb=drawn_marks(said_pose(top())), age_s=0.0))
    refined = call("fiducials.refine", cell, view="top", marks_m=[list(mark) for mark in TABLE_MARKS_M])
    assert refined["T_world_camera"][:3] == pytest.approx([0.31, 0.0, 0.9], abs=0.002)
    with pytest.raises(ToolError, match="colour is in the picture"):
        call("t_outline.find", cell, view="top", T_world_camera=refined["T_world_camera"])


def test_unknown_camera():
    cell = seeing(Frame(rgb=np.zeros((480, 640, 3), np.uint8), age_s=0.0))
    with pytest.raises(ToolError, match="top"):
        call("t_outline.find", cell, view="side")


@pytest.mark.usefixtures("needs_gl")
def test_pin_and_holes():
    world, camera = scene(looking_at(np.array([*BOX, 0.04]), 0.18, 0.4, 0.3))
    put(world, "pin", *BOX, 0.055)
    camera.begin_episode(0)
    cell = seeing(camera.look(depth=True), camera.calibration)
    camera.close()
    box = call("holes.find", cell, view="wrist", colour=list(holes.BOX_COLOUR))
    head = call("pin.find", cell, view="wrist", radius_m=pin.HEAD_RADIUS_M)
    assert np.shape(box["centers_m"]) == (4, 3)
    assert head["head_m"] == pytest.approx([*BOX, 0.055], abs=0.001)


@pytest.mark.usefixtures("needs_gl")
def test_simulated_frames_go_through():
    world, camera = station(224, 224)
    put(world, "block", 0.33, 0.05, 0.0, 1.0)
    camera.begin_episode(0)
    cell = seeing(camera.look(), camera.calibration)
    camera.close()
    assert call("t_outline.find", cell, view="top")["yaw_rad"] == pytest.approx(1.0, abs=0.02)
