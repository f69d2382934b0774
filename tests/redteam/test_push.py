"""Attacks on the hub by `git push`, by somebody whom the harness let in as one agent."""

import os
import shutil
import subprocess
import sys

import pytest

from enpire.evolution import git
from enpire.evolution.hub import Hub
from enpire.evolution.receive import MAX_COMMITS, PUSHER

FILES = {"policy.py": b"class Policy: pass\n", "blocks/a.py": b"A = 1\n"}


@pytest.fixture
def hub(tmp_path):
    return Hub.create(tmp_path / "hub.git")


@pytest.fixture
def baseline(hub):
    return hub.commit(FILES, parents=(), message="baseline", branch="baseline")


class Attacker:
    """Somebody with a clone of the hub, who writes objects as low as Git lets them be written."""

    def __init__(self, hub, folder):
        self.hub, self.folder = hub, folder
        subprocess.run(["git", "clone", "-q", "--bare", str(hub.path), str(folder)], check=True)

    def git(self, *arguments, stdin=b""):
        command = ["git", f"--git-dir={self.folder}", "-c", "user.name=x", "-c", "user.email=x@x.invalid", *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, check=True).stdout.decode().strip()

    def blob(self, data):
        return self.git("hash-object", "-w", "--stdin", stdin=data)

    def tree(self, *rows):
        """Tree of (mode, object, name), written as it is, without any check."""
        data = b"".join(f"{mode} {name}\0".encode() + bytes.fromhex(oid) for mode, oid, name in rows)
        return self.git("hash-object", "-t", "tree", "-w", "--stdin", "--literally", stdin=data)

    def commit(self, tree, *parents):
        return self.git("commit-tree", tree, "-m", "x", *(word for parent in parents for word in ("-p", parent)))

    def change(self, parent, data=b"B = 1\n", name="b.py"):
        """An honest commit on top of `parent`."""
        rows = [line.split(maxsplit=3) for line in self.git("ls-tree", parent).splitlines()]
        kept = [(mode.lstrip("0"), oid, path) for mode, _, oid, path in rows if path != name]
        return self.commit(self.tree(*sorted([*kept, ("100644", self.blob(data), name)], key=lambda r: r[2])), parent)

    def push(self, *refspecs, pusher="b", options=()):
        environment = {name: value for name, value in os.environ.items() if name != PUSHER}
        environment |= {PUSHER: pusher} if pusher is not None else {}
        command = ["git", f"--git-dir={self.folder}", "push", "-q", *options, str(self.hub.path), *refspecs]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode == 0, done.stderr


@pytest.fixture
def attacker(hub, baseline, tmp_path):
    return Attacker(hub, tmp_path / "clone.git")


def refs(hub):
    return git.run(hub.path, "for-each-ref")[1]


def refused(attacker, *refspecs, because, **how):
    """The push fails, says why, and leaves no trace: no ref moved, no object stayed."""
    before, objects = refs(attacker.hub), sorted((attacker.hub.path / "objects").rglob("*"))
    accepted, said = attacker.push(*refspecs, **how)
    assert not accepted and because in said, said
    assert "Traceback" not in said
    assert refs(attacker.hub) == before
    assert sorted((attacker.hub.path / "objects").rglob("*")) == objects


def test_an_agent_may_push_its_own_branch_forward(hub, baseline, attacker):
    first = attacker.change(baseline)
    second = attacker.change(first, b"B = 2\n")
    assert attacker.push(f"{first}:refs/heads/agents/b") == (True, "")
    assert attacker.push(f"{second}:refs/heads/agents/b") == (True, "")
    assert hub.branch("agents/b") == second
    assert hub.files(second)["b.py"] == b"B = 2\n"
    assert hub.fsck() == []


def test_the_harness_goes_on_writing_after_a_push(hub, baseline, attacker):
    pushed = attacker.change(baseline)
    assert attacker.push(f"{pushed}:refs/heads/agents/b")[0]
    ours = hub.commit(FILES | {"c.py": b""}, parents=(baseline,), message="x", branch="agents/b")
    hub.add_note(ours, "note")
    hub.set_branch("champion", ours)
    assert hub.branch("agents/b") == ours
    assert git.run(hub.path, "merge-base", "--is-ancestor", pushed, ours, fine=(0, 1))[0] == 0  # not lost
    assert hub.fsck() == []


