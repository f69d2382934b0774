"""Progress of recorded episodes, read from disk once: a record never changes."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from enpire.core.records import Episode
from enpire.evolution.cards import Progress, progress_reader

MOST = 4096
"""Episodes that are remembered, about 10 MB."""


@lru_cache(maxsize=4)
def remembered_progress(root: Path) -> Callable[[Episode], Progress | None]:
    """As `cards.progress_reader`, with a memory of the episodes that were read last."""
    read = progress_reader(root)
    known: dict[tuple[int, str], Progress | None] = {}

    def progress_of(episode: Episode) -> Progress | None:
        key = episode.ticket, episode.artefacts.get("arrays.npz", "")
        if key not in known:
            if len(known) >= MOST:
                del known[next(iter(known))]
            known[key] = read(episode)
        return known[key]

    return progress_of
