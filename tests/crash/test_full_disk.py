"""A full disk: one clear line, nothing lost, and the campaign goes on when there is room again."""

import os
import subprocess

import pytest

from tests.crash.test_kills import check_invariants, enpire, finish

RUN = [
    "run",
    "tests.rollout.toy:PointTask",
    "--budget-episodes",
    "600",
    "--seed",
    "3",
    "--agents",
    "2",
    "--stations",
    "2",
]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
@pytest.mark.timeout(300)
def test_a_full_disk_loses_nothing(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2500k", "tmpfs", str(small)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a small file system: {mounted.stderr.strip()}")
    root = small / "campaign"
    try:
        process = enpire(*RUN, "--out", str(root))
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 1, output
        assert "Traceback" not in output and "enpire resume" in output, output
        before = check_invariants(root)
        subprocess.run(["mount", "-o", "remount,size=200m", str(small)], check=True)
        after = finish(root, 600)
        assert set(before.episodes) <= set(after.episodes)
    finally:
        subprocess.run(["umount", "-l", str(small)], check=False)
