"""A station's world as plain data for the page: shapes once, poses again and again. World frame, metres."""

import base64
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from enpire.core.camera import Calibration
from enpire.core.records import TaskSpec
from enpire.environment.setup import Setup

HIDDEN_GROUPS = 3
"""Geoms of this group and above are for collisions only, as in MuJoCo's own viewer."""
LEAST_FORCE_N = 0.05
MOST_CONTACTS = 80
_KINDS = {
    mujoco.mjtGeom.mjGEOM_PLANE: "plane",
    mujoco.mjtGeom.mjGEOM_SPHERE: "sphere",
    mujoco.mjtGeom.mjGEOM_CAPSULE: "capsule",
    mujoco.mjtGeom.mjGEOM_ELLIPSOID: "ellipsoid",
    mujoco.mjtGeom.mjGEOM_CYLINDER: "cylinder",
    mujoco.mjtGeom.mjGEOM_BOX: "box",
    mujoco.mjtGeom.mjGEOM_MESH: "mesh",
}


def shapes(setup: Setup, spec: TaskSpec, calibrations: dict[str, Calibration]) -> dict[str, Any]:
    """What does not change while a world lives: geoms with size and colour, cameras, tools and the target."""
    model = setup.world.model
    geoms = [_geom(model, index) for index in shown(model)]
    cameras = [
        {"name": model.camera(i).name, **_opening(calibrations.get(model.camera(i).name))} for i in range(model.ncam)
    ]
    tools = [model.site(index).name for index in _tools(model)]
    return {"task": spec.name, "geoms": geoms, "cameras": cameras, "tools": tools, "target": target(spec.scene)}


def poses(setup: Setup) -> dict[str, Any]:
    """What moves, as base64 of little-endian float32: per geom, tool and camera a position and a rotation by rows.

    Cameras are optical frames (x right, y down, z forward). `contacts` lists point and force on the second geom, N.
    """
    model, data = setup.world.model, setup.world.data
    geoms, tools = shown(model), _tools(model)
    cameras = data.cam_xmat.reshape(-1, 3, 3) * (1.0, -1.0, -1.0)  # MuJoCo's look along -z with y up
    return {
        "geoms": _packed(data.geom_xpos[geoms], data.geom_xmat[geoms]),
        "tools": _packed(data.site_xpos[tools], data.site_xmat[tools]),
        "cameras": _packed(data.cam_xpos, cameras),
        "contacts": contacts(model, data),
    }


def contacts(model: mujoco.MjModel, data: mujoco.MjData) -> list[list[float]]:
    """Contacts with a force: x, y, z in m and the force on the second geom in N, world frame; the strongest first."""
    found = []
    wrench = np.empty(6)
    for index in range(data.ncon):
        mujoco.mj_contactForce(model, data, index, wrench)
        force = data.contact.frame[index].reshape(3, 3).T @ wrench[:3]
        size = float(np.linalg.norm(force))
        if size > LEAST_FORCE_N:
            found.append((size, [round(float(x), 5) for x in (*data.contact.pos[index], *force)]))
    return [values for _, values in sorted(found, reverse=True)[:MOST_CONTACTS]]


def target(scene: dict[str, Any]) -> list[list[list[float]]]:
    """Where the task wants things, as closed lines of points (x, y, z), from what its manual states; may be empty."""
    if "goal_pose" in scene and "block_polygons_m" in scene:
        x, y, yaw = scene["goal_pose"]
        turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
        flat = [np.asarray(polygon) @ turn.T + (x, y) for polygon in scene["block_polygons_m"]]
        return [np.column_stack([polygon, np.full(len(polygon), 0.002)]).tolist() for polygon in flat]
    if "hole_m" in scene and "box_top_m" in scene:
        angle = np.linspace(0.0, 2 * np.pi, 24, endpoint=False)
        ring = np.column_stack([np.cos(angle), np.sin(angle), np.zeros_like(angle)])
        middle = np.array([*scene["hole_m"][:2], scene["box_top_m"] + 0.001])
        return [(middle + 2.0 * scene.get("hole_radius_m", 0.002) * ring).tolist()]
    return []


def shown(model: mujoco.MjModel) -> NDArray[np.int64]:
    """Indices of the geoms that a person should see."""
    known = np.isin(model.geom_type, [int(kind) for kind in _KINDS])
    return np.flatnonzero(known & (model.geom_group < HIDDEN_GROUPS) & (model.geom_rgba[:, 3] > 0))


def _geom(model: mujoco.MjModel, index: int) -> dict[str, Any]:
    kind = _KINDS[mujoco.mjtGeom(int(model.geom_type[index]))]
    found: dict[str, Any] = {
        "name": model.geom(int(index)).name,
        "kind": kind,
        "size": [round(float(x), 6) for x in model.geom_size[index]],
        "rgba": [round(float(x), 3) for x in model.geom_rgba[index]],
    }
    if kind == "mesh":
        mesh = model.geom_dataid[index]
        vertices, faces = model.mesh_vertadr[mesh], model.mesh_faceadr[mesh]
        found["vertices"] = model.mesh_vert[vertices : vertices + model.mesh_vertnum[mesh]].round(6).ravel().tolist()
        found["faces"] = model.mesh_face[faces : faces + model.mesh_facenum[mesh]].ravel().tolist()
    return found


def _opening(said: Calibration | None) -> dict[str, float]:
    """Half width and half height of the image at distance 1."""
    if said is None:
        return {"half_width": 0.5, "half_height": 0.5}
    return {
        "half_width": said.width / 2 / said.matrix[0][0],
        "half_height": said.height / 2 / said.matrix[1][1],
    }


def _tools(model: mujoco.MjModel) -> list[int]:
    return [index for index in range(model.nsite) if model.site(index).name.endswith("_tool")]


def _packed(places: NDArray[np.float64], rotations: NDArray[np.float64]) -> str:
    rows = np.concatenate([places.reshape(-1, 3), rotations.reshape(-1, 9)], axis=1)
    return base64.b64encode(rows.astype("<f4").tobytes()).decode()