@pytest.mark.parametrize("pusher", [None, "", "../b", "b/../c", "b\nrefs", "-b", "b" * 65, "*"])
def test_nobody_pushes_without_a_name(baseline, attacker, pusher):
    refused(attacker, f"{attacker.change(baseline)}:refs/heads/agents/b", because="takes no pushes", pusher=pusher)


@pytest.mark.parametrize(
    "ref",
    [
        "refs/heads/main",
        "refs/heads/baseline",
        "refs/heads/champion",
        "refs/heads/agents/c",
        "refs/heads/agents/b/x",
        "refs/heads/agents/b.py",
        "refs/heads/agents/B",
        "refs/notes/enpire",
        "refs/notes/commits",
        "refs/tags/v1",
        "refs/enpire/all",
        "refs/replace/{baseline}",
        "refs/for/agents/b",
    ],
)
def test_only_its_own_branch(baseline, attacker, ref):
    made = attacker.change(baseline)
    refused(attacker, f"+{made}:{ref.format(baseline=baseline)}", because="not yours")


def test_one_good_ref_carries_no_bad_one(baseline, attacker):
    made = attacker.change(baseline)
    refused(attacker, f"{made}:refs/heads/agents/b", f"{made}:refs/heads/main", because="not yours")
    refused(attacker, f"{made}:refs/heads/agents/b", f"{made}:refs/tags/x", because="not yours", options=["--atomic"])


@pytest.mark.parametrize("options", [(), ("--force",), ("--force-with-lease",)])
def test_it_only_moves_forward(hub, baseline, attacker, options):
    first = attacker.change(baseline)
    attacker.push(f"{first}:refs/heads/agents/b")
    other = attacker.change(baseline, b"B = 3\n")
    # Git itself may refuse before it asks the hub, unless it is forced.
    accepted, said = attacker.push(f"{other}:refs/heads/agents/b", options=options)
    assert not accepted and ("moves forward" in said or "rejected" in said)
    refused(attacker, f"+{other}:refs/heads/agents/b", because="moves forward")
    refused(attacker, f"+{baseline}:refs/heads/agents/b", because="moves forward")
    assert hub.branch("agents/b") == first


def test_it_cannot_be_deleted(hub, baseline, attacker):
    first = attacker.change(baseline)
    attacker.push(f"{first}:refs/heads/agents/b")
    refused(attacker, ":refs/heads/agents/b", because="deleted")
    refused(attacker, ":refs/heads/baseline", because="not yours")


def special(attacker, mode, name):
    target = attacker.blob(b"/etc/passwd") if mode != "160000" else attacker.git("rev-parse", "refs/heads/baseline")
    return [(mode, target, name)]


@pytest.mark.parametrize(
    ("rows", "because"),
    [
        (lambda a: special(a, "120000", "policy.py"), "symbolic link"),
        (lambda a: [("40000", a.tree(*special(a, "120000", "x.py")), "blocks")], "symbolic link"),
        (lambda a: special(a, "160000", "module"), "submodule"),
        (lambda a: special(a, "100600", "odd.py"), "is special"),
        (lambda a: special(a, "100644", ".gitmodules"), "hidden"),
        (lambda a: special(a, "100644", ".gitattributes"), "hidden"),
        (lambda a: special(a, "100644", ".env"), "hidden"),
        (lambda a: special(a, "100644", "AGENTS.md"), "orders to other agents"),
        (lambda a: special(a, "100644", "x\x1b[2J.py"), "printable"),
        (lambda a: special(a, "100644", "A.py") + special(a, "100644", "a.py"), "differ only in case"),
        (lambda a: [("40000", a.tree(*special(a, "100644", "config")), ".git")], ""),
        (lambda a: [("40000", a.tree(*special(a, "100644", "passwd")), "..")], ""),
        (lambda a: [("100644", a.blob(bytes(300_000)), "big.bin")], "the limit is 262144"),
        (lambda a: [("100644", a.blob(bytes([n]) * 250_000), f"{n}.bin") for n in range(5)], "more than 1048576 bytes"),
        (lambda a: [("100644", a.blob(b""), f"{n:03}.py") for n in range(201)], "more than 200 files"),
    ],
)
@pytest.mark.parametrize("where", ["tip", "history"])
def test_plain_small_files_only(baseline, attacker, rows, because, where):
    """Also where a later commit takes it away again."""
    made = attacker.commit(attacker.tree(*rows(attacker)), baseline)
    if where == "history":
        made = attacker.commit(attacker.git("rev-parse", f"{baseline}^{{tree}}"), made)
    refused(attacker, f"{made}:refs/heads/agents/b", because=because)


