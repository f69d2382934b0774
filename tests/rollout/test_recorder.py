import numpy as np
import pytest

from enpire.core.clock import VirtualClock
from enpire.core.errors import Damaged, EnvironmentFault
from enpire.core.files import sha256
from enpire.rollout.recorder import ARRAYS, pack, read_arrays, read_record, write_episode
from enpire.rollout.replay import film, replay
from enpire.rollout.trial import run_trial
from tests.ledger.make import episode
from tests.rollout.test_trial import ScriptedPlayer
from tests.rollout.toy import PointTask


@pytest.fixture
def recorded(tmp_path):
    clock = VirtualClock()
    outcome, trace = run_trial(PointTask(), ScriptedPlayer(clock, lambda x: -3 * x), 5, clock)
    data = pack(trace.arrays())
    record = episode(5, seed=5, result=outcome.result, steps=trace.steps, artefacts={ARRAYS: sha256(data)})
    (tmp_path / "episodes").mkdir()
    write_episode(tmp_path / record.folder, record, data)
    return tmp_path, record


def test_a_record_is_read_back(recorded):
    root, record = recorded
    assert read_record(root, record) == record
    assert len(read_arrays(root, record)["action"]) == record.steps
    assert not list((root / "episodes").glob(".*"))


def test_packing_is_reproducible():
    arrays = {"b": np.arange(3), "a": np.zeros((2, 2), np.uint8)}
    assert pack(arrays) == pack(dict(reversed(arrays.items())))


@pytest.mark.parametrize("position", [0.1, 0.5, 0.9])
def test_one_flipped_bit_is_found(recorded, position):
    root, record = recorded
    path = root / record.folder / ARRAYS
    data = bytearray(path.read_bytes())
    data[int(len(data) * position)] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    with pytest.raises(Damaged, match="does not match its recorded hash"):
        read_arrays(root, record)


def test_a_folder_left_by_a_crash_is_replaced(recorded):
    root, record = recorded
    (root / "episodes" / ".0000005.tmp").mkdir()
    data = pack({"action": np.zeros(1)})
    write_episode(root / record.folder, record, data)
    assert (root / record.folder / ARRAYS).read_bytes() == data
    assert not list((root / "episodes").glob(".*"))


def test_a_replay_gives_the_same_verdict(recorded):
    root, record = recorded
    *_, verdict = replay(PointTask(), root, record)
    assert verdict.success == record.success


def test_another_environment_is_noticed_in_the_replay(recorded):
    root, record = recorded

    class Slippery(PointTask):
        def step(self, action):
            return super().step(0.9 * action)

    with pytest.raises(EnvironmentFault, match="did not repeat step 0"):
        list(replay(Slippery(), root, record))


def test_a_video_has_one_frame_per_observation(recorded):
    import av

    root, record = recorded
    file, digest = film(PointTask(), root, record)
    assert sha256((root / file).read_bytes()) == digest
    with av.open(str(root / file)) as container:
        assert sum(1 for _ in container.decode(video=0)) == record.steps + 1
