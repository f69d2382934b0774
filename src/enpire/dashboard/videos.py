"""Videos for the report: small ones inside the file, the rest as links."""

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

MOST_BYTES = 25_000_000
"""Size of all embedded videos together, before base64."""
_TYPES = {".mp4": "video/mp4", ".webm": "video/webm"}


@dataclass(frozen=True)
class ReportVideo:
    """A video to show. `path` is absolute or relative to the campaign folder."""

    title: str
    caption: str
    path: Path


@dataclass(frozen=True)
class Shown:
    """How a video goes into the page.

    Attributes:
        source: `data:` URL when embedded; empty otherwise.
        link: Relative address when it is too large to embed; empty otherwise. Without either the file is missing.
    """

    title: str
    caption: str
    source: str
    link: str


def embed(videos: Sequence[ReportVideo], root: Path, out: Path) -> list[Shown]:
    """Embed videos in the order given until `MOST_BYTES` are used; link those that do not fit.

    Args:
        videos: What to show.
        root: Campaign folder that relative paths start from.
        out: The report file that links start from.
    """
    left = MOST_BYTES
    shown = []
    for video in videos:
        path = root / video.path
        size = path.stat().st_size if path.is_file() else None
        source = link = ""
        if size is not None and size <= left and path.suffix in _TYPES:
            left -= size
            source = f"data:{_TYPES[path.suffix]};base64,{base64.b64encode(path.read_bytes()).decode()}"
        elif size is not None:
            link = quote(os.path.relpath(path, out.parent))
        shown.append(Shown(video.title, video.caption, source, link))
    return shown
