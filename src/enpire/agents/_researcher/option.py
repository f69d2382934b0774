"""What a move offers: an option with a prospect, and the draft it would hand in."""

from collections.abc import Callable
from dataclasses import dataclass

from enpire.agents._researcher.knowledge import Trial


@dataclass(frozen=True, kw_only=True)
class Draft:
    """Everything needed to write files and a proposal.

    Attributes:
        base: Candidate whose files are taken.
        hypothesis: One sentence that episodes can prove wrong.
        swaps: Blocks to copy from the library, (slot, block).
        identify: Whether to run `train.py` after the swaps.
        values: Declared values to write into the files.
        points: Variants; an empty point is the files as written.
        adopt, revert: Ideas for the harness to merge or to undo.
        inspired_by: Ideas this one learned from.
        predicted_effect: Expected change of the success rate.
    """

    base: Trial
    hypothesis: str
    kind: str
    swaps: tuple[tuple[str, str], ...] = ()
    identify: bool = False
    values: dict[str, float]
    points: tuple[dict[str, float], ...]
    adopt: tuple[str, ...] = ()
    revert: tuple[str, ...] = ()
    inspired_by: tuple[str, ...] = ()
    predicted_effect: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Option:
    """One thing to do next.

    Attributes:
        kind: The move it comes from.
        gain: Expected utility above the champion's after this idea.
        spread: Standard deviation of that expectation.
        draft: Works the option out; None if it turns out to be empty.
    """

    kind: str
    gain: float
    spread: float
    draft: Callable[[], Draft | None]
