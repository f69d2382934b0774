"""Whole campaigns on the toy task, with a scripted model behind the real gateway and the minimal agent."""

import subprocess
import sys
from pathlib import Path

from enpire.core.clock import SystemClock
from enpire.ledger.folder import Folder
from enpire.ledger.log import Ledger
from enpire.ledger.state import State, fold

REPOSITORY = Path(__file__).parents[2]

USAGE = "usage = { input = 900, cached = 400, cache_write = 0, output = 100 }"
"""Of one answer: 1,000 tokens."""
TOKENS = 1000
SUBMIT = f"""
[[part.turn]]
shell = "python - <<'E'\\nimport os\\nwith open('policy.py', 'a') as file: file.write('# ' + os.urandom(8).hex())\\nE"
{USAGE}

[[part.turn]]
call = "submit$"
args = {{ hypothesis = "A comment helps, because it does not. Wrong if nothing changes.", predicted_effect = 0.1 }}
{USAGE}
"""
DONE = f"""
[[part.turn]]
say = "Done."
{USAGE}
"""


def start(folder: Path, script: str, *arguments: str) -> "subprocess.Popen[str]":
    """Start a campaign in `folder / "campaign"`; `script` is the text of a script, or `researcher`."""
    path = folder / "script.toml"
    if script != "researcher":
        path.write_text(script)
    command = [sys.executable, "-m", "enpire", "run", "tests.rollout.toy:PointTask", "--out", str(folder / "campaign")]
    command += ["--seed", "5", "--stations", "1", "--video", "none", "--model-script"]
    command += [script if script == "researcher" else str(path)]
    command += ["--budget-minutes", "1.5", *arguments]
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def run(folder: Path, script: str, *arguments: str) -> tuple[State, str]:
    """Run a campaign to its end: its state and what it printed."""
    output, _ = start(folder, script, *arguments).communicate(timeout=150)
    return read(folder / "campaign"), output


def read(campaign: Path) -> State:
    """State of a campaign, from its checked ledger."""
    folder = Folder(campaign)
    ledger = Ledger(folder.ledger, key=None, clock=SystemClock())
    ledger.check(folder.key())
    state = fold(ledger.read())
    ledger.close()
    return state
