"""What is missing is said in one line, before anything starts."""

import pytest

from enpire.agents.adapter import Upstream
from enpire.core.config import CampaignConfig
from enpire.core.errors import BadInput, MissingProgram
from enpire.researchers.preflight import check_team, upstream_url


def config(**changes):
    return CampaignConfig(task="toy", **changes)


@pytest.fixture(autouse=True)
def nothing_is_here(monkeypatch, tmp_path):
    """No program, no key, no login."""
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "MOONSHOT_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def program(folder, name, version):
    path = folder / name
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o755)


def test_agents_without_a_model_need_nothing():
    check_team(config(agent="builtin"))


@pytest.mark.parametrize(
    ("agent", "package"), [("codex", "@openai/codex"), ("claude", "claude-code"), ("kimi", "kimi-code")]
)
def test_missing_program_names_what_to_install(agent, package):
    with pytest.raises(MissingProgram, match=f"not on PATH.*npm install.*{package}@"):
        check_team(config(agent=agent))


def test_old_program_names_both_versions(nothing_is_here):
    program(nothing_is_here, "codex", "codex-cli 0.1.2")
    with pytest.raises(MissingProgram, match=r"0\.1\.2.*0\.169\.0"):
        check_team(config(agent="codex"))


def test_missing_key_names_the_variable_and_the_way_around(nothing_is_here, monkeypatch):
    program(nothing_is_here, "codex", "codex-cli 0.169.0")
    with pytest.raises(MissingProgram, match=r"OPENAI_API_KEY.*--login"):
        check_team(config(agent="codex"))
    check_team(config(agent="codex", script="researcher"))
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    check_team(config(agent="codex"))


def test_missing_login_names_the_file(nothing_is_here):
    program(nothing_is_here, "codex", "codex-cli 0.169.0")
    with pytest.raises(MissingProgram, match=r"~/\.codex/auth\.json"):
        check_team(config(agent="codex", login=True))
    (nothing_is_here / ".codex").mkdir()
    (nothing_is_here / ".codex" / "auth.json").write_text("{}")
    check_team(config(agent="codex", login=True))


def test_models_must_be_of_the_team():
    with pytest.raises(BadInput, match="'claude'; known: minimal"):
        check_team(config(agent="minimal", models={"claude": "x"}))


def test_an_agent_without_a_default_model_asks_for_one(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    with pytest.raises(BadInput, match="--model minimal=NAME"):
        check_team(config(agent="minimal"))
    check_team(config(agent="minimal", models={"minimal": "x"}))
    with pytest.raises(BadInput, match="no login of its own"):
        check_team(config(agent="minimal", models={"minimal": "x"}, login=True))


def test_the_users_own_address_wins(monkeypatch):
    upstream = Upstream(url="https://a.example", url_variable="MY_URL", key_variable="MY_KEY", header="bearer")
    assert upstream_url(upstream) == "https://a.example"
    monkeypatch.setenv("MY_URL", "http://127.0.0.1:8000/v1/")
    assert upstream_url(upstream) == "http://127.0.0.1:8000"
