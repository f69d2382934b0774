"""`frames`: key frames of an episode."""

import numpy as np

from enpire.core.errors import BadInput
from enpire.core.records import Episode, Json
from enpire.evolution.cards import progress_reader
from enpire.evolution.verbs import _pictures
from enpire.evolution.verbs._evidence import is_search
from enpire.evolution.verbs.desk import Desk, Reply

DESCRIPTION = "Up to 3 key frames of a search episode as images: start, best progress, end."
SIDE_PX = 384
ARGUMENTS: Json = {
    "type": "object",
    "additionalProperties": False,
    "required": ["episode"],
    "properties": {"episode": {"type": "integer", "minimum": 1, "description": "Episode number from `episodes`."}},
}


def answer(desk: Desk, arguments: Json) -> Reply:
    """Images, or notice that the video is being made.

    Raises:
        BadInput: Images are withheld, or there is no such search episode.
        Damaged: The video cannot be read.
    """
    if desk.vision == "none":
        raise BadInput("images are withheld in this campaign (vision none); use `episodes`")
    ticket = int(arguments["episode"])
    episode = desk.state.episodes.get(ticket)
    if episode is None or not is_search(episode) or episode.result == "invalid":
        raise BadInput(f"{ticket} is no valid search episode; `episodes` lists them")
    video = desk.folder.root / desk.state.videos.get(ticket, "")
    if not video.is_file():
        desk.film(ticket)
        return Reply(text=f"The video of episode {ticket} is being rendered; ask again in a few seconds.")
    named = _key_frames(desk, episode)
    images = _pictures.frames(video, named.keys(), SIDE_PX)
    last = max(images)
    shown = [f"{place}: {named.get(place, 'end')} (step {place} of {last})" for place in images]
    ending = episode.result if episode.success else f"{episode.result} ({episode.reason})"
    text = f"Episode {ticket}: {ending}, progress {episode.progress:.2f}. Frames in order:\n- " + "\n- ".join(shown)
    return Reply(text=text, images=tuple(images.values()))


def _key_frames(desk: Desk, episode: Episode) -> dict[int, str]:
    """Place in the video to what is there. Frame 0 is the start, frame k the scene after step k."""
    progress = progress_reader(desk.folder.root)(episode)
    named = {0: "start"}
    if progress is not None and np.isfinite(progress).any():
        best = int(np.where(np.isfinite(progress), progress, -np.inf).argmax()) + 1
        named[best] = f"best progress, {progress[best - 1]:.2f}"
        named[len(progress)] = "end" if best < len(progress) else f"{named[best]}, at the end"
    else:
        named[episode.steps] = "end"
    return named
