"""The box with its four holes, and the pin. Shapes are made of vertices; there are no files.

A hole is a ring of eight convex wedges with a chamfer, which is what lets a round tip find its way in.
"""

import math
from itertools import product

import mujoco
import numpy as np

from enpire.simulation.profile import Profile

BOX_AT_M = (0.33, -0.12)
"""Middle of the box, world x and y."""
BOX_M = 0.040
BOX_HEIGHT_M = 0.030
PITCH_M = 0.020
HOLE_RADIUS_M = 0.0020
HOLE_DEPTH_M = 0.020
CHAMFER_M = 0.0005
HOLES_M = tuple((BOX_AT_M[0] + i * PITCH_M / 2, BOX_AT_M[1] + j * PITCH_M / 2) for i, j in product((1, -1), (1, -1)))
"""Middle of each hole, world x and y: far left, far right, near left, near right as the arms see them."""
PIN_RADIUS_M = 0.00185
SHAFT_M = 0.033
HEAD_RADIUS_M = 0.004
HEAD_M = 0.012
PIN_KG = 0.018
TIP_BELOW_HEAD_M = SHAFT_M + HEAD_M / 2
"""From the middle of the head, where it is gripped, to the tip."""
BOX_RGBA, HOLE_RGBA, HEAD_RGBA = (0.20, 0.42, 0.75, 1.0), (0.03, 0.03, 0.04, 1.0), (0.85, 0.55, 0.10, 1.0)
_WEDGES = 8
_FLOOR_M = BOX_HEIGHT_M - HOLE_DEPTH_M
_FRICTION = (0.2, 5e-3, 1e-4)
_SOLREF, _SOLIMP = (0.004, 1.0), (0.98, 0.995, 0.0005, 0.5, 2.0)


def add_box(spec: mujoco.MjSpec, profile: Profile, plugged_m: float = 0.0) -> None:
    """The box, fixed to the table, about where it should be. `plugged_m` fills the holes from below."""
    body = spec.worldbody.add_body(name="box", pos=(*(np.array(BOX_AT_M) + profile.fixture_shift_m), 0.0))
    half = BOX_M / 2
    floor = _FLOOR_M + plugged_m
    body.add_geom(
        name="box_floor", type=mujoco.mjtGeom.mjGEOM_BOX, pos=(0, 0, floor / 2), size=(half, half, floor / 2),
        rgba=BOX_RGBA, solref=_SOLREF, friction=_FRICTION,
    )  # fmt: skip
    for number, wedge in enumerate(_wedges()):
        name = f"hole_wedge{number}"
        mesh = spec.add_mesh(name=name)
        mesh.uservert = wedge.ravel()
        mesh.inertia = mujoco.mjtMeshInertia.mjMESH_INERTIA_CONVEX
        for hole, (x, y) in enumerate(HOLES_M):
            body.add_geom(
                name=f"{name}_{hole}", type=mujoco.mjtGeom.mjGEOM_MESH, meshname=name,
                pos=(x - BOX_AT_M[0], y - BOX_AT_M[1], 0.0), rgba=BOX_RGBA,
                solref=_SOLREF, solimp=_SOLIMP, friction=_FRICTION,
            )  # fmt: skip
    for hole, (x, y) in enumerate(HOLES_M):
        body.add_geom(
            name=f"hole{hole}", type=mujoco.mjtGeom.mjGEOM_CYLINDER, rgba=HOLE_RGBA, contype=0, conaffinity=0,
            pos=(x - BOX_AT_M[0], y - BOX_AT_M[1], floor + 0.0002), size=(HOLE_RADIUS_M, 0.0001, 0),
        )  # fmt: skip


def add_pin(spec: mujoco.MjSpec, profile: Profile) -> None:
    """The pin, free to move. Its frame: the middle of the head, z towards the tip."""
    body = spec.worldbody.add_body(name="pin", pos=(*HOLES_M[0], 0.2), quat=(0, 1, 0, 0))
    body.add_freejoint(name="pin")
    mass = PIN_KG * profile.mass
    parts = (
        ("pin_head", mujoco.mjtGeom.mjGEOM_CYLINDER, (HEAD_RADIUS_M, HEAD_M / 2, 0), 0.0, 0.55, HEAD_RGBA),
        ("pin_shaft", mujoco.mjtGeom.mjGEOM_CYLINDER, (PIN_RADIUS_M, (SHAFT_M - PIN_RADIUS_M) / 2, 0),
         HEAD_M / 2 + (SHAFT_M - PIN_RADIUS_M) / 2, 0.43, (0.75, 0.76, 0.78, 1.0)),
        ("pin_tip", mujoco.mjtGeom.mjGEOM_SPHERE, (PIN_RADIUS_M, 0, 0), TIP_BELOW_HEAD_M - PIN_RADIUS_M, 0.02,
         (0.75, 0.76, 0.78, 1.0)),
    )  # fmt: skip
    for name, kind, size, z, share, rgba in parts:
        body.add_geom(
            name=name, type=kind, size=size, pos=(0, 0, z), mass=mass * share, rgba=rgba,
            friction=_FRICTION, condim=4, solref=_SOLREF, solimp=_SOLIMP,
        )  # fmt: skip


def _wedges() -> list[np.ndarray]:
    """Vertices of the wedges around one hole, (N, 3) each: from the hole to the edge of its square, floor to top."""
    half = PITCH_M / 2
    found = []
    for i in range(_WEDGES):
        low, high = ((i - 0.5) * 2 * math.pi / _WEDGES, (i + 0.5) * 2 * math.pi / _WEDGES)
        outer = [_on_square(low, half), _on_square(high, half)]
        middle = (low + high) / 2
        if abs(abs(math.cos(middle)) - abs(math.sin(middle))) < 1e-6:
            outer.append((math.copysign(half, math.cos(middle)), math.copysign(half, math.sin(middle))))
        reach = 1.0 / math.cos(math.pi / _WEDGES)  # corners of the octagon whose sides touch the circle
        points = [(x, y, z) for x, y in outer for z in (_FLOOR_M, BOX_HEIGHT_M)]
        for radius, z in (
            (HOLE_RADIUS_M, _FLOOR_M),
            (HOLE_RADIUS_M, BOX_HEIGHT_M - CHAMFER_M),
            (HOLE_RADIUS_M + CHAMFER_M, BOX_HEIGHT_M),
        ):
            points += [(radius * reach * math.cos(a), radius * reach * math.sin(a), z) for a in (low, high)]
        found.append(np.array(points))
    return found


def _on_square(angle: float, half: float) -> tuple[float, float]:
    scale = half / max(abs(math.cos(angle)), abs(math.sin(angle)))
    return scale * math.cos(angle), scale * math.sin(angle)
