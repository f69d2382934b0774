"""Mean Robot Utilization: the share of research wall-clock time in which the robots execute an episode."""

from dataclasses import dataclass
from typing import get_args

from enpire.core.records import Purpose
from enpire.ledger.state import State, StationLog

PURPOSES: tuple[str, ...] = get_args(Purpose)
"""What an episode can be for, in a fixed order."""

Span = tuple[float, float, str]
"""Start and end in elapsed seconds, and the purpose of the episode."""


@dataclass(frozen=True)
class Utilisation:
    """Shares of research wall-clock time, each in [0, 1].

    Attributes:
        total: Mean over the stations.
        by_purpose: The same, split by what the episodes were for; sums to `total`.
        by_station: Share of each station that was ever up.
    """

    total: float
    by_purpose: dict[str, float]
    by_station: dict[str, float]


def mru(state: State) -> Utilisation:
    """Mean Robot Utilization from the opening of the campaign until now.

    An episode that is running counts up to now. Time in which two episodes of one station overlap counts once. A
    station that broke stays in the mean as idle: a lost robot is a cost.
    """
    return between(state, opened_s(state), state.elapsed_s)


def between(state: State, start_s: float, end_s: float) -> Utilisation:
    """Mean Robot Utilization within a window of elapsed seconds; zero for an empty window or without stations."""
    by_purpose = dict.fromkeys(PURPOSES, 0.0)
    by_station: dict[str, float] = {}
    length_s = end_s - start_s
    for name, log in state.stations.items():
        busy = dict.fromkeys(PURPOSES, 0.0)
        for start, end, purpose in disjoint(spans(state, log), start_s, end_s):
            busy[purpose] += end - start
        by_station[name] = min(1.0, sum(busy.values()) / length_s) if length_s > 0 else 0.0
        for purpose, seconds in busy.items():
            by_purpose[purpose] += seconds / (length_s * len(state.stations)) if length_s > 0 else 0.0
    total = min(1.0, sum(by_purpose.values()))
    return Utilisation(total, by_purpose, by_station)


def timeline(state: State, bins: int) -> list[dict[str, float]]:
    """Robot use over time: the campaign in `bins` equal pieces, each with its share by purpose."""
    start_s, length_s = opened_s(state), state.elapsed_s - opened_s(state)
    pieces = [dict.fromkeys(PURPOSES, 0.0) for _ in range(bins)]
    if length_s <= 0:
        return pieces
    width_s = length_s / bins
    whole = width_s * len(state.stations)
    for log in state.stations.values():
        for start, end, purpose in disjoint(spans(state, log), start_s, state.elapsed_s):
            first, last = int((start - start_s) / width_s), int((end - start_s) / width_s)
            for index in range(first, min(last, bins - 1) + 1):
                low = start_s + index * width_s
                pieces[index][purpose] += max(0.0, min(end, low + width_s) - max(start, low)) / whole
    return pieces


def spans(state: State, log: StationLog) -> list[Span]:
    """Every episode of a station, sorted by start; those that run now end now."""
    running = [(start, state.elapsed_s, state.tickets[ticket].purpose) for ticket, start in log.running.items()]
    return sorted([*log.busy, *running])


def disjoint(sorted_spans: list[Span], start_s: float, end_s: float) -> list[Span]:
    """The same spans cut to a window; where two overlap, the time belongs to the one that started first."""
    cut: list[Span] = []
    cursor = start_s
    for start, end, purpose in sorted_spans:
        start, end = max(start, cursor), min(end, end_s)
        if end > start:
            cut.append((start, end, purpose))
            cursor = end
    return cut


def opened_s(state: State) -> float:
    """When the first station was ready, in elapsed seconds; before that, when the campaign opened."""
    if state.first_up_s is not None:
        return state.first_up_s
    return state.crowns[0].at_s if state.crowns else 0.0
