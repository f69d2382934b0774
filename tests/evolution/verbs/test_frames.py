"""`frames` on real videos."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from enpire.core.errors import BadInput
from enpire.evolution.verbs import catalogue
from enpire.evolution.verbs.desk import Desk
from enpire.ledger.state import State

STEPS = 60


def write_video(path: Path, width: int = 640, height: int = 480) -> None:
    """Frame k is grey of brightness 4 k, as stations write it: fragmented MP4, the start and one frame per step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="mp4", options={"movflags": "frag_keyframe+empty_moov"}) as container:
        stream: Any = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for place in range(STEPS + 1):
            image = np.full((height, width, 3), 4 * place, dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))


def brightness(png: bytes) -> tuple[tuple[int, ...], float]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    with av.open(io.BytesIO(png)) as container:
        image = next(container.decode(video=0)).to_ndarray(format="rgb24")
    return image.shape, float(image.mean())


@pytest.fixture
def state(campaign: Callable[..., State], add: Callable[..., None], tmp_path: Path) -> State:
    made = campaign(0, 1)
    add(made, 101, "a" * 40, steps=STEPS, progress=0.1)
    add(made, 102, "a" * 40, purpose="claim")
    add(made, 103, "a" * 40, result="invalid", reason="station")
    folder = tmp_path / made.episodes[101].folder
    folder.mkdir(parents=True)
    progress = np.full(STEPS, 0.1)
    progress[29], progress[40] = 0.9, np.nan  # after step 30
    np.savez(folder / "arrays.npz", progress=progress)
    return made


def film(state: State, root: Path) -> Path:
    video = root / state.episodes[101].folder / "video.mp4"
    write_video(video)
    state.videos[101] = f"{state.episodes[101].folder}/video.mp4"
    return video


def test_start_best_and_end(state: State, desk_of: Callable[..., Desk], tmp_path: Path, orders: Any) -> None:
    film(state, tmp_path)
    reply = catalogue.answer(desk_of(state, vision="function"), "frames", {"episode": 101})
    shapes, greys = zip(*map(brightness, reply.images), strict=True)
    assert shapes == ((288, 384, 3),) * 3 and greys == pytest.approx((0.0, 120.0, 240.0), abs=4.0)
    assert "0: start (step 0 of 60)" in reply.text and "30: best progress, 0.90" in reply.text
    assert "60: end" in reply.text and orders.films == []


def test_small_images_stay_as_they_are(state: State, desk_of: Callable[..., Desk], tmp_path: Path) -> None:
    write_video(film(state, tmp_path), width=96, height=64)
    reply = catalogue.answer(desk_of(state), "frames", {"episode": 101})
    assert [brightness(image)[0] for image in reply.images] == [(64, 96, 3)] * 3


def test_a_film_is_ordered_first(state: State, desk_of: Callable[..., Desk], orders: Any) -> None:
    reply = catalogue.answer(desk_of(state), "frames", {"episode": 101})
    assert "ask again in a few seconds" in reply.text and reply.images == () and orders.films == [101]
    state.videos[101] = "episodes/gone.mp4"
    catalogue.answer(desk_of(state), "frames", {"episode": 101})
    assert orders.films == [101, 101]


def test_without_arrays_or_with_a_short_video(state: State, desk_of: Callable[..., Desk], tmp_path: Path) -> None:
    film(state, tmp_path)
    (tmp_path / state.episodes[101].folder / "arrays.npz").unlink()
    reply = catalogue.answer(desk_of(state), "frames", {"episode": 101})
    assert len(reply.images) == 2 and "60: end" in reply.text
    state.episodes[999] = replace(state.episodes[101], ticket=999, steps=5000)
    state.videos[999] = state.videos[101]
    reply = catalogue.answer(desk_of(state), "frames", {"episode": 999})
    assert len(reply.images) == 2 and "60: end (step 60 of 60)" in reply.text


def test_a_damaged_video(state: State, desk_of: Callable[..., Desk], tmp_path: Path) -> None:
    video = film(state, tmp_path)
    for content in (b"", b"not a video at all" * 99, video.read_bytes()[:600]):
        video.write_bytes(content)
        with pytest.raises(BadInput, match="cannot be read"):
            catalogue.answer(desk_of(state), "frames", {"episode": 101})


def test_refusals(state: State, desk_of: Callable[..., Desk], orders: Any) -> None:
    with pytest.raises(BadInput, match="images are withheld"):
        catalogue.answer(desk_of(state, vision="none"), "frames", {"episode": 101})
    for ticket in (102, 103, 55555):
        with pytest.raises(BadInput, match=f"{ticket} is no valid search episode"):
            catalogue.answer(desk_of(state), "frames", {"episode": ticket})
    assert orders.films == []
