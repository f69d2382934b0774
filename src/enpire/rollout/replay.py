"""A recorded episode again, from its seed and its actions: to make a video, or to check the record."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from enpire.core.errors import EnvironmentFault
from enpire.core.files import sha256_file, sync_directory
from enpire.core.records import Episode, Verdict
from enpire.environment.contract import Task
from enpire.rollout.recorder import read_arrays

VIDEO = "video.mp4"
PROGRESS_TOLERANCE = 1e-9
"""Observations must repeat bit by bit; a judge's geometry may round differently in its last digits."""


PICTURES_PER_S = 10.0
"""That are drawn for a video at most, about: a picture costs more than the step it shows."""


def replay(task: Task, root: Path, episode: Episode) -> Iterator[Verdict | None]:
    """Step through a recorded episode: once after the reset (None), then once per action with the judge's verdict.

    Raises:
        EnvironmentFault: The environment did not repeat the episode: an observation or the progress differs.
    """
    arrays = read_arrays(root, episode)
    keys = [key for key in arrays if key.startswith("observation.")]
    start = {key.removeprefix("start."): array for key, array in arrays.items() if key.startswith("start.")}
    observation, _ = task.reset(seed=episode.seed, options={"start": start} if start else None)
    if not all(np.array_equal(observation[key], arrays[key][0], equal_nan=True) for key in keys):
        raise EnvironmentFault(f"{task.spec.name} did not repeat the start of episode {episode.ticket}")
    yield None
    for index, action in enumerate(arrays["action"]):
        observation, *_ = task.step(action)
        verdict = task.verify()
        same = all(np.array_equal(observation[key], arrays[key][index + 1], equal_nan=True) for key in keys)
        if not same or abs(verdict.progress - arrays["progress"][index]) > PROGRESS_TOLERANCE:
            raise EnvironmentFault(f"{task.spec.name} did not repeat step {index} of episode {episode.ticket}")
        yield verdict


def film(task: Task, root: Path, episode: Episode) -> tuple[str, str]:
    """Render a recorded episode into `video.mp4` (fragmented, H.264, real time).

    Frame 0 is the start and frame k belongs to step k. Where there are more than `PICTURES_PER_S` steps a second, not
    each is drawn: a frame repeats the newest picture. The last one is always its own.

    Returns:
        The file relative to the campaign folder, and its SHA-256.

    Raises:
        EnvironmentFault: The environment cannot render, or did not repeat the episode.
    """
    path = root / episode.folder / VIDEO
    temporary = path.with_name(f".{VIDEO}.tmp")
    every = max(1, round(1.0 / (PICTURES_PER_S * task.spec.period_s)))
    with _Video(temporary, 1.0 / task.spec.period_s) as video:
        index, image = -1, None
        for index, _ in enumerate(replay(task, root, episode)):
            if image is not None:
                video.add(image)
            if index % every == 0:
                image = _picture(task)
        video.add(_picture(task) if image is None or index % every else image)
    temporary.rename(path)
    sync_directory(path.parent)
    return f"{episode.folder}/{VIDEO}", sha256_file(path)


def _picture(task: Task) -> NDArray[np.uint8]:
    """What the task shows now, (H, W, 3), cut to an even number of rows and columns as H.264 wants."""
    image = task.render()
    if image is None:
        raise EnvironmentFault(f"{task.spec.name} renders no images, so there is no video")
    return np.ascontiguousarray(image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2])


class _Video:
    """An H.264 file while it is written; complete when left without an error."""

    def __init__(self, path: Path, frames_per_s: float) -> None:
        import av  # imported here: a station that films nothing does not pay for it

        self._frame = av.VideoFrame.from_ndarray
        self._container: Any = av.open(str(path), "w", format="mp4", options={"movflags": "frag_keyframe+empty_moov"})
        self._rate = max(1, round(frames_per_s))
        self._stream: Any = None

    def add(self, image: NDArray[np.uint8]) -> None:
        """One frame more; all have the size of the first."""
        if self._stream is None:
            self._stream = self._container.add_stream("libx264", rate=self._rate)
            self._stream.height, self._stream.width, self._stream.pix_fmt = *image.shape[:2], "yuv420p"
            self._stream.options = {"crf": "30", "preset": "veryfast", "threads": "1"}
        self._container.mux(self._stream.encode(self._frame(image, format="rgb24")))

    def __enter__(self) -> "_Video":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()
