"""What the researchers' models consumed. The built-in researcher uses no model, so its figures are zero."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Literal

from enpire.core.usage import ModelCall, Usage
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

    A campaign ends with its certificate; calls that it cuts off are counted.
    """
    return state.tokens if success(state) is not None else None


@dataclass(frozen=True, kw_only=True)
class Bill:
    """Sum of some model calls.

    Attributes:
        calls: All of them; `failed` are those without an answer of status 200.
        latency_s: Median time of an answer.
    """

    name: str
    calls: int
    failed: int
    usage: Usage
    cost_usd: float
    latency_s: float


def bills(state: State, by: Literal["agent", "model", "phase", "idea", "session", "source"]) -> list[Bill]:
    """Model calls summed up by one of their properties, in order of first appearance.

    Calls are booked on the next idea that their session submits. What follows its last idea is booked on that one, and
    a session without an idea under the empty name.
    """
    groups: dict[str, list[ModelCall]] = {}
    for idea, call in _booked(state):
        groups.setdefault(idea if by == "idea" else getattr(call, by), []).append(call)
    return [_bill(name, calls) for name, calls in groups.items()]


def _bill(name: str, calls: list[ModelCall]) -> Bill:
    answered = [call for call in calls if call.status == 200]
    return Bill(
        name=name,
        calls=len(calls),
        failed=len(calls) - len(answered),
        usage=sum((call.usage for call in calls), Usage()),
        cost_usd=sum(call.cost_usd for call in calls),
        latency_s=median(call.latency_s for call in answered) if answered else 0.0,
    )


def _booked(state: State) -> Iterator[tuple[str, ModelCall]]:
    for log in state.sessions.values():
        ideas = list(log.ideas.items())
        for number, call in enumerate(log.calls):
            while len(ideas) > 1 and number >= ideas[0][1]:
                ideas.pop(0)
            yield ideas[0][0] if ideas else "", call


def per_idea(state: State) -> float:
    """Tokens per submitted idea, those of sessions without an idea included; 0 without ideas."""
    submitted = sum(len(log.ideas) for log in state.sessions.values())
    return state.tokens / submitted if submitted else 0.0


def unexplained(state: State) -> dict[str, tuple[Usage, Usage]]:
    """Sessions in which the agent's own count differs from the gateway's: name to (gateway, native)."""
    found = {}
    for name, log in state.sessions.items():
        if log.native is not None and (log.native.input, log.native.output) != (log.usage.input, log.usage.output):
            found[name] = (log.usage, log.native)
    return found
