"""The campaign's bare Git repository: every candidate, every idea, nothing ever lost.

Only the harness writes here; a push may move one agent's own branch at most (`receive.py`). `refs/heads/*` is for
people and for exchange between hubs; `refs/enpire/all` is one commit whose ancestors are all commits the harness ever
made, so that no branch move, prune or clone can drop one.
"""

import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from enpire.core.errors import BadInput
from enpire.core.files import sync_directory, sync_tree, write_durably
from enpire.core.records import Variant
from enpire.evolution import git, receive, repair
from enpire.evolution.checkout import check_out
from enpire.evolution.git import GitFailed
from enpire.evolution.merging import MergeConflict, merge
from enpire.evolution.reading import MAX_BYTES, MAX_FILES, Files, check_files
from enpire.evolution.workspace import with_values

__all__ = ["GitFailed", "Hub", "MergeConflict"]

_ALL = "refs/enpire/all"
_NOTES = "refs/notes/enpire"
_CONFIG = b"""[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = true
\tfsync = all
\tlogAllRefUpdates = always
\thooksPath = hooks
[gc]
\tauto = 0
[maintenance]
\tauto = false
[transfer]
\tfsckObjects = true
[fetch]
\tfsckObjects = true
[receive]
\tfsckObjects = true
\tdenyNonFastForwards = true
\tdenyDeletes = true
\tmaxInputSize = 8388608
"""
MAX_DIFF = 64 * 1024


