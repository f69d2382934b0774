"""What must hold of a campaign folder at any moment, however its supervisor ended."""

from collections import Counter

from enpire.core.clock import SystemClock
from enpire.core.seeds import class_of
from enpire.evolution.hub import Hub
from enpire.ledger import events as e
from enpire.ledger.folder import Folder
from enpire.ledger.log import Ledger
from enpire.ledger.state import fold
from enpire.rollout.recorder import ARRAYS, read_arrays, read_record


def read_events(folder):
    """Events of a campaign, its chain checked with its key."""
    ledger = Ledger(folder.ledger, key=None, clock=SystemClock())
    try:
        ledger.check(folder.key())
        return list(ledger.read())
    finally:
        ledger.close()


def check_invariants(root):
    """State of a campaign after all checks: rows, records on disk, hashes, seeds, budgets, commits."""
    folder = Folder(root)
    events = read_events(folder)
    state = fold(events)
    check_rows(events, state)
    check_records(root, state)
    check_commits(folder, state)
    return state


def check_rows(events, state):
    """The ledger agrees with itself."""
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    times = [event.elapsed_s for event in events]
    assert times == sorted(times), "elapsed time ran backwards"
    recorded = Counter(x.body.episode.ticket for x in events if isinstance(x.body, e.EpisodeRecorded))
    planned = Counter(t.id for x in events if isinstance(x.body, e.TicketsPlanned) for t in x.body.tickets)
    assert max(recorded.values(), default=1) == 1, "an episode was counted twice"
    assert max(planned.values(), default=1) == 1, "a ticket was planned twice"
    started = {x.body.ticket for x in events if isinstance(x.body, e.EpisodeStarted)}
    assert set(recorded) <= started == set(state.started) <= set(planned) == set(state.tickets)
    assert state.counts()["started"] == len(started), "the budget used is not the number of episodes started"
    check_sum(state)
    used = [t.seed for t in state.tickets.values() if class_of(t.seed) != "search" and not t.tries]
    assert len(used) == len(set(used)), "a start state of a proof was used twice"


def check_sum(state):
    """Each planned ticket is in exactly one state: waiting, running, counted, or dropped with its closed study."""
    running = {ticket.id for ticket in state.unfinished}
    dropped = set(state.tickets) - set(state.waiting) - running - set(state.episodes)
    assert not running & set(state.episodes) and not running & set(state.waiting)
    assert not set(state.waiting) & set(state.episodes)
    assert not dropped & set(state.started), "a started episode has vanished"
    assert all(state.studies[state.tickets[t].study].closed is not None for t in dropped)


def check_records(root, state, damaged=()):
    """Each counted episode has one seed, candidate, manifest and artefact hash, and its bytes are on disk.

    Args:
        root: Campaign folder.
        state: Its state.
        damaged: Tickets whose artefacts somebody has damaged on purpose.
    """
    for ticket, episode in state.episodes.items():
        planned = state.tickets[ticket]
        assert (episode.seed, episode.candidate, episode.purpose) == (planned.seed, planned.candidate, planned.purpose)
        assert episode.manifest == state.spec.manifest
        assert list(episode.artefacts) == [ARRAYS]
        if ticket not in damaged:
            assert read_record(root, episode) == episode  # acknowledged, so on disk
            read_arrays(root, episode)  # and whole


def check_commits(folder, state):
    """The hub is sound and holds each commit the ledger speaks of."""
    hub = Hub(folder.hub)
    assert hub.fsck() == []
    commits = {episode.candidate for episode in state.episodes.values()} | {c.commit for c in state.crowns}
    commits |= {variant.commit for node in state.ideas.values() for variant in node.idea.variants}
    for commit in commits:
        hub.tree(commit)
