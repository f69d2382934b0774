"""A recorded episode again, from its seed and its actions: to make a video, or to check the record."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from enpire.core.errors import EnvironmentFault
from enpire.core.files import sha256_file, sync_directory
from enpire.core.records import Episode, Verdict
from enpire.environment.contract import Task
from enpire.rollout.recorder import read_arrays

VIDEO = "video.mp4"
PROGRESS_TOLERANCE = 1e-9
"""Observations must repeat bit by bit; a judge's geometry may round differently in its last digits."""


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

    Returns:
        The file relative to the campaign folder, and its SHA-256.

    Raises:
        EnvironmentFault: The environment cannot render, or did not repeat the episode.
    """
    import av  # imported here: a station that films nothing does not pay for it

    path = root / episode.folder / VIDEO
    temporary = path.with_name(f".{VIDEO}.tmp")
    options = {"movflags": "frag_keyframe+empty_moov"}
    with av.open(str(temporary), "w", format="mp4", options=options) as container:
        stream: Any = None
        for _ in replay(task, root, episode):
            image = task.render()
            if image is None:
                raise EnvironmentFault(f"{task.spec.name} renders no images, so there is no video")
            image = np.ascontiguousarray(image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2])
            if stream is None:
                stream = container.add_stream("libx264", rate=max(1, round(1.0 / task.spec.period_s)))
                stream.height, stream.width, stream.pix_fmt = image.shape[0], image.shape[1], "yuv420p"
                stream.options = {"crf": "30", "preset": "veryfast", "threads": "1"}
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    temporary.rename(path)
    sync_directory(path.parent)
    return f"{episode.folder}/{VIDEO}", sha256_file(path)
