"""Command lines, environments and settings, word by word: a change of any of them is meant or it is a mistake."""

import json
import tomllib
from pathlib import Path

import pytest

from enpire.agents import _programs, claude_code, codex, kimi_code
from enpire.agents.adapter import Job
from enpire.core import registry
from enpire.core.errors import BadInput, MissingProgram

FOLDER = Path("/session")
HOME = FOLDER / "home"
JOB = Job(
    folder=FOLDER,
    prompt="Improve it.",
    model="a-model",
    model_url="http://127.0.0.1:1/t",
    key="worthless",
    tools_url="http://127.0.0.1:1/t/mcp",
)


def but(**changes: object) -> Job:
    return Job(**{name: getattr(JOB, name) for name in Job.__dataclass_fields__} | changes)  # type: ignore[arg-type]


def test_codex() -> None:
    launch = codex.command(JOB)
    assert launch.argv == [
        *("codex", "exec", "--json", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"),
        *("--", "Improve it."),
    ]
    assert launch.environment == {"CODEX_HOME": "/session/home/.codex", "ENPIRE_MODEL_KEY": "worthless"}
    settings = tomllib.loads(launch.files[HOME / ".codex/config.toml"])
    assert settings == {
        "approval_policy": "never",
        "sandbox_mode": "danger-full-access",
        "check_for_update_on_startup": False,
        "project_doc_max_bytes": 0,
        "web_search": "disabled",
        "model": "a-model",
        "model_provider": "enpire",
        "analytics": {"enabled": False},
        "agents": {"enabled": False},
        "features": dict.fromkeys(
            ("plugins", "remote_plugin", "apps", "goals", "image_generation", "hooks", "tool_suggest"), False
        ),
        "skills": {"bundled": {"enabled": False}},
        "model_providers": {
            "enpire": {
                "name": "enpire",
                "base_url": "http://127.0.0.1:1/t/v1",
                "env_key": "ENPIRE_MODEL_KEY",
                "wire_api": "responses",
            }
        },
        "mcp_servers": {
            "lab": {"url": JOB.tools_url, "required": True, "startup_timeout_sec": 30, "tool_timeout_sec": 600}
        },
    }


def test_claude_code() -> None:
    launch = claude_code.command(JOB)
    assert launch.argv == [
        *("claude", "-p", "--output-format", "stream-json", "--verbose", "--dangerously-skip-permissions"),
        *("--setting-sources", "user", "--disable-slash-commands"),
        *("--strict-mcp-config", "--mcp-config", "/session/home/mcp.json", "--model", "a-model", "--disallowedTools"),
        *("WebFetch", "WebSearch", "Agent", "Task", "Workflow", "SendMessage"),
        *("CronCreate", "CronDelete", "CronList", "ScheduleWakeup", "EnterWorktree", "ExitWorktree"),
        *("--", "Improve it."),
    ]
    assert launch.environment == {
        "CLAUDE_CONFIG_DIR": "/session/home/.claude",
        "IS_SANDBOX": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_TELEMETRY": "1",
        "MCP_CONNECTION_NONBLOCKING": "0",
        "MCP_TIMEOUT": "30000",
        "MCP_TOOL_TIMEOUT": "600000",
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:1/t",
        "ANTHROPIC_API_KEY": "worthless",
    }
    servers = json.loads(launch.files[HOME / "mcp.json"])
    assert servers == {"mcpServers": {"lab": {"type": "http", "url": JOB.tools_url}}}


def test_kimi_code() -> None:
    launch = kimi_code.command(JOB)
    assert launch.argv == ["kimi", "--output-format", "stream-json", "-p", "Improve it."]
    assert launch.environment == {
        "KIMI_CODE_HOME": "/session/home/.kimi-code",
        "KIMI_CODE_NO_AUTO_UPDATE": "1",
        "KIMI_DISABLE_TELEMETRY": "1",
        "KIMI_CODE_BACKGROUND_PRINT_BACKGROUND_MODE": "exit",
        "KIMI_CODE_BUILTIN_PRODUCT_SKILLS": "0",
        "KIMI_CODE_DANGEROUS_COMMAND_GUARD": "0",
        "KIMI_MCP_TOOL_TIMEOUT_MS": "600000",
    }
    settings = tomllib.loads(launch.files[HOME / ".kimi-code/config.toml"])
    provider = {"type": "kimi", "base_url": "http://127.0.0.1:1/t/v1", "api_key": "worthless"}
    model = {"provider": "enpire", "model": "a-model", "max_context_size": 262144}
    assert settings["default_model"] == "main" and settings["telemetry"] is False
    assert settings["providers"] == {"enpire": provider}
    assert settings["models"] == {"main": model | {"capabilities": ["image_in", "thinking"]}}
    assert {"WebSearch", "FetchURL", "Agent", "AgentSwarm"} <= set(settings["tools"]["disabled"])
    servers = json.loads(launch.files[HOME / ".kimi-code/mcp.json"])
    assert servers == {"mcpServers": {"lab": {"transport": "http", "url": JOB.tools_url}}}


def test_resume() -> None:
    assert codex.command(but(resume="id-1")).argv[1:3] == ["exec", "resume"]
    assert codex.command(but(resume="id-1")).argv[-3:] == ["--", "id-1", "Improve it."]
    assert _after(claude_code.command(but(resume="id-1")).argv, "--resume", 2) == ["--resume", "id-1"]
    assert kimi_code.command(but(resume="id-1")).argv[-4:] == ["-r", "id-1", "-p", "Improve it."]


def test_steps_where_there_is_a_limit() -> None:
    assert _after(claude_code.command(but(max_steps=7)).argv, "--max-turns", 2) == ["--max-turns", "7"]
    assert kimi_code.command(but(max_steps=7)).environment["KIMI_LOOP_MAX_STEPS_PER_TURN"] == "7"
    assert codex.command(but(max_steps=7)).argv == codex.command(JOB).argv


def test_default_model() -> None:
    assert "model" not in tomllib.loads(codex.command(but(model="")).files[HOME / ".codex/config.toml"])
    assert "--model" not in claude_code.command(but(model="")).argv
    settings = tomllib.loads(kimi_code.command(but(model="")).files[HOME / ".kimi-code/config.toml"])
    assert settings["models"]["main"]["model"] == kimi_code.MODEL


@pytest.mark.parametrize("vision", ["function", "none"])
def test_without_eyes_of_its_own(vision: str) -> None:
    features = tomllib.loads(codex.command(but(vision=vision)).files[HOME / ".codex/config.toml"])["features"]
    assert features["view_image"] is False
    assert "Read(**/*.png)" in claude_code.command(but(vision=vision)).argv
    models = tomllib.loads(kimi_code.command(but(vision=vision)).files[HOME / ".kimi-code/config.toml"])["models"]
    assert "image_in" not in models["main"]["capabilities"]


@pytest.mark.parametrize("agent", ["codex", "claude_code", "kimi_code"])
def test_files_are_in_the_home_and_the_key_is_no_secret(agent: str) -> None:
    launch = registry.load("agent", agent).command(JOB)
    assert all(path.is_relative_to(HOME) for path in launch.files)
    assert all("worthless" not in word for word in launch.argv)


@pytest.mark.parametrize("agent", ["codex", "claude_code", "kimi_code"])
def test_prompt_that_no_argument_can_hold(agent: str) -> None:
    prompt = "ü" * 70_000
    launch = registry.load("agent", agent).command(but(prompt=prompt))
    assert launch.files[HOME / "prompt.md"] == prompt
    assert str(HOME / "prompt.md") in launch.argv[-1] and len(launch.argv[-1]) < 200


def test_strange_words_survive_the_settings() -> None:
    odd = 'a "quoted" \\ name\nwith ünïcode 🤖'
    assert tomllib.loads(_programs.toml({"a": {"b": {"c": odd, "d": True}}, "e": [odd]})) == {
        "a": {"b": {"c": odd, "d": True}},
        "e": [odd],
    }


# ---------------------------------------------------------------------------- the user's own login


def test_login_goes_round_the_gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLAUDE_CODE_OAUTH_TOKEN", raising=False)
    (tmp_path / "auth.json").write_text("codex secret")
    (tmp_path / ".credentials.json").write_text("claude secret")
    (tmp_path / "config.toml").write_text("default_model = 'k'")
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "kimi.json").write_text("kimi secret")
    job = but(login=tmp_path, model_url="", key="")
    assert codex.command(job).files[HOME / ".codex/auth.json"] == "codex secret"
    assert "model_provider" not in tomllib.loads(codex.command(job).files[HOME / ".codex/config.toml"])
    assert claude_code.command(job).files[HOME / ".claude/.credentials.json"] == "claude secret"
    assert "ANTHROPIC_BASE_URL" not in claude_code.command(job).environment
    kimi = kimi_code.command(job)
    assert kimi.files[HOME / ".kimi-code/credentials/kimi.json"] == "kimi secret"
    assert kimi.files[HOME / ".kimi-code/config.toml"] == "default_model = 'k'"


