"""A full disk: one clear line, nothing lost, and the campaign goes on when there is room again."""

import os
import resource
import subprocess

import pytest

from enpire.core.errors import EnpireError
from tests.crash.invariants import check_invariants
from tests.crash.small_path import EPISODES, furnish, play
from tests.crash.test_kills import enpire, finish

RUN = ["run", "tests.rollout.toy:PointTask", "--seed", "3", "--agents", "2", "--stations", "2", "--video", "none"]


@pytest.fixture
def small(tmp_path):
    """A file system that a test can make larger."""
    folder = tmp_path / "small"
    folder.mkdir()

    def resize(size, *options):
        command = ["mount", "-t", "tmpfs", "-o", ",".join((*options, f"size={size}")), "tmpfs", str(folder)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    if os.geteuid() != 0 or resize("1m").returncode != 0:
        pytest.skip("cannot mount a small file system here; that needs root")
    try:
        yield folder, lambda size: resize(size, "remount")
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def fill_and_go_on(small, size, episodes):
    """Run until the disk is full, make room, go on to the end."""
    folder, resize = small
    root = folder / "campaign"
    resize(size)
    run = [*RUN, "--budget-episodes", episodes, "--out", root]
    output, _ = (process := enpire(*run)).communicate(timeout=300)
    assert process.returncode == 1 and "Traceback" not in output, output
    founded = (root / "ledger.sqlite").exists()
    assert not founded or "enpire resume" in output, output
    before = set(check_invariants(root).episodes) if founded else set()
    resize("200m")
    if not founded:
        output, _ = (process := enpire(*run)).communicate(timeout=600)
        assert process.returncode == 0, output
    assert before <= set(finish(root, episodes).episodes)


@pytest.mark.timeout(300)
def test_a_full_disk_loses_nothing(small):
    fill_and_go_on(small, "1500k", 200)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("size", ["300k", "1m", "2m", "5m"])
def test_a_full_disk_of_any_size_loses_nothing(small, size):
    fill_and_go_on(small, size, 600)


@pytest.mark.parametrize("limit", [100, 3000, 30_000, 60_000])
def test_files_that_may_not_grow_lose_nothing(tmp_path, limit):
    """The same without root: no file may have more than `limit` bytes."""
    furnish(tmp_path / "workspace")
    root = tmp_path / "campaign"
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        try:
            play(root, tmp_path / "workspace")
        except (EnpireError, OSError):
            os._exit(3)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
    before = set(check_invariants(root).episodes) if (root / "ledger.sqlite").exists() else set()
    play(root, tmp_path / "workspace")
    assert before <= set(check_invariants(root).episodes) == set(range(1, EPISODES + 1))
