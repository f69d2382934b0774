"""What a picture costs: CPU time per `look` of the simulated cameras of Push-T, flaws of the camera included.

python benchmarks/perception/frames.py
"""

import time
from dataclasses import replace

import numpy as np

from enpire.simulation.draw import draw
from enpire.simulation.profile import CameraProfile
from enpire.simulation.scene import calibrations, station_spec
from enpire.simulation.sim_camera import sim_cameras
from enpire.simulation.world import World
from enpire.tasks._push_t import block

N = 60
SIZES = ((480, 640), (240, 320), (224, 224), (96, 96))


def main() -> None:
    profile = draw(1, 2)
    exact = replace(profile, cameras={name: CameraProfile() for name in profile.cameras})
    spec = station_spec(profile)
    block.add(spec, profile, fixed_at=None)
    world = World(spec)
    print(f"| picture | camera | RGB | RGB and depth | RGB without flaws |\n|---|---|---|---|---|   n = {N}, ms of CPU")
    for height, width in SIZES:
        for camera in ("top", "right_wrist"):
            said = {camera: calibrations(height, width)[camera]}
            cells = []
            for which, depth in ((profile, False), (profile, True), (exact, False)):
                (seen,) = sim_cameras(world, said, which).values()
                spent = []
                for number in range(N + 3):
                    seen.begin_episode(number)
                    start = time.process_time()
                    seen.look(depth=depth)
                    spent.append(1e3 * (time.process_time() - start))
                seen.close()
                low, middle, high = np.percentile(spent[3:], [5, 50, 95])
                cells.append(f"{middle:.1f} [{low:.1f}, {high:.1f}]")
            print(f"| {width} x {height} | {camera} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
