"""The block slides in front of the pusher and never turns."""

import numpy as np
from geometry import Array, Scene, rotate, signed_distance, to_block


class PushModel:
    """Pure translation: the block gives way along the contact normal until it no longer overlaps the pusher."""

    def __init__(self, scene: Scene, parameters: dict[str, float]) -> None:
        del parameters  # Unused.
        self.scene = scene

    def advance(self, blocks: Array, pushers: Array, motions: Array) -> Array:
        """Poses (K, 3) of blocks after the pushers moved by `motions` (K, 2) to `pushers` (K, 2), world frame."""
        del motions  # Unused.
        blocks = blocks.copy()
        for polygon in self.scene.polygons:
            distance, normal = signed_distance(to_block(blocks, pushers), polygon)
            depth = np.maximum(self.scene.pusher_radius - distance, 0.0)
            blocks[:, :2] -= rotate(normal * depth[:, None], blocks[:, 2])
        return blocks
