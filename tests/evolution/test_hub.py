"""The hub: commits, variants, checkouts, merges, and hostile repositories."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from enpire.core.errors import BadInput, MissingProgram
from enpire.evolution import workspace
from enpire.evolution.hub import GitFailed, Hub, MergeConflict
from enpire.evolution.workspace import Files

Swap = Callable[[Files, str, str], Files]


def raw_git(hub: Hub, *arguments: str, stdin: bytes = b"") -> str:
    """Git as an attacker would use it, without the harness's checks."""
    done = subprocess.run(["git", f"--git-dir={hub.path}", *arguments], input=stdin, capture_output=True, check=True)
    return done.stdout.decode().strip()


def raw_commit(hub: Hub, *rows: str) -> str:
    tree = raw_git(hub, "mktree", "--missing", stdin="".join(f"{row}\n" for row in rows).encode())
    who = b"author a <a> 0 +0000\ncommitter a <a> 0 +0000\n\nhostile\n"
    commit = b"tree " + tree.encode() + b"\n" + who
    return raw_git(hub, "hash-object", "-t", "commit", "-w", "--stdin", "--literally", stdin=commit)


def test_round_trip_and_branch(hub: Hub, small: Files) -> None:
    first = hub.commit(small, parents=[], message="base\n", branch="main")
    second = hub.commit(small | {"program.md": b"\0binary"}, parents=[first], message="more\n", branch="main")
    assert hub.files(first) == small and hub.files(second)["program.md"] == b"\0binary"
    assert hub.log("main") == [second, first] and hub.branch("main") == second and hub.branch("none") is None
    assert hub.message(second).strip() == "more"
    assert hub.parent(second) == first and hub.parent(first) is None
    assert "program.md" in hub.diff(first, second) and hub.diff(first, first) == ""
    assert hub.fsck() == []


def test_files_that_are_gone_are_gone(hub: Hub, small: Files) -> None:
    first = hub.commit(small, parents=[], message="base", branch=None)
    second = hub.commit({"policy.py": b""}, parents=[first], message="less", branch=None)
    assert hub.files(second) == {"policy.py": b""}


def test_branches_only_move_forward_and_nothing_is_lost(hub: Hub, small: Files) -> None:
    base = hub.commit(small, parents=[], message="base", branch="main")
    made = [
        hub.commit(small | {"n": b"%d" % number}, parents=[base], message=f"idea {number}", branch="agents/a")
        for number in range(3)
    ]
    assert hub.log("agents/a") == [made[-1], base]  # the code's own lineage
    reachable = raw_git(hub, "rev-list", "agents/a").split()
    assert set(made) <= set(reachable)
    hub.set_branch("agents/a", base)
    variants = hub.commit_variants(hub.files(made[0]), made[0], [{"raw.gain": 1.0}])
    raw_git(hub, "reflog", "expire", "--expire=now", "--all")
    raw_git(hub, "gc", "--quiet", "--prune=now")
    for commit in (*made, variants[0].commit):
        assert hub.files(commit)
    assert hub.fsck() == []


def test_variants_are_children_that_change_numbers_only(hub: Hub, small: Files) -> None:
    base = hub.commit(small, parents=[], message="base", branch="main")
    points = [{}, {"raw.gain": 0.5}, *({"raw.gain": 0.1 * k, "ring_detour.steps": float(k)} for k in range(1, 7))]
    variants = hub.commit_variants(small, base, points)
    assert [variant.point for variant in variants] == points
    assert variants[0].commit == variants[1].commit == base
    assert len({variant.commit for variant in variants}) == 7
    for variant in variants[2:]:
        assert hub.files(variant.commit) == workspace.with_values(small, variant.point)
        assert hub.parent(variant.commit) == base
    with pytest.raises(BadInput, match="outside its declared range"):
        hub.commit_variants(small, base, [{"raw.gain": 99.0}])


def test_creation_is_idempotent(hub: Hub, small: Files) -> None:
    commit = hub.commit(small, parents=[], message="base", branch="main")
    assert Hub.create(hub.path).files(commit) == small


def test_same_input_same_commit(tmp_path: Path, small: Files) -> None:
    ids = [
        Hub.create(tmp_path / name, now=lambda: 1e9).commit(small, parents=[], message="m", branch="main")
        for name in ("a", "b")
    ]
    assert ids[0] == ids[1]


# ------------------------------------------------------------------ checkouts


