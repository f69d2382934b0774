"""Single frames of a video as PNG files."""

from collections.abc import Collection
from fractions import Fraction
from pathlib import Path
from typing import Any

from enpire.core.errors import Damaged


def frames(video: Path, wanted: Collection[int], side_px: int) -> dict[int, bytes]:
    """Frames by their place in a video, as PNG files whose longer side is at most `side_px`.

    A place beyond the end gives the last frame, under its own place.

    Raises:
        Damaged: The file is not a video that can be read.
    """
    import av  # imported here: who asks for no pictures does not pay for it

    found: dict[int, Any] = {}
    place, frame = -1, None
    try:
        with av.open(str(video)) as container:
            for place, frame in enumerate(container.decode(video=0)):
                if place in wanted:
                    found[place] = frame
                if place >= max(wanted):
                    break
    except (av.FFmpegError, IndexError):
        frame = None  # torn or no video at all
    if frame is None:
        raise Damaged(f"{video.name} of this episode cannot be read")
    found[place] = frame
    return {place: _png(frame, side_px) for place, frame in sorted(found.items())}


def _png(frame: Any, side_px: int) -> bytes:
    import av

    shrink = min(1.0, side_px / max(frame.width, frame.height))
    width, height = max(1, round(frame.width * shrink)), max(1, round(frame.height * shrink))
    image = frame.reformat(width=width, height=height, format="rgb24")
    encoder: Any = av.CodecContext.create("png", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = width, height, "rgb24", Fraction(1)
    return b"".join(bytes(packet) for packet in [*encoder.encode(image), *encoder.encode(None)])
