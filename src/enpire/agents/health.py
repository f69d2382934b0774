"""Whether it makes sense to start another session of an agent now: backoff on rate limits, and a circuit breaker.

| sessions in a row without an `ok` | then |
|---|---|
| `rate_limited` | a pause of 5 s, doubled each time up to 300 s, with jitter; longer if the provider says so |
| 3 times `auth` | no more sessions: a key does not mend itself. A resumed campaign begins with a fresh `Health` |
| 5 times `error` | none for 60 s, then a single one as a probe, again and again |

Other outcomes say nothing about the vendor and change nothing. An `ok` ends all of it.
"""

import math
import random

from enpire.agents.outcome import Outcome, one_line
from enpire.core.clock import Clock

FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 300.0
LONGEST_WISH_S = 3600.0
"""Longest pause that a provider may ask for."""
AUTH_FAILURES = 3
ERRORS = 5
PROBE_AFTER_S = 60.0


class Health:
    """Health of one vendor, as its sessions show it. Pure bookkeeping: it starts nothing and never waits.

    Args:
        agent: Name of the agent, e.g. `codex`.
        clock: Source of time.
        rng: For jitter.
        key_variable: Variable that holds the user's key; empty if the agent logs in by itself.
    """

    def __init__(self, agent: str, clock: Clock, rng: random.Random, *, key_variable: str = "") -> None:
        self._agent, self._clock, self._rng, self._key_variable = agent, clock, rng, key_variable
        self._started_s: dict[str, float] = {}
        self._auth = self._errors = 0
        self._base_s, self._pause_s = FIRST_PAUSE_S, 0.0
        self._limited_s = self._paused_until_s = self._open_until_s = -math.inf
        self._probe: str | None = None
        self._said = ""

    def ready(self) -> bool:
        """Whether a session may start now."""
        return not self.why

    @property
    def hopeless(self) -> bool:
        """Whether no session may start any more, however long one waits."""
        return self._auth >= AUTH_FAILURES

    @property
    def pause_s(self) -> float:
        """Latest pause after a rate limit; 0 if the last word was an `ok`."""
        return self._pause_s

    @property
    def why(self) -> str:
        """Why no session may start now, in one line that says what to do; empty if one may."""
        now_s = self._clock.now()
        if self.hopeless:
            cure = f"check {self._key_variable}" if self._key_variable else "log in with its own program"
            return f"{self._agent}: {self._auth} sessions in a row failed to log in{self._said}: {cure}, then resume"
        if now_s < self._paused_until_s:
            return f"{self._agent}: rate limited{self._said}; next session in {self._paused_until_s - now_s:.0f} s"
        if self._errors >= ERRORS:
            failing = f"{self._agent}: {self._errors} sessions in a row ended with an error{self._said}"
            if self._probe is not None:
                return f"{failing}; waiting for one more, {self._probe}, to see if that goes on: see its stderr.log"
            if now_s < self._open_until_s:
                return f"{failing}: see their stderr.log; next try in {self._open_until_s - now_s:.0f} s"
        return ""

    def started(self, session: str) -> None:
        """A session has started. While errors pile up, it is the probe."""
        self._started_s[session] = self._clock.now()
        if self._errors >= ERRORS and self._probe is None:
            self._probe = session

    def ended(self, session: str, outcome: Outcome, detail: str = "", *, retry_after_s: float = 0.0) -> None:
        """A session has ended.

        Args:
            session: Its name, as given to `started`.
            outcome: Of the session.
            detail: One line of the session for people.
            retry_after_s: What the provider asked for along with a rate limit.
        """
        started_s = self._started_s.pop(session, self._clock.now())
        probed = self._probe == session
        if probed:
            self._probe = None
        if outcome == "ok":
            self._close()
            return
        if outcome not in ("auth", "error", "rate_limited"):
            return
        self._said = f" ({one_line(detail, 120)})" if detail.strip() else ""
        if outcome == "auth":
            self._auth += 1
        elif outcome == "rate_limited":
            self._back_off(started_s, retry_after_s)
        else:
            self._errors += 1
            if probed or self._errors == ERRORS:
                self._open_until_s = self._clock.now() + PROBE_AFTER_S

    def _back_off(self, started_s: float, retry_after_s: float) -> None:
        now_s = self._clock.now()
        if started_s > self._limited_s:  # else it ran into the same limit as one that we have already paused for
            self._pause_s = min(LONGEST_PAUSE_S, self._base_s * self._rng.uniform(1.0, 2.0))
            self._base_s = min(2.0 * self._base_s, LONGEST_PAUSE_S)
            self._limited_s = now_s
        wish_s = min(retry_after_s, LONGEST_WISH_S) if retry_after_s > 0 else 0.0
        self._paused_until_s = max(self._paused_until_s, self._limited_s + self._pause_s, now_s + wish_s)

    def _close(self) -> None:
        self._auth = self._errors = 0
        self._base_s, self._pause_s = FIRST_PAUSE_S, 0.0
        self._limited_s = self._paused_until_s = self._open_until_s = -math.inf
        self._probe = None
        self._said = ""
