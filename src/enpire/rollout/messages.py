"""What supervisor and station say to each other: JSON lines on one socket pair, both ends trusted."""

import msgspec

from enpire.core.records import Episode, TaskSpec, Ticket


class Run(msgspec.Struct, frozen=True, tag=True):
    """Run one episode."""

    ticket: Ticket


class Film(msgspec.Struct, frozen=True, tag=True):
    """Make the video of a recorded episode."""

    episode: Episode


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The station can take tickets."""

    spec: TaskSpec
    confinement: str


class Finished(msgspec.Struct, frozen=True, tag=True):
    """An episode is on disk."""

    episode: Episode


class Filmed(msgspec.Struct, frozen=True, tag=True):
    """A video is on disk, or `reason` says why there is none."""

    ticket: int
    file: str = ""
    sha256: str = ""
    reason: str = ""


class Broken(msgspec.Struct, frozen=True, tag=True):
    """The station cannot go on."""

    reason: str


Order = Run | Film
Report = Ready | Finished | Filmed | Broken
