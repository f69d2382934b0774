"""What the researchers' models consumed. The built-in researcher uses no model, so its figures are zero."""

from enpire.ledger.state import State
from enpire.metrics.studies import ClaimReport, claims


def mtu(state: State) -> float:
    """Mean Token Utilization: tokens per minute of research wall-clock time; 0 before any time has passed."""
    return state.tokens / (state.elapsed_s / 60) if state.elapsed_s > 0 else 0.0


def success(state: State) -> ClaimReport | None:
    """The first claim that certified the campaign's target; None if there is none yet."""
    target = state.config.target if state.config is not None else 1.0
    return next((claim for claim in claims(state) if claim.certified and claim.p0 >= target), None)


def time_to_success_s(state: State) -> float | None:
    """Elapsed seconds until the target was certified; None if it is not."""
    claim = success(state)
    return claim.closed_s if claim is not None else None


def tokens_to_success(state: State) -> int | None:
    """Tokens until the target was certified; None if it is not.

    Tokens are booked when a session ends. A campaign ends with its certificate, so sessions it cuts off are counted.
    """
    return state.tokens if success(state) is not None else None
