"""The summary of a campaign: what `enpire status --json` prints and what the report shows."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict

from enpire.core.records import Episode, Json, to_builtins
from enpire.core.seeds import SeedClass, class_of
from enpire.ledger.state import State
from enpire.metrics import tokens
from enpire.metrics.curves import champion
from enpire.metrics.studies import claims, confirmations, weakest
from enpire.metrics.utilisation import mru


def confinement(state: State) -> str:
    """Weakest isolation level of any episode so far; of the stations before the first episode."""
    levels = {episode.confinement for episode in state.episodes.values()}
    return weakest(levels or {station.confinement for station in state.stations.values()})


def summary(state: State) -> Json:
    """What `enpire status DIR --json` prints: plain dicts, lists, numbers and text.

    A campaign without a single event gives an empty dict. `running` means that the ledger holds no stop: after a
    crash it is still true.
    """
    config = state.config
    if config is None:
        return {}
    use = mru(state)
    return {
        "task": config.task,
        "agent": config.agent,
        "target": config.target,
        "alpha": config.alpha,
        "manifest": state.spec.manifest if state.spec is not None else "",
        "elapsed_s": state.elapsed_s,
        "running": state.stopped is None,
        "stopped": state.stopped.reason if state.stopped is not None else None,
        "final": state.stopped is not None and state.stopped.final,
        "episodes": state.counts(),
        "champion": asdict(champion(state)),
        "claims": [
            asdict(claim) | {"validity": validity(state.studies[claim.study].episodes)} for claim in claims(state)
        ],
        "confirmations": [asdict(confirmation) for confirmation in confirmations(state)],
        "ideas": state.idea_counts(),
        "mru": {"total": use.total, "by_purpose": use.by_purpose, "by_station": use.by_station},
        "tokens": state.tokens,
        "cost_usd": state.cost_usd,
        "usage": {by: [asdict(bill) for bill in tokens.bills(state, by)] for by in ("agent", "model", "phase")},
        "tokens_per_idea": tokens.per_idea(state),
        "tokens_per_minute": tokens.mtu(state),
        "tokens_to_success": tokens.tokens_to_success(state),
        "time_to_success_s": tokens.time_to_success_s(state),
        "stations": stations(state),
        "confinement": confinement(state),
        "validity": by_stratum(state.episodes.values()),
        "validity_by_candidate": by_candidate(state.episodes.values()),
        "ledger": {"events": state.events, "accepted": [to_builtins(loss) for loss in state.accepted]},
    }


def validity(episodes: Iterable[Episode]) -> Json:
    """How many episodes did not count, and whether start states were lost with them.

    An invalid episode is played again from the same start state. If hard start states stay without a counted episode,
    a rate is about the easy ones. A claim that leaves out more than 2 % of its start states is given up.

    Returns:
        `episodes`; `invalid`, and their share as `rate`; `start_states`, each counted once per candidate; `left_out`:
        those of them without a counted episode, so far.
    """
    met: dict[tuple[str, int], bool] = {}
    total = invalid = 0
    for episode in episodes:
        total += 1
        invalid += episode.result == "invalid"
        place = (episode.candidate, episode.seed)
        met[place] = met.get(place, False) or episode.result != "invalid"
    return {
        "episodes": total,
        "invalid": invalid,
        "rate": invalid / total if total else 0.0,
        "start_states": len(met),
        "left_out": sum(not counted for counted in met.values()),
    }


def by_stratum(episodes: Iterable[Episode]) -> Json:
    """`validity` per class of start states that occurs: `search`, `confirm`, `claim`."""
    strata: dict[SeedClass, list[Episode]] = defaultdict(list)
    for episode in episodes:
        strata[class_of(episode.seed)].append(episode)
    return {name: validity(strata[name]) for name in sorted(strata)}


def by_candidate(episodes: Iterable[Episode]) -> Json:
    """`by_stratum` per candidate commit."""
    candidates: dict[str, list[Episode]] = defaultdict(list)
    for episode in episodes:
        candidates[episode.candidate].append(episode)
    return {commit: by_stratum(found) for commit, found in candidates.items()}


def stations(state: State) -> list[Json]:
    """One row per station: what it is doing and what it did. `episodes_per_minute` is over the time it was watched."""
    rows: list[Json] = []
    minutes = state.elapsed_s / 60
    for name, log in sorted(state.stations.items()):
        running = [state.tickets[ticket].purpose for ticket in log.running]
        rows.append(
            {
                "name": name,
                "up": log.up,
                "running": running[0] if running else None,
                "episodes": len(log.busy),
                "invalid": log.invalid,
                "episodes_per_minute": len(log.busy) / minutes if minutes > 0 else 0.0,
                "confinement": log.confinement,
            }
        )
    return rows
