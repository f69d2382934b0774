"""Videos of recorded episodes: which steps are drawn, and which frame belongs to which step."""

import av
import numpy as np
import pytest

from enpire.core.clock import VirtualClock
from enpire.core.errors import EnvironmentFault
from enpire.core.files import sha256
from enpire.rollout.recorder import ARRAYS, pack, write_episode
from enpire.rollout.replay import film
from enpire.rollout.trial import run_trial
from tests.ledger.make import episode
from tests.rollout.test_trial import ScriptedPlayer
from tests.rollout.toy import PointTask


class CountedTask(PointTask):
    """Its picture is as bright as the step is late."""

    def __init__(self, period_s):
        super().__init__({"period_s": period_s})
        self.drawn = []

    def render(self):
        self.drawn.append(self.steps)
        return np.full((32, 32, 3), 6 * self.steps, np.uint8)


def filmed(folder, period_s):
    clock = VirtualClock()
    outcome, trace = run_trial(CountedTask(period_s), ScriptedPlayer(clock, lambda x: 0.0 * x), 5, clock)
    assert outcome.reason == "timeout"
    data = pack(trace.arrays())
    record = episode(5, seed=5, result=outcome.result, steps=trace.steps, artefacts={ARRAYS: sha256(data)})
    (folder / "episodes").mkdir()
    write_episode(folder / record.folder, record, data)
    task = CountedTask(period_s)
    file, _ = film(task, folder, record)
    with av.open(str(folder / file)) as container:
        rate = float(container.streams.video[0].average_rate)
        frames = [frame.to_ndarray(format="rgb24").mean() / 6 for frame in container.decode(video=0)]
    return task.drawn, frames, rate


@pytest.mark.parametrize(("period_s", "every"), [(1 / 30, 3), (0.02, 5), (0.05, 2), (0.1, 1), (1.0, 1)])
def test_about_ten_pictures_a_second_are_drawn_and_always_the_last(tmp_path, period_s, every):
    drawn, frames, rate = filmed(tmp_path, period_s)
    last = len(frames) - 1
    assert drawn == sorted({*range(0, last + 1, every), last})
    assert rate == pytest.approx(1 / period_s), "played in real time"


def test_frame_k_shows_the_newest_picture_up_to_step_k(tmp_path):
    drawn, frames, _ = filmed(tmp_path, 1 / 30)
    for step, shown in enumerate(frames):
        newest = max(one for one in drawn if one <= step)
        assert shown == pytest.approx(newest, abs=0.6), f"frame {step}"


def test_an_environment_without_pictures_leaves_no_video(tmp_path):
    class Dark(CountedTask):
        def render(self):
            return None

    filmed(tmp_path, 0.1)
    record = next((tmp_path / "episodes").iterdir())
    (record / "video.mp4").unlink()
    found = episode(5, seed=5, artefacts={ARRAYS: sha256((record / ARRAYS).read_bytes())})
    with pytest.raises(EnvironmentFault, match="renders no images"):
        film(Dark(0.1), tmp_path, found)
    assert not (record / "video.mp4").exists()
