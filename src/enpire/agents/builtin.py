"""The built-in researcher: a coding agent without a model, a network or a key.

It knows what any agent knows, the brief and the files of its session folder, and nothing else. Each session it reads
all evidence again, weighs the moves of `_researcher/` against each other, and hands in the one with the best prospect.
"""

import shutil
import sys
from pathlib import Path

from enpire.agents.adapter import Job, Launch
from enpire.agents.submission import BRIEF, SUBMISSION
from enpire.core.brief import Brief
from enpire.core.errors import EnpireError
from enpire.core.files import write_durably
from enpire.core.records import decode, encode


def command(job: Job) -> Launch:
    """How to run one session of the built-in researcher."""
    return Launch(argv=[sys.executable, "-P", "-m", "enpire.agents.builtin", str(job.folder)])


def main(argv: list[str]) -> int:
    """Run one session in the folder named by the only argument; returns the exit status."""
    from enpire.agents._researcher.choose import propose  # imported here: `command` stays light

    if len(argv) != 1:
        print("usage: python -m enpire.agents.builtin SESSION_FOLDER", file=sys.stderr)
        return 2
    folder = Path(argv[0])
    workspace = Job(folder=folder).workspace
    try:
        brief = decode((folder / BRIEF).read_bytes(), Brief)
        proposal = propose(brief, workspace)
    except (EnpireError, OSError) as error:
        print(f"builtin: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(workspace / "__pycache__", ignore_errors=True)
    if proposal is None:
        print("nothing to propose: no untried structure and no parameter to search")
        return 0
    write_durably(folder / SUBMISSION, encode(proposal))
    print(f"{proposal.kind}: {proposal.hypothesis}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
