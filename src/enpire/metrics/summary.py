"""The summary of a campaign: what `enpire status --json` prints and what the report shows."""

from dataclasses import asdict

from enpire.core.records import Json
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
        "claims": [asdict(claim) for claim in claims(state)],
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
    }


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
