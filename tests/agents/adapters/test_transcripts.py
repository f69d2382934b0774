"""Parsers against what the real programs printed; `python -m tests.agents_real.record` renews the transcripts."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enpire.agents.adapter import AgentEvent, Began, Ended, Failed, Job, Retried, Said, Used
from enpire.core import registry
from enpire.core.usage import Usage

TRANSCRIPTS = Path(__file__).parent / "transcripts"
AGENTS = ("codex", "claude_code", "kimi_code")
USAGE_FILES = {
    "codex": ".codex/sessions/2026/01/01/rollout-1.jsonl",
    "claude_code": ".claude/projects/-session-workspace/1.jsonl",
    "kimi_code": ".kimi-code/sessions/1/2/agents/main/wire.jsonl",
}


def events(agent: str, scene: str) -> list[AgentEvent]:
    parse = registry.load("agent", agent).parse
    text = (TRANSCRIPTS / f"{agent}-{scene}.txt").read_text()
    return [event for line in text.splitlines() for event in parse(line)]


@pytest.mark.parametrize("agent", AGENTS)
def test_a_session_of_work(agent: str) -> None:
    found = events(agent, "work")
    assert [e.status for e in found if isinstance(e, Retried)] == [429]
    assert [e.text for e in found if isinstance(e, Said)] == ["A new file first.", "That is all."]
    used = [e for e in found if isinstance(e, Used)]
    assert [e.tool for e in used[2:]] == ["score", "picture"]
    assert "made.txt" in used[0].text and "false" in used[1].text and "the detour" in used[2].text
    assert not [e for e in found if isinstance(e, Failed)]
    assert isinstance(found[-1], Ended)
    began = [e for e in found if isinstance(e, Began)]
    assert len(began) == 1 and len(began[0].id) >= 36


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("scene", ["budget", "context"])
def test_why_it_gave_up(agent: str, scene: str) -> None:
    found = [e for e in events(agent, scene) if isinstance(e, Failed)]
    assert [e.trouble for e in found] == [scene]
    assert not [e for e in events(agent, scene) if isinstance(e, Ended)]


@pytest.mark.parametrize("agent", ["codex", "claude_code"])
def test_the_last_event_has_the_truth(agent: str) -> None:
    last = events(agent, "work")[-1]
    assert isinstance(last, Ended) and last.usage == truth(agent)


@pytest.mark.parametrize("agent", AGENTS)
def test_own_count_in_the_home(agent: str, tmp_path: Path) -> None:
    adapter, job = registry.load("agent", agent), Job(folder=tmp_path)
    assert adapter.native_usage(job) is None
    path = job.home / USAGE_FILES[agent]
    path.parent.mkdir(parents=True)
    path.write_text("not JSON\n[]\n" + (TRANSCRIPTS / f"{agent}-usage.txt").read_text() + '{"half')
    assert adapter.native_usage(job) == truth(agent)
    path.with_name("broken.jsonl").write_bytes(b"\xff\xfe\n{}\n")
    assert adapter.native_usage(job) == truth(agent)


def truth(agent: str) -> Usage:
    return Usage(**json.loads((TRANSCRIPTS / f"{agent}-truth.json").read_text()))


# ---------------------------------------------------------------------------- nothing that is printed may raise

WORDS = sorted(
    {
        word
        for path in TRANSCRIPTS.glob("*.txt")
        for word in path.read_text().replace("{", " ").replace(",", " ").replace(":", " ").replace('"', " ").split()
        if word.replace(".", "").replace("_", "").isalpha()
    }
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(WORDS)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6)
)
KINDS = st.sampled_from(["item.completed", "turn.completed", "turn.failed", "error", "system", "assistant", "result"])
EVENTS = st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=6).flatmap(
    lambda event: KINDS.map(lambda kind: {"type": kind, "role": kind} | event)
)


@pytest.mark.parametrize("agent", AGENTS)
@given(line=st.text() | VALUES.map(json.dumps) | EVENTS.map(json.dumps))
@settings(max_examples=300, deadline=None)
def test_parse_never_raises(agent: str, line: str) -> None:
    assert isinstance(registry.load("agent", agent).parse(line), list)


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("line", ["", "[" * 100_000, '{"type":' * 50_000, "null", "\0", '{"type": "result"}' * 2])
def test_garbage_says_nothing(agent: str, line: str) -> None:
    assert registry.load("agent", agent).parse(line) == []


@pytest.mark.parametrize("agent", AGENTS)
def test_every_shortened_and_damaged_line_is_survived(agent: str) -> None:
    parse = registry.load("agent", agent).parse
    for path in sorted(TRANSCRIPTS.glob(f"{agent}-*.txt")):
        for line in path.read_text().splitlines():
            for end in range(0, len(line), 37):
                parse(line[:end])
            try:
                event = json.loads(line)
            except ValueError:
                continue
            for key in event:
                for odd in (None, 0, "x", [], [None], {}, {"type": 1}):
                    parse(json.dumps(event | {key: odd}))
