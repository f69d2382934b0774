"""Who thinks for the scripted model: a script, or the built-in researcher."""

import filecmp
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from enpire.agents.scripted_model.play import Mind
from enpire.agents.scripted_model.script import LAST, Role, Turn, part_for, read_script
from enpire.agents.submission import BRIEF, SUBMISSION
from enpire.core.brief import Brief
from enpire.core.errors import BadInput, EnpireError
from enpire.core.files import sha256
from enpire.core.records import decode

FolderOf = Callable[[str], Path]

_LIMIT_S = 300.0
"""Wall time the researcher may think."""
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
"""It inherits nothing else: it runs `train.py` of the workspace, and a gateway's environment holds keys."""


def scripted(path: Path, folder_of: FolderOf | None) -> Mind:
    """Mind that plays a script file.

    Raises:
        BadInput: No such file, or not a script.
    """
    parts = read_script(path)

    def turn(session: str, number: int) -> Turn:
        return part_for(parts, _role(session, folder_of)).at(number)

    return turn


def researcher(folder_of: FolderOf | None) -> Mind:
    """Mind that asks the built-in researcher, and does with an agent's tools what that did with the files.

    Each state of a session's brief is thought about once; a session that goes on with a new brief gets new turns.

    Raises:
        BadInput: It would not know where the sessions are.
    """
    if folder_of is None:
        raise BadInput("the script 'researcher' needs session folders: pass folder_of or set ENPIRE_SCRIPTED_FOLDERS")
    plans: dict[str, _Plan] = {}
    lock = threading.Lock()

    def turn(session: str, number: int) -> Turn:
        with lock:
            plan = plans.setdefault(session, _Plan(folder_of(session)))
        return plan.at(number)

    return turn


class _Plan:
    """The turns of one session, one brief after the other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._brief = ""
        self._turns: list[Turn] = []

    def at(self, number: int) -> Turn:
        if number >= len(self._turns) and (brief := sha256((self._folder / BRIEF).read_bytes())) != self._brief:
            self._brief = brief
            self._turns += [LAST] * (number - len(self._turns)) + think(self._folder)
        return self._turns[number] if number < len(self._turns) else LAST


def think(folder: Path) -> list[Turn]:
    """What the built-in researcher would do in a session folder, as turns; the folder itself is not changed."""
    with tempfile.TemporaryDirectory(prefix="enpire-mind-") as place:
        private = Path(place) / "session"
        private.mkdir()
        shutil.copyfile(folder / BRIEF, private / BRIEF)
        shutil.copytree(
            folder / "workspace", private / "workspace", ignore=shutil.ignore_patterns(".git", "__pycache__")
        )
        done = subprocess.run(
            [sys.executable, "-P", "-m", "enpire.agents.builtin", str(private)],
            cwd=private / "workspace",
            env=_ENVIRONMENT | {"PATH": os.environ.get("PATH", os.defpath), "HOME": place, "TMPDIR": place},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=False,
        )
        if not (private / SUBMISSION).is_file():
            return [Turn(say=(done.stdout or done.stderr).strip() or "Nothing to propose.")]
        proposal = json.loads((private / SUBMISSION).read_text())
        edits = _edits(folder / "workspace", private / "workspace")
    edits[0:0] = [Turn(say=f"My hypothesis: {proposal['hypothesis']}", shell="ls")]
    return [*edits, Turn(call="submit$", args=proposal), Turn(say=f"Handed in: {proposal['hypothesis']}")]


def _edits(before: Path, after: Path) -> list[Turn]:
    """Turns that make the files of one folder those of another."""
    old, new = _files(before), _files(after)
    changed = [n for n in new if n not in old or not filecmp.cmp(before / n, after / n, shallow=False)]
    turns = [Turn(write=name, text=(after / name).read_text()) for name in changed]
    removed = [name for name in old if name not in new]
    return turns + ([Turn(shell="rm -f -- " + " ".join(map(shlex.quote, removed)))] if removed else [])


def _files(folder: Path) -> list[str]:
    hidden = (".git", "__pycache__")
    found = (path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file())
    return [str(path) for path in found if not any(part in hidden for part in path.parts)]


def _role(session: str, folder_of: FolderOf | None) -> Role:
    """Who a session is; what is not known fits no condition."""
    try:
        brief = decode((folder_of(session) / BRIEF).read_bytes(), Brief) if folder_of is not None else None
    except (OSError, EnpireError):
        brief = None
    return Role(name=session) if brief is None else Role(name=session, agent=brief.agent, session=brief.session)
