"""The ENPIRE paper's "50 successes in a row", for display next to what it certifies.

A window that slides over many episodes is picked after the fact: a policy that fails one time in twenty shows a perfect
50-window sooner or later. Claims use `one_sample` instead.
"""

from collections.abc import Sequence


def perfect_window(outcomes: Sequence[bool], window: int = 50) -> int | None:
    """Index of the episode that completes the first run of `window` successes; None if there is no such run.

    Args:
        outcomes: Success of each episode, in order.
        window: Length of the run, 1 or more.
    """
    _check_window(window)
    streak = 0
    for index, outcome in enumerate(outcomes):
        streak = streak + 1 if outcome else 0
        if streak == window:
            return index
    return None


def certifies(window: int = 50, alpha: float = 0.05) -> float:
    """Success rate certified by one perfect window that was registered before it began: alpha ** (1 / window).

    0.942 for 50 at alpha 0.05, from p**window <= alpha. A window picked out of a longer record certifies nothing.

    Args:
        window: Number of episodes, all successful, 1 or more.
        alpha: Error probability, in (0, 1).
    """
    _check_window(window)
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}; an error probability is inside (0, 1)")
    return float(alpha ** (1 / window))


def _check_window(window: int) -> None:
    if window < 1:
        raise ValueError(f"window is {window}; a window has 1 episode or more")
