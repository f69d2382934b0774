"""Claude Code, Anthropic's coding agent (npm package `@anthropic-ai/claude-code`).

Without a model name it uses its own default. With `login` it runs on the user's own subscription, from the token in
CLAUDE_CODE_OAUTH_TOKEN or a copy of `.credentials.json`, and nothing is metered on the wire (never tried with a real
account).
"""

import json
import os
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
    with_prompt,
    written_lines,
)
from enpire.agents.adapter import AgentEvent, Began, Dialect, Ended, Job, Launch, Retried, Said, Upstream, Used
from enpire.core.records import Json
from enpire.core.usage import Usage

DIALECT: Dialect = "messages"
UPSTREAM = Upstream(
    url="https://api.anthropic.com",
    url_variable="ANTHROPIC_BASE_URL",
    key_variable="ANTHROPIC_API_KEY",
    header="x-api-key",
)

_OFF = (
    *("WebFetch", "WebSearch", "Agent", "Task", "Workflow", "SendMessage"),
    *("CronCreate", "CronDelete", "CronList", "ScheduleWakeup", "EnterWorktree", "ExitWorktree"),
)
"""Tools that reach out to the network, start agents of their own, or leave this session or its folder."""
LOGIN = Path(".claude/.credentials.json")
"""Where the user's own login is, below the user's home."""
LOGIN_VARIABLE = "CLAUDE_CODE_OAUTH_TOKEN"
"""The user's variable with a token of `claude setup-token`, in place of that file."""
_IMAGES = ("png", "jpg", "jpeg", "gif", "webp", "pdf")


def check() -> None:
    """See whether the program is here.

    Raises:
        MissingProgram: It is not, or it is too old.
    """
    require("claude", package="@anthropic-ai/claude-code", version="2.1.197")


def command(job: Job) -> Launch:
    """How to run one session. `resume` needs the same working directory: sessions are kept by directory."""
    home = job.home / ".claude"
    tools = job.home / "mcp.json"
    servers = {TOOLS: {"type": "http", "url": job.tools_url}} if job.tools_url else {}
    off = [*_OFF, *(f"Read(**/*.{ending})" for ending in _IMAGES if job.vision != "native")]
    argv = ["claude", "-p", "--output-format", "stream-json", "--verbose", "--dangerously-skip-permissions"]
    argv += ["--setting-sources", "user", "--disable-slash-commands"]
    argv += ["--strict-mcp-config", "--mcp-config", str(tools)]
    argv += ["--model", job.model] if job.model else []
    argv += ["--resume", job.resume] if job.resume else []
    argv += ["--max-turns", str(job.max_steps)] if job.max_steps is not None else []
    argv += ["--disallowedTools", *off, "--"]
    environment = {
        "CLAUDE_CONFIG_DIR": str(home),
        "IS_SANDBOX": "1",  # without it, the program refuses to skip permissions as root
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_TELEMETRY": "1",
        "MCP_CONNECTION_NONBLOCKING": "0",
        "MCP_TIMEOUT": "30000",
        "MCP_TOOL_TIMEOUT": str(TOOL_LIMIT_S * 1000),
    }
    files = {tools: json.dumps({"mcpServers": servers})}
    if job.model_url:
        environment |= {"ANTHROPIC_BASE_URL": job.model_url, "ANTHROPIC_API_KEY": job.key}
    if job.login is not None and LOGIN_VARIABLE in os.environ:
        environment[LOGIN_VARIABLE] = os.environ[LOGIN_VARIABLE]
    elif job.login is not None:
        files[home / ".credentials.json"] = read_login(job.login, ".credentials.json", "claude")
    return with_prompt(Launch(argv=argv, environment=environment, files=files), job.prompt, job.home)


def parse(line: str) -> list[AgentEvent]:
    """Events of one line of `--output-format stream-json`."""
    event = read_event(line)
    kind, detail = event.get("type"), event.get("subtype")
    if kind == "system" and detail == "init":
        return [Began(str(event.get("session_id", "")))]
    if kind == "system" and detail == "api_retry":
        status = event.get("error_status")
        return [Retried(status if isinstance(status, int) else 0)]
    if kind == "assistant" and isinstance(event.get("message"), dict):
        return _message(event["message"].get("content"))
    if kind == "result":
        return _result(event)
    return []


def native_usage(job: Job) -> Usage | None:
    """Sum over the messages in its session files, sub-agents included; a message counts once, with its last numbers."""
    by_message: dict[str, Usage] = {}
    for lines in written_lines(job.home, ".claude/projects", "*.jsonl"):
        for line in lines:
            message = read_event(line).get("message")
            if isinstance(message, dict) and isinstance(message.get("usage"), dict) and "id" in message:
                by_message[str(message["id"])] = _usage(message["usage"])
    return sum(by_message.values(), Usage()) if by_message else None


def _message(content: object) -> list[AgentEvent]:
    events: list[AgentEvent] = []
    for block in content if isinstance(content, list) else []:
        if not isinstance(block, dict):
            continue
        if block.get("type") == "text":
            events.append(Said(str(block.get("text", ""))))
        elif block.get("type") == "tool_use":
            name = str(block.get("name", "")).removeprefix(f"mcp__{TOOLS}__")
            events.append(Used(name, short(block.get("input", ""))))
    return events


def _result(event: Json) -> list[AgentEvent]:
    """`subtype` may say success for a failed run; `is_error` does not lie."""
    if event.get("is_error"):
        errors = event.get("errors")
        words = [str(event.get("result") or ""), *(map(str, errors) if isinstance(errors, list) else ())]
        words += [str(event.get("terminal_reason") or ""), str(event.get("subtype") or "")]
        return [failed(" ".join(word for word in words if word), event.get("api_error_status"))]
    models = event.get("modelUsage")
    if not isinstance(models, dict) or not models:
        return [Ended(_usage(event["usage"]) if isinstance(event.get("usage"), dict) else None)]
    return [Ended(sum((_model_usage(part) for part in models.values() if isinstance(part, dict)), Usage()))]


def _usage(numbers: Json) -> Usage:
    """The counts on this wire are disjoint. It has no word for reasoning."""
    return _joined(numbers, ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens"))


def _model_usage(numbers: Json) -> Usage:
    return _joined(numbers, ("inputTokens", "cacheReadInputTokens", "cacheCreationInputTokens", "outputTokens"))


def _joined(numbers: Json, names: tuple[str, str, str, str]) -> Usage:
    fresh, cached, written, output = (count(numbers, name) for name in names)
    return Usage(input=fresh + cached + written, cached=cached, cache_write=written, output=output)
