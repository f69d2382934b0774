"""Where the block is, by the top camera: first the camera is checked against the marks on the table, then it looks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from enpire.environment.cell import Cell
from enpire.simulation.table_marks import MARK_RADIUS_M, TABLE_MARKS_M
from enpire.tasks._push_t import block
from enpire.tools.perception import fiducials, t_outline
from enpire.tools.perception.errors import NotSeen

CAMERA = "top"
LEAST_QUALITY = 0.6
MOST_HIDDEN = 0.08
MOST_RMS_PX = 1.0


@dataclass(frozen=True, kw_only=True)
class Sight:
    """One look at the block.

    Attributes:
        pose: x m, y m, yaw rad of the block frame in the world, shape (3,).
        age_s: Time since the exposure.
        quality: Of the fit, in [0, 1].
        sd_m, sd_rad: Standard deviation of position and yaw that the picture leaves.
    """

    pose: NDArray[np.float64]
    age_s: float
    quality: float
    sd_m: float
    sd_rad: float


def see(cell: Cell) -> Sight:
    """Pose of the block in the newest picture.

    Raises:
        NotSeen: The block or the marks are hidden, or the fit is poor.
    """
    said = cell.station().view(CAMERA)
    frame, marks = said.frame, np.array(TABLE_MARKS_M)
    camera = fiducials.refine(said, marks, MARK_RADIUS_M)
    if camera.rms_px > MOST_RMS_PX:
        raise NotSeen(f"the marks on the table are {camera.rms_px:.1f} px off; the camera's calibration is of no use")
    found = t_outline.find(said, block.polygons(), block.HEIGHT_M, block.COLOUR, camera.T_world_camera)
    if found.quality < LEAST_QUALITY or found.hidden > MOST_HIDDEN:
        raise NotSeen(f"the block is seen too poorly: quality {found.quality:.2f}, hidden {found.hidden:.2f}")
    return Sight(
        pose=np.array([found.x_m, found.y_m, found.yaw_rad]),
        age_s=frame.age_s,
        quality=found.quality,
        sd_m=found.sd_m,
        sd_rad=found.sd_rad,
    )
