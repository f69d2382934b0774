"""Quasi-static push with friction at the contact: the pusher sticks to the block, or slides along it."""

import numpy as np
from geometry import Array, Scene, rotate, signed_distance, to_block


class PushModel:
    """Ellipsoidal limit surface (Lynch and Mason 1996; Goyal, Ruina and Papadopoulos 1991).

    A force f at arm r from the centre moves the centre by f and turns the block by (r x f) / rho^2, so the contact
    point moves by W f with W = I + p p^T / rho^2, p = (-r_y, r_x). While the pusher sticks, W f is its motion. If the
    force would leave the friction cone |f_t| <= mu f_n, it stays on the cone's edge and only the overlap is undone.
    """

    def __init__(self, scene: Scene, parameters: dict[str, float]) -> None:
        self.scene = scene
        offset = np.array([parameters["centre_x"], parameters["centre_y"]])
        self.centre = scene.weight_centre + offset * scene.block_radius  # block frame, px
        self.rho2 = (parameters["spin_radius"] * scene.gyration_radius) ** 2
        self.friction = parameters["friction"]

    def advance(self, blocks: Array, pushers: Array, motions: Array) -> Array:
        """Poses (K, 3) of blocks after the pushers moved by `motions` (K, 2) to `pushers` (K, 2), world frame."""
        for polygon in self.scene.polygons:
            local = to_block(blocks, pushers)
            distance, outward = signed_distance(local, polygon)
            depth = np.maximum(self.scene.pusher_radius - distance, 0.0)
            if not depth.any():
                continue
            motion = rotate(motions, -blocks[:, 2])
            normal = -outward
            tangent = np.stack([-normal[:, 1], normal[:, 0]], axis=1)
            slip = np.where(depth > 0, (motion * tangent).sum(axis=1), 0.0)
            arm = local - outward * distance[:, None] - self.centre
            turn_n = arm[:, 0] * normal[:, 1] - arm[:, 1] * normal[:, 0]
            turn_t = arm[:, 0] * tangent[:, 1] - arm[:, 1] * tangent[:, 0]
            # W in the axes (normal, tangent); solve W f = (depth, slip)
            w_nn, w_nt, w_tt = 1 + turn_n**2 / self.rho2, turn_n * turn_t / self.rho2, 1 + turn_t**2 / self.rho2
            determinant = w_nn * w_tt - w_nt**2
            f_n = (w_tt * depth - w_nt * slip) / determinant
            f_t = (w_nn * slip - w_nt * depth) / determinant
            edge = np.sign(f_t) * self.friction
            on_edge = (np.abs(f_t) > self.friction * f_n) | (f_n < 0)
            f_n = np.where(on_edge, depth / np.maximum(w_nn + edge * w_nt, 0.2), f_n)
            f_t = np.where(on_edge, edge * f_n, f_t)
            step = f_n[:, None] * normal + f_t[:, None] * tangent
            turn = (f_n * turn_n + f_t * turn_t) / self.rho2
            origin = self.centre + step - rotate(np.broadcast_to(self.centre, step.shape), turn)
            xy = blocks[:, :2] + rotate(origin, blocks[:, 2])
            blocks = np.concatenate([xy, (blocks[:, 2] + turn)[:, None]], axis=1)
        return blocks
