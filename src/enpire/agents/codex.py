"""Codex, OpenAI's coding agent (npm package `@openai/codex`).

Without a model name it uses its own default. It gives image results of our tools to the model as images.

With `login` it runs on the user's own subscription, from a copy of `auth.json`, and nothing is metered on the wire
(never tried with a real account).
"""

import re
from collections.abc import Iterable
from pathlib import Path

from enpire.agents._programs import (
    TOOL_LIMIT_S,
    TOOLS,
    count,
    failed,
    read_event,
    read_login,
    require,
    short,
    toml,
    with_prompt,
    written_lines,
)
from enpire.agents.adapter import AgentEvent, Began, Dialect, Ended, Job, Launch, Retried, Said, Upstream, Used
from enpire.core.records import Json
from enpire.core.usage import Usage

DIALECT: Dialect = "responses"
UPSTREAM = Upstream(
    url="https://api.openai.com", url_variable="OPENAI_BASE_URL", key_variable="OPENAI_API_KEY", header="bearer"
)

LOGIN = Path(".codex/auth.json")
"""Where the user's own login is, below the user's home."""
_KEY = "ENPIRE_MODEL_KEY"
_OFF = ("plugins", "remote_plugin", "apps", "goals", "image_generation", "hooks", "tool_suggest")
"""Features that reach out to the network or read settings of the machine."""


def check() -> None:
    """See whether the program is here.

    Raises:
        MissingProgram: It is not, or it is too old.
    """
    require("codex", package="@openai/codex", version="0.169.0")


def command(job: Job) -> Launch:
    """How to run one session. Codex has no limit on steps: the gateway's budget and the deadline end it."""
    home = job.home / ".codex"
    argv = ["codex", "exec", *(["resume"] if job.resume else []), "--json", "--skip-git-repo-check"]
    argv += ["--dangerously-bypass-approvals-and-sandbox"]
    argv += ["--", *([job.resume] if job.resume else [])]
    files = {home / "config.toml": toml(_settings(job))}
    if job.login is not None:
        files[home / "auth.json"] = read_login(job.login, "auth.json", "codex login")
    environment = {"CODEX_HOME": str(home)} | ({_KEY: job.key} if job.model_url else {})
    return with_prompt(Launch(argv=argv, environment=environment, files=files), job.prompt, job.home)


def parse(line: str) -> list[AgentEvent]:
    """Events of one line of `codex exec --json`."""
    event = read_event(line)
    kind = event.get("type")
    if kind == "thread.started":
        return [Began(str(event.get("thread_id", "")))]
    if kind == "item.completed":
        return _item(event.get("item"))
    if kind == "turn.completed":
        return [Ended(_usage(event.get("usage")))]
    if kind == "turn.failed":
        error = event.get("error")
        return [failed(str(error.get("message", "")) if isinstance(error, dict) else str(error))]
    if kind == "error" and "Reconnecting" in (text := str(event.get("message", ""))):
        status = re.search(r"status:? (\d{3})\b", text)
        return [Retried(int(status[1]) if status else 0)]
    return []


def native_usage(job: Job) -> Usage | None:
    """Sum over the threads in its home, sub-agents included. It lacks calls that failed or were broken off."""
    totals = [_last_total(lines) for lines in written_lines(job.home, ".codex/sessions", "rollout-*.jsonl")]
    found = [total for total in totals if total is not None]
    return sum(found, Usage()) if found else None


def _settings(job: Job) -> Json:
    off = [*_OFF, *(["view_image"] if job.vision != "native" else [])]
    settings: Json = {
        "approval_policy": "never",
        "sandbox_mode": "danger-full-access",
        "check_for_update_on_startup": False,
        "project_doc_max_bytes": 0,
        "web_search": "disabled",
        "analytics": {"enabled": False},
        "agents": {"enabled": False},
        "features": dict.fromkeys(off, False),
        "skills": {"bundled": {"enabled": False}},
    }
    if job.model:
        settings["model"] = job.model
    if job.model_url:
        # A provider of our own goes straight to server-sent events; the built-in one tries web sockets first.
        provider = {"name": "enpire", "base_url": f"{job.model_url}/v1", "env_key": _KEY, "wire_api": "responses"}
        settings |= {"model_provider": "enpire", "model_providers": {"enpire": provider}}
    if job.tools_url:
        server = {"url": job.tools_url, "required": True, "startup_timeout_sec": 30, "tool_timeout_sec": TOOL_LIMIT_S}
        settings["mcp_servers"] = {TOOLS: server}
    return settings


def _item(item: object) -> list[AgentEvent]:
    if not isinstance(item, dict):
        return []
    kind = item.get("type")
    if kind == "agent_message":
        return [Said(str(item.get("text", "")))]
    if kind == "command_execution":
        return [Used("shell", short(item.get("command", "")))]
    if kind == "mcp_tool_call":
        return [Used(str(item.get("tool", "")), short(item.get("arguments", "")))]
    if kind == "file_change":
        return [Used("edit", short(item.get("changes", "")))]
    return []


def _last_total(lines: Iterable[str]) -> Usage | None:
    """Running total of one thread, written after every model call."""
    total = None
    for line in lines:
        payload = read_event(line).get("payload")
        if isinstance(payload, dict) and payload.get("type") == "token_count" and isinstance(payload.get("info"), dict):
            total = _usage(payload["info"].get("total_token_usage")) or total
    return total


def _usage(numbers: object) -> Usage | None:
    if not isinstance(numbers, dict):
        return None
    return Usage(
        input=count(numbers, "input_tokens"),
        cached=count(numbers, "cached_input_tokens"),
        cache_write=count(numbers, "cache_write_input_tokens"),
        output=count(numbers, "output_tokens"),
        reasoning=count(numbers, "reasoning_output_tokens"),
    )