def test_token_of_the_user_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_CODE_OAUTH_TOKEN", "a token")
    launch = claude_code.command(but(login=tmp_path, model_url=""))
    assert launch.environment["CLAUDE_CODE_OAUTH_TOKEN"] == "a token"
    assert "CLAUDE_CODE_OAUTH_TOKEN" not in claude_code.command(JOB).environment


@pytest.mark.parametrize("agent", ["codex", "claude_code", "kimi_code"])
def test_missing_login_says_what_to_do(agent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLAUDE_CODE_OAUTH_TOKEN", raising=False)
    with pytest.raises(BadInput, match=r"no login in .*log in first"):
        registry.load("agent", agent).command(but(login=tmp_path, model_url=""))


# ---------------------------------------------------------------------------- is it here, in a version that works

PROGRAMS = {"codex": "codex", "claude_code": "claude", "kimi_code": "kimi"}


def _program(folder: Path, name: str, body: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize("agent", sorted(PROGRAMS))
def test_check(agent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check, name = registry.load("agent", agent).check, PROGRAMS[agent]
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(MissingProgram, match=rf"^{name} is not on PATH; install it with `npm install -g @.*@\d.*`"):
        check()
    _program(tmp_path, name, "echo something 99.1.0 new")
    check()
    _program(tmp_path, name, "echo 0.9.0")
    with pytest.raises(MissingProgram, match=r"version 0\.9\.0, and .* or newer is needed; install it with"):
        check()
    _program(tmp_path, name, "echo 'SyntaxError: your Node is too old' >&2; exit 1")
    with pytest.raises(MissingProgram, match=r"failed with status 1") as caught:
        check()
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200


def _after(words: list[str], word: str, count: int) -> list[str]:
    return words[words.index(word) :][:count]
