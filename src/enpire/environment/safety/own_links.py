"""How far the links of one arm are from each other."""

import mujoco
import numpy as np

FAR_M = 0.10
"""Beyond this the distance is not measured."""


class OwnLinks:
    """The pairs of geoms of one arm that must not touch: all but neighbours and what the model excludes.

    Args:
        model: The arms alone.
        bodies: Of this arm, from its base outwards, each after its parent.

    Attributes:
        behind: For each joint of the model, furthest that a geom of a link before the joint can be from the joint, m:
            no distance between links changes by more per rad.
    """

    def __init__(self, model: mujoco.MjModel, bodies: list[int]) -> None:
        self._model = model
        excluded = set(model.exclude_signature.tolist())
        geoms = [int(g) for g in np.flatnonzero(np.isin(model.geom_bodyid, bodies))]
        pairs = [(a, b) for i, a in enumerate(geoms) for b in geoms[i + 1 :] if _may_touch(model, a, b, excluded)]
        self._first, self._second = (np.array(side, dtype=np.int32) for side in zip(*pairs, strict=True))
        self._radii = model.geom_rbound[self._first] + model.geom_rbound[self._second]
        self.behind = np.array([_behind(model, joint, bodies) for joint in range(model.njnt)])

    def distance(self, data: mujoco.MjData) -> float:
        """Least distance of two links at the pose of `data`, at most `FAR_M`; its kinematics must be up to date."""
        centers = data.geom_xpos
        apart = centers[self._first] - centers[self._second]
        bounds = np.sqrt(np.einsum("ij,ij->i", apart, apart)) - self._radii
        least = FAR_M
        for i in np.argsort(bounds)[: int((bounds < FAR_M).sum())].tolist():
            if bounds[i] >= least:
                break
            found = mujoco.mj_geomDistance(self._model, data, int(self._first[i]), int(self._second[i]), least, None)
            least = min(least, found)
        return least


def _may_touch(model: mujoco.MjModel, a: int, b: int, excluded: set[int]) -> bool:
    """Whether MuJoCo would let two geoms collide."""
    one, other = sorted((int(model.geom_bodyid[a]), int(model.geom_bodyid[b])))
    if (one << 16) + other in excluded:
        return False
    welded, others = int(model.body_weldid[one]), int(model.body_weldid[other])
    parents = (int(model.body_weldid[model.body_parentid[w]]) for w in (welded, others))
    return welded != others and (0 in (welded, others) or not {welded, others} & set(parents))


def _behind(model: mujoco.MjModel, joint: int, bodies: list[int]) -> float:
    """See `OwnLinks.behind`; 0 for joints of other arms."""
    body = int(model.jnt_bodyid[joint])
    if body not in bodies:
        return 0.0
    far, furthest = float(np.linalg.norm(model.jnt_pos[joint])), 0.0
    while (parent := int(model.body_parentid[body])) in bodies:
        far += float(np.linalg.norm(model.body_pos[body]))
        for geom in np.flatnonzero(model.geom_bodyid == parent):
            out = far + float(np.linalg.norm(model.geom_pos[geom]) + model.geom_rbound[geom])
            furthest = max(furthest, out)
        body = parent
    return furthest
