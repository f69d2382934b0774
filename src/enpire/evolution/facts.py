"""Facts about the machine, read from the ledger: how long things take here."""

from itertools import islice

import numpy as np

from enpire.ledger.state import State

RECENT_EPISODES = 1000
RECENT_IDEAS = 100


def machine_facts(state: State) -> dict[str, float]:
    """What the machine has done so far; an empty dict before the first valid episode.

    `stations` that are up; `episode_median_s` and `episode_p90_s`, reset included; `action_p50_ms` and `action_p99_ms`,
    the median over episodes of each episode's own p50 and p99; `episodes_per_minute` since the first station was
    ready; `verdict_median_s` from submission to verdict, once there is one.
    """
    recent = islice(reversed(state.episodes.values()), RECENT_EPISODES)
    valid = [episode for episode in recent if episode.result != "invalid"]
    if not valid:
        return {}
    durations_s = np.array([episode.duration_s for episode in valid])
    latency_ms = np.array([episode.latency_ms for episode in valid])  # (episodes, 3)
    facts = {
        "stations": float(sum(station.up for station in state.stations.values())),
        "episode_median_s": float(np.median(durations_s)),
        "episode_p90_s": float(np.quantile(durations_s, 0.9)),
        "action_p50_ms": float(np.median(latency_ms[:, 0])),
        "action_p99_ms": float(np.median(latency_ms[:, 1])),
    }
    if state.first_up_s is not None and state.elapsed_s > state.first_up_s:
        facts["episodes_per_minute"] = 60.0 * len(state.episodes) / (state.elapsed_s - state.first_up_s)
    waits_s = [
        node.decided_s - node.submitted_s
        for node in list(state.ideas.values())[-RECENT_IDEAS:]
        if node.decided_s is not None and node.idea.parent is not None
    ]
    if waits_s:
        facts["verdict_median_s"] = float(np.median(waits_s))
    return {name: float(f"{value:.4g}") for name, value in facts.items()}
