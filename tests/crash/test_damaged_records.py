"""One flipped bit in each of a hundred records: all are found by their hash, and no score changes."""

import random
import shutil

import pytest

from enpire.core.errors import Damaged
from enpire.core.records import encode
from enpire.ledger.folder import Folder
from enpire.ledger.state import fold
from enpire.rollout.recorder import ARRAYS, RECORD, read_arrays, read_record
from tests.crash.invariants import read_events
from tests.crash.small_path import furnish, play

EPISODES = 100


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    folder = tmp_path_factory.mktemp("campaign")
    furnish(folder / "workspace")
    play(folder / "root", folder / "workspace", EPISODES)
    return folder / "root"


@pytest.fixture
def copy(campaign, tmp_path):
    return shutil.copytree(campaign, tmp_path / "copy", symlinks=True)


def flip(path, rng):
    data = bytearray(path.read_bytes())
    position = rng.randrange(8 * len(data))
    data[position // 8] ^= 1 << position % 8
    path.chmod(0o644)
    path.write_bytes(data)


def state_of(root):
    return fold(read_events(Folder(root)))


def test_a_flipped_bit_is_found_in_100_of_100_artefacts_and_no_score_changes(copy):
    before, rng, found = state_of(copy), random.Random(6), 0
    assert len(before.episodes) == EPISODES
    for episode in before.episodes.values():
        flip(copy / episode.folder / ARRAYS, rng)
        with pytest.raises(Damaged, match=f"episode {episode.ticket}: .* does not match its recorded hash"):
            read_arrays(copy, episode)
        found += 1
    assert found == EPISODES
    after = state_of(copy)
    assert (after.counts(), after.episodes) == (before.counts(), before.episodes)


def test_a_flipped_bit_in_a_record_file_differs_from_the_ledger_or_is_one_clear_error(copy):
    """The ledger is the truth; the file is a copy for people, in the same bytes."""
    rng, unreadable = random.Random(7), 0
    for episode in state_of(copy).episodes.values():
        path = copy / episode.folder / RECORD
        assert path.read_bytes() == encode(episode)
        flip(path, rng)
        try:
            read_record(copy, episode)
        except Damaged as error:
            unreadable += "\n" not in str(error)
        assert path.read_bytes() != encode(episode)
    assert 0 < unreadable < EPISODES


@pytest.mark.parametrize("keep", [0, 1, 200, -1])
def test_a_truncated_artefact_is_found(copy, keep):
    episode = state_of(copy).episodes[1]
    path = copy / episode.folder / ARRAYS
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(Damaged):
        read_arrays(copy, episode)