class Hub:
    """A bare repository. All methods are safe to call from several threads of one process.

    Args:
        path: Folder of the repository, made by `Hub.create`.
        now: Unix time in seconds, for commit dates.
    """

    def __init__(self, path: Path, *, now: Callable[[], float] = time.time) -> None:
        self.path = path
        self._now = now
        self._lock = threading.Lock()
        self._checked: set[Path] = set()
        self._entries: dict[str, int] = {}

    @classmethod
    def create(cls, path: Path, *, now: Callable[[], float] = time.time) -> "Hub":
        """Make the repository, all at once and on disk; leaves an existing hub as it is.

        Raises:
            MissingProgram: No Git, or older than 2.38.
        """
        git.check_version()
        if path.is_dir() and any(path.iterdir()):
            return cls(path, now=now)
        fresh = path.with_name(f".{path.name}.tmp")
        if fresh.exists():
            shutil.rmtree(fresh)
        fresh.mkdir(parents=True)
        git.run(fresh, "init", "--quiet", "--bare", "--template=", "--object-format=sha1", "--initial-branch=main")
        receive.install(fresh)
        write_durably(fresh / "config", _CONFIG)
        root = git.commit_command(_ALL, 1, "All commits of this hub", when_s=int(now()), parents=())
        git.import_commits(fresh, root, 1)
        sync_tree(fresh)
        fresh.rename(path)
        sync_directory(path.parent)
        return cls(path, now=now)

    def mend(self) -> list[str]:
        """Mend what a crash or power cut has left. For the owner of the campaign alone, before anybody else writes.

        Returns:
            What was done, one line each.
        """
        with self._lock:
            done = repair.sweep(self.path, _CONFIG) + repair.mend_refs(self.path, _ALL)
            self._sync()
            return done

    # ------------------------------------------------------------------ writing

    def commit(self, files: Mapping[str, bytes], *, parents: Sequence[str], message: str, branch: str | None) -> str:
        """Commit exactly these files, all with mode 100644.

        Args:
            files: The whole workspace.
            parents: Parent commits; the change of this commit is measured from the first.
            message: Commit message.
            branch: Branch to move there. Branches only move forward: if the tip is not already an ancestor, it
                becomes a further parent. None leaves all branches alone.

        Returns:
            The commit id, durable on disk.

        Raises:
            BadInput: A file breaks a limit, or a parent is not a commit id.
        """
        check_files(files)
        ids = [_checked(parent) for parent in parents]
        with self._lock:
            if branch is not None:
                ids += self._tip_to_keep(branch, ids)
            stream = git.commit_command(_ALL, 1, message, when_s=int(self._now()), parents=ids, whole=files)
            move = b"reset %s\nfrom :1\n\n" % _ref(branch).encode() if branch is not None else b""
            return self._import(stream, 1, move)[0]

    def commit_variants(
        self, base_files: Mapping[str, bytes], commit: str, points: Iterable[Mapping[str, float]]
    ) -> tuple[Variant, ...]:
        """Child commits of `commit`, one per point of its declared parameters, in one go.

        Args:
            base_files: Files of `commit`.
            commit: The idea's commit.
            points: Full parameter name to value. A point that changes nothing gives `commit` itself.

        Raises:
            BadInput: A point names an unknown parameter or leaves its range.
        """
        _checked(commit)
        wanted = [dict(point) for point in points]
        streams: list[bytes] = []
        marks: list[int] = []
        for point in wanted:
            files = with_values(base_files, point)
            changes = {path: content for path, content in files.items() if content != base_files[path]}
            marks.append(len(streams) + 1 if changes else 0)
            if changes:
                message = "Variant: " + ", ".join(f"{name} = {value}" for name, value in point.items()) + "\n"
                streams.append(
                    git.commit_command(
                        _ALL, marks[-1], message, when_s=int(self._now()), parents=(commit,), changes=changes
                    )
                )
        with self._lock:
            made = self._import(b"".join(streams), len(streams)) if streams else []
        return tuple(
            Variant(commit=made[mark - 1] if mark else commit, point=point)
            for mark, point in zip(marks, wanted, strict=True)
        )

    def set_branch(self, name: str, commit: str) -> None:
        """Move a branch, forward or not; the old tip stays reachable."""
        with self._lock:
            git.run(self.path, "update-ref", "--create-reflog", _ref(name), _checked(commit))
            self._sync()

    def add_note(self, commit: str, text: str) -> None:
        """Attach text to a commit, in place of an older note. Plain Git shows it with `git log --notes=enpire`."""
        with self._lock:
            git.run(
                self.path,
                "notes",
                f"--ref={_NOTES}",
                "add",
                "--force",
                "--file=-",
                _checked(commit),
                stdin=text.encode(),
            )
            self._sync()

    def _import(self, commits: bytes, marks: int, moves: bytes = b"") -> list[str]:
        """Write commits and hang them below `refs/enpire/all`."""
        old = self._refs(_ALL).get(_ALL)
        if old is None:
            raise GitFailed(f"the hub {self.path} has lost {_ALL}; `enpire resume {self.path.parent}` mends it")
        kept = [old, *(f":{mark}" for mark in range(1, marks + 1))]
        keep = git.commit_command(_ALL, marks + 1, "Keep\n", when_s=int(self._now()), parents=kept, whole={})
        made = git.import_commits(self.path, commits + keep + moves, marks)
        self._sync()
        return made

    def _sync(self) -> None:
        """Put the names of new objects and refs on disk. Git does so for their contents only."""
        for folder, folders, names in os.walk(self.path / "objects"):
            if self._entries.get(folder) != len(folders) + len(names):
                sync_directory(Path(folder))
                self._entries[folder] = len(folders) + len(names)
        for folder, _, _ in os.walk(self.path / "refs"):
            sync_directory(Path(folder))

    def _tip_to_keep(self, branch: str, parents: Sequence[str]) -> list[str]:
        tip = self.branch(branch)
        if tip is None or tip in parents:
            return []
        for parent in parents:
            if git.run(self.path, "merge-base", "--is-ancestor", tip, parent, fine=(0, 1))[0] == 0:
                return []
        return [tip]

    # ------------------------------------------------------------------ reading

    def files(self, commit: str) -> Files:
        """Files of a commit.

        Raises:
            BadInput: The commit holds anything but regular files within the limits of workspaces.
            GitFailed: There is no such commit, or it is damaged.
        """
        damaged = GitFailed(f"commit {commit[:12]} in {self.path} is damaged: a file of it is missing or torn")
        try:
            entries = git.tree_entries(self.path, _checked(commit), MAX_FILES)
        except ValueError:  # Git gives no size for what it cannot read
            raise damaged from None
        if (total := sum(entry.size for entry in entries)) > MAX_BYTES:
            raise BadInput(f"commit {commit[:12]} has {total} bytes; the limit is {MAX_BYTES}")
        contents = git.read_objects(self.path, (entry.oid for entry in entries))
        files = {entry.path: content for entry, content in zip(entries, contents, strict=True) if content is not None}
        if len(files) < len(entries):
            raise damaged
        check_files(files)
        return files

    def read(self, wanted: Iterable[tuple[str, str]]) -> list[bytes | None]:
        """Contents of (commit, path) pairs in one call; None where there is no such file."""
        return git.read_objects(self.path, (f"{_checked(commit)}:{path}" for commit, path in wanted))

    def tree(self, commit: str) -> str:
        """Tree id of a commit: equal trees are equal candidates."""
        return git.run(self.path, "rev-parse", "--verify", f"{_checked(commit)}^{{tree}}")[1].decode().strip()

    def parent(self, commit: str) -> str | None:
        """First parent, or None for a root commit."""
        line = git.run(self.path, "rev-list", "--parents", "--max-count=1", _checked(commit))[1].decode().split()
        return line[1] if len(line) > 1 else None

    def message(self, commit: str) -> str:
        """Commit message."""
        return git.run(self.path, "show", "--no-patch", "--format=%B", _checked(commit))[1].decode(errors="replace")

    def note(self, commit: str) -> str | None:
        """Note of a commit as it stands in the repository, verified by nobody; None without one."""
        status, text = git.run(self.path, "notes", f"--ref={_NOTES}", "show", _checked(commit), fine=(0, 1))
        return text.decode(errors="replace") if status == 0 else None

    def branch(self, name: str) -> str | None:
        """Tip of a branch, or None if it does not exist."""
        return self._refs(_ref(name)).get(_ref(name))

    def log(self, branch: str) -> list[str]:
        """Commits of a branch along first parents, newest first; empty if it does not exist."""
        if (tip := self.branch(branch)) is None:
            return []
        return git.run(self.path, "rev-list", "--first-parent", tip)[1].decode().split()

    def diff(self, a: str, b: str) -> str:
        """Unified text from commit `a` to commit `b`, cut at 64 KiB."""
        options = ("-p", "-r", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames")
        text = git.run(self.path, "diff-tree", *options, _checked(a), _checked(b))[1]
        cut = "" if len(text) <= MAX_DIFF else "\n... (cut)\n"
        return text[:MAX_DIFF].decode(errors="replace") + cut

    def fsck(self) -> list[str]:
        """Problems of the repository in Git's words; empty if it is sound."""
        done = git.call(self.path, "fsck", "--full", "--no-dangling", "--no-progress")
        lines = (done.stdout + done.stderr).decode(errors="replace").splitlines()
        problems = [line for line in lines if line.strip() and not line.startswith("notice:")]
        return problems or ([f"git fsck: exit status {done.returncode}"] if done.returncode else [])

    def checkout(self, commit: str, folder: Path) -> None:
        """Put the files of a commit into a fresh read-only folder, all at once.

        A folder that is already there is compared with the commit on first use, and made anew if it differs.

        Raises:
            BadInput: The commit holds anything but regular files within the limits of workspaces.
        """
        if folder in self._checked and folder.is_dir():
            return
        check_out(self.files(commit), folder)
        self._checked.add(folder)

    def _refs(self, *names: str) -> dict[str, str]:
        _, output = git.run(self.path, "for-each-ref", "--format=%(refname) %(objectname)", *names)
        return dict(line.split(" ") for line in output.decode().splitlines())

    # ------------------------------------------------------------------ merging

    def cherry_pick(self, change: str, onto: str | Mapping[str, bytes], *, since: str | None = None) -> Files:
        """Files of `onto` with the change of a commit applied.

        Args:
            change: The commit whose change is wanted.
            onto: A commit, or files that are not committed yet.
            since: What the change is measured from; None means the first parent of `change`. For a variant, give
                the first parent of its idea's commit.

        Raises:
            MergeConflict: `onto` changed the same lines.
            BadInput: `change` is the baseline, which changes nothing.
        """
        return merge(self._before(change, since), self._ours(onto), self.files(change), scratch=self.path)

    def revert(self, change: str, onto: str | Mapping[str, bytes], *, since: str | None = None) -> Files:
        """Files of `onto` without the change of a commit; arguments and errors as `cherry_pick`."""
        return merge(self.files(change), self._ours(onto), self._before(change, since), scratch=self.path)

    def _ours(self, onto: str | Mapping[str, bytes]) -> Mapping[str, bytes]:
        return self.files(onto) if isinstance(onto, str) else onto

    def _before(self, change: str, since: str | None) -> Files:
        if (base := since or self.parent(change)) is None:
            raise BadInput(f"commit {change[:12]} is the baseline; it has no change to adopt or revert")
        return self.files(base)


def _checked(commit: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{40}", commit):
        raise BadInput(f"{commit[:60]!r} is not a commit id; expected 40 hexadecimal digits")
    return commit


def _ref(branch: str) -> str:
    plain = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*([./][A-Za-z0-9_-]+)*", branch)
    if not plain or branch.endswith(".lock") or ".lock/" in branch or len(branch) > 100:
        raise BadInput(f"{branch[:100]!r} is not a branch name; use letters, digits, `-`, `_`, `.` and `/`")
    return f"refs/heads/{branch}"
