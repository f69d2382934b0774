import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enpire.tools import catalogue
from enpire.tools.catalogue import PRIVILEGED
from enpire.tools.errors import ToolError
from tests.tools.robot import HOME_RAD, left, station

Q = HOME_RAD.tolist()
LIMITS = {"velocity": [1.0] * 6, "acceleration": [4.0] * 6, "jerk": [40.0] * 6}
DOWN = {"x_m": 0.33, "y_m": 0.2, "z_m": 0.1, "yaw_rad": 0.0}
NEAR = [q + 0.1 for q in Q]
BOX = {"T_parent_box": [0.33, 0.2, 0.3, 1.0, 0.0, 0.0, 0.0], "half_m": [0.02, 0.02, 0.02]}
ARM = {"arm": "left"}
READ = {"q_measured": Q, "effort": [0.0] * 6}


def call(name, **arguments):
    """Over the wire and back, as a policy does it."""
    return json.loads(json.dumps(catalogue.call(name, json.loads(json.dumps(arguments)), station()), allow_nan=False))


def down():
    return call("mink_ik.vertical", **DOWN)


CALLS = {
    "compensation.start": lambda: dict(ARM, q_command=Q, q_measured=Q),
    "compensation.step": lambda: dict(
        ARM,
        state=call("compensation.start", **ARM, q_command=Q, q_measured=Q),
        q_measured=Q,
        T_world_target=down(),
        period_s=0.033,
    ),
    "contact.force": lambda: dict(
        ARM, q=Q, effort=[0.1] * 6, bias=call("contact.free_air", **ARM, q=Q, effort=[0.0] * 6)
    ),
    "contact.free_air": lambda: dict(ARM, q=Q, effort=[0.0] * 6),
    "descent.start": lambda: dict(ARM, q_command=Q, **READ),
    "descent.step": lambda: dict(
        ARM, state=call("descent.start", **ARM, q_command=Q, **READ), period_s=0.033, depth_m=0.05, **READ
    ),
    "forward_kinematics.tool": lambda: dict(ARM, q=Q),
    "grasp.start": lambda: {"opening": 1.0},
    "grasp.step": lambda: {
        "state": call("grasp.start", opening=1.0), "opening": 0.9, "effort_n": 0.0, "period_s": 0.033
    },
    "jerk_limited.corners": lambda: {"path": [Q, NEAR, Q], "limits": LIMITS, "period_s": 0.033},
    "jerk_limited.move": lambda: {"q_start": Q, "q_goal": NEAR, "limits": LIMITS, "period_s": 0.033},
    "jerk_limited.smooth": lambda: {"path": [Q, NEAR, Q], "limits": LIMITS, "period_s": 0.033},
    "jerk_limited.step": lambda: {
        "motion": {"q": Q, "velocity": [0.0] * 6, "acceleration": [0.0] * 6},
        "q_target": NEAR, "limits": LIMITS, "period_s": 0.033,
    },
    "mink_ik.reach": lambda: dict(ARM, T_world_tool=down()),
    "mink_ik.solve": lambda: dict(ARM, T_world_tool=down(), q_start=Q, align="grip"),
    "mink_ik.track": lambda: dict(ARM, q=Q, T_world_tool=down(), dt_s=0.033, velocity_rad_s=[1.0] * 6),
    "mink_ik.vertical": lambda: dict(DOWN),
    "rrt_connect.plan": lambda: {
        "arms": ["left"], "q_start": Q, "q_goal": NEAR, "resting": {"right": Q}, "boxes": [BOX],
    },
    "spiral.start": lambda: dict(
        ARM, q_command=Q, q_measured=Q, bias=call("contact.free_air", **ARM, q=Q, effort=[0.0] * 6)
    ),
    "spiral.step": lambda: dict(
        ARM,
        state=call(
            "spiral.start", **ARM, q_command=Q, q_measured=Q,
            bias=call("contact.free_air", **ARM, q=Q, effort=[0.0] * 6),
        ),
        period_s=0.033, **READ,
    ),
    "straight.check": lambda: {"arms": ["left", "right"], "path": [Q + Q, NEAR + NEAR]},
    "straight.joints": lambda: {"arms": ["left"], "q_start": Q, "q_goal": NEAR},
    "straight.tool": lambda: dict(ARM, q_start=Q, T_world_tool=[0.36, 0.3, 0.37, 0.5, 0.5, 0.5, 0.5]),
}  # fmt: skip
"""One call of every tool but those of perception, which are tested with the cameras."""


def test_every_tool_but_those_of_perception_has_a_call_here():
    seeing = {file.stem for file in (Path(catalogue.__file__).parent / "perception").glob("*.py")}
    assert set(CALLS) == {name for name in catalogue.names() if name.partition(".")[0] not in seeing}


@pytest.mark.parametrize("name", sorted(CALLS))
def test_every_tool_answers_over_the_wire_and_equally_each_time(name):
    arguments = CALLS[name]()
    assert call(name, **arguments) == call(name, **arguments)


@pytest.mark.parametrize("name", catalogue.names())
def test_every_tool_says_what_it_takes(name):
    tool = catalogue.describe(name)
    assert tool.name == name and tool.doc.endswith((".", "."))
    assert all(parameter.doc for parameter in tool.parameters)
    json.dumps([parameter.default for parameter in tool.parameters], allow_nan=False)


def test_states_come_back_as_they_went_out():
    state = call("descent.start", **ARM, q_command=Q, **READ)
    again, q = call("descent.step", **ARM, state=state, period_s=0.01, depth_m=0.1, **READ)
    assert set(again) == set(state)
    assert len(q) == 6
    assert again["bias"] == state["bias"]