def test_a_tree_that_unfolds_without_end_is_given_up(baseline, attacker):
    """Ten folders of ten folders of ten folders ...: a few objects, 10^7 paths; and the same with empty ones."""
    for leaf in ([("100644", attacker.blob(b""), "x.py")], []):
        tree = attacker.tree(*leaf)
        for _ in range(7):
            tree = attacker.tree(*[("40000", tree, f"f{n}") for n in range(10)])
        made = attacker.commit(tree, baseline)
        refused(attacker, f"{made}:refs/heads/agents/b", because="refused")


def test_deep_trees_are_given_up(baseline, attacker):
    tree = attacker.tree(("100644", attacker.blob(b""), "x.py"))
    for _ in range(1000):
        tree = attacker.tree(("40000", tree, "d"))
    refused(attacker, f"{attacker.commit(tree, baseline)}:refs/heads/agents/b", because="too deep")


def test_huge_objects_do_not_get_in(baseline, attacker):
    """A blob that does not compress meets the limit of a push; one that does meets the limit of a file."""
    noise = attacker.change(baseline, os.urandom(9 * 1024 * 1024), "noise.bin")
    refused(attacker, f"{noise}:refs/heads/agents/b", because="maximum allowed size")
    zeros = attacker.change(baseline, bytes(200 * 1024 * 1024), "zeros.bin")
    refused(attacker, f"{zeros}:refs/heads/agents/b", because="the limit is 262144")


def test_many_commits_do_not_get_in(baseline, attacker):
    stream = b"".join(
        b"commit refs/heads/many\ncommitter x <x@x.invalid> %d +0000\ndata 1\nx\n" % n
        + (b"from %s\n\n" % baseline.encode() if n == 0 else b"\n")
        for n in range(MAX_COMMITS + 1)
    )
    attacker.git("fast-import", "--quiet", stdin=stream)
    refused(attacker, "refs/heads/many:refs/heads/agents/b", because=f"more than {MAX_COMMITS} new commits")
    assert attacker.push("refs/heads/many~1:refs/heads/agents/b") == (True, "")


def test_broken_objects_do_not_get_in(baseline, attacker):
    """What `fsck` refuses: a commit without an author, a tree out of order."""
    tree = attacker.git("rev-parse", f"{baseline}^{{tree}}")
    text = f"tree {tree}\nparent {baseline}\n\nno author\n".encode()
    bare = attacker.git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", stdin=text)
    refused(attacker, f"{bare}:refs/heads/agents/b", because="fsck error")
    blob = attacker.blob(b"")
    unsorted = attacker.commit(attacker.tree(("100644", blob, "b.py"), ("100644", blob, "a.py")), baseline)
    refused(attacker, f"{unsorted}:refs/heads/agents/b", because="fsck error")


def test_a_tag_object_is_no_branch(baseline, attacker):
    attacker.git("tag", "-a", "-m", "x", "v1", attacker.change(baseline))
    accepted, _ = attacker.push("refs/tags/v1:refs/heads/agents/b")
    assert not accepted or attacker.hub.branch("agents/b") is not None
    assert git.run(attacker.hub.path, "cat-file", "-t", "refs/heads/agents/b", fine=(0, 128))[1] in (b"", b"commit\n")


def test_no_interpreter_no_push(hub, baseline, attacker):
    """Whatever goes wrong in the hook, nothing comes in."""
    hook = hub.path / "hooks" / "pre-receive"
    hook.write_text(hook.read_text().replace(sys.executable, "/nowhere/python"))
    refused(attacker, f"{attacker.change(baseline)}:refs/heads/agents/b", because="declined")


@pytest.mark.parametrize(
    "key", ["core.fsync", "transfer.fsckObjects", "receive.denyNonFastForwards", "receive.denyDeletes"]
)
def test_the_settings_beneath_the_hook(hub, key):
    value = subprocess.run(
        ["git", f"--git-dir={hub.path}", "config", "--get", key], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert value == ("all" if key == "core.fsync" else "true")


def test_without_the_hook_the_settings_still_hold(hub, baseline, attacker):
    """Force and deletion fail even when somebody removed the hook."""
    first = attacker.change(baseline)
    attacker.push(f"{first}:refs/heads/agents/b")
    shutil.rmtree(hub.path / "hooks")
    assert not attacker.push(f"+{baseline}:refs/heads/agents/b")[0]
    assert not attacker.push(":refs/heads/agents/b")[0]
    assert hub.branch("agents/b") == first