def test_checkout_is_read_only_whole_and_repaired(hub: Hub, small: Files, tmp_path: Path) -> None:
    commit = hub.commit(small, parents=[], message="base", branch=None)
    folder = tmp_path / "candidates" / commit
    folder.parent.mkdir()
    hub.checkout(commit, folder)
    hub.checkout(commit, folder)
    assert workspace.read_folder(folder) == small
    modes = {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()}
    assert modes == {0o444} and (folder / "blocks").stat().st_mode & 0o777 == 0o555
    (folder / "policy.py").chmod(0o644)
    (folder / "policy.py").write_bytes(b"")  # as after a power cut
    Hub(hub.path).checkout(commit, folder)
    assert workspace.read_folder(folder) == small
    assert [path.name for path in folder.parent.iterdir()] == [commit]


# ------------------------------------------------------------------ merges


def test_swaps_of_different_slots_merge(hub: Hub, small: Files, swap: Swap) -> None:
    base = hub.commit(small, parents=[], message="base", branch=None)
    mine = hub.commit(swap(small, "estimator", "smooth"), parents=[base], message="mine", branch=None)
    theirs = hub.commit(swap(small, "navigator", "grid"), parents=[base], message="theirs", branch=None)
    merged = hub.cherry_pick(theirs, mine)
    assert workspace.recipe(merged) == {"estimator": "smooth", "navigator": "grid"}
    assert merged == swap(swap(small, "estimator", "smooth"), "navigator", "grid")
    assert hub.cherry_pick(theirs, hub.files(mine)) == merged  # files that are not committed yet
    assert hub.revert(theirs, merged) == hub.files(mine)


def test_the_same_slot_conflicts(hub: Hub, small: Files, swap: Swap) -> None:
    base = hub.commit(small, parents=[], message="base", branch=None)
    mine = hub.commit(swap(small, "navigator", "maze"), parents=[base], message="mine", branch=None)
    theirs = hub.commit(swap(small, "navigator", "grid"), parents=[base], message="theirs", branch=None)
    with pytest.raises(MergeConflict, match=r"policy\.py") as caught:
        hub.cherry_pick(theirs, mine)
    assert caught.value.files == ("policy.py",)
    assert hub.cherry_pick(mine, mine) == hub.files(mine)


def test_a_variant_is_adopted_with_its_idea(hub: Hub, small: Files, swap: Swap) -> None:
    base = hub.commit(small, parents=[], message="base", branch=None)
    swapped = swap(small, "navigator", "grid")
    idea = hub.commit(swapped, parents=[base], message="idea", branch=None)
    best = hub.commit_variants(swapped, idea, [{"grid.gain": 1.5}])[0].commit
    other = hub.commit(swap(small, "estimator", "smooth"), parents=[base], message="other", branch=None)
    merged = hub.cherry_pick(best, other, since=base)
    assert workspace.parameters(merged)["grid.gain"].value == 1.5
    assert hub.revert(best, merged, since=base) == hub.files(other)


def test_deleted_against_changed_conflicts(hub: Hub, small: Files) -> None:
    base = hub.commit(small, parents=[], message="base", branch=None)
    gone = {path: content for path, content in small.items() if path != "program.md"}
    mine = hub.commit(gone, parents=[base], message="mine", branch=None)
    theirs = hub.commit(small | {"program.md": b"# New\n"}, parents=[base], message="theirs", branch=None)
    with pytest.raises(MergeConflict, match=r"program\.md"):
        hub.cherry_pick(theirs, mine)


def test_the_baseline_has_no_change(hub: Hub, small: Files) -> None:
    base = hub.commit(small, parents=[], message="base", branch=None)
    with pytest.raises(BadInput, match="baseline"):
        hub.cherry_pick(base, base)


def test_merge_leaves_nothing_in_the_hub(hub: Hub, small: Files, swap: Swap) -> None:
    base = hub.commit(small, parents=[], message="base", branch=None)
    theirs = hub.commit(swap(small, "navigator", "grid"), parents=[base], message="theirs", branch=None)
    before = sorted(hub.path.rglob("*"))
    hub.cherry_pick(theirs, base)
    assert sorted(hub.path.rglob("*")) == before


# ------------------------------------------------------------------ attacks


def test_special_entries_are_refused(hub: Hub, small: Files, tmp_path: Path) -> None:
    blob = raw_git(hub, "hash-object", "-w", "--stdin", stdin=b"/etc/passwd")
    good = hub.commit(small, parents=[], message="base", branch=None)
    inner = raw_git(hub, "mktree", stdin=f"100644 blob {blob}\tx\n".encode())
    attacks = {
        "symbolic link": f"120000 blob {blob}\tpolicy.py",
        "submodule": f"160000 commit {good}\tblocks",
        "hidden": f"040000 tree {inner}\t..",
        "relative": f"040000 tree {inner}\t.git",
        "orders": f"100644 blob {blob}\tCLAUDE.md",
    }
    for said, row in attacks.items():
        commit = raw_commit(hub, row)
        with pytest.raises(BadInput, match=said):
            hub.files(commit)
        with pytest.raises(BadInput):
            hub.checkout(commit, tmp_path / "candidate")
        assert not (tmp_path / "candidate").exists()


