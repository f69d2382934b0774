"""Whole campaigns with real programs of two vendors: what they hand in is raced, and the books agree with their own."""

import os
import shutil

import pytest

from tests.agents_real.conftest import PROGRAMS
from tests.researchers.campaigns import run


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["short", "long"])
def test_two_vendors_work_on_one_campaign(tmp_path, monkeypatch, kind):
    for program in ("codex", "claude"):
        if shutil.which(program, path=str(PROGRAMS)) is None:
            pytest.skip(f"{program} is not in {PROGRAMS}")
    monkeypatch.setenv("PATH", f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}")
    arguments = ("--agent", "codex:1,claude:1", "--session", kind, "--budget-ideas", "6", "--budget-minutes", "4")
    state, output = run(tmp_path, "researcher", *arguments)
    assert "budget of ideas used up" in output
    authors = {node.idea.agent for node in state.ideas.values()}
    assert {"codex-1", "claude-1"} <= authors
    assert {node.verdict for node in state.ideas.values()} & {"kept", "dropped", "parked"}
    for name, log in state.sessions.items():
        assert log.outcome in ("ok", "killed"), (name, log.outcome, log.detail)
        answered = log.calls if log.outcome == "ok" else log.calls[:-1]  # the end of the campaign may cut one off
        assert all(call.status == 200 for call in answered)
        if log.outcome == "ok":
            assert log.native is not None
            assert (log.native.input, log.native.output) == (log.usage.input, log.usage.output), name
