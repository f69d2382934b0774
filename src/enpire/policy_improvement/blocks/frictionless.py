"""Quasi-static push through a contact without friction: the block moves only as far as the pusher makes it."""

import numpy as np
from geometry import Array, Scene, rotate, signed_distance, to_block


class PushModel:
    """The contact force acts along the contact normal n at arm r from the centre of the block.

    With the ratio rho^2 of rotational to translational resistance (inertia over mass, or the ellipsoidal limit
    surface of Lynch and Mason 1996), a force of unit size moves the centre by n and turns the block by
    (r x n) / rho^2, so that the contact point gives way by 1 + (r x n)^2 / rho^2 along n. The motion is scaled until
    the overlap with the pusher is gone. The centre may lie off the stated centre of gravity: support may be uneven.
    """

    def __init__(self, scene: Scene, parameters: dict[str, float]) -> None:
        self.scene = scene
        offset = np.array([parameters["centre_x"], parameters["centre_y"]])
        self.centre = scene.weight_centre + offset * scene.block_radius  # block frame, px
        self.rho2 = (parameters["spin_radius"] * scene.gyration_radius) ** 2

    def advance(self, blocks: Array, pushers: Array, motions: Array) -> Array:
        """Poses (K, 3) of blocks after the pushers moved by `motions` (K, 2) to `pushers` (K, 2), world frame."""
        del motions  # Unused.
        for polygon in self.scene.polygons:
            local = to_block(blocks, pushers)
            distance, normal = signed_distance(local, polygon)
            depth = np.maximum(self.scene.pusher_radius - distance, 0.0)
            if not depth.any():
                continue
            arm = local - normal * distance[:, None] - self.centre
            torque = arm[:, 1] * normal[:, 0] - arm[:, 0] * normal[:, 1]  # arm x (-normal)
            step = depth / (1.0 + torque**2 / self.rho2)
            turn = step * torque / self.rho2
            centre = self.centre - normal * step[:, None]
            origin = centre - rotate(np.broadcast_to(self.centre, centre.shape), turn)
            xy = blocks[:, :2] + rotate(origin, blocks[:, 2])
            blocks = np.concatenate([xy, (blocks[:, 2] + turn)[:, None]], axis=1)
        return blocks