def test_the_wire_changes_no_answer():
    pose = down()
    direct = left().forward(np.array(call("mink_ik.reach", **ARM, T_world_tool=pose)))
    assert np.allclose(direct.translation(), pose[:3], atol=1.1e-4)


def test_no_name_of_a_tool_is_privileged():
    assert not [n for n in catalogue.names() if any(word in n for word in PRIVILEGED)]


@pytest.mark.parametrize("name", ["truth", "scene.ground_truth", "station.reset", "verify", "world.data", "pin.oracle"])
def test_privileged_tools_are_refused_with_the_reason(name):
    with pytest.raises(ToolError, match=r"not for policies.*tools: .*mink_ik\.reach"):
        call(name)


@pytest.mark.parametrize(
    "name", ["", "mink_ik", "mink_ik.Arm", "mink_ik._grip", "os.system", "mink_ik.solve.__globals__", "x" * 5000]
)
def test_unknown_tools_are_refused_with_the_list(name):
    with pytest.raises(ToolError, match=r"unknown tool .*mink_ik\.reach") as refusal:
        call(name)
    assert len(str(refusal.value)) < 2000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arm": "middle"}, r"name of an arm \(left, right\)"),
        ({"arm": ["left"]}, r"name of an arm"),
        ({"speed": 1.0}, r"does not know 'speed'; it takes arm \(name of an arm\), T_world_tool"),
        ({"T_world_tool": [0.3, 0.2, 0.1]}, r"T_world_tool must be array \(7\)"),
        ({"T_world_tool": [0.3, 0.2, 0.1, 2.0, 0, 0, 0]}, r"quaternion has length 1, not 2"),
        ({"T_world_tool": [1e3, 0.2, 0.1, 1.0, 0, 0, 0]}, r"within 10 m"),
        ({"T_world_tool": [float("nan"), 0.2, 0.1, 1.0, 0, 0, 0]}, r"finite"),
        ({"T_world_tool": ["0.3", 0.2, 0.1, 1.0, 0, 0, 0]}, r"must be number"),
        ({"T_world_tool": [True, 0.2, 0.1, 1.0, 0, 0, 0]}, r"must be number"),
        ({"q_start": [0.0] * 5}, r"6 joints"),
        ({"q_start": [0.0] * 100_000}, r"must be array"),
        ({"q_start": [float("inf")] * 6}, r"finite"),
        ({"q_start": [[0.0] * 6]}, r"must be number"),
        ({"align": "sideways"}, r"'pose' \| 'grip' \| 'approach'"),
        ({"align": []}, r"'pose' \| 'grip' \| 'approach'"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused_with_what_is_valid(change, message):
    arguments = dict(ARM, T_world_tool=[0.3, 0.2, 0.1, 1.0, 0, 0, 0]) | change
    with pytest.raises(ToolError, match=message):
        catalogue.call("mink_ik.solve", arguments, station())


def test_missing_arguments_and_bad_records_are_named():
    with pytest.raises(ToolError, match=r"mink_ik\.solve needs 'T_world_tool'"):
        call("mink_ik.solve", **ARM)
    arguments = CALLS["descent.step"]()
    del arguments["state"]["bias"]["torque"]
    with pytest.raises(ToolError, match=r"state.bias must be an object with torque \(array \(N\)\).*torque"):
        call("descent.step", **arguments)
    with pytest.raises(ToolError, match=r"checks must lie in \[1, 20000\], not 1000000000"):
        call("rrt_connect.plan", **(CALLS["rrt_connect.plan"]() | {"checks": 10**9}))
    with pytest.raises(ToolError, match="whole number"):
        call("rrt_connect.plan", **(CALLS["rrt_connect.plan"]() | {"checks": 10.5}))
    with pytest.raises(ToolError, match="different arms"):
        call("rrt_connect.plan", **(CALLS["rrt_connect.plan"]() | {"arms": []}))
    with pytest.raises(ToolError, match="64"):
        call("rrt_connect.plan", **(CALLS["rrt_connect.plan"]() | {"boxes": [BOX] * 65}))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from(sorted(CALLS)), st.data())
def test_whatever_comes_over_the_wire_the_answer_is_json_or_a_tool_error(name, data):
    arguments = CALLS[name]()
    for key in data.draw(st.sets(st.sampled_from(sorted(arguments)), min_size=1)):
        arguments[key] = data.draw(JSON)
    try:
        json.dumps(catalogue.call(name, arguments, station()), allow_nan=False)
    except ToolError as refusal:
        assert len(str(refusal)) < 2000


def leaves(value, path=()):
    """Paths to the numbers in a JSON value."""
    if isinstance(value, dict | list):
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        return [leaf for key, entry in entries for leaf in leaves(entry, (*path, key))]
    return [path] if isinstance(value, int | float) else []


@given(st.sampled_from(sorted(CALLS)), st.data())
@settings(max_examples=300, deadline=None)
def test_extreme_numbers_anywhere_break_nothing(name, data):
    arguments = json.loads(json.dumps(CALLS[name]()))
    for *path, last in data.draw(st.sets(st.sampled_from(leaves(arguments)), min_size=1, max_size=5)):
        inside = arguments
        for key in path:
            inside = inside[key]
        inside[last] = data.draw(st.sampled_from([0.0, -1.0, 1.0, 7.0, -100.0, 1e6, -1e6, 1e-300, 1e-9]) | st.floats())
    try:
        json.dumps(catalogue.call(name, arguments, station()), allow_nan=False)
    except ToolError as refusal:
        assert len(str(refusal)) < 2000


def test_listing_the_tools_loads_nothing_heavy():
    code = "import sys; from enpire.tools import catalogue; catalogue.names(); print('mujoco' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
