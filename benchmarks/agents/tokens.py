"""What a fleet of agents costs in tokens per idea: python benchmarks/agents/tokens.py [IDEAS_PER_CAMPAIGN]

Campaigns on the toy task of the tests with 1, 4 and 16 minimal agents. The model is scripted, so that every session
does the same: look at the status, change a file, hand in. Its tokens follow from the size of each request (four
characters a token), so they count what the harness makes an agent read.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from enpire.cli.inspect import read_state

REPOSITORY = Path(__file__).parents[2]
SCRIPT = """
[[part]]
[[part.turn]]
call = "status$"
[[part.turn]]
shell = "python -c \\"import os; open('policy.py', 'a').write('# ' + os.urandom(8).hex())\\""
[[part.turn]]
call = "submit$"
args = { hypothesis = "A comment helps, because it does not. Wrong if nothing changes.", predicted_effect = 0.1 }
[[part.turn]]
say = "Done."
"""


def campaign(agents: int, ideas: int, folder: Path) -> list[int]:
    """Tokens of every session that handed in an idea, in order."""
    script = folder / "script.toml"
    script.write_text(SCRIPT)
    out = folder / f"agents-{agents}"
    command = [sys.executable, "-m", "enpire", "run", "tests.rollout.toy:PointTask", "--out", str(out), "--seed", "1"]
    command += ["--agent", f"minimal:{agents}", "--model-script", str(script), "--stations", "2", "--video", "none"]
    command += ["--budget-ideas", str(ideas), "--budget-minutes", "20", "--target", "0.9999"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return [log.usage.total for log in read_state(out).sessions.values() if log.ideas and log.outcome == "ok"]


def main() -> None:
    ideas = int(sys.argv[1]) if len(sys.argv) > 1 else 48
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for agents in (1, 4, 16):
            tokens = campaign(agents, ideas, Path(scratch))
            half = tokens[len(tokens) // 2 :]
            rows.append({"agents": agents, "ideas": len(tokens), "mean": statistics.mean(tokens)})
            rows[-1] |= {"mean_of_last_half": statistics.mean(half), "most": max(tokens)}
            rows[-1]["ratio"] = rows[-1]["mean"] / rows[0]["mean"]
            print(json.dumps(rows[-1]), flush=True)


main()
