"""Following what an agent prints: whole lines, long ones skipped, whatever the bytes are."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enpire.agents._keeper import CappedFile
from enpire.agents.adapter import AgentEvent, Began, Failed, Retried, Said
from enpire.agents.transcript import EVENTS_KEPT, LINE_CAP_BYTES, TEXT_CAP, Transcript


def parse_said(line: str) -> list[AgentEvent]:
    return [Said(line)]


class Log:
    """A log as the keeper writes it, and its reader."""

    def __init__(self, path: Path, cap: int = 8 << 20, parse=parse_said) -> None:  # type: ignore[no-untyped-def]
        self._writer = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_TRUNC)
        self.capped = CappedFile(self._writer, cap)
        self.transcript = Transcript(self._writer, parse, rewind_at=cap // 2)

    def texts(self) -> list[str]:
        return [event.text for event in self.transcript.events if isinstance(event, Said)]

    def close(self) -> None:
        os.close(self._writer)


@given(lines=st.lists(st.text(st.characters(blacklist_characters="\n", codec="utf-8"), min_size=1)), data=st.data())
def test_lines_are_the_same_however_they_arrive(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], data: st.DataObject
) -> None:
    log = Log(tmp_path_factory.getbasetemp() / "arrive.log")
    rest = "\n".join(lines).encode()
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        log.capped.write(rest[:size])
        rest = rest[size:]
        log.transcript.read()
    log.transcript.finish()
    log.close()
    assert log.texts() == lines[-EVENTS_KEPT:]


@pytest.mark.parametrize("size", [LINE_CAP_BYTES, LINE_CAP_BYTES + 1, 3 * LINE_CAP_BYTES])
def test_line_beyond_the_cap_is_skipped_up_to_its_end(tmp_path: Path, size: int) -> None:
    log = Log(tmp_path / "log")
    log.capped.write(b"before\n" + b"x" * size + b"\nafter")
    log.transcript.finish()
    log.close()
    kept = ["x" * TEXT_CAP] if size <= LINE_CAP_BYTES else []
    assert log.texts() == ["before", *kept, "after"]


def test_full_log_begins_its_second_half_again_and_the_reader_follows(tmp_path: Path) -> None:
    log = Log(tmp_path / "log", cap=2000)
    for number in range(1000):
        log.capped.write(f"line {number}\nli".encode() if number % 2 else f"ne {number}\n".encode())
        log.transcript.read()
        assert (tmp_path / "log").stat().st_size <= 2000
    log.capped.write(b"the end")
    log.transcript.finish()
    log.close()
    assert log.texts()[-1] == "lithe end" and len(log.texts()) == EVENTS_KEPT
    text = (tmp_path / "log").read_text()
    assert text.startswith("ne 0\nline 1\n") and text.endswith("line 999\nlithe end")


def test_slow_reader_misses_the_middle_but_not_the_end(tmp_path: Path) -> None:
    log = Log(tmp_path / "log", cap=2000)
    for number in range(1000):
        log.capped.write(f"line {number} of a thousand\n".encode())
        if number in (60, 700):
            log.transcript.read()
    log.transcript.finish()
    log.close()
    assert log.texts()[0] == "line 0 of a thousand" and log.texts()[-1] == "line 999 of a thousand"
    assert "line 300 of a thousand" not in log.texts()


def test_log_that_the_agent_empties_is_harmless(tmp_path: Path) -> None:
    log = Log(tmp_path / "log", cap=2000)
    log.capped.write(b"one\ntwo\n")
    log.transcript.read()
    os.truncate(tmp_path / "log", 0)
    log.transcript.finish()
    log.close()
    assert log.texts() == ["one", "two"]


def test_what_events_say_is_remembered(tmp_path: Path) -> None:
    says: dict[str, list[AgentEvent]] = {
        "a": [Began("thread-1"), Retried(500)],
        "b": [Retried(429), Failed("context", "y" * 2 * TEXT_CAP)],
        "c": [Began("--config=evil"), Began("x" * 1000), Began("")],
    }
    log = Log(tmp_path / "log", parse=lambda line: says.get(line, []))
    log.capped.write(b"\n".join(json.dumps(x).encode()[1:-1] for x in ("a", "?", "b", "c")))
    log.transcript.finish()
    log.close()
    assert log.transcript.native_id == "thread-1" and log.transcript.retries == 2
    assert log.transcript.failed == Failed("context", "y" * TEXT_CAP)
