"""Record the transcripts that the parsers are tested with: `python -m tests.agents_real.record FOLDER_OF_PROGRAMS`.

Run it after a new version of an agent; look at what changed before you commit it.
"""

import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from enpire.core import registry
from enpire.core.records import to_builtins

from .stage import Lab, Run, Theatre, served

TRANSCRIPTS = Path(__file__).parents[1] / "agents" / "adapters" / "transcripts"
WORK = """
[[part]]
[[part.turn]]
error = 429
[[part.turn]]
say = "A new file first."
write = "made.txt"
text = "made by an agent\\n"
[[part.turn]]
shell = "cat made.txt; false"
[[part.turn]]
call = "score$"
args = { name = "the detour" }
[[part.turn]]
call = "picture$"
[[part.turn]]
say = "That is all."
"""
REFUSED = """
[[part]]
[[part.turn]]
shell = "true"
[[part.turn]]
error = {status}
message = "{message}"
times = 0
"""
SCENES = {
    "work": WORK,
    "budget": REFUSED.format(status=400, message="enpire budget: the tokens of this session are spent"),
    "context": REFUSED.format(status=400, message="prompt is too long: 300000 tokens > 200000 maximum context length"),
}
USAGE_FILES = {
    "codex": (".codex/sessions/**/rollout-*.jsonl", '"token_count"'),
    "claude_code": (".claude/projects/**/*.jsonl", '"usage"'),
    "kimi_code": (".kimi-code/sessions/**/wire.jsonl", '"usage.record"'),
}
LONGEST = 200


def main(programs: Path) -> None:
    for agent in USAGE_FILES:
        for scene, script in SCENES.items():
            with tempfile.TemporaryDirectory(dir=Path.home()) as folder, served(Lab().app()) as root:
                adapter = registry.load("agent", agent)
                place = Path(folder)
                with Theatre(adapter, programs, "{}/{}".format, f"{root}/mcp", place) as theatre:
                    theatre.script(script)
                    run = theatre.run()
                    _save(f"{agent}-{scene}.txt", run.stdout + run.stderr, run)
                    if scene == "work":
                        pattern, sign = USAGE_FILES[agent]
                        lines = [x for p in sorted(run.job.home.glob(pattern)) for x in p.read_text().splitlines()]
                        _save(f"{agent}-usage.txt", "\n".join(line for line in lines if sign in line), run)
                        truth = json.dumps(to_builtins(theatre.told()))
                        (TRANSCRIPTS / f"{agent}-truth.json").write_text(truth + "\n")
                    print(agent, scene, run.status)


def _save(name: str, text: str, run: Run) -> None:
    """Text without the paths, ports and long strings of this machine."""
    place = str(run.job.folder)
    text = text.replace(place, "/session").replace(re.sub(r"[^A-Za-z0-9]", "-", place), "-session")
    text = re.sub(r"http://127\.0\.0\.1:\d+", "http://127.0.0.1:8000", text)
    (TRANSCRIPTS / name).write_text("".join(_cut(line) + "\n" for line in text.splitlines() if line.strip()))


def _cut(line: str) -> str:
    try:
        return json.dumps(_shorter(json.loads(line)), ensure_ascii=False)
    except ValueError:
        return line[:LONGEST]


def _shorter(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shorter(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_shorter(part) for part in value[:10]]
    return value[:LONGEST] if isinstance(value, str) else value


if __name__ == "__main__":
    main(Path(sys.argv[1]))
