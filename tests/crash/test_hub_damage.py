"""What kills, power cuts and clumsy hands leave in the hub: a resume mends it, or says in one line what is missing."""

import os
import subprocess

import pytest

from enpire.core.files import sync_tree
from enpire.evolution import git
from enpire.evolution.hub import GitFailed, Hub
from enpire.evolution.repair import is_whole

FILES = {"policy.py": b"class Policy: pass\n"}
ALL = "refs/enpire/all"


@pytest.fixture
def hub(tmp_path):
    """A hub with two commits on a branch and a note."""
    made = Hub.create(tmp_path / "hub.git", now=lambda: 1e9)
    first = made.commit(FILES, parents=(), message="first\n", branch="baseline")
    made.commit(FILES | {"more.py": b"pass\n"}, parents=(first,), message="second\n", branch="agents/a")
    made.add_note(first, "a verdict")
    return made


def works(hub):
    """A fresh handle commits, moves a branch, adds a note and reads all that was there before."""
    again = Hub(hub.path, now=lambda: 2e9)
    again.mend()
    assert again.mend() == []  # nothing is left to do
    first = again.branch("baseline")
    assert again.files(first) == FILES and again.note(first) == "a verdict\n"
    tip = again.branch("agents/a")
    third = again.commit(FILES | {"third.py": b"pass\n"}, parents=(tip,), message="third\n", branch="agents/a")
    again.set_branch("champion", third)
    again.add_note(third, "kept")
    assert again.fsck() == []
    for commit in (first, tip, third):
        git.run(hub.path, "merge-base", "--is-ancestor", commit, ALL)
    return again


@pytest.mark.parametrize(
    "lock",
    [
        f"{ALL}.lock",
        "refs/heads/agents/a.lock",
        "refs/notes/enpire.lock",
        "HEAD.lock",
        "packed-refs.lock",
        "config.lock",
    ],
)
def test_a_lock_of_a_dead_process_does_not_hold_the_hub(hub, lock):
    (hub.path / lock).touch()
    works(hub)


@pytest.mark.parametrize(
    "left", [b"", b"\0" * 41, b"deadbeef", b"0" * 40 + b"\n"], ids=["empty", "zeros", "torn", "null"]
)
@pytest.mark.parametrize("ref", [ALL, "refs/heads/agents/a", "refs/heads/baseline", "refs/notes/enpire"])
def test_a_broken_ref_is_mended(hub, ref, left):
    before = git.run(hub.path, "rev-parse", ref)[1]
    (hub.path / ref).write_bytes(left)
    again = works(hub)
    assert is_whole(hub.path, before.decode().strip())
    assert again.branch("baseline") is not None


@pytest.mark.parametrize("ref", [ALL, "refs/heads/agents/a"])
def test_a_lost_ref_comes_back(hub, ref):
    (hub.path / ref).unlink()
    works(hub)


def test_everything_is_found_again_without_any_reflog(hub):
    commits = {hub.branch("baseline"), hub.branch("agents/a")}
    (hub.path / ALL).write_bytes(b"")
    for path in sorted((hub.path / "logs").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    hub.mend()
    for commit in commits:
        git.run(hub.path, "merge-base", "--is-ancestor", commit, ALL)


def test_a_commit_with_a_missing_file_does_not_get_below_the_new_ref(hub):
    tip = hub.branch("agents/a")
    other = next(e.oid for e in git.tree_entries(hub.path, tip, 10) if e.path == "more.py")
    (hub.path / "objects" / other[:2] / other[2:]).unlink()
    (hub.path / ALL).write_bytes(b"")
    hub.mend()
    assert git.run(hub.path, "merge-base", "--is-ancestor", tip, ALL, fine=(0, 1, 128))[0] != 0
    git.run(hub.path, "merge-base", "--is-ancestor", hub.branch("baseline"), ALL)


@pytest.mark.parametrize("name", ["HEAD", "config"])
def test_an_empty_head_or_configuration_is_written_again(hub, name):
    (hub.path / name).write_bytes(b"")
    works(hub)


def test_an_empty_object_does_not_stay_in_the_way(hub):
    """Git takes an empty file for the object and would not write it again."""
    commit = hub.branch("agents/a")
    blob = next(e.oid for e in git.tree_entries(hub.path, commit, 10) if e.path == "more.py")
    path = hub.path / "objects" / blob[:2] / blob[2:]
    path.chmod(0o644)
    path.write_bytes(b"")
    with pytest.raises(GitFailed):
        hub.files(commit)
    hub.mend()
    other = hub.commit({"more.py": b"pass\n"}, parents=(), message="again\n", branch=None)
    assert hub.files(other) == {"more.py": b"pass\n"}
    assert hub.files(commit) == FILES | {"more.py": b"pass\n"}  # the same object serves both
    assert hub.fsck() == []


def test_a_missing_object_is_said_in_one_line(hub):
    commit = hub.branch("agents/a")
    (hub.path / "objects" / commit[:2] / commit[2:]).unlink()
    with pytest.raises(GitFailed, match=r"^git .* failed in .*[^\n]*$"):
        Hub(hub.path).files(commit)
    assert hub.fsck() != []


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk_leaves_the_hub_as_it_was(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(small)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a small file system: {mounted.stderr.strip()}")
    try:
        hub = Hub.create(small / "hub.git")
        tip = hub.commit(FILES, parents=(), message="first\n", branch="baseline")
        with pytest.raises((GitFailed, OSError)):
            for number in range(100):
                content = os.urandom(30_000)
                tip = hub.commit({"data.bin": content}, parents=(tip,), message=f"{number}\n", branch="baseline")
        subprocess.run(["mount", "-o", "remount,size=64m", str(small)], check=True)
        hub.mend()
        assert hub.branch("baseline") == tip
        assert hub.fsck() == []
        hub.commit(FILES, parents=(tip,), message="goes on\n", branch="baseline")
    finally:
        subprocess.run(["umount", "-l", str(small)], check=False)


def test_a_tree_is_synchronised_with_its_names(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_bytes(b"text")
    (tmp_path / "a" / "link").symlink_to("b")
    sync_tree(tmp_path / "a")  # folders, files; links to folders are names and nothing more
