"""Failure cards: what went wrong with a candidate, as numbers instead of logs."""

import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from enpire.core.brief import FailureCard
from enpire.core.records import Episode

Progress = NDArray[np.float64]
"""Progress after each step of an episode, shape (steps,)."""

NEAR = 0.9
LOST = 0.1
MAX_LOG = 1500


def progress_reader(root: Path) -> Callable[[Episode], Progress | None]:
    """Reads the key `progress` of `arrays.npz` in an episode's folder below `root`; None if it is not readable."""

    def progress_of(episode: Episode) -> Progress | None:
        try:
            with np.load(root / episode.folder / "arrays.npz", allow_pickle=False) as arrays:
                return np.asarray(arrays["progress"], dtype=np.float64).ravel()
        except (OSError, KeyError, ValueError, zipfile.BadZipFile):
            return None  # a damaged or missing artefact costs detail, not the card

    return progress_of


def failure_card(episodes: Sequence[Episode], progress_of: Callable[[Episode], Progress | None]) -> FailureCard:
    """Card over the valid search episodes among `episodes`, which are in order of recording.

    Confirmation and claim episodes are left out: what happens there must not steer the search.

    Args:
        episodes: Episodes of one candidate.
        progress_of: Progress after each step, or None if unknown; then the final progress stands for it.
    """
    valid = [x for x in episodes if x.result != "invalid" and x.purpose not in ("confirm", "claim")]
    failures = [episode for episode in valid if not episode.success]
    peaks = [_peak(episode, progress_of(episode)) for episode in failures]
    finals = [episode.progress for episode in failures]
    steps = [episode.steps for episode in valid if episode.success]
    reasons = Counter(episode.reason for episode in failures)
    return FailureCard(
        episodes=len(valid),
        successes=len(steps),
        reasons=dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
        failure_progress=tuple(float(q) for q in np.quantile(finals, (0.25, 0.5, 0.75))) if finals else (),
        near_misses=sum(peak >= NEAR for peak in peaks),
        lost_again=sum(final < peak - LOST for final, peak in zip(finals, peaks, strict=True)),
        median_success_steps=float(np.median(steps)) if steps else None,
        p99_action_ms=max((episode.latency_ms[1] for episode in valid), default=0.0),
        missed_periods=sum(episode.missed for episode in valid),
        log_tail=_printable(failures[-1].log_tail) if failures else "",
    )


def _peak(episode: Episode, progress: Progress | None) -> float:
    finite = progress[np.isfinite(progress)] if progress is not None else np.empty(0)
    return max(episode.progress, float(finite.max())) if finite.size else episode.progress


def _printable(text: str) -> str:
    kept = "".join(c if c.isprintable() or c == "\n" else " " for c in text.replace("\r\n", "\n"))
    return kept[-MAX_LOG:]
