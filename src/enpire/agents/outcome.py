"""How a session ended, by one rule for all agents.

The first line that applies decides:

| what happened | outcome |
|---|---|
| stopped from outside, or its keeper was | `killed` |
| past its deadline, or idle for too long | `limit` |
| the last model call got 401 or 403 | `auth` |
| the last model call got 429 | `rate_limited` |
| the last model call got 400 and a text with `enpire budget` | `budget` |
| the agent said that it gave up | what it said: `auth`, `rate_limited`, `context`, `budget`, `limit` or `error` |
| exit status 0 | `ok`, whether or not it handed in anything |
| exit status 75 | `rate_limited` |
| any other status; 127: it could not be started | `error` |
"""

import re
import signal
import unicodedata
from dataclasses import dataclass
from typing import Literal

from enpire.agents.adapter import Failed

Outcome = Literal["ok", "limit", "budget", "auth", "rate_limited", "context", "error", "killed"]

BUDGET_WORDS = "enpire budget"
"""In the text with which the gateway refuses a call because a budget is spent."""
DETAIL_CAP = 300

_EX_TEMPFAIL = 75
_TERMINAL_CODES = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?)")


@dataclass(frozen=True)
class ModelAnswer:
    """How the session's last model call was answered: an HTTP status, and its text if it is an error."""

    status: int
    text: str = ""

    @property
    def trouble(self) -> Outcome | None:
        """What a session that got no further ran into; None if this answer does not say."""
        if self.status in (401, 403):
            return "auth"
        if self.status == 429:
            return "rate_limited"
        return "budget" if self.status == 400 and BUDGET_WORDS in self.text else None


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that is known when the process has ended.

    Attributes:
        stopped: Why it was stopped from outside; empty if it was not.
        overdue: Which limit of time it passed; empty if none.
        answer: Of its last model call, if that went through the gateway.
        failed: The agent's own word that it gave up.
        status: Exit status; 128 + n after signal n.
        last_words: Last line on stderr.
    """

    stopped: str = ""
    overdue: str = ""
    answer: ModelAnswer | None = None
    failed: Failed | None = None
    status: int = 0
    last_words: str = ""


def judge(evidence: Evidence) -> tuple[Outcome, str]:
    """Outcome, and one line for people that says more; the line is empty if all went well."""
    outcome, reason = _decide(evidence)
    if outcome == "ok":
        return outcome, ""
    words = "" if outcome in ("killed", "limit") and reason else _words(evidence)
    return outcome, one_line(": ".join(part for part in (reason, words) if part.strip()))


def _decide(evidence: Evidence) -> tuple[Outcome, str]:
    if evidence.stopped:
        return "killed", evidence.stopped
    if evidence.overdue:
        return "limit", evidence.overdue
    if evidence.answer and (trouble := evidence.answer.trouble):
        return trouble, f"HTTP {evidence.answer.status}"
    if evidence.failed:
        return evidence.failed.trouble, ""
    if evidence.status == 0:
        return "ok", ""
    return "rate_limited" if evidence.status == _EX_TEMPFAIL else "error", _status_words(evidence.status)


def _words(evidence: Evidence) -> str:
    """What agent or provider said about it, the best source first."""
    if evidence.failed:
        return evidence.failed.text
    refusal = evidence.answer.text if evidence.answer and evidence.answer.trouble else ""
    return refusal or evidence.last_words


def _status_words(status: int) -> str:
    names = {128 + number: number.name for number in signal.Signals}
    return f"exit status {status}" + (f" ({names[status]})" if status in names else "")


def one_line(text: str, cap: int = DETAIL_CAP) -> str:
    """Text of an agent as one line that is safe to print: no control or formatting characters, at most `cap` long."""
    plain = _TERMINAL_CODES.sub("", text[: 8 * cap])
    shown = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in plain)
    line = " ".join(shown.split())
    return line if len(line) <= cap else line[: cap - 1] + "…"
