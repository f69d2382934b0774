"""Failure cards from episodes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enpire.core.records import Episode
from enpire.evolution.cards import Progress, failure_card, progress_reader

Make = Callable[..., Episode]
SUCCESS = {"result": "success", "reason": "", "progress": 1.0}


def test_card(make_episode: Make) -> None:
    episodes = [
        make_episode(1, "c", **SUCCESS, steps=100),
        make_episode(2, "c", **SUCCESS, steps=200),
        make_episode(3, "c", progress=0.2, latency_ms=(1.0, 9.0, 20.0)),
        make_episode(4, "c", progress=0.6, reason="deadline", log_tail="a\x1b[2Jb\r\nc"),
        make_episode(5, "c", result="invalid", reason="station"),
        make_episode(6, "c", purpose="claim", progress=0.0),
    ]
    traces = {3: np.array([0.1, 0.95, 0.2]), 4: np.array([0.1, np.nan, 0.65])}
    card = failure_card(episodes, lambda episode: traces.get(episode.ticket))
    assert (card.episodes, card.successes) == (4, 2)
    assert card.reasons == {"deadline": 1, "timeout": 1}
    assert card.failure_progress == pytest.approx((0.3, 0.4, 0.5))
    assert (card.near_misses, card.lost_again) == (1, 1)
    assert card.median_success_steps == 150 and card.p99_action_ms == 9.0 and card.missed_periods == 4
    assert card.log_tail == "a [2Jb\nc"


def test_without_failures_or_episodes(make_episode: Make) -> None:
    empty = failure_card([], lambda episode: None)
    assert empty.failure_progress == () and empty.median_success_steps is None and empty.log_tail == ""
    assert failure_card([make_episode(1, "c", **SUCCESS)], lambda episode: None).reasons == {}


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.lists(st.floats(0, 1), max_size=5)), max_size=12))
def test_counts_are_in_range(traces: list[tuple[float, list[float]]]) -> None:
    from tests.evolution.conftest import episode

    episodes = [episode(number, "c", progress=final) for number, (final, _) in enumerate(traces)]

    def progress_of(found: Episode) -> Progress:
        return np.array(traces[found.ticket][1])

    card = failure_card(episodes, progress_of)
    assert 0 <= card.near_misses <= len(episodes) and 0 <= card.lost_again <= len(episodes)
    assert list(card.failure_progress) == sorted(card.failure_progress)


def test_progress_is_read_without_pickles(make_episode: Make, tmp_path: Path) -> None:
    read = progress_reader(tmp_path)
    episode = make_episode(1, "c")
    folder = tmp_path / episode.folder
    folder.mkdir(parents=True)
    assert read(episode) is None
    np.savez(folder / "arrays.npz", progress=np.array([0.1, 0.5], dtype=np.float32))
    assert read(episode) == pytest.approx([0.1, 0.5])
    np.savez(folder / "arrays.npz", progress=np.array([object()]))
    assert read(episode) is None
    np.savez(folder / "arrays.npz", action=np.zeros(3))
    assert read(episode) is None
    (folder / "arrays.npz").write_bytes(b"PK\x03\x04 torn")
    assert read(episode) is None
