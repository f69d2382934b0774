"""A recorded start and the same actions give the same readings, verdicts and truth, bit for bit, in a new process."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from enpire.core.records import encode
from enpire.environment.station_task import StationTask
from enpire.tasks import pin_insertion

STEPS = 45


def played(task: StationTask, start: object) -> tuple[np.ndarray, list[bytes]]:
    """Readings (N, 45) of a straight push downwards from a start, and verdicts with the truth as bytes."""
    observation, _ = task.reset(seed=21, options={"start": start})
    action = np.array(observation["observation.state"])
    action[-1] = 0.0
    readings, verdicts = [], []
    for _ in range(STEPS):
        action[8] += 0.002
        observation, *_ = task.step(action)
        readings.append(np.concatenate([observation[key] for key in sorted(observation)]))
        verdicts.append(encode(task.verify()) + encode(task.sealed()))
    return np.array(readings), verdicts


def test_a_new_process_repeats_an_episode(station: StationTask, tmp_path: Path) -> None:
    station.reset(seed=20)
    _, info = station.reset(seed=21)
    np.savez(tmp_path / "start.npz", **info["start"])
    here, verdicts = played(station, info["start"])
    subprocess.run([sys.executable, __file__, str(tmp_path)], check=True)
    there = np.load(tmp_path / "there.npy")
    assert here.tobytes() == there.tobytes()
    assert b"".join(verdicts) == (tmp_path / "verdicts.bin").read_bytes()


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    fresh = pin_insertion.make({"fast_reset": 1.0, "level": 2.0, "station_seed": 3.0})
    seen, said = played(fresh, dict(np.load(folder / "start.npz")))
    np.save(folder / "there.npy", seen)
    (folder / "verdicts.bin").write_bytes(b"".join(said))
