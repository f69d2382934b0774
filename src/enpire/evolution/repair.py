"""What a kill or a power cut can leave in the hub, and how it is mended. Only for whoever alone may write there.

| left behind | mended by |
|---|---|
| lock files and half-written objects | deleting them: their writers are dead |
| an object without content | deleting it: it says nothing, and Git would not write it again over it |
| an empty HEAD or configuration | writing it again |
| an empty, torn or lost ref | its newest whole commit in the reflog; `refs/enpire/all` from all commits there are |
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from enpire.core.files import write_durably
from enpire.evolution import git

_HEAD = b"ref: refs/heads/main\n"


def sweep(hub: Path, config: bytes) -> list[str]:
    """Mend everything but refs.

    Args:
        hub: The bare repository.
        config: What its configuration must hold if it is empty.

    Returns:
        What was done, one line each.
    """
    done = []
    for name, content in (("HEAD", _HEAD), ("config", config)):
        if not (hub / name).is_file() or (hub / name).stat().st_size == 0:
            write_durably(hub / name, content)
            done.append(f"{name} was empty; written again")
    for path in _files(hub):
        inside = path.relative_to(hub)
        if inside.parts[0] == "objects":
            rest = path.name.startswith(("tmp_obj_", "tmp_pack_", "tmp_idx_"))
            if rest or (path.stat().st_size == 0 and inside.parts[1] not in ("info", "pack")):
                path.unlink()
                done.append(f"{inside} was {'half-written' if rest else 'empty'}; deleted")
        elif path.name.endswith(".lock"):
            path.unlink()
            done.append(f"{inside} was left by a dead process; deleted")
    return done


def mend_refs(hub: Path, everything: str) -> list[str]:
    """Give every broken or lost ref its newest whole commit; then hang all whole commits below one ref.

    Args:
        hub: The bare repository, swept.
        everything: The ref whose ancestors are all commits.

    Returns:
        What was done, one line each; mostly nothing.
    """
    sound = _sound_refs(hub)
    names = {str(path.relative_to(hub)) for path in _files(hub / "refs")}
    names |= {str(path.relative_to(hub / "logs")) for path in _files(hub / "logs" / "refs")}
    done = []
    for name in sorted(names - sound.keys() - {everything}):
        (hub / name).unlink(missing_ok=True)
        commit = next((commit for commit in _logged(hub, name) if is_whole(hub, commit)), "")
        if commit:
            git.run(hub, "update-ref", "--create-reflog", name, commit)
        done.append(f"{name} was broken; it is {commit[:12] or 'gone'} now")
    if everything not in sound:
        (hub / everything).unlink(missing_ok=True)
        root = git.commit_command(everything, 1, "All commits of this hub", when_s=0, parents=whole_tips(hub), whole={})
        git.import_commits(hub, root, 1)
        done.append(f"{everything} was broken; made anew from all commits")
    return done


def is_whole(hub: Path, commit: str) -> bool:
    """Whether a commit and everything it needs is there."""
    return git.call(hub, "rev-list", "--objects", "--quiet", commit).returncode == 0


def whole_tips(hub: Path) -> list[str]:
    """Commits that together have every whole commit as an ancestor or are it."""
    _, listing = git.run(hub, "cat-file", "--batch-all-objects", "--batch-check=%(objecttype) %(objectname)")
    commits = [row.split()[1] for row in listing.decode().splitlines() if row.startswith("commit ")]
    parents = dict(zip(commits, map(_parents, git.read_objects(hub, commits)), strict=True))
    frontier = set(commits) - {parent for found in parents.values() for parent in found}
    tips: set[str] = set()
    while frontier:
        commit = frontier.pop()
        if is_whole(hub, commit):
            tips.add(commit)
        else:
            frontier |= {parent for parent in parents.get(commit, []) if parent in parents}
    return sorted(tips)


def _parents(content: bytes | None) -> list[str]:
    return re.findall(r"^parent ([0-9a-f]{40})$", (content or b"").split(b"\n\n")[0].decode(errors="replace"), re.M)


def _sound_refs(hub: Path) -> dict[str, str]:
    """Refs that name an object that is there."""
    listing = git.call(hub, "for-each-ref", "--format=%(refname) %(objectname)").stdout.decode(errors="replace")
    refs = dict(line.split(" ") for line in listing.splitlines())
    contents = git.read_objects(hub, refs.values())
    return {name: commit for (name, commit), content in zip(refs.items(), contents, strict=True) if content is not None}


def _logged(hub: Path, ref: str) -> Iterator[str]:
    """Commits that a ref was set to, newest first."""
    try:
        lines = (hub / "logs" / ref).read_text(errors="replace").splitlines()
    except OSError:
        return
    for line in reversed(lines):
        words = line.split(" ")
        if len(words) > 1 and re.fullmatch("[0-9a-f]{40}", words[1]) and words[1].strip("0"):
            yield words[1]


def _files(folder: Path) -> list[Path]:
    return [Path(parent, name) for parent, _, names in os.walk(folder) for name in names]
