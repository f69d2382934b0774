"""What the researchers' models consumed. The built-in researcher uses no model, so its figures are zero."""

from enpire.ledger.events import StudyClosed
from enpire.ledger.state import State, Study


def mtu(state: State) -> float:
    """Mean Token Utilization: tokens per minute of research wall-clock time; 0 before any time has passed."""
    return state.tokens / (state.elapsed_s / 60) if state.elapsed_s > 0 else 0.0


def success(state: State) -> Study | None:
    """The first claim that certified the campaign's target; None if there is none yet."""
    if state.config is None:
        return None
    for study in state.studies.values():
        reached = study.opened.kind == "claim" and study.opened.p0 >= state.config.target
        if reached and isinstance(study.closed, StudyClosed) and study.closed.accepted:
            return study
    return None


def time_to_success_s(state: State) -> float | None:
    """Elapsed seconds until the target was certified; None if it is not."""
    study = success(state)
    return study.closed_s if study is not None else None


def tokens_to_success(state: State) -> int | None:
    """Tokens until the target was certified; None if it is not.

    Tokens are booked when a session ends. A campaign ends with its certificate, so sessions it cuts off are counted.
    """
    return state.tokens if success(state) is not None else None