def test_huge_blobs_and_many_files_are_refused(hub: Hub) -> None:
    big = raw_git(hub, "hash-object", "-w", "--stdin", stdin=bytes(2 << 20))
    with pytest.raises(BadInput, match="bytes"):
        hub.files(raw_commit(hub, f"100644 blob {big}\tbig"))
    small = raw_git(hub, "hash-object", "-w", "--stdin", stdin=b"")
    with pytest.raises(BadInput, match="1000 files"):
        hub.files(raw_commit(hub, *(f"100644 blob {small}\tf{number:04d}" for number in range(1000))))


def test_bad_files_are_not_committed(hub: Hub) -> None:
    for path in ("../x", ".git/hooks/post-update", "a\nM 100644 inline b", "/x"):
        with pytest.raises(BadInput):
            hub.commit({path: b""}, parents=[], message="m", branch=None)


def test_commit_ids_and_branch_names_are_not_options(hub: Hub, small: Files) -> None:
    for commit in ("--output=/tmp/x", "HEAD", "", "0" * 39, "main"):
        with pytest.raises(BadInput, match="not a commit id"):
            hub.files(commit)
    for branch in ("../x", "-d", "a..b", "a.lock", "a b", "a/", "refs\n"):
        with pytest.raises(BadInput, match="branch name"):
            hub.commit(small, parents=[], message="m", branch=branch)
    with pytest.raises(GitFailed, match="ls-tree"):
        hub.files("0" * 40)


def test_messages_cannot_break_the_stream(hub: Hub, small: Files) -> None:
    message = "x\n\ndata 5\nM 100644 inline evil\n\0 done\ncommit refs/heads/evil\n"
    commit = hub.commit(small, parents=[], message=message, branch="main")
    assert hub.files(commit) == small and hub.branch("evil") is None and hub.fsck() == []


def test_no_configuration_hook_or_variable_reaches_git(hub: Hub, small: Files, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(f"[core]\n\tfsmonitor = touch {marker}\n\thooksPath = {home}\n")
    for place in (home, hub.path / "hooks"):
        place.mkdir(exist_ok=True)
        for hook in ("post-update", "reference-transaction", "post-commit"):
            (place / hook).write_text(f"#!/bin/sh\ntouch {marker}\n")
            (place / hook).chmod(0o755)
    hostile = {"HOME": str(home), "GIT_DIR": str(home), "GIT_CONFIG_GLOBAL": str(home / ".gitconfig")}
    old = dict(os.environ)
    os.environ.update(hostile)
    try:
        hub.commit(small, parents=[], message="m", branch="main")
        hub.set_branch("other", hub.log("main")[0])
    finally:
        os.environ.clear()
        os.environ.update(old)
    assert not marker.exists()


def test_pushes_cannot_rewrite_the_hub(hub: Hub, small: Files, tmp_path: Path) -> None:
    first = hub.commit(small, parents=[], message="base", branch="main")
    second = hub.commit(small | {"a": b""}, parents=[first], message="next", branch="main")
    clone = tmp_path / "clone.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", str(hub.path), str(clone)], check=True, capture_output=True)
    for refspec in (f"+{first}:refs/heads/main", ":refs/heads/main"):
        done = subprocess.run(["git", f"--git-dir={clone}", "push", str(hub.path), refspec], capture_output=True)
        assert done.returncode != 0
    assert hub.branch("main") == second


def test_fsck_reports_damage(hub: Hub, small: Files) -> None:
    commit = hub.commit(small, parents=[], message="base", branch="main")
    blob = raw_git(hub, "rev-parse", f"{commit}:policy.py")
    victim = hub.path / "objects" / blob[:2] / blob[2:]
    victim.chmod(0o644)
    victim.write_bytes(b"")
    assert any(blob in line for line in hub.fsck())


def test_no_hub_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no hub at"):
        Hub(tmp_path / "nothing").files("0" * 40)


def test_missing_and_old_git_say_what_to_install(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    for use in (lambda: hub.branch("main"), lambda: Hub.create(tmp_path / "other.git")):
        with pytest.raises(MissingProgram, match="install it with"):
            use()
    (programs / "git").write_text("#!/bin/sh\necho git version 2.30.2\n")
    (programs / "git").chmod(0o755)
    with pytest.raises(MissingProgram, match=r"2\.30\.2 is too old"):
        Hub.create(tmp_path / "other.git")
