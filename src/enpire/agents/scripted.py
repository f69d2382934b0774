"""A researcher that plays a fixed script: for tests, for demonstrations, and to show the shape of an adapter.

A script is a folder with one folder per session, named by the session's number (`0000`, `0001`, ...), and if several
researchers play different parts, below a folder with the researcher's name:

```
0000/
├── files/            copied over workspace/ (optional)
├── remove.txt        files to delete from workspace/, one per line (optional)
├── submission.json   copied as it is, valid or not (optional)
├── say.txt           printed on stdout (optional)
└── play.toml         sleep_s = 2.0, exit = 1, deaf = true: it ignores SIGINT (all optional)
```

A session without a folder proposes nothing. The script is named by the environment variable `ENPIRE_SCRIPT`.
"""

import os
import shutil
import signal
import sys
import time
import tomllib
from pathlib import Path

from enpire.agents.adapter import Job, Launch
from enpire.agents.submission import BRIEF, SUBMISSION
from enpire.core.brief import Brief
from enpire.core.errors import BadInput
from enpire.core.records import decode

VARIABLE = "ENPIRE_SCRIPT"

_FOR_EVER_S = 1e6


def command(job: Job) -> Launch:
    """How to play the script named by `ENPIRE_SCRIPT` in a session.

    Raises:
        BadInput: The variable names no folder.
    """
    script = os.environ.get(VARIABLE, "")
    if not Path(script).is_dir() or not script:
        raise BadInput(f"{VARIABLE} is {script!r}; it must name the folder of a script, see enpire.agents.scripted")
    return script_launch(Path(script), job)


def script_launch(script: Path, job: Job) -> Launch:
    """How to play a given script in a session."""
    argv = [sys.executable, "-P", "-m", "enpire.agents.scripted", str(script.absolute()), str(job.folder)]
    return Launch(argv=argv, readable=(script.absolute(),))


def play(script: Path, folder: Path) -> int:
    """Play the part of the session that `folder/brief.json` describes; returns the exit status."""
    brief = decode((folder / BRIEF).read_bytes(), Brief)
    name = f"{brief.session:04d}"
    part = next((p for p in (script / brief.agent / name, script / name) if p.is_dir()), None)
    if part is None:
        print("the script has no part for this session")
        return 0
    manner = tomllib.loads((part / "play.toml").read_text()) if (part / "play.toml").is_file() else {}
    if manner.get("deaf", False):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    workspace = Job(folder=folder).workspace
    if (part / "remove.txt").is_file():
        for line in (part / "remove.txt").read_text().split():
            (workspace / line).unlink()
    if (part / "files").is_dir():
        shutil.copytree(part / "files", workspace, dirs_exist_ok=True)
    if (part / "say.txt").is_file():
        print((part / "say.txt").read_text(), flush=True)
    time.sleep(min(float(manner.get("sleep_s", 0.0)), _FOR_EVER_S))
    if (part / SUBMISSION).is_file():
        shutil.copyfile(part / SUBMISSION, folder / SUBMISSION)
    return int(manner.get("exit", 0))


if __name__ == "__main__":
    sys.exit(play(Path(sys.argv[1]), Path(sys.argv[2])))
