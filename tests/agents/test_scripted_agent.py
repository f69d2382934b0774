"""The scripted agent, run as a process: it plays its part, whatever the part is."""

import json
import time
from pathlib import Path

import pytest

from enpire.agents import scripted
from enpire.agents.adapter import Job
from enpire.agents.session import Session
from enpire.agents.submission import read_submission
from enpire.core import registry
from enpire.core.brief import Brief
from enpire.core.errors import BadInput
from enpire.core.records import encode

from .toy_campaign import SPEC


def session_folder(root: Path, session: int = 0) -> Path:
    folder = root / "session"
    (folder / "workspace").mkdir(parents=True)
    (folder / "workspace" / "old.py").write_text("")
    brief = Brief(
        task=SPEC,
        agent="agent-1",
        session=session,
        seed=1,
        target=0.9,
        champion="0000",
        champion_episodes=0,
        champion_successes=0,
        ideas=(),
        candidates="",
        library="",
        data="",
    )
    (folder / "brief.json").write_bytes(encode(brief))
    return folder


def part(root: Path, **files: str) -> Path:
    script = root / "script"
    (script / "0000").mkdir(parents=True)
    for name, text in files.items():
        (script / "0000" / name.replace("__", ".")).write_text(text)
    return script


def run(script: Path, folder: Path, deadline_s: float = 20.0) -> Session:
    job = Job(folder=folder)
    session = Session.start(job, scripted.script_launch(script, job), deadline_s=deadline_s)
    end_s = time.monotonic() + 30
    while session.poll() is None and time.monotonic() < end_s:
        time.sleep(0.02)
    session.stop(0.0)
    return session


def test_part_with_files_and_submission(tmp_path: Path) -> None:
    script = part(tmp_path, submission__json='{"hypothesis": "x"}', say__txt="hello", remove__txt="old.py")
    (script / "0000" / "files" / "blocks").mkdir(parents=True)
    (script / "0000" / "files" / "blocks" / "new.py").write_text("A = 1\n")
    folder = session_folder(tmp_path)
    session = run(script, folder)
    assert session.outcome == "ok"
    proposal = read_submission(session.job.folder)
    assert proposal is not None and proposal.hypothesis == "x"
    assert (folder / "stdout.log").read_text() == "hello\n"
    assert sorted(p.name for p in (folder / "workspace").rglob("*")) == ["blocks", "new.py"]


def test_garbage_is_refused_in_one_line(tmp_path: Path) -> None:
    session = run(part(tmp_path, submission__json="I am a teapot"), session_folder(tmp_path))
    assert session.outcome == "ok"
    with pytest.raises(BadInput, match="not JSON"):
        read_submission(session.job.folder)


def test_session_without_a_part_proposes_nothing(tmp_path: Path) -> None:
    session = run(part(tmp_path), session_folder(tmp_path, session=7))
    assert session.outcome == "ok" and read_submission(session.job.folder) is None


def test_hanging_part_meets_its_deadline(tmp_path: Path) -> None:
    session = run(part(tmp_path, play__toml="sleep_s = inf"), session_folder(tmp_path), deadline_s=1.0)
    assert session.outcome == "limit" and read_submission(session.job.folder) is None


def test_failing_part_is_an_error(tmp_path: Path) -> None:
    assert run(part(tmp_path, play__toml="exit = 3"), session_folder(tmp_path)).outcome == "error"


def test_deaf_part_is_killed(tmp_path: Path) -> None:
    folder = session_folder(tmp_path)
    script = part(tmp_path, play__toml="deaf = true\nsleep_s = 60", say__txt="asleep")
    job = Job(folder=folder)
    session = Session.start(job, scripted.script_launch(script, job), deadline_s=60)
    end_s = time.monotonic() + 20
    while not (folder / "stdout.log").is_file() or not (folder / "stdout.log").read_text():
        assert time.monotonic() < end_s
        time.sleep(0.02)
    assert session.stop(grace_s=0.2) == "killed"


def test_own_parts_by_researcher(tmp_path: Path) -> None:
    script = part(tmp_path, submission__json=json.dumps({"hypothesis": "for all"}))
    (script / "agent-1" / "0000").mkdir(parents=True)
    (script / "agent-1" / "0000" / "submission.json").write_text(json.dumps({"hypothesis": "for me"}))
    proposal = read_submission(run(script, session_folder(tmp_path)).job.folder)
    assert proposal is not None and proposal.hypothesis == "for me"


def test_script_is_named_by_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(scripted.VARIABLE, raising=False)
    with pytest.raises(BadInput, match=scripted.VARIABLE):
        scripted.command(Job(folder=tmp_path))
    monkeypatch.setenv(scripted.VARIABLE, str(tmp_path))
    assert str(tmp_path) in scripted.command(Job(folder=tmp_path / "session")).argv


@pytest.mark.parametrize("name", ["builtin", "scripted"])
def test_agents_are_registered_by_file_name(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(scripted.VARIABLE, str(tmp_path))
    assert registry.load("agent", name).command(Job(folder=tmp_path)).argv
