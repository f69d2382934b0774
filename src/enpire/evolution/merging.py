"""Three-way merges of whole workspaces, so that an idea's change can be adopted or reverted elsewhere.

Git merges by lines, and takes changes of neighbouring lines for a conflict. Slot lines are neighbours by nature, so
each one is fenced with lines that no version changes before Git sees it: two ideas that swap different slots merge,
two ideas that swap the same slot conflict.
"""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from enpire.core.errors import EnpireError
from enpire.evolution import git
from enpire.evolution.reading import MAX_FILES, Files, check_files
from enpire.evolution.workspace import SLOT_LINE

_FENCE = b"# slot fence "
_FENCED = re.compile(rb"^# slot fence .*\n", re.MULTILINE)


class MergeConflict(EnpireError):
    """Two changes touch the same lines.

    Attributes:
        files: The files in conflict.
    """

    def __init__(self, files: tuple[str, ...]) -> None:
        self.files = files
        super().__init__(
            f"the changes conflict in {', '.join(files)}; make the change by hand in the workspace and hand that in"
        )


def merge(base: Mapping[str, bytes], ours: Mapping[str, bytes], theirs: Mapping[str, bytes], *, scratch: Path) -> Files:
    """Files of `ours` with the change from `base` to `theirs` applied.

    Git runs in a private temporary repository, so nothing of it stays in the hub.

    Args:
        base: What both sides started from.
        ours: Files the change is applied to.
        theirs: Files that hold the change.
        scratch: Folder for the temporary repository; agents must not be able to write there.

    Raises:
        MergeConflict: Both sides changed the same lines; names the files.
        BadInput: The result breaks a limit of workspaces.
    """
    with tempfile.TemporaryDirectory(prefix="merge-", dir=scratch) as folder:
        repository = Path(folder)
        git.run(repository, "init", "--quiet", "--bare", "--template=", "--object-format=sha1", "--initial-branch=m")
        stream = b"".join(
            git.commit_command("refs/heads/m", mark, "", when_s=0, parents=parents, whole=_fenced(files))
            for mark, parents, files in ((1, (), base), (2, (":1",), ours), (3, (":1",), theirs))
        )
        # Marks 2 and 3 are siblings, so their merge base is mark 1; the branch itself is of no interest.
        _, left, right = git.import_commits(repository, stream, 3, "-c", "core.fsync=none")
        status, output = git.run(
            repository,
            *("-c", "core.fsync=none", "-c", "merge.renames=false", "-c", "merge.conflictStyle=merge"),
            *("merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", left, right),
            fine=(0, 1),
        )
        tree, *conflicts = output.decode(errors="replace").rstrip("\0").split("\0")
        if status:
            raise MergeConflict(tuple(sorted(set(filter(None, conflicts)))))
        entries = git.tree_entries(repository, tree, MAX_FILES)
        contents = git.read_objects(repository, (entry.oid for entry in entries))
    merged = {entry.path: content or b"" for entry, content in zip(entries, contents, strict=True)}
    if "policy.py" in merged:
        merged["policy.py"] = _FENCED.sub(b"", merged["policy.py"])
    check_files(merged)
    return merged


def _fenced(files: Mapping[str, bytes]) -> Files:
    fenced = dict(files)
    if "policy.py" in fenced:
        fenced["policy.py"] = SLOT_LINE.sub(
            lambda line: _FENCE + line[3] + b" above\n" + line[0] + b"\n" + _FENCE + line[3] + b" below",
            _FENCED.sub(b"", fenced["policy.py"]),
        )
    return fenced
