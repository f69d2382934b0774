"""A marker tracker as a backend of the tools that find things: on its stations they answer from it, not from pixels.

`t_outline.find` tells of the body tagged `block`, `holes.find` of `box`, `pin.find` of `pin`. What describes how a
thing looks (outline, colour, which camera) does not matter then.
"""

import numpy as np
from mink import SE3

from enpire.tools.perception.errors import NotSeen
from enpire.tools.station import TrackedView

SD_M, SD_RAD = 0.0003, 0.003
"""Standard deviation of a reading as the maker of the tracker states it."""
MARKERS = 4
"""On a body."""


def body(view: TrackedView, tag: str) -> SE3:
    """T_world_body of a tagged body.

    Raises:
        NotSeen: The tracker does not see it.
    """
    if tag not in view.tags:
        raise NotSeen(f"the tracker does not see {tag!r}; it sees {', '.join(view.tags) or 'nothing'}")
    return view.tags[tag]


def on_table(view: TrackedView, tag: str) -> tuple[float, float, float]:
    """x m, y m and yaw rad in (-pi, pi] of a tagged body.

    Raises:
        NotSeen: The tracker does not see it.
    """
    T_world_body = body(view, tag)
    x, y, _ = T_world_body.translation().tolist()
    along = T_world_body.rotation().as_matrix()[:, 0]
    return x, y, float(np.arctan2(along[1], along[0]))
