"""Researchers with a model: what is metered, what limits hold, and how sessions end."""

import re

from tests.researchers.campaigns import DONE, SUBMIT, TOKENS, USAGE, run


def test_ideas_of_a_model_are_raced_and_its_calls_are_booked(tmp_path):
    slip = f"""
[[part]]
[[part.turn]]
error = 429

[[part.turn]]
call = "submit$"
args = {{ hypothesis = "Nothing was changed." }}
{USAGE}
"""
    again = f"""
[[part.turn]]
call = "submit$"
args = {{ hypothesis = "One more." }}
{USAGE}
"""
    state, output = run(tmp_path, slip + SUBMIT + again + DONE, "--agent", "minimal:2", "--budget-ideas", "5")
    assert "budget of ideas used up" in output
    sessions = [log for log in state.sessions.values() if log.outcome == "ok"]
    assert sessions
    for log in sessions:
        assert [call.status for call in log.calls] == [429, 200, 200, 200, 200, 200]
        assert [call.phase for call in log.calls] == ["propose", "propose", "repair", "repair", "wait", "wait"]
        assert log.usage.total == 5 * TOKENS and log.usage.cached == 5 * 400
        assert len(log.ideas) == 1  # what comes after the first idea is refused
    assert state.tokens == sum(log.usage.total for log in state.sessions.values())
    assert any("copy" in refusal.reason for refusal in state.refused)
    ideas = {idea for log in state.sessions.values() for idea in log.ideas}
    assert ideas == set(state.ideas) - {"0000"}
    assert any(state.studies[f"race-{idea}"].episodes for idea in ideas)


def test_limits_stop_a_session_and_the_campaign(tmp_path):
    endless = f'[[part]]\n[[part.turn]]\nshell = "true"\ntimes = 0\n{USAGE}\n'
    arguments = ("--agent", "minimal:2", "--session-tokens", "3500", "--budget-tokens", "9500")
    state, output = run(tmp_path, endless, *arguments)
    assert "budget of tokens used up" in output
    assert 9500 <= state.tokens < 9500 + TOKENS  # at most one call over, although two agents call at once
    ended = [log for log in state.sessions.values() if log.outcome == "budget"]
    assert ended
    for log in ended:
        assert log.usage.total < 3500 + TOKENS
        assert log.calls[-1].status == 400 and "enpire budget" in log.calls[-1].error
        assert re.search(r"limit of \d+ tokens is used up", log.detail)


def test_a_key_that_is_refused_ends_the_search_with_advice(tmp_path):
    state, output = run(tmp_path, "[[part]]\n[[part.turn]]\nerror = 401\ntimes = 0\n", "--agent", "minimal:1")
    assert "no researcher can work" in output and "OPENAI_API_KEY" in output
    assert [log.outcome for log in state.sessions.values()] == ["auth"] * 3
    assert state.stopped is not None and not state.stopped.final


def test_a_long_session_goes_on_from_idea_to_idea(tmp_path):
    script = "[[part]]" + SUBMIT + DONE + SUBMIT + DONE + SUBMIT + DONE
    state, _ = run(tmp_path, script, "--agent", "minimal:1", "--session", "long", "--budget-ideas", "3")
    (log,) = state.sessions.values()
    assert len(log.ideas) == 3
    assert list(log.ideas.values()) == [2, 5, 8]  # calls before each
    folder = tmp_path / "campaign" / "sessions" / next(iter(state.sessions))
    assert (folder / "stdout.2.log").exists()


def test_tools_answer_while_a_session_runs(tmp_path):
    calls = "".join(
        f'[[part.turn]]\ncall = "{verb}$"\nargs = {arguments}\n{USAGE}\n'
        for verb, arguments in [
            ("status", "{}"),
            ("budget", "{}"),
            ("episodes", "{}"),
            ("train", "{}"),
            ("result", '{ job = "job-1" }'),
            ("literature", '{ query = "late observations" }'),
            ("show", '{ idea = "0000" }'),
            ("show", '{ idea = "9999" }'),
        ]
    )
    state, _ = run(tmp_path, f"[[part]]\n{calls}" + SUBMIT + DONE, "--agent", "minimal:1", "--budget-ideas", "1")
    (folder,) = sorted((tmp_path / "campaign" / "sessions").iterdir())[:1]
    messages = (folder / "home" / "messages.json").read_text()
    for words in ("0000", "tokens", "job-1", "delay", "there is no idea"):
        assert words in messages, words
    assert state.sessions[folder.name].ideas
