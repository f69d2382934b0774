"""Two supervisors at once, a judge that changed, and a campaign with kills against one without."""

import os
import random
import shutil
import signal
import time

import pytest

from enpire.evolution.hub import Hub
from enpire.ledger import events as e
from enpire.ledger.folder import Folder
from enpire.ledger.state import fold
from enpire.rollout.recorder import ARRAYS
from tests.crash.invariants import check_invariants, read_events
from tests.crash.processes import family, survivors
from tests.crash.test_kills import REPOSITORY, enpire

TOY = ("-o", "period_s=0.5")
ALONE = ("--agents", "1", "--stations", "1", "--video", "none", "--seed", "4", "--budget-minutes", "30")


def counted(root):
    """Episodes so far; 0 without a ledger."""
    if not (root / "ledger.sqlite").exists():
        return 0
    return sum(isinstance(x.body, e.EpisodeRecorded) for x in read_events(Folder(root)))


def until(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


def kill(process):
    """kill -9, and nobody stays."""
    below = family(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert survivors(below, within_s=10.0) == []


def test_of_two_supervisors_started_at_once_exactly_one_goes_on(tmp_path):
    root = tmp_path / "campaign"
    first = enpire("run", "tests.rollout.toy:PointTask", *TOY, *ALONE, "-o", "step_s=0.05", "--out", root)
    until(lambda: counted(root) > 0)
    kill(first)
    started = len(read_events(Folder(root)))
    rivals = [enpire("resume", root) for _ in range(2)]
    try:
        until(lambda: any(rival.poll() is not None for rival in rivals))
        loser, winner = sorted(rivals, key=lambda rival: rival.poll() is None)
        before = counted(root)
        until(lambda: counted(root) > before)
        assert winner.poll() is None
        said, _ = loser.communicate()
        assert loser.returncode == 1 and "another supervisor" in said and "Traceback" not in said, said
        new = read_events(Folder(root))[started:]
        assert sum(isinstance(x.body, e.SupervisorStarted) for x in new) == 1
    finally:
        for rival in rivals:
            if rival.poll() is None:
                kill(rival)
    check_invariants(root)


def test_a_changed_judge_is_refused_and_the_old_one_goes_on(tmp_path):
    module = tmp_path / "modules" / "judged.py"
    module.parent.mkdir()
    shutil.copyfile(REPOSITORY / "tests" / "rollout" / "toy.py", module)
    path = {"PYTHONPATH": str(module.parent)}
    root = tmp_path / "campaign"
    first = enpire("run", "judged:PointTask", *TOY, *ALONE, "--budget-episodes", 20, "--out", root, **path)
    until(lambda: counted(root) > 0)
    kill(first)
    before = check_invariants(root)
    judge = module.read_text()
    module.write_text(judge.replace("distance < 0.1", "distance < 0.5"))
    assert module.read_text() != judge
    said, _ = (refused := enpire("resume", root, **path)).communicate(timeout=90)
    assert refused.returncode == 1 and "the judge of" in said and "has changed" in said, said
    assert "Traceback" not in said
    assert set(fold(read_events(Folder(root))).episodes) == set(before.episodes)  # nothing of the new judge got in
    module.write_text(judge)
    said, _ = (resumed := enpire("resume", root, **path)).communicate(timeout=90)
    assert resumed.returncode == 0, said
    after = check_invariants(root)
    assert len({episode.manifest for episode in after.episodes.values()}) == 1
    assert len(after.episodes) > len(before.episodes)


def hashes(root):
    """Hash of the recorded trial by (start state, candidate as a tree), for episodes without a missed period."""
    state, hub = fold(read_events(Folder(root))), Hub(Folder(root).hub)
    return {
        (episode.seed, hub.tree(episode.candidate)): episode.artefacts[ARRAYS]
        for episode in state.episodes.values()
        if episode.result != "invalid" and not episode.missed
    }


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_campaign_with_kills_measures_what_one_without_kills_does(tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    run = ("run", "tests.rollout.toy:PointTask", *TOY, *ALONE, "--budget-episodes", 24)
    said, _ = (process := enpire(*run, "--out", whole)).communicate(timeout=100)
    assert process.returncode == 0, said
    rng, kills = random.Random(19), 0
    while kills < 3:
        process = enpire(
            *(run if not broken.exists() else ("resume",)), *(["--out"] if not broken.exists() else []), broken
        )
        before = counted(broken)
        until(lambda process=process, before=before: counted(broken) > before or process.poll() is not None)
        if process.poll() is not None:
            break
        time.sleep(rng.uniform(0.0, 0.3))
        kill(process)
        kills += 1
    said, _ = enpire("resume", broken).communicate(timeout=100)
    assert kills > 0 and "Traceback" not in said, said
    check_invariants(broken)
    one, other = hashes(whole), hashes(broken)
    both = one.keys() & other.keys()
    assert len(both) >= 5, "the two campaigns share too few episodes to compare"
    assert [key for key in both if one[key] != other[key]] == []
